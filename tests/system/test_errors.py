import pickle

import pytest

from dcgan_jax.system import errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a plain line", "a plain line"),
        ("two\n  lines\r\nand a third\n", "two lines and a third"),
        ("clears \x1b[2J the screen\0", r"clears \x1b[2J the screen\x00"),
        ("turns \u202e round", r"turns \u202e round"),
        ("no text \udcff", r"no text \udcff"),
        ("näher – 28×28 …", "näher – 28×28 …"),
    ],
)
@pytest.mark.parametrize("kind", [errors.InputError, errors.MissingInputError])
def test_a_message_is_one_printable_line(kind, text, expected):
    assert str(kind(text)) == expected
    assert errors.one_line(text) == expected


def test_a_long_message_keeps_its_beginning_and_its_end():
    told = str(errors.InputError("begin " + "x" * 10**6 + " do this"))
    assert told.startswith("begin xxx")
    assert told.endswith("xxx do this")
    assert len(told) < 2100


@pytest.mark.parametrize("kind", [errors.InputError, errors.MissingInputError])
def test_an_error_comes_back_from_a_worker_process(kind):
    copy = pickle.loads(pickle.dumps(kind("what is wrong")))
    assert (type(copy), str(copy)) == (kind, "what is wrong")
