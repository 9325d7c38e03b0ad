"""Result files that grow: what is measured is kept when a run is stopped."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

from experiments import results


class Report:
    """Numbers by name, written after every change.

    Args:
        name: of the file in experiments/results.
        out: another folder to write to, or None.
        what: one line on what the numbers are.
        command: that makes them.
        protocol: how they were taken.
        again: forget what an earlier run measured.
    """

    def __init__(
        self,
        name: str,
        *,
        out: Path | None,
        what: str,
        command: str,
        protocol: str,
        again: bool,
    ) -> None:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            results.FOLDER = out
        self._name = name
        self._about = {"what": what, "command": command, "protocol": protocol}
        self.path = results.FOLDER / f"{name}.json"
        self.numbers: dict[str, Any] = {}
        if self.path.is_file() and not again:
            self.numbers = json.loads(self.path.read_text())["numbers"]

    def save(self) -> None:
        """Write the file."""
        results.save(self._name, seed=0, numbers=self.numbers, **self._about)


def version_of(package: str) -> str:
    """Return an installed package's version, or `absent`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
