"""Trials of a fault: counted, kept as they end, and put into the result file."""

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax.system import disk, result_file
from experiments import results

RESULT = "reliability"


class Context(NamedTuple):
    """Where a part works, and from which seed.

    Attributes:
        folder: of this part alone.
        seed: of every random choice.
        scale: share of the usual number of trials.
        only: the parsers to feed; all if there are none.
    """

    folder: Path
    seed: int
    scale: float
    only: tuple[str, ...] = ()

    @property
    def shared(self) -> Path:
        """The folder of what several parts compare with."""
        return self.folder.parent / "shared"

    def count(self, usual: int) -> int:
        """Return how many trials to make where `usual` are usual."""
        return max(1, round(usual * self.scale))


class Outcome:
    """What a trial saw: how many faults it made, and which were not survived.

    Args:
        wanted: the number of faults that are still to be made.
    """

    def __init__(self, wanted: int = 1) -> None:
        self.wanted = wanted
        self.tried = 0
        self.problems: list[str] = []
        self.counts: Counter[str] = Counter()
        self.maxima: dict[str, float] = {}

    def expect(self, holds: bool, problem: str) -> bool:
        """Note a problem unless a claim holds."""
        if not holds:
            self.problems.append(problem)
        return holds

    def note_most(self, name: str, value: float) -> None:
        """Keep the largest of a figure."""
        self.maxima[name] = max(value, self.maxima.get(name, value))

    def as_json(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {
            "tried": self.tried,
            "problems": self.problems,
            "counts": dict(self.counts),
            "maxima": self.maxima,
        }


Trial = Callable[[random.Random, Path, Outcome], None]


def run(
    context: Context, fault: str, trial: Trial, *, until: int, protocol: str
) -> bool:
    """Repeat a trial until enough faults were made; write the sum into the result.

    Trials that an earlier process with the same seed finished are not made again.

    Args:
        context: of the part.
        fault: the key in the result.
        trial: makes one fault or several, with chances that depend on the seed and its
            number alone, in a folder of its own.
        until: the number of faults to make.
        protocol: how, and what counts as survived.

    Returns:
        Whether all were survived.
    """
    journal = _Journal(context.folder / f"{fault}.jsonl", context.seed)
    begin = time.monotonic()
    while (wanted := until - sum(row["tried"] for row in journal.rows)) > 0:
        number = len(journal.rows)
        chance = random.Random(f"{context.seed} {fault} {number}")
        folder = context.folder / f"{fault}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        outcome = Outcome(wanted)
        trial(chance, folder, outcome)
        row = outcome.as_json()
        journal.add(row)
        print(f"{fault}, trial {number}: {json.dumps(row)}", flush=True)
        if not outcome.problems:  # else it is to be looked at
            shutil.rmtree(folder)
    return record(
        fault,
        journal.rows,
        protocol=protocol,
        seed=context.seed,
        seconds=time.monotonic() - begin,
    )


def record(
    fault: str,
    rows: list[dict[str, Any]],
    *,
    protocol: str,
    seed: int,
    seconds: float,
    **figures: Any,
) -> bool:
    """Put a fault's entry into the result file, beside those of other faults.

    Args:
        fault: the entry's key.
        rows: of the trials, `Outcome.as_json`; one problem is one fault lost.
        protocol: how the trials were made.
        seed: of the trials.
        seconds: what they took in this process.
        figures: further numbers.

    Returns:
        Whether none was lost.
    """
    tried = sum(row["tried"] for row in rows)
    problems = [problem for row in rows for problem in row["problems"]]
    lost = min(len(problems), tried)
    counts = sum((Counter(row["counts"]) for row in rows), Counter())
    maxima: dict[str, float] = {}
    for row in rows:
        for name, value in row["maxima"].items():
            maxima[name] = round(max(value, maxima.get(name, value)), 3)
    entry = {
        "tried": tried,
        "survived": tried - lost,
        "lost": lost,
        **dict(sorted(counts.items())),
        **dict(sorted(maxima.items())),
        **figures,
        "protocol": protocol,
        "seed": seed,
        "seconds": round(seconds),
        "commit": result_file.find_commit(),
        **({"problems": problems} if problems else {}),
    }
    # Parts that end at the same time must not write over each other's entries.
    with disk.exclusive(results.FOLDER / f"{RESULT}.lock"):
        known = results.read_numbers(RESULT)
        results.save(
            RESULT,
            what="faults that were made, and how many of them lost anything",
            command="make soak",
            seed=seed,
            protocol="each fault's entry has its own, with its seed and commit; lost"
            " counts faults after which anything was not as promised",
            numbers=dict(sorted({**known, fault: entry}.items())),
        )
    print(f"{fault}: {tried} tried, {lost} lost", flush=True)
    return lost == 0


class _Journal:
    """The trials of a fault that are done, one JSON line each."""

    def __init__(self, file: Path, seed: int) -> None:
        self._file = file
        self.rows: list[dict[str, Any]] = []
        self._lines = [json.dumps({"seed": seed})]
        lines = file.read_text().splitlines() if file.is_file() else []
        if lines[:1] == self._lines:  # else nothing of it counts
            self._lines = lines
            self.rows = [json.loads(line) for line in lines[1:]]

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self._lines.append(json.dumps(row))
        disk.write_whole(self._file, "".join(f"{x}\n" for x in self._lines).encode())
