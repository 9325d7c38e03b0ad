"""RUN/quality.jsonl, which has a row for every generator that was measured."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dcgan_jax.system import disk

Row = dict[str, Any]
FILE = "quality.jsonl"
# The numbers by which generators are ranked, and whether less is better.
PRIMARY = {
    "fid": True, "frechet_distance": True, "kid": True, "kernel_distance": True,
    "inception_score": False, "f_score": False, "validation_log_likelihood": False,
}  # fmt: skip


class QualityLog:
    """The rows of a run that one yardstick has measured; others are left alone.

    Args:
        workdir: the run's folder.
        settings: the settings of run and yardstick, as JSON values.
    """

    def __init__(self, workdir: Path, settings: dict[str, Any]) -> None:
        self._path = workdir / FILE
        self._all = read_rows(workdir)
        self.settings = settings
        self._rows = [row for row in self._all if row["settings"] == settings]

    def find(self, step: int, digests: Collection[str]) -> Row | None:
        """Return the row of a generator, by its step and any of its digests."""
        for row in self._rows:
            if row["step"] == step and row["generator"] in digests:
                return row
        return None

    def add(self, row: Row) -> None:
        """Write a row, in place of one of the same step whose generator is gone."""
        for rows in (self._rows, self._all):
            rows[:] = [
                other
                for other in rows
                if (other["step"], other["settings"]) != (row["step"], self.settings)
            ]
            rows.append(row)
        text = "".join(json.dumps(row) + "\n" for row in self._all)
        disk.write_whole(self._path, text.encode())

    def find_best(self, name: str) -> Row:
        """Return the first row with the best value of a number.

        Raises:
            ValueError: if there is no row.
        """
        choose = min if _less_is_better(name) else max
        return choose(self._rows, key=lambda row: row["numbers"][name])

    def is_best(self, name: str, value: float) -> bool:
        """Tell whether a value would be the best of all rows."""
        if not self._rows:
            return True
        best = self.find_best(name)["numbers"][name]
        return value < best if _less_is_better(name) else value > best


def _less_is_better(name: str) -> bool:
    return PRIMARY[name.partition("[")[0]]


def read_rows(workdir: Path) -> list[Row]:
    """Read the rows of a run that are whole and complete, oldest first."""
    path = workdir / FILE
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.keys() >= {
            "step", "numbers", "generator", "settings",
        }:  # fmt: skip
            rows.append(row)
    return rows
