"""How long the rest of a run takes, and how long a narrower net would take."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from dcgan_jax.data import batches
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.system import progress
from dcgan_jax.train.start import Run

# Below this nothing is said.
LONG_SECONDS = 3600.0
# The widest that ends within LONG_SECONDS is proposed, else the last.
_WIDTHS = (0.5, 0.25, 0.125)


def forecast(run: Run, *, step: int, step_seconds: float) -> str | None:
    """Say how long a run still takes, and a narrower one by the operations of a step.

    Args:
        run: the run.
        step: steps done.
        step_seconds: the time of a step so far.

    Returns:
        A line, or None where the rest of the run is short.
    """
    left = (run.num_steps - step) * step_seconds
    if left < LONG_SECONDS:
        return None
    told = f"about {progress.tell_length(left)} left at this rate"
    whole, present = run.num_steps * step_seconds, run.config.width_multiplier
    narrower = [width for width in _WIDTHS if width < present]
    if not narrower:
        return told
    # Most operations grow with the square of the width.
    goal = present * (LONG_SECONDS / whole) ** 0.5
    width = next((width for width in narrower if width <= goal), narrower[-1])
    share = count_operations(_narrow(run, width)) / count_operations(run)
    return (
        f"{told}; a new run with --width_multiplier={width:g} takes about"
        f" {progress.tell_length(whole * share)}"
    )


def count_operations(run: Run) -> float:
    """Return how many floating-point operations XLA counts in a step of a run."""
    config = run.config
    lead = (config.num_d_steps, config.batch_size)
    images: Any = jax.ShapeDtypeStruct((*lead, *run.store.image_shape), np.uint8)
    labels: Any = None
    if config.num_classes is not None:
        labels = jax.ShapeDtypeStruct(lead, np.int32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    step = jax.jit(functools.partial(steps.train_step, run.nets))
    lowered = step.lower(run.shape_state(), Batch(images, labels), key)
    counted: Any = lowered.cost_analysis()
    return float(counted["flops"])


def _narrow(run: Run, width: float) -> Run:
    config = dataclasses.replace(run.config, width_multiplier=width)
    num_rows = batches.count_training_rows(len(run.store), config.held_out)
    nets = make_nets(config, num_steps=run.num_steps, num_rows=num_rows)
    return run._replace(config=config, nets=nets)
