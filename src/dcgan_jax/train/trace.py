"""A JAX trace of chosen steps, for TensorBoard, XProf or Perfetto."""

import logging
from pathlib import Path

import jax

from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors
from dcgan_jax.train import mesh
from dcgan_jax.train.start import Run

_LOG = logging.getLogger(__name__)


def open_trace(run: Run) -> "Trace":
    """Return the trace that a run's settings ask for."""
    return Trace(
        run.workdir / run_dir.PROFILE,
        first=run.config.profile_first_step,
        count=run.config.profile_num_steps,
        num_steps=run.num_steps,
    )


class Trace:
    """Records the steps first … first + count − 1, whose chunks end at its limits.

    Args:
        folder: where the trace is written.
        first: None records nothing.
        count: number of steps.
        num_steps: of the run.

    Raises:
        InputError: if the run has no such steps.
    """

    def __init__(
        self, folder: Path, *, first: int | None, count: int, num_steps: int
    ) -> None:
        self._folder = folder
        self._running = False
        self._done = first is None
        self._first, self._end = first or 0, (first or 0) + count
        if first is not None and first >= num_steps:
            raise errors.InputError(
                f"profile_first_step is {first}; the run's steps are 0 … "
                f"{num_steps - 1}."
            )

    def distance(self, step: int) -> int | None:
        """Return how many steps remain to the next limit; None beyond the last."""
        # The chunk before the first limit is as long as the trace, so that where a
        # length is compiled in, the trace shows no compilation.
        limits = (2 * self._first - self._end, self._first, self._end)
        ahead = [limit - step for limit in limits if limit > step]
        return min(ahead) if ahead and not self._done else None

    def is_limit(self, step: int) -> bool:
        """Tell whether the trace begins or ends at `step`."""
        return not self._done and step in (self._first, self._end)

    def start(self, step: int) -> None:
        """Begin to record if the chunk from `step` on is to be in the trace."""
        waiting = not self._done and not self._running and mesh.is_first()
        if waiting and self._first <= step < self._end:
            jax.profiler.start_trace(self._folder)
            self._running = True

    def stop(self, step: int) -> None:
        """End the trace if `step`, with which a chunk has ended, is its limit."""
        if self._running and step >= self._end:
            self.close()

    def close(self) -> None:
        """Write what has been recorded, if anything has."""
        self._done = True
        if self._running:
            jax.profiler.stop_trace()
            self._running = False
            _LOG.info("wrote a trace to %s", self._folder)
