"""A disk that has no room left while something is prepared, saved, drawn, extracted."""

import contextlib
import functools
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.runs import folder as run_dir
from experiments.faults import kill_readers, processes, tiny_run, trials
from experiments.faults.trials import Context, Outcome

FAULTS = 30
DISK_BYTES = 32 << 20
# Written again by every start, or added to while there is room.
_LIVING = (
    run_dir.METRICS,
    run_dir.CONFIG,
    run_dir.CURVES,
    "lock",
    "events.out",
)


class Command(NamedTuple):
    """A command that writes, and how much room it takes at most.

    Attributes:
        module: the command.
        flags: of the command.
        most_bytes: free space below which it fails.
    """

    module: str
    flags: list[object]
    most_bytes: int


def run(context: Context) -> bool:
    """Make the faults; return whether all were survived."""
    if not _can_mount(context.folder):
        print("full_disk: left out, mounting a small disk needs root", file=sys.stderr)
        return True
    reference = tiny_run.make_reference(context.shared)
    jobs = kill_readers.make_jobs(context.shared, context.seed)
    return trials.run(
        context,
        "full_disk",
        functools.partial(_fill, context.shared, reference, jobs),
        until=context.count(FAULTS),
        protocol=f"a tmpfs of {DISK_BYTES >> 20} MiB filled up to a random rest;"
        " prepare, train, sample (grid, arrays, folder), features and the"
        " nearest-neighbour count in turn; then the same command with room. Survived:"
        " exit code 2, an error of one line, older files unchanged, nothing left under"
        " a passing name, and the command then ends well with its usual result",
    )


def _can_mount(folder: Path) -> bool:
    with contextlib.suppress(OSError, subprocess.CalledProcessError), _disk(folder):
        return True
    return False


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    path = folder / "disk"
    path.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}"]
    subprocess.run(["mount", *options, "tmpfs", path], check=True, capture_output=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def _list_commands(
    folder: Path,
    disk: Path,
    reference: Path,
    jobs: dict[str, tuple[kill_readers.Job, str]],
) -> dict[str, Command]:
    digits = ["--dataset=digits", "--num_workers=1"]
    longer = f"--num_steps={tiny_run.NUM_STEPS + 2 * tiny_run.EVERY}"
    train = [*tiny_run.list_flags(folder, disk / "trained"), longer]
    commands = {
        "prepare": Command("prepare", [*digits, f"--data_dir={disk / 'own'}"], 1 << 20),
        "train": Command("train", [*train, "--keep_newest=9"], 300 << 10),
    }
    for name in ("drawn.png", "drawn.npz", "drawn"):
        drawn: list[object] = [reference, "--num=400", f"--out={disk / name}"]
        commands[f"sample {name}"] = Command("sample", drawn, 100 << 10)
    for fault, (job, _) in jobs.items():
        most = 10 << 20 if fault == "kill_features" else 8 << 10
        commands[job.module] = Command(job.module, [*job.list_flags(disk)], most)
    return commands


def _fill(
    folder: Path,
    reference: Path,
    jobs: dict[str, tuple[kill_readers.Job, str]],
    chance: random.Random,
    trial: Path,
    outcome: Outcome,
) -> None:
    with _disk(trial) as disk:
        shutil.copytree(reference, disk / "trained", ignore=_all_but_the_last)
        (disk / "old.npz").write_bytes(chance.randbytes(10_000))
        commands = _list_commands(folder, disk, reference, jobs)
        name, command = list(commands.items())[chance.randrange(len(commands))]
        before = processes.hash_files(disk)
        filler = disk / "filler"
        rest = chance.randrange(command.most_bytes)
        _fill_up(filler, rest)
        ended = processes.run(command.module, *command.flags)
        if ended.code == 0:  # it had room
            outcome.counts["had_room"] += 1
        else:
            outcome.tried += 1
            told = f"{name}, {rest} bytes free: code {ended.code}, {ended.err[-600:]}"
            outcome.expect(ended.is_one_error, told)
        after = processes.hash_files(disk)
        for file, digest in before.items():
            if not any(word in file for word in _LIVING):
                outcome.expect(after.get(file) == digest, f"{name}: {file} changed")
        left = [file for file in after if ".tmp" in file or ".partial" in file]
        outcome.expect(not left, f"{name}: left over {left}")
        filler.unlink()
        ended = processes.run(command.module, *command.flags)
        told = f"{name} with room again: code {ended.code}, {ended.last_line}"
        outcome.expect(ended.code == 0, told)
        for path in (disk / "drawn.npz", disk / "drawn"):
            if path.suffix == ".npz" and path.is_file():
                with np.load(path, allow_pickle=False) as file:
                    outcome.expect(len(file["images"]) == 400, f"{name}: fewer images")
            elif path.is_dir():
                count = len(list(path.iterdir()))
                outcome.expect(count == 400, f"{name}: {count} images of 400")


def _fill_up(filler: Path, rest: int) -> None:
    """Write a file that leaves so many bytes free, in whole pages."""
    free = shutil.disk_usage(filler.parent).free
    with filler.open("wb") as file:
        file.write(b"x" * max(0, free - rest))


def _all_but_the_last(folder: str, names: list[str]) -> list[str]:
    """Leave older checkpoints where they are: they need not fit the disk."""
    if Path(folder).name != run_dir.CHECKPOINTS:
        return []
    return sorted(names)[:-1]
