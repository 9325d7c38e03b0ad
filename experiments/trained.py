"""Runs that an experiment needs: trained by the command line, or already there."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from dcgan_jax import checkpoints, run_dir
from dcgan_jax.config import data_config
from dcgan_jax.data import batches, store as stores


def add_flags(parser: argparse.ArgumentParser, *, num_epochs: float) -> None:
    """Add the flags of an experiment on MNIST that trains its runs itself."""
    add = parser.add_argument
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--data_dir", type=Path, default=Path("data"))
    add("--source", type=Path)
    add("--num_epochs", type=float, default=num_epochs)
    add("--seed", type=int, default=0, help="of the samples")


def list_flags(flags: argparse.Namespace, *, num_epochs: float) -> list[str]:
    """Return what `add_flags` has read as flags of `dcgan_jax.train`.

    Args:
        flags: as read.
        num_epochs: of this run.
    """
    chosen = [f"--data_dir={flags.data_dir}", f"--num_epochs={num_epochs}"]
    if flags.source is not None:
        chosen += ["--dataset=arrays", f"--source={flags.source}"]
    return chosen


def run_train(flags: list[str]) -> int:
    """Run `dcgan_jax.train` with these flags to its end; return its exit code."""
    return subprocess.call([sys.executable, "-m", "dcgan_jax.train", *flags])


def train(preset: str, workdir: Path, flags: list[str]) -> dict[str, Any]:
    """Train a run to its end, going on where it is.

    Args:
        preset: the recipe.
        workdir: of the run.
        flags: further ones of `dcgan_jax.train`.

    Returns:
        What a result says of the run.
    """
    code = run_train([f"--preset={preset}", f"--workdir={workdir}", *flags])
    if code != 0:
        sys.exit(code)
    config = run_dir.read_config(workdir)
    newest = checkpoints.find_newest(workdir / run_dir.CHECKPOINTS)
    assert newest is not None  # training has just ended
    store = stores.open_store(stores.store_path(data_config(config)))
    num_rows = batches.count_training_rows(len(store), config.held_out)
    per_epoch = batches.batches_per_epoch(num_rows, config.batch_size)
    return {
        "preset": preset,
        "width_multiplier": config.width_multiplier,
        "steps": newest.step,
        "epochs": newest.step * config.num_d_steps / per_epoch,
        "num_training_images": num_rows,
        "batch_size": config.batch_size,
        "held_out": config.held_out,
        "seed": config.seed,
    }
