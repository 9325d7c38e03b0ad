"""The same command twice at once: the second is refused or waits, and nothing mixes."""

import functools
import random
import signal
from pathlib import Path
from typing import Any

from experiments.faults import kill_prepare, kill_readers, processes, tiny_run, trials
from experiments.faults.processes import Ended, Running
from experiments.faults.trials import Context, Outcome

PAIRS = 10
SLOW_SECONDS = 0.02


def run(context: Context) -> bool:
    """Make all kinds of faults; return whether all were survived."""
    reference = tiny_run.make_reference(context.shared)
    jobs = kill_readers.make_jobs(context.shared, context.seed)
    source = kill_prepare.write_images(context.shared, context.seed)
    store = kill_prepare.make_reference(context.shared / "store", source)
    kinds: dict[str, tuple[trials.Trial, str]] = {
        "two_on_a_run": (
            functools.partial(_two_runs, reference),
            "train on one workdir: the second is refused in one line",
        ),
        "two_on_a_store": (
            functools.partial(_two_stores, source, store),
            "prepare of one store: the second waits",
        ),
    }
    for fault, (job, about) in jobs.items():
        expected = kill_readers.make_reference(context.shared / fault, job)
        kinds[fault.replace("kill_", "two_on_")] = (
            functools.partial(_two_jobs, job, expected),
            f"{about}: the second waits or is refused in one line",
        )
    survived = [
        trials.run(
            context,
            fault,
            trial,
            until=context.count(PAIRS),
            protocol=f"two processes begun within two seconds, {about}; in about half"
            " of the trials another one was killed before, so that it left its lock."
            " Survived: that, and the result is a single process's to the bit",
        )
        for fault, (trial, about) in kinds.items()
    ]
    return all(survived)


def _start_two(
    module: str, flags: list[str], chance: random.Random, outcome: Outcome
) -> list[Ended]:
    """Start a command twice, perhaps after one that left its lock behind."""
    if chance.random() < 0.5:
        dead = Running(module, flags, slow=SLOW_SECONDS)
        dead.rest(chance.uniform(2, 6))
        dead.send(signal.SIGKILL, to_group=True)
        dead.end()
        outcome.counts["after_a_stale_lock"] += 1
    first = Running(module, flags, slow=SLOW_SECONDS)
    first.rest(chance.uniform(0, 2))
    second = Running(module, flags)
    outcome.tried += 1
    return [first.end(), second.end()]


def _expect_one_or_both(outcome: Outcome, ended: list[Ended], refusal: str) -> None:
    """Expect that one at least ended well, and that the other was refused if not."""
    codes = [process.code for process in ended]
    outcome.expect(0 in codes, f"exit codes {codes}: {ended[0].err[-300:]}")
    for process in ended:
        if process.code == 0:
            waited = "waiting for another process" in process.err
            outcome.counts["waited"] += waited
            continue
        outcome.counts["refused"] += 1
        told = f"exit code {process.code}: {process.err[-300:]}"
        outcome.expect(process.is_one_error and refusal in process.last_line, told)


def _two_runs(
    reference: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir = folder / "run"
    flags = tiny_run.list_flags(reference.parent, workdir)
    ended = _start_two("train", flags, chance, outcome)
    _expect_one_or_both(outcome, ended, "is in use by another run")
    tiny_run.expect_same_end(outcome, workdir, reference)


def _two_stores(
    source: Path,
    expected: dict[str, str],
    chance: random.Random,
    folder: Path,
    outcome: Outcome,
) -> None:
    flags = kill_prepare.list_flags(source, folder)
    ended = _start_two("prepare", flags, chance, outcome)
    codes = [process.code for process in ended]
    outcome.expect(codes == [0, 0], f"exit codes {codes}: {ended[0].err[-300:]}")
    outcome.counts["waited"] += "waiting for another process" in ended[1].err
    # Empty, of a process that was killed when the store was done: nobody needs it.
    found = {
        name: digest
        for name, digest in processes.hash_files(folder).items()
        if not name.endswith(".lock")
    }
    outcome.expect(found == expected, "another store")


def _two_jobs(
    job: kill_readers.Job,
    expected: dict[str, Any],
    chance: random.Random,
    folder: Path,
    outcome: Outcome,
) -> None:
    ended = _start_two(job.module, job.list_flags(folder), chance, outcome)
    _expect_one_or_both(outcome, ended, "is being written by another process")
    outcome.expect(kill_readers.read_end(folder, job) == expected, "another result")
