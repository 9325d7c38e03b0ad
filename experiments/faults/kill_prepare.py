"""SIGKILL, SIGTERM and Ctrl-C at random moments while a data set is prepared."""

import contextlib
import functools
import os
import random
import signal
import time
from pathlib import Path

import numpy as np

from dcgan_jax.system import disk
from experiments.faults import processes, trials
from experiments.faults.processes import Running
from experiments.faults.trials import Context, Outcome

KILLS, KILLS_A_STORE = 50, 10
STOPS, STOPS_A_STORE = 20, 5
NUM_IMAGES, SIDE = 40_000, 48
SLOW_SECONDS = 0.02
MOST_STOP_SECONDS = 10.0
KILLED_WORKER = "error: a worker process was killed"


def run(context: Context) -> bool:
    """Make both kinds of faults; return whether all were survived."""
    source = write_images(context.shared, context.seed)
    expected = make_reference(context.shared / "store", source)
    about = (
        f"{NUM_IMAGES:,} images of {SIDE}×{SIDE} in an array, reduced to 28×28 by two"
        f" processes, every fsync and rename made {2000 * SLOW_SECONDS:g} ms slower; "
    )
    killed = trials.run(
        context,
        "kill_prepare",
        functools.partial(_kill_a_store, source, expected),
        until=context.count(KILLS),
        protocol=about + "SIGKILL at a random moment to the command (half), to all its"
        " processes, or to a decoding process (a quarter each); then the same command"
        " again. Survived: shards that were finished stay as they are, a command whose"
        " decoding process was killed ends with one line, and the store is the"
        " uninterrupted one's to the bit",
    )
    stopped = trials.run(
        context,
        "stop_prepare",
        functools.partial(_stop_a_store, source, expected),
        until=context.count(STOPS),
        protocol=about + "SIGTERM or SIGINT to all processes at a random moment."
        f" Survived: exit code 143 or 130 within {MOST_STOP_SECONDS:g} s, one line, no"
        " process left, and the store at the end is the uninterrupted one's to the bit",
    )
    return killed and stopped


def write_images(folder: Path, seed: int) -> Path:
    """Write random images as one array, unless they are there; return the file."""
    source = folder / "images.npy"
    if not source.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        shape = (NUM_IMAGES, SIDE, SIDE)
        pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
        with disk.replacing(source) as partial:
            np.save(partial, pixels)
    return source


def list_flags(source: Path, data_dir: Path) -> list[str]:
    """Return the flags of `prepare` for these images."""
    return [
        "--dataset=arrays",
        f"--source={source}",
        f"--data_dir={data_dir}",
        "--image_size=28",
        "--channels=1",
        "--num_workers=2",
    ]


def make_reference(data_dir: Path, source: Path) -> dict[str, str]:
    """Prepare the store without a fault; return the sha256 of its files."""
    ended = processes.run("prepare", *list_flags(source, data_dir))
    if ended.code != 0:
        raise RuntimeError(f"preparing without a fault failed: {ended.err}")
    return processes.hash_files(data_dir)


def _hash_finished(data_dir: Path) -> dict[str, str]:
    """Return the sha256 of the shards whose notes say that they are whole."""
    names = [note.stem[-5:] for note in data_dir.rglob("shard-*.json")]
    found = processes.hash_files(data_dir)
    return {
        name: digest
        for name, digest in found.items()
        if name.endswith(".npy") and name[-9:-4] in names
    }


def _kill_a_store(
    source: Path,
    expected: dict[str, str],
    chance: random.Random,
    folder: Path,
    outcome: Outcome,
) -> None:
    flags = list_flags(source, folder)
    while outcome.tried < min(KILLS_A_STORE, outcome.wanted):
        half_written = processes.find_half_written(folder)
        process = Running("prepare", flags, slow=SLOW_SECONDS)
        if not _wait_for_a_moment(process, folder, chance):
            break
        whom = chance.choices(("command", "all", "worker"), (2, 1, 1))[0]
        if not _kill(process, whom, chance, outcome):
            break
        outcome.tried += 1
        outcome.counts[f"killed_{whom}"] += 1
        left = processes.find_half_written(folder)
        outcome.counts["during_save"] += not left <= half_written
        for name, digest in _hash_finished(folder).items():
            told = f"{name} is finished but differs"
            outcome.expect(expected[name] == digest, told)
    ended = processes.run("prepare", *flags)
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}")
    outcome.expect(processes.hash_files(folder) == expected, "another store")


def _wait_for_a_moment(process: Running, folder: Path, chance: random.Random) -> bool:
    """Wait until the moment of a fault; return False if the command ended before."""
    if chance.random() < 0.1:
        process.rest(chance.uniform(0, 1))
        return process.is_running
    before = processes.find_newest_change(folder)
    begun = process.wait_until(lambda: processes.find_newest_change(folder) > before)
    process.rest(chance.uniform(0, 0.4))
    return begun and process.is_running


def _kill(process: Running, whom: str, chance: random.Random, outcome: Outcome) -> bool:
    """Kill; return whether that came before the end."""
    if whom == "command":
        return process.kill()
    if whom == "all":
        hit = process.is_running
        process.send(signal.SIGKILL, to_group=True)
        process.end()
        return hit
    workers = _list_workers(process)
    if not workers:  # not begun, or at work no more
        return process.kill()
    os.kill(chance.choice(workers), signal.SIGKILL)
    try:
        ended = process.end()
    except TimeoutError as error:
        outcome.expect(False, str(error))
        return True
    if ended.code == 0:  # its last answer was there already
        return False
    told = ended.is_one_error and ended.last_line.startswith(KILLED_WORKER)
    outcome.expect(told, f"exit code {ended.code}: {ended.last_line}")
    return True


def _list_workers(process: Running) -> list[int]:
    """Return the decoding processes, without the standard library's own helper."""
    found = []
    for pid in process.children():
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _stop_a_store(
    source: Path,
    expected: dict[str, str],
    chance: random.Random,
    folder: Path,
    outcome: Outcome,
) -> None:
    flags = list_flags(source, folder)
    while outcome.tried < min(STOPS_A_STORE, outcome.wanted):
        process = Running("prepare", flags, slow=SLOW_SECONDS)
        known = len(list(folder.rglob("shard-*.json")))
        process.wait_until(lambda n=known: len(list(folder.rglob("shard-*.json"))) > n)
        process.rest(chance.uniform(0, 0.4))
        if not process.is_running:
            break
        number = chance.choice((signal.SIGTERM, signal.SIGINT))
        workers = _list_workers(process)
        sent = time.monotonic()
        process.send(number, to_group=True)
        ended = process.end()
        seconds = time.monotonic() - sent
        if ended.code == 0:
            break
        outcome.tried += 1
        outcome.note_most("most_seconds_to_stop", seconds)
        outcome.expect(seconds <= MOST_STOP_SECONDS, f"took {seconds:.1f} s to stop")
        as_told = ended.code == 128 + number and "Traceback" not in ended.err
        outcome.expect(as_told, f"exit code {ended.code}: {ended.last_line}")
        left = [pid for pid in workers if os.path.exists(f"/proc/{pid}")]
        outcome.expect(not left, f"processes {left} are left")
    ended = processes.run("prepare", *flags)
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}")
    outcome.expect(processes.hash_files(folder) == expected, "another store")
