"""A long run with frequent saves, grids and logs: memory, open files, readable logs."""

import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.runs import folder as run_dir
from experiments.faults import event_file, tiny_run, trials
from experiments.faults.processes import Running
from experiments.faults.trials import Context, Outcome

NUM_STEPS = 20_000
SECONDS_BETWEEN = 1.0
STEPS_A_SAVE, STEPS_A_GRID = 50, 100
# Over the second half of the run. TensorStore 0.1 never frees some of the strings of
# its specs and metrics, tens of kilobytes a save; 100,000 steps with the default
# interval would grow by 40 MB.
MOST_MB_A_SAVE = 0.2
MOST_MORE_FILES = 2


class Look(NamedTuple):
    """What was seen at one moment.

    Attributes:
        step: of the log's last row.
        memory_mb: the process's own, resident or swapped; pages of files come and go.
        open_files: descriptors.
    """

    step: int
    memory_mb: float
    open_files: int


def run(context: Context) -> bool:
    """Make the run, looking every second; return whether all was as it should be."""
    num_steps = context.count(NUM_STEPS)
    folder = context.folder / "soak"
    outcome, looks, begin = Outcome(), [], time.monotonic()
    flags = [
        *tiny_run.list_flags(context.shared, folder),
        f"--num_steps={num_steps}",
        f"--sample_every_steps={STEPS_A_GRID}",
        f"--checkpoint_every_steps={STEPS_A_SAVE}",
        f"--seed={context.seed}",
    ]
    shutil.rmtree(folder, ignore_errors=True)  # memory is that of one process
    process = Running("train", flags)
    process.wait_until(lambda: tiny_run.read_logged_step(folder) > 0)
    chance = random.Random(context.seed)
    readers: dict[Path, event_file.Reader] = {}
    while process.is_running:
        look = _look(process.pid, folder, readers, outcome)
        if look is not None:
            looks.append(look)
        process.rest(SECONDS_BETWEEN * chance.uniform(0.5, 1.5))
    ended = process.end()
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}")
    figures = _measure(looks, outcome)
    return trials.record(
        "soak",
        [outcome.as_json()],
        protocol=f"a run of {num_steps:,} steps of a tiny net: a log row every"
        f" {tiny_run.LOG_EVERY} steps, a grid every {STEPS_A_GRID}, a checkpoint every"
        f" {STEPS_A_SAVE}; about"
        " every second its memory and open files were read from /proc, and its"
        " metrics.jsonl and event files were parsed (tried: such looks). Survived: each"
        " row and event before the end of a file is whole; over the second half of the"
        f" looks memory grows by less than {MOST_MB_A_SAVE:g} MB a save (least"
        " squares), and the median of open files over the last quarter is"
        f" at most {MOST_MORE_FILES} above that over the third",
        seed=context.seed,
        seconds=time.monotonic() - begin,
        **figures,
    )


def _look(
    pid: int,
    folder: Path,
    readers: dict[Path, event_file.Reader],
    outcome: Outcome,
) -> Look | None:
    """Read everything once; return None if the process has just ended."""
    try:
        kilobytes = _read_own_memory(pid)
        open_files = len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, KeyError, ValueError):
        return None
    if kilobytes == 0:  # it is ending
        return None
    outcome.tried += 1
    text = (folder / run_dir.METRICS).read_text()
    step = 0
    try:
        # The last line may be on its way.
        rows = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        steps = [row["step"] for row in rows]
        step = steps[-1]
        outcome.expect(steps == sorted(set(steps)), "log rows out of order")
    except (ValueError, KeyError, IndexError) as error:
        outcome.expect(False, f"the log cannot be read: {error}")
    for file in (folder / "tensorboard").iterdir():
        try:
            reader = readers.setdefault(file, event_file.Reader(file))
            outcome.note_most("most_events", reader.count_events())
        except ValueError as error:
            outcome.expect(False, f"{file.name} cannot be read: {error}")
    return Look(step, kilobytes / 1e3, open_files)


def _read_own_memory(pid: int) -> int:
    """Return kilobytes that no file backs."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return sum(int(values[name].split()[0]) for name in ("RssAnon", "VmSwap"))


def _measure(looks: list[Look], outcome: Outcome) -> dict[str, float]:
    """Judge the second half of the looks; return its figures."""
    half = looks[len(looks) // 2 :]
    if not outcome.expect(len(half) >= 10, f"only {len(looks)} looks"):
        return {}
    steps, memory, files = (
        np.array(column, float) for column in zip(*half, strict=True)
    )
    slope = float(np.polyfit(steps / STEPS_A_SAVE, memory, 1)[0])
    outcome.expect(slope < MOST_MB_A_SAVE, f"memory grows: {slope:.2f} MB a save")
    # A save holds some open for a moment: medians tell what stays open.
    earlier, later = (float(np.median(part)) for part in np.array_split(files, 2))
    told = f"open files grow from {earlier:g} to {later:g}"
    outcome.expect(later <= earlier + MOST_MORE_FILES, told)
    return {
        "steps": looks[-1].step,
        "memory_mb_at_half": round(float(memory[0]), 1),
        "memory_mb_at_end": round(float(memory[-1]), 1),
        "memory_mb_per_save": round(slope, 3),
        "median_open_files_third_quarter": earlier,
        "median_open_files_last_quarter": later,
        "most_open_files": int(files.max()),
    }
