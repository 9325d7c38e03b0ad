import dataclasses
from pathlib import Path

import pytest

from dcgan_jax.cli import flag_values
from dcgan_jax.system import errors


@dataclasses.dataclass(frozen=True)
class Flags:
    run: str = "r"
    out: Path = Path("x")
    seed: int | None = 0
    more: tuple[Path, ...] = ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [("~", "/home/me"), ("~/a b/[c]", "/home/me/a b/[c]"), ("a/~", "a/~"), ("r", "r")],
)
def test_a_home_folder_is_expanded_in_every_path(monkeypatch, given, expected):
    monkeypatch.setenv("HOME", "/home/me")
    flags = Flags(run=given, out=Path(given), more=(Path(given),))
    assert flag_values.settle_values(flags) == Flags(
        run=expected, out=Path(expected), more=(Path(expected),)
    )


def test_a_home_that_is_not_known_is_refused_in_a_line():
    with pytest.raises(errors.InputError, match="~no-such-user/x names a home folder"):
        flag_values.settle_values(Flags(out=Path("~no-such-user/x")))


@pytest.mark.parametrize("seed", [0, 2**31, 2**32 - 1, None])
def test_seeds_of_32_bits_are_taken(seed):
    assert flag_values.settle_values(Flags(seed=seed)).seed == seed


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63])
def test_other_seeds_are_refused_with_the_bounds(seed):
    with pytest.raises(errors.InputError, match=f"--seed={seed}; .* to 4294967295"):
        flag_values.settle_values(Flags(seed=seed))
