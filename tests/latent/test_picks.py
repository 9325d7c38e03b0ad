import json

import pytest

from dcgan_jax.latent import picks
from dcgan_jax.latent.picks import Picks
from dcgan_jax.system import errors

GROUPS = {"positive": (3, 17, 40), "negative": (5,), "add": (0, 99_999)}
PICKS = Picks("a" * 64, "run", 20, 7, None, GROUPS)
TURN = {"turn_from": (1, 2), "turn_to": (3,)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "picks.json"


@pytest.mark.parametrize("groups", [GROUPS, TURN])
def test_what_is_saved_is_read(groups, path):
    saved = Picks("b" * 64, "authors_svhn", None, 0, 3, groups)
    picks.save_picks(saved, path)
    assert picks.read_picks(path) == saved


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": "dcgan_jax picks 2"}, "'dcgan_jax picks 2', expected"),
        ({"format": ["x"] * 1000}, "expected 'dcgan_jax picks 1'"),
        ({"generator": "a"}, "generator is 'a'"),
        ({"generator": None}, "generator is None"),
        ({"run": "a\nb"}, "run is"),
        ({"run": "x" * 201}, "run is"),
        ({"seed": None}, "seed is None"),
        ({"seed": 2**32}, "seed is"),
        ({"step": -1}, "step is -1"),
        ({"label": True}, "label is True"),
        ({"groups": [1]}, r"groups is \[1\]"),
        ({"groups": {}}, "exemplars for none"),
        ({"groups": {**GROUPS, "turn_to": [1]}}, "exemplars for"),
        ({"groups": {"positive": [1]}}, "expected positive, negative, add"),
        ({"groups": {**GROUPS, "add": []}}, "expected 1 to 1000"),
        ({"groups": {**GROUPS, "add": list(range(1001))}}, "expected 1 to 1000"),
        ({"groups": {**GROUPS, "add": "123"}}, "expected 1 to 1000"),
        ({"groups": {**GROUPS, "add": [100_000]}}, "from 0 to 99,999"),
        ({"groups": {**GROUPS, "add": [1.5]}}, "whole number"),
        ({"groups": {**GROUPS, "add": [4, 4]}}, "twice"),
        ({"groups": {f"{i}\n": [] for i in range(5000)}}, "exemplars for"),
        ({"more": 1}, "lacks or adds"),
    ],
)
def test_hostile_values_are_refused_in_one_line(changes, told, path):
    picks.save_picks(PICKS, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(errors.InputError, match=told) as error:
        picks.read_picks(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_large_file_is_not_read(path):
    path.write_text('{"format": "' + "x" * 200_000 + '"}')
    with pytest.raises(errors.InputError, match="more than 100,000 bytes"):
        picks.read_picks(path)


def test_picks_of_another_generator_are_refused_naming_theirs(path):
    picks.check_generator(PICKS, path, digests=["a" * 64])
    with pytest.raises(errors.InputError, match="samples of run at step 20, another"):
        picks.check_generator(PICKS, path, digests=["b" * 64])


def test_numbers_are_read_from_a_list_with_commas():
    assert picks.parse_numbers("3, 17,40", flag="add") == (3, 17, 40)


@pytest.mark.parametrize(
    "text", ["", ",", "-1", "1.5", "a", "1;2", "100000", "²", "3,3"]
)
def test_what_is_no_list_of_numbers_names_the_flag(text):
    with pytest.raises(errors.InputError, match="--add"):
        picks.parse_numbers(text, flag="add")
