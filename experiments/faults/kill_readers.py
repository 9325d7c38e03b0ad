"""SIGKILL while features are extracted and while nearest neighbours are counted."""

import functools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.faults import processes, tiny_run, trials
from experiments.faults.processes import Running
from experiments.faults.trials import Context, Outcome

KILLS, KILLS_A_FILE = 20, 5
SLOW_SECONDS = 0.05
NUM_TRAIN, NUM_TEST, SIDE = 12_000, 500, 32
NUM_SAMPLES = 210_000  # it is kept every 102,400


class Job(NamedTuple):
    """A long command that keeps what it has done.

    Attributes:
        module: the command.
        list_flags: folder of the trial → flags, which name the result.
        begun: folder of the trial → whether something is kept or being written.
        kept: pattern of the files that hold what was done.
    """

    module: str
    list_flags: Callable[[Path], list[str]]
    begun: Callable[[Path], bool]
    kept: str


def run(context: Context) -> bool:
    """Make both kinds of faults; return whether all were survived."""
    jobs = make_jobs(context.shared, context.seed)
    survived = []
    for fault, (job, about) in jobs.items():
        expected = make_reference(context.shared / fault, job)
        survived.append(
            trials.run(
                context,
                fault,
                functools.partial(_kill_a_job, job, expected),
                until=context.count(KILLS),
                protocol=f"{about}, every fsync and rename made"
                f" {2000 * SLOW_SECONDS:g} ms slower; SIGKILL after a random time; then"
                " the same command again. Survived: the command ends well, its result"
                " and its files are the uninterrupted one's to the bit",
            )
        )
    return all(survived)


def make_jobs(folder: Path, seed: int) -> dict[str, tuple[Job, str]]:
    """Make data and a network for both commands; return them with what they do."""
    images = folder / "images.npz"
    if not images.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _write_images(images, seed)
    reference = tiny_run.make_reference(folder)
    conditional = folder / "conditional"
    if not tiny_run.list_steps(conditional):
        ended = processes.run(
            "train", f"--source={images}", "--dataset=arrays", "--image_size=32",
            "--channels=1", "--preset=mnist_conditional", "--width_multiplier=0.0625",
            "--batch_size=16", "--num_steps=4", "--held_out=0",
            f"--data_dir={folder / 'data'}", f"--workdir={conditional}",
        )  # fmt: skip
        if ended.code != 0:
            raise RuntimeError(f"no network to start from: {ended.err}")

    def features(trial: Path) -> list[str]:
        data = trial / "data"
        data.mkdir(exist_ok=True)
        if not (data / "arrays").exists():  # the stores are not what is tried here
            (data / "arrays").symlink_to(folder / "data" / "arrays")
        return [
            "--target=arrays", f"--source={images}", f"--data_dir={data}",
            f"--weights={reference}", "--labels_per_class=20", "--draws=2",
            "--C=0.001", "--classifier=linear_svc", f"--out={trial / 'result.json'}",
        ]  # fmt: skip

    def count(trial: Path) -> list[str]:
        # Its files lie in the run.
        return [
            str(copy_run(conditional, trial / "run")),
            "--metric=nearest_neighbour", f"--num_samples={NUM_SAMPLES}",
            f"--data_dir={folder / 'data'}", f"--out={trial / 'result.json'}",
        ]  # fmt: skip

    return {
        "kill_features": (
            Job("features", features, _has("data/features/*/*"), "features.npy"),
            f"features of {NUM_TRAIN:,} images in blocks of 1,024",
        ),
        "kill_nearest_neighbour": (
            Job("evaluate", count, _has("run/evaluation/*"), "*.npz"),
            f"nearest neighbours among {NUM_SAMPLES:,} samples of {NUM_TEST:,} images",
        ),
    }


def make_reference(folder: Path, job: Job) -> dict[str, Any]:
    """Let a command end without a fault; return what it leaves."""
    folder.mkdir(exist_ok=True)
    if (folder / "result.json").is_file():
        return read_end(folder, job)
    ended = processes.run(job.module, *job.list_flags(folder))
    if ended.code != 0:
        raise RuntimeError(f"{job.module} without a fault failed: {ended.err}")
    return read_end(folder, job)


def read_end(folder: Path, job: Job) -> dict[str, Any]:
    """Return the result and the digests of the kept files."""
    result = json.loads((folder / "result.json").read_text())
    names = {path.name for path in folder.rglob(job.kept)}
    found = processes.hash_files(folder)
    kept = {name: found[name] for name in found if Path(name).name in names}
    return {"numbers": result["numbers"], "kept": kept}


def copy_run(run: Path, folder: Path) -> Path:
    """Make a run's folder anew from links to another's files."""
    folder.mkdir(exist_ok=True)
    for name in ("config.json", "checkpoints"):
        if not (folder / name).exists():
            (folder / name).symlink_to(run / name)
    return folder


def _has(pattern: str) -> Callable[[Path], bool]:
    return lambda folder: any(folder.glob(pattern))


def _write_images(file: Path, seed: int) -> None:
    """Write noisy bars, of ten kinds, that a network can tell apart."""
    rng = np.random.default_rng(seed)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % 10
        images = rng.integers(0, 128, (count, SIDE, SIDE), np.uint8)
        for label in range(10):
            images[labels == label, :, 3 * label : 3 * label + 3] += 127
        return images, labels

    (x_train, y_train), (x_test, y_test) = draw(NUM_TRAIN), draw(NUM_TEST)
    np.savez(file, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def _kill_a_job(
    job: Job,
    expected: dict[str, Any],
    chance: random.Random,
    folder: Path,
    outcome: Outcome,
) -> None:
    flags = job.list_flags(folder)
    while outcome.tried < min(KILLS_A_FILE, outcome.wanted):
        process = Running(job.module, flags, slow=SLOW_SECONDS)
        before = processes.find_newest_change(folder)
        half_written = processes.find_half_written(folder)
        if chance.random() < 0.15:
            process.rest(chance.uniform(0, 6))
        elif process.wait_until(
            lambda t=before: (
                job.begun(folder) and processes.find_newest_change(folder) > t
            )
        ):
            process.rest(chance.uniform(0, 1))
        if not process.kill():
            break
        outcome.tried += 1
        left = processes.find_half_written(folder)
        outcome.counts["during_save"] += not left <= half_written
    ended = Running(job.module, flags).end()
    if outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}"):
        outcome.expect(read_end(folder, job) == expected, "another result")
