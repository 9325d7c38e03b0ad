"""A training run of seconds, what it leaves without a fault, and comparisons to it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax.gan import steps
from dcgan_jax.runs import checkpoints, folder as run_dir
from experiments.faults import processes
from experiments.faults.trials import Outcome

NUM_STEPS = 480
EVERY = 20
LOG_EVERY = 10
GRID_EVERY = 120


def list_flags(folder: Path, workdir: Path) -> list[str]:
    """Return the flags of the run; its data lie in `folder`."""
    return [
        "--dataset=digits",
        f"--data_dir={folder / 'data'}",
        f"--workdir={workdir}",
        "--width_multiplier=0.0625",
        "--batch_size=16",
        f"--num_steps={NUM_STEPS}",
        f"--log_every_steps={LOG_EVERY}",
        f"--sample_every_steps={GRID_EVERY}",
        f"--checkpoint_every_steps={EVERY}",
    ]


def make_reference(folder: Path) -> Path:
    """Train the run without a fault, keeping every checkpoint; return its folder."""
    workdir = folder / "reference"
    if list_steps(workdir)[-1:] == [NUM_STEPS] and (workdir / run_dir.CURVES).exists():
        return workdir
    flags = [*list_flags(folder, workdir), f"--keep_every_steps={EVERY}"]
    ended = processes.run("train", *flags)
    if ended.code != 0:
        raise RuntimeError(f"the run without a fault failed: {ended.err}")
    return workdir


def read_logged_step(workdir: Path) -> int:
    """Return the step of the log's last whole row, 0 if there is none."""
    path = workdir / run_dir.METRICS
    text = path.read_text() if path.is_file() else ""
    rows = text[: text.rfind("\n") + 1].splitlines()
    return int(json.loads(rows[-1])["step"]) if rows else 0


def is_saving(workdir: Path) -> bool:
    """Tell whether a save is under way, or was when the process was killed."""
    return any((workdir / run_dir.CHECKPOINTS).glob(".step_*.partial"))


def read_arrays(workdir: Path, step: int | None = None) -> dict[str, bytes]:
    """Return the arrays of a checkpoint, by default the newest that verifies."""
    newest = checkpoints.find_newest(workdir / run_dir.CHECKPOINTS, step=step)
    if newest is None:
        return {}
    arrays = checkpoints.read_arrays(newest)
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}


def list_steps(workdir: Path) -> list[int]:
    """Return the steps of a run's checkpoints."""
    return checkpoints.list_steps(workdir / run_dir.CHECKPOINTS)


def expect_newest_equal(outcome: Outcome, workdir: Path, reference: Path) -> int:
    """Expect the newest checkpoint whole and equal to the bit; return its step."""
    saved = list_steps(workdir)
    if not saved:
        return 0
    newest = saved[-1]
    try:
        found = read_arrays(workdir, newest)
    except ValueError as error:
        outcome.expect(False, f"{workdir.name}: {error}")
        return newest
    told = f"{workdir.name}: step {newest} differs from the uninterrupted run's"
    outcome.expect(found == read_arrays(reference, newest), told)
    return newest


def expect_same_end(outcome: Outcome, workdir: Path, reference: Path) -> None:
    """Expect the state, the log and the grids of the run that nothing disturbed."""
    name = workdir.name
    newest = expect_newest_equal(outcome, workdir, reference)
    outcome.expect(newest == NUM_STEPS, f"{name}: ended at step {newest}")
    logs = [_learnt(run_dir.read_metrics(run)) for run in (workdir, reference)]
    outcome.expect(logs[0] == logs[1], f"{name}: another log")
    grids = [
        processes.hash_files(run / run_dir.SAMPLES) for run in (workdir, reference)
    ]
    outcome.expect(grids[0] == grids[1], f"{name}: other grids")
    left = [str(path) for path in workdir.rglob("*") if ".partial" in path.name]
    outcome.expect(not left, f"{name}: left over {left}")


def _learnt(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the part of the log that does not depend on the clock."""
    return [{key: row[key] for key in ("step", *steps.METRICS)} for row in rows]
