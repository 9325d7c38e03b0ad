"""The flags that every command on a generator's numbered samples has."""

import dataclasses
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax import cli
from dcgan_jax.system import result_file


@dataclasses.dataclass(frozen=True)
class GeneratorFlags(cli.RunFlags):
    """Samples: which class they show, and where the numbers go."""

    label: str | None = None
    """The class to draw, by its name or its number, which a conditional generator
    needs."""
    json: Path | None = None
    """The numbers are written into this file, as JSON."""


class Findings(NamedTuple):
    """What a command has found.

    Attributes:
        text: lines for people.
        numbers: for a result file.
        protocol: how they were taken.
    """

    text: str
    numbers: dict[str, Any]
    protocol: str


def report(
    found: Findings, path: Path | None, *, what: str, argv: Sequence[str], seed: int
) -> None:
    """Print what a command has found, and write its numbers where they are asked for.

    Args:
        found: what is told.
        path: of the result file, or None.
        what: one line on what the numbers are.
        argv: the command's name and its flags.
        seed: of the samples.
    """
    if path is not None:
        result_file.save(
            path,
            what=what,
            command=shlex.join(["python", "-m", "dcgan_jax.latent", *argv]),
            seed=seed,
            protocol=found.protocol,
            numbers=found.numbers,
        )
    print(found.text)


def name_run(run: str) -> str:
    """Return a run's name without the folders in which it lies."""
    return Path(run).resolve().name


def finite(value: float) -> float | None:
    """Return a number that JSON can hold: None for infinity and NaN."""
    return float(value) if math.isfinite(value) else None
