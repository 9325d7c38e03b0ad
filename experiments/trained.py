"""Runs that an experiment needs: trained by the command line, or already there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from dcgan_jax import loading
from dcgan_jax.config import data_config
from dcgan_jax.data import batches, store as stores


def train(preset: str, workdir: Path, flags: list[str]) -> dict[str, Any]:
    """Train a run to its end, going on where it is.

    Args:
        preset: the recipe.
        workdir: of the run.
        flags: further ones of `dcgan_jax.train`.

    Returns:
        What a result says of the run.
    """
    command = ["dcgan_jax.train", f"--preset={preset}", f"--workdir={workdir}", *flags]
    code = subprocess.call([sys.executable, "-m", *command])
    if code != 0:
        sys.exit(code)
    config, _, step = loading.read_run(str(workdir), step=None)
    store = stores.open_store(stores.store_path(data_config(config)))
    num_rows = batches.count_training_rows(len(store), config.held_out)
    per_epoch = batches.batches_per_epoch(num_rows, config.batch_size)
    return {
        "preset": preset,
        "width_multiplier": config.width_multiplier,
        "steps": step,
        "epochs": step * config.num_d_steps / per_epoch,
        "num_training_images": num_rows,
        "batch_size": config.batch_size,
        "held_out": config.held_out,
        "seed": config.seed,
    }
