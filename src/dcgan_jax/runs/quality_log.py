"""RUN/quality.jsonl, which has a row for every generator that was measured."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dcgan_jax.system import disk

Row = dict[str, Any]
FILE = "quality.jsonl"
# The setting that tells of an average, and its value.
GENERATOR, AVERAGE = "generator", "the average"
# The numbers by which generators are ranked, and whether less is better.
PRIMARY = {
    "fid": True, "frechet_distance": True, "kid": True, "kernel_distance": True,
    "inception_score": False, "f_score": False, "validation_log_likelihood": False,
    "modes_kl": True,
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

    def forget(self, step: int) -> None:
        """Leave out the row of a step whose generator is gone; `add` writes that."""
        for rows in (self._rows, self._all):
            rows[:] = [
                row
                for row in rows
                if (row["step"], row["settings"]) != (step, self.settings)
            ]

    def add(self, row: Row) -> None:
        """Write a row, in place of one of the same step whose generator is gone."""
        self.forget(row["step"])
        self._rows.append(row)
        self._all.append(row)
        text = "".join(json.dumps(row) + "\n" for row in self._all)
        disk.write_whole(self._path, text.encode())

    def find_best(self, name: str) -> Row:
        """Return the first row with the best value of a number.

        Raises:
            ValueError: if there is no row with it.
        """
        choose = min if _less_is_better(name) else max
        rows = (row for row in self._rows if name in row["numbers"])
        return choose(rows, key=lambda row: row["numbers"][name])

    def is_best(self, name: str, value: float) -> bool:
        """Tell whether a value would be the best of all rows."""
        if not self._rows:
            return True
        best = self.find_best(name)["numbers"][name]
        return value < best if _less_is_better(name) else value > best

    def has_doubled(self, name: str, row: Row) -> bool:
        """Tell whether a distance is twice the best, for the first time since that.

        Args:
            name: of a number; one of which more is better never doubles in this sense.
            row: one of the log, with the distance.
        """
        best = self.find_best(name)
        limit = 2 * best["numbers"][name]
        far = [
            other["step"]
            for other in self._rows
            if other["step"] > best["step"] and other["numbers"].get(name, 0) >= limit
        ]
        is_first = row["step"] == min(far, default=None)
        return _less_is_better(name) and limit > 0 and is_first


def list_primary(row: Row) -> list[str]:
    """Return the numbers of a row by which generators are ranked."""
    return [name for name in row["numbers"] if name.partition("[")[0] in PRIMARY]


def name_best(name: str, settings: dict[str, Any]) -> str:
    """Return the file in a run's folder that keeps the best generator by a number."""
    plain = re.sub(r"\W+", "_", name).strip("_")
    return f"{name_average(settings)}best_{plain}.safetensors"


def list_best(workdir: Path) -> list[str]:
    """Tell the best generators of a run, by the settings of its newest row.

    Returns:
        A line for each number, with its value, step and file.
    """
    rows = read_rows(workdir)
    if not rows:
        return []
    log = QualityLog(workdir, rows[-1]["settings"])
    lines = []
    for name in list_primary(rows[-1]):
        best = log.find_best(name)
        value, file = best["numbers"][name], name_best(name, log.settings)
        lines.append(f"{name} {value:.4f} at step {best['step']} ({workdir / file})")
    return lines


def name_average(settings: dict[str, Any]) -> str:
    """Return what the names of an average's files begin with."""
    return "ema_" * (settings.get(GENERATOR) == AVERAGE)


def tell_row(row: Row) -> str:
    """Tell a row in a line."""
    numbers = "  ".join(f"{name} {value:.4f}" for name, value in row["numbers"].items())
    return f"step {row['step']:>8}  {numbers}"


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
        if _is_complete(row):
            rows.append(row)
    return rows


def _is_complete(row: Any) -> bool:
    """Tell whether a value is a row: by whose hand it was written is not known."""
    if not isinstance(row, dict) or not row.keys() >= {"generator", "settings"}:
        return False
    numbers, settings = row.get("numbers"), row["settings"]
    return (
        type(row.get("step")) is int
        and isinstance(settings, dict)
        and isinstance(numbers, dict)
        and all(type(value) in (int, float) for value in numbers.values())
    )
