"""NaN in data, parameters, Adam's moments and gradients, at random steps."""

import functools
import random
from pathlib import Path

import numpy as np

from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.train.loop import MAX_ROLLBACKS
from experiments.faults import tiny_run, trials
from experiments.faults.processes import Running
from experiments.faults.spoil import KINDS
from experiments.faults.trials import Context, Outcome

SPOIL = Path(__file__).with_name("spoil.py")
TRIALS = 20
NOT_FINITE = 3


def run(context: Context) -> bool:
    """Make the faults with both answers to them; return whether all were survived."""
    shared = context.shared
    stopped = trials.run(
        context,
        "nan_stop",
        functools.partial(_stop, shared),
        until=context.count(TRIALS),
        protocol="one value of the images, of D's parameters, of G's moments or of G's"
        f" gradients becomes NaN at a random step of a run of {tiny_run.NUM_STEPS}."
        " Survived: exit code 3, one line that names what became NaN and the last"
        " finite checkpoint, which is the one due before the step; no checkpoint holds"
        " a NaN; the same command, without the NaN, trains to the end",
    )
    rolled = trials.run(
        context,
        "nan_rollback",
        functools.partial(_roll_back, shared),
        until=context.count(TRIALS),
        protocol="the same with --on_nan=rollback, one to three times in a row."
        " Survived: it trains to the end with as many rollbacks counted, every number"
        " finite, each step logged once; after a fourth NaN it stops with exit code 3",
    )
    return stopped and rolled


def _stop(shared: Path, chance: random.Random, folder: Path, outcome: Outcome) -> None:
    what, at = chance.choice(KINDS), chance.randrange(tiny_run.NUM_STEPS)
    flags = tiny_run.list_flags(shared, folder / "run")
    ended = Running("train", flags, through=[SPOIL, what, at, 1]).end()
    outcome.tried += 1
    outcome.counts[what] += 1
    kept = at - at % tiny_run.EVERY
    told = f"last finite checkpoint is {f'step {kept}' if kept else 'none'}."
    outcome.expect(ended.code == NOT_FINITE, f"{what} at {at}: exit code {ended.code}")
    outcome.expect("became nan" in ended.last_line, ended.last_line)
    outcome.expect(ended.last_line.endswith(told), f"{ended.last_line!r}, not {told!r}")
    outcome.expect("Traceback" not in ended.err, f"{what} at {at}: a traceback")
    _expect_finite(outcome, folder / "run")
    again = Running("train", flags).end()
    outcome.expect(again.code == 0, f"afterwards: exit code {again.code}")
    _expect_finite(outcome, folder / "run")


def _roll_back(
    shared: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    what, at = chance.choice(KINDS), chance.randrange(tiny_run.NUM_STEPS)
    times = chance.randint(1, MAX_ROLLBACKS + 1)
    flags = [*tiny_run.list_flags(shared, folder / "run"), "--on_nan=rollback"]
    ended = Running("train", flags, through=[SPOIL, what, at, times]).end()
    outcome.tried += 1
    outcome.counts[what] += 1
    _expect_finite(outcome, folder / "run")
    about = f"{what} at {at}, {times} times"
    if times > MAX_ROLLBACKS:
        outcome.expect(ended.code == NOT_FINITE, f"{about}: exit code {ended.code}")
        return
    if outcome.expect(ended.code == 0, f"{about}: {ended.last_line}"):
        newest = checkpoints.find_newest(folder / "run" / run_dir.CHECKPOINTS)
        counted = int(checkpoints.read_arrays(newest)["rollbacks"]) if newest else None
        outcome.expect(counted == times, f"{about}: {counted} rollbacks counted")
        outcome.expect(
            newest is not None and newest.step == tiny_run.NUM_STEPS,
            f"{about}: it did not reach its end",
        )
        logged = [row["step"] for row in run_dir.read_metrics(folder / "run")]
        last = tiny_run.NUM_STEPS + 1
        wanted = list(range(tiny_run.LOG_EVERY, last, tiny_run.LOG_EVERY))
        outcome.expect(logged == wanted, f"{about}: log rows {logged}")


def _expect_finite(outcome: Outcome, workdir: Path) -> None:
    """Expect every number of every checkpoint finite."""
    folder = workdir / run_dir.CHECKPOINTS
    for step in tiny_run.list_steps(workdir):
        found = checkpoints.find_newest(folder, step=step)
        arrays = checkpoints.read_arrays(found) if found else {}
        bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        outcome.expect(not bad, f"step {step} has {bad[:3]} not finite")
