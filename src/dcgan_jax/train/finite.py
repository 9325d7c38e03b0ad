"""What must be finite in a run: each step's metrics, and a state to be saved."""

import math
from collections.abc import Mapping

import numpy as np

from dcgan_jax.gan import state as train_state
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import checkpoints
from dcgan_jax.system import errors
from dcgan_jax.train import mesh
from dcgan_jax.train.start import Run


def check_metrics(run: Run, first_step: int, metrics: Mapping[str, np.ndarray]) -> None:
    """Raise if a value is NaN or infinite.

    Args:
        run: the run, whose newest checkpoint the error names.
        first_step: steps done before the first value.
        metrics: each (count,), a value for every step.

    Raises:
        NonFiniteError: naming the first such step and the quantities.
    """
    bad = {
        name: int(np.argmin(np.isfinite(values)))
        for name, values in metrics.items()
        if not np.isfinite(values).all()
    }
    if not bad:
        return
    index = min(bad.values())
    told = ", ".join(
        f"{name} became {_name(float(metrics[name][index]))}"
        for name in sorted(bad)
        if bad[name] == index
    )
    step = first_step + index
    raise _make_error(run, f"{told} between steps {step} and {step + 1}")


def check_state(run: Run, state: TrainState) -> None:
    """Raise if an array of a state holds NaN or infinity.

    Args:
        run: the run, whose newest checkpoint the error names.
        state: on every device.

    Raises:
        NonFiniteError: naming the array.
    """
    bad = train_state.find_not_finite(mesh.local(state))
    if bad is not None:
        what = f"{bad} became nan or infinite by step {int(state.step)}"
        raise _make_error(run, what)


def _make_error(run: Run, what: str) -> errors.NonFiniteError:
    saved = checkpoints.list_steps(run.checkpoints)
    last = f"step {saved[-1]}" if saved else "none"
    return errors.NonFiniteError(f"{what}; last finite checkpoint is {last}.")


def _name(value: float) -> str:
    return "nan" if math.isnan(value) else "infinite"
