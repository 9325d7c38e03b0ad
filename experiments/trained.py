"""Runs that an experiment needs: trained by the command line, or already there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from dcgan_jax import loading


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
    return {
        "preset": preset,
        "width_multiplier": config.width_multiplier,
        "steps": step,
        "batch_size": config.batch_size,
        "held_out": config.held_out,
        "seed": config.seed,
    }
