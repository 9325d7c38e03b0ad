import pytest

from dcgan_jax.system import errors, json_values


def read(path, text, **bounds):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return json_values.read_json(path, **bounds)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.json"


def test_an_object_is_read(path):
    assert read(path, '{"a": [1, null, "é"]}') == {"a": [1, None, "é"]}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1]", "3", '{"a": NaN}', '{"a": -Infinity}', b"\xff\xfe\x00",
        '{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_anything_else_is_one_short_line(text, path):
    with pytest.raises(errors.InputError) as error:
        read(path, text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_a_file_is_bounded_in_size(path):
    text = '{"a": "' + "x" * 92 + '"}'
    assert len(text) == 101
    assert read(path, text, max_bytes=101)
    with pytest.raises(errors.InputError, match="more than 100 bytes"):
        read(path, text, max_bytes=100)


def test_a_missing_file_is_named(path):
    with pytest.raises(errors.MissingInputError, match=r"file\.json"):
        json_values.read_json(path)


@pytest.mark.parametrize("value", [0, 5])
def test_whole_numbers_up_to_a_bound_are_taken(value):
    assert json_values.require_integer(value, "number", most=5) == value


@pytest.mark.parametrize("value", [-1, 6, True, 1.0, "1", None, [1], 10**4000])
def test_what_is_no_such_number_is_refused_shortly(value):
    with pytest.raises(errors.InputError, match=r"number is .*from 0 to 5") as error:
        json_values.require_integer(value, "number", most=5)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("depth", range(50, 1150, 50))
def test_values_of_any_depth_are_written_shortly(depth, path):
    try:
        value = read(path, '{"a": ' + "[" * depth + "]" * depth + "}")
    except errors.InputError as error:
        assert "nested too deeply" in str(error)  # noqa: PT017
    else:
        assert len(json_values.shorten(value)) <= 60
