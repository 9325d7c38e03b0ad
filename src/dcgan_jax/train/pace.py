"""How many steps a chunk holds, between two looks at the clock, the log and signals."""

import time
from collections.abc import Sequence

from dcgan_jax.system import backend
from dcgan_jax.train import mesh
from dcgan_jax.train.start import Run
from dcgan_jax.train.trace import Trace

# A chunk of steps lasts about this long, so that a signal is soon heard.
CHUNK_SECONDS = 2.0


class Pace:
    """Lets chunks end where something is due, and last about CHUNK_SECONDS.

    On an accelerator, where the length is compiled in, time does not count.

    Args:
        run: the run, whose settings say when something is due.
        trace: whose limits are among the ends of chunks.
        capacity: the largest number of steps that a chunk may hold.
    """

    def __init__(self, run: Run, trace: Trace, *, capacity: int) -> None:
        self._intervals = (
            run.config.log_every_steps,
            run.config.sample_every_steps,
            run.config.checkpoint_every_steps,
        )
        self._trace = trace
        self._num_steps = run.num_steps
        self._capacity = capacity
        self._adaptive = not backend.is_accelerator()
        self._fitting = 1 if self._adaptive else capacity
        self._last: float | None = None

    def length(self, step: int) -> int:
        """Return how many steps the chunk from `step` on holds; 0 at the run's end."""
        to_event = min(interval - step % interval for interval in self._intervals)
        to_limit = self._trace.distance(step) or to_event
        return min(self._fitting, to_event, to_limit, self._num_steps - step)

    def note(self, count: int) -> None:
        """Take notice that `count` steps have just ended."""
        now = time.perf_counter()
        if self._adaptive and self._last is not None:
            step_seconds = (now - self._last) / count
            fitting = int(CHUNK_SECONDS / max(step_seconds, 1e-6))
            self._fitting = min(max(fitting, 1), self._capacity)
        self._last = now

    def agree(self, heard: Sequence[int]) -> int | None:
        """Settle with the other processes how long a chunk is, and whether to go on.

        Args:
            heard: the numbers of the signals that this process has heard.

        Returns:
            The number of a signal that any process has heard, or None.
        """
        first = heard[0] if heard else 0
        signal_number, self._fitting = mesh.largest(first, self._fitting)
        return signal_number or None
