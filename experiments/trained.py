"""Runs that an experiment needs: trained by the command line, or already there."""

import argparse
import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

from dcgan_jax import cli, presets
from dcgan_jax.config import TrainConfig, data_config
from dcgan_jax.data import batches, kept_rows, ready
from dcgan_jax.evaluate import config as configs, experiment
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from experiments import results


def make_parser(doc: str | None, *, num_epochs: float) -> argparse.ArgumentParser:
    """Return the parser of an experiment on MNIST that trains its runs itself."""
    parser = results.make_parser(doc)
    add = parser.add_argument
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--data_dir", type=Path, default=Path("data"))
    add("--source", type=Path)
    add("--num_epochs", type=float, default=num_epochs)
    add("--seed", type=int, default=0, help="of the samples")
    return parser


def list_flags(flags: argparse.Namespace, *, num_epochs: float) -> list[str]:
    """Return the flags of `make_parser` as flags of `dcgan_jax.train`.

    Args:
        flags: the flags that were read.
        num_epochs: the run's length.
    """
    chosen = [f"--data_dir={flags.data_dir}", f"--num_epochs={num_epochs}"]
    if flags.source is not None:
        chosen += ["--dataset=arrays", f"--source={flags.source}"]
    return chosen


def run_train(flags: list[str]) -> int:
    """Run `dcgan_jax.train` with these flags to its end; return its exit code."""
    return subprocess.call([sys.executable, "-m", "dcgan_jax.train", *flags])


def train(preset: str, workdir: Path, flags: list[str]) -> dict[str, Any]:
    """Train a run to its end, from where it is.

    Args:
        preset: the recipe.
        workdir: the run's folder.
        flags: further flags of `dcgan_jax.train`.

    Returns:
        The facts about the run that a result file holds.
    """
    require(run_train([f"--preset={preset}", f"--workdir={workdir}", *flags]))
    return describe(workdir)


def require(code: int) -> None:
    """End this process with a command's exit code, unless that is 0."""
    if code != 0:
        sys.exit(code)


def evaluate(config: EvaluateConfig) -> experiment.Measured:
    """Prepare what a metric needs and measure it, as `dcgan_jax.evaluate` does."""
    configs.check(config)
    require(experiment.prepare(config))
    return experiment.measure(config)


def train_to_epoch(preset: str, workdir: Path, flags: list[str], *, epoch: int) -> int:
    """Train a run to the end of an epoch, unless its checkpoint is there already.

    That checkpoint outlasts the later ones, so that one run shows several moments.

    Args:
        preset: the recipe.
        workdir: the run's folder.
        flags: further flags of `dcgan_jax.train`, without the length of the run.
        epoch: the epoch's number, counted from 1.

    Returns:
        The step of the checkpoint.

    Raises:
        InputError: if the run is past that epoch and kept no checkpoint of it, or the
            flags set its length.
    """
    config = cli.parse_run([f"--preset={preset}", *flags])
    recipe = presets.PRESETS[preset]
    if (config.num_epochs, config.num_steps) != (recipe.num_epochs, recipe.num_steps):
        raise errors.InputError(
            f"the run will end with epoch {epoch}; leave --num_epochs and --num_steps"
            " out"
        )
    require(ready.make_ready(config))
    per_epoch = _count_steps(config, num_epochs=1)
    step = _count_steps(config, num_epochs=epoch)
    steps = checkpoints.list_steps(workdir / run_dir.CHECKPOINTS)
    if step in steps:
        return step
    if steps and steps[-1] > step:
        raise errors.InputError(
            f"{workdir} is past epoch {epoch} and kept no checkpoint of step {step};"
            " train a new run in another folder (--runs)"
        )
    length = [f"--num_epochs={epoch}", f"--keep_every_steps={per_epoch}"]
    train(preset, workdir, [*flags, *length])
    return step


def _count_steps(config: TrainConfig, *, num_epochs: int) -> int:
    store = kept_rows.open_training_store(data_config(config))
    num_rows = batches.count_training_rows(len(store), config.held_out)
    config = dataclasses.replace(config, num_epochs=num_epochs, num_steps=None)
    return batches.count_run_steps(config, num_rows)


def describe(workdir: Path, *, step: int | None = None) -> dict[str, Any]:
    """Return the facts about a run that a result file holds.

    Args:
        workdir: the run's folder.
        step: the checkpoint's step; None: the newest.

    Raises:
        MissingInputError: if there is no run, no such checkpoint or no data.
    """
    config = run_dir.read_config(workdir)
    checkpoint = checkpoints.find_newest(workdir / run_dir.CHECKPOINTS, step=step)
    if checkpoint is None:
        raise errors.MissingInputError(f"{workdir} has no checkpoint yet; train first")
    store = kept_rows.open_training_store(data_config(config))
    num_rows = batches.count_training_rows(len(store), config.held_out)
    per_epoch = batches.batches_per_epoch(num_rows, config.batch_size)
    return {
        "preset": config.preset,
        "width_multiplier": config.width_multiplier,
        "steps": checkpoint.step,
        "epochs": checkpoint.step * config.num_d_steps / per_epoch,
        "num_training_images": num_rows,
        "batch_size": config.batch_size,
        "held_out": config.held_out,
        "seed": config.seed,
    }
