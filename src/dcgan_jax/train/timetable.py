"""When a run logs, draws and saves: at the steps that were asked for, or by time.

Where it falls may depend on the clock, and changes no bit of the run.
"""

import math
import time
from typing import NamedTuple

from dcgan_jax.config import TrainConfig
from dcgan_jax.system import backend

FIRST_GRIDS = (1, 50, 100, 200, 500)
# The least time between two checkpoints by time. The next ones are as far apart as the
# run is old, up to the setting, so that a short run has some and a long one not many.
LEAST_SECONDS_BETWEEN_SAVES = 60.0


class Due(NamedTuple):
    """What is due at the end of a chunk of steps.

    Attributes:
        log: a row of the log.
        sample: a grid.
        save: a checkpoint.
        measure: how good the generator is.
    """

    log: bool = False
    sample: bool = False
    save: bool = False
    measure: bool = False

    @property
    def needs_state(self) -> bool:
        """Whether anything is due that the state is read for."""
        return self.sample or self.save or self.measure


class Timetable:
    """Says at the end of each chunk what is due.

    Args:
        config: of the run.
        step: where the run begins or goes on.
        num_steps: where it ends.
    """

    def __init__(self, config: TrainConfig, *, step: int, num_steps: int) -> None:
        self._config = config
        self._num_steps = num_steps
        self._step = step
        self._start = time.monotonic()
        self._last = Due._make([self._start] * len(Due._fields))
        # Where a length is compiled in, grids wait for the end of a chunk.
        self._waits = backend.is_accelerator()

    def distance(self, step: int) -> int | None:
        """Return after how many steps from `step` on a chunk has to end; None: any."""
        ahead = [every - step % every for every in list_intervals(self._config)]
        if self._config.sample_every_steps is None and not self._waits:
            ahead.append(find_next_grid(step) - step)
        return min(ahead, default=None)

    def find_due(self, step: int) -> Due:
        """Say what is due at `step`, where a chunk has ended. Call it for each end."""
        now = time.monotonic()
        passed = Due._make(now - last for last in self._last)
        due = Due(
            log=self._is_log_due(step, passed.log),
            sample=self._is_sample_due(step, passed.sample),
            save=self._is_save_due(step, passed.save),
            measure=self._is_measure_due(step),
        )
        self._step = step
        self._last = Due._make(
            now if is_due else last
            for is_due, last in zip(due, self._last, strict=True)
        )
        return due

    def _is_log_due(self, step: int, seconds: float) -> bool:
        every = self._config.log_every_steps
        if step == self._num_steps or every is not None:
            return step == self._num_steps or step % every == 0  # type: ignore[operator]
        return self._step == 0 or seconds >= self._config.log_every_seconds

    def _is_sample_due(self, step: int, seconds: float) -> bool:
        every = self._config.sample_every_steps
        if every is not None:
            return step % every == 0
        planned = find_next_grid(self._step)
        is_early = planned <= FIRST_GRIDS[-1]
        return planned <= step and (
            is_early or seconds >= self._config.sample_every_seconds
        )

    def _is_save_due(self, step: int, seconds: float) -> bool:
        config, every = self._config, self._config.checkpoint_every_steps
        if every is not None:
            return step % every == 0
        if config.keep_every_steps is not None and step % config.keep_every_steps == 0:
            return True
        age = self._last.save - self._start
        gap = max(LEAST_SECONDS_BETWEEN_SAVES, age)
        return seconds >= min(gap, config.checkpoint_every_seconds)

    def _is_measure_due(self, step: int) -> bool:
        is_last = step == self._num_steps
        is_asked = self._config.follow_metric is not None
        return is_asked and (is_last or step % self._config.follow_every == 0)


def list_intervals(config: TrainConfig) -> list[int]:
    """Return the numbers of steps at whose multiples something is due."""
    by_time = config.checkpoint_every_steps is None
    intervals = (
        config.log_every_steps,
        config.sample_every_steps,
        config.keep_every_steps if by_time else config.checkpoint_every_steps,
        None if config.follow_metric is None else config.follow_every,
    )
    return [every for every in intervals if every is not None]


def find_next_grid(step: int) -> int:
    """Return the first step after `step` at which a grid is planned by default.

    These are 1, 50, 100, 200, 500; then each is about a fifth to a tenth further than
    the one before: 600, 700, … 1000, 1200, … 2600, 3000, … 5000, 6000 and so on.
    """
    for planned in FIRST_GRIDS:
        if step < planned:
            return planned
    # The largest of 1, 2, 5, 10, 20, … that is at most a fifth of the way.
    power = 10 ** int(math.log10(step / 5))
    unit = max(size * power for size in (1, 2, 5) if size * power <= step / 5)
    return step - step % unit + unit
