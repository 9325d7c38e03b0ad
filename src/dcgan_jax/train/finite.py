"""What must be finite in a run: each step's metrics, and a state to be saved."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from dcgan_jax.runs import checkpoints
from dcgan_jax.system import errors
from dcgan_jax.train.start import Run


def find_in_metrics(first_step: int, metrics: Mapping[str, np.ndarray]) -> str | None:
    """Return which values are NaN or infinite in the first such step, or None.

    Args:
        first_step: steps done before the first value.
        metrics: each (count,), a value for every step.
    """
    bad = {
        name: int(np.argmin(np.isfinite(values)))
        for name, values in metrics.items()
        if not np.isfinite(values).all()
    }
    if not bad:
        return None
    index = min(bad.values())
    told = ", ".join(
        f"{name} became {_name(float(metrics[name][index]))}"
        for name in sorted(bad)
        if bad[name] == index
    )
    step = first_step + index
    return f"{told} between steps {step} and {step + 1}"


def find_in_state(step: int, marks: Mapping[str, Any]) -> str | None:
    """Return which array of a state holds NaN or infinity, or None.

    Args:
        step: steps done.
        marks: of the state's arrays, as from `state.mark_finite`.
    """
    found = jax.device_get(marks).items()
    bad = next((name for name, is_finite in found if not is_finite), None)
    return bad and f"{bad} became nan or infinite by step {step}"


def make_error(run: Run, what: str) -> errors.NonFiniteError:
    """Return the error that says what is not finite, and which checkpoint is."""
    saved = checkpoints.list_steps(run.checkpoints)
    last = f"step {saved[-1]}" if saved else "none"
    return errors.NonFiniteError(f"{what}; last finite checkpoint is {last}.")


def _name(value: float) -> str:
    return "nan" if math.isnan(value) else "infinite"
