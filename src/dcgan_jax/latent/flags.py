"""The flags that every command on a generator's numbered samples has."""

import dataclasses
import math
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax import cli
from dcgan_jax.system import errors


@dataclasses.dataclass(frozen=True)
class GeneratorFlags(cli.RunFlags):
    """Samples: which class they show, and where the numbers go."""

    label: int | None = None
    """The class to draw, which a conditional generator needs."""
    json: Path | None = None
    """The numbers are written into this file, as JSON."""


class Outcome(NamedTuple):
    """What a command has found.

    Attributes:
        text: lines for people.
        numbers: for a result file.
        protocol: how they were taken.
    """

    text: str
    numbers: dict[str, Any]
    protocol: str


def check_suffix(path: Path | None, flag: str, *suffixes: str) -> None:
    """Raise an error unless a file's name ends as it must.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    if path is not None and path.suffix not in suffixes:
        raise errors.InputError(f"--{flag}={path} must end in {' or '.join(suffixes)}.")


def name_run(run: str) -> str:
    """Return a run's name without the folders in which it lies."""
    return Path(run).resolve().name


def finite(value: float) -> float | None:
    """Return a number that JSON can hold: None for infinity and NaN."""
    return float(value) if math.isfinite(value) else None
