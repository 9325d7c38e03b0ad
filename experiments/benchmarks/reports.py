"""Result files that grow, so that a stopped run keeps what it has measured."""

import argparse
import importlib.metadata
from pathlib import Path
from typing import Any

from experiments import results


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flags of every report."""
    parser = results.make_parser(doc)
    add = parser.add_argument
    add("--out", type=Path, help="folder of the result, else experiments/results")
    add("--again", action="store_true", help="measure anew what is there already")
    return parser


class Report:
    """A result file's numbers by name.

    Args:
        name: the file's name in experiments/results.
        flags: those of `make_parser`.
        what: one line on what the numbers are.
        protocol: how they were taken.
    """

    def __init__(
        self, name: str, flags: argparse.Namespace, *, what: str, protocol: str
    ) -> None:
        if flags.out is not None:
            flags.out.mkdir(parents=True, exist_ok=True)
            results.FOLDER = flags.out
        self._name = name
        self._about = {"what": what, "protocol": protocol}
        self.path = results.FOLDER / f"{name}.json"
        self.numbers: dict[str, Any] = {}
        if not flags.again:
            self.numbers = results.read_numbers(name)

    def save(self) -> None:
        """Write the file."""
        results.save(self._name, seed=0, numbers=self.numbers, **self._about)


def name_of_device(name: str, device: str) -> str:
    """Return the name of a result on a device, "cpu" or another."""
    return name if device == "cpu" else f"{name}_{device}"


def version_of(package: str) -> str:
    """Return an installed package's version, or `absent`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
