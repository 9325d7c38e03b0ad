"""How many steps a chunk holds, and what the processes of a run agree on at its end."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from dcgan_jax.system import backend
from dcgan_jax.train import mesh
from dcgan_jax.train.start import Run
from dcgan_jax.train.timetable import Due, Timetable
from dcgan_jax.train.trace import Trace

# A chunk of steps lasts about this long, so that a signal is soon heard: it may have to
# wait for two of them.
CHUNK_SECONDS = 1.0


class Agreed(NamedTuple):
    """What all processes of a run do at the end of a chunk.

    Attributes:
        signal: the number of a signal that any process has heard, or None.
        due: what the first process writes.
    """

    signal: int | None
    due: Due


class Pace:
    """Lets chunks end where something is due, and last about CHUNK_SECONDS.

    On an accelerator, where the length is compiled in, time does not count.

    Args:
        run: the run, whose settings say when something is due.
        trace: whose limits are among the ends of chunks.
        step: where the run begins or goes on.
        capacity: the largest number of steps that a chunk may hold.
    """

    def __init__(self, run: Run, trace: Trace, *, step: int, capacity: int) -> None:
        self._timetable = Timetable(run.config, step=step, num_steps=run.num_steps)
        self._trace = trace
        self._num_steps = run.num_steps
        self._capacity = capacity
        self._adaptive = not backend.is_accelerator()
        self._fitting = 1 if self._adaptive else capacity
        self._last: float | None = None

    def length(self, step: int) -> int:
        """Return how many steps the chunk from `step` on holds; 0 at the run's end."""
        left = self._num_steps - step
        limits = (self._timetable.distance(step), self._trace.distance(step))
        return min(self._fitting, left, *(limit for limit in limits if limit))

    def runs_ahead(self, step: int) -> bool:
        """Tell whether a chunk from `step` on may be begun before the last has ended.

        Not where a trace begins or ends, nor where a step is so long that a signal
        would have to wait for two of them.
        """
        return self._fitting > 1 and not self._trace.is_limit(step)

    def note(self, count: int) -> None:
        """Take notice that `count` steps have just ended."""
        now = time.perf_counter()
        if self._adaptive and self._last is not None:
            step_seconds = (now - self._last) / count
            fitting = int(CHUNK_SECONDS / max(step_seconds, 1e-6))
            self._fitting = min(max(fitting, 1), self._capacity)
        self._last = now

    def agree(self, step: int, heard: Sequence[int]) -> Agreed:
        """Settle with the other processes what follows at `step`, where a chunk ends.

        It also settles how long the next chunk is.

        Args:
            step: steps done.
            heard: the numbers of the signals that this process has heard.
        """
        first = heard[0] if heard else 0
        due = self._timetable.find_due(step) if mesh.is_first() else Due()
        signal, self._fitting, *told = mesh.largest(first, self._fitting, *due)
        return Agreed(signal or None, Due._make(map(bool, told)))
