"""What the first process of a run writes on its way: log, grids, checkpoints."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from dcgan_jax import config as configs
from dcgan_jax.gan import averaging
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import checkpoints
from dcgan_jax.sample import labels
from dcgan_jax.system import backend, precision
from dcgan_jax.train import chunk as chunks, follow, forecast, mesh
from dcgan_jax.train.background import Background
from dcgan_jax.train.fixed_samples import FixedSamples
from dcgan_jax.train.reporter import Reporter
from dcgan_jax.train.start import Run
from dcgan_jax.train.timetable import Due

SECONDS_BETWEEN_TIDYING = 30.0
SECONDS_BETWEEN_LINES = 10.0
# On a CPU, how much of a run tells how long it takes.
SECONDS_TO_FORECAST, STEPS_TO_FORECAST = 30.0, 3


class RanChunk(NamedTuple):
    """A chunk of steps that has ended.

    Attributes:
        step: steps done after it.
        metrics: each (count,), a value for every step of the chunk.
        wait_seconds: the time that the run had waited for data, since its start.
    """

    step: int
    metrics: Mapping[str, np.ndarray]
    wait_seconds: float


class Recorder:
    """Writes what is due after a chunk of steps, and what is missing at the end.

    A thread does so, in order, beside the steps that follow. What fails there is raised
    by the next call.

    Args:
        run: the run.
        step: where it begins or goes on.
    """

    def __init__(self, run: Run, *, step: int) -> None:
        self._run = run
        self._follower = follow.open_follower(run)
        self._fixed = FixedSamples(run.config, run.nets, run.store)
        self._reporter = Reporter(
            run.workdir,
            step=step,
            num_steps=run.num_steps,
            images_per_step=run.config.batch_size * run.config.num_d_steps,
            scale=run.config.scale,
            # Lines that were asked for in steps come all.
            line_seconds=SECONDS_BETWEEN_LINES
            if run.config.log_every_steps is None
            else 0,
        )
        names = labels.own_names(run.config)
        if names is not None:
            self._reporter.save_classes(names[: labels.MAX_GRID_ROWS])
        self._saved_step = step if step > 0 else None
        self._sampled_step: int | None = None
        self._tidy_time = 0.0
        self._warm: tuple[int, float] | None = None
        self._is_forecast_due = not backend.is_accelerator()
        self._background = Background("recorder", self._settings)

    def start_clock(self) -> None:
        """Count the time of steps from now on."""
        self._reporter.start_clock()

    def keep(self, state: TrainState) -> TrainState:
        """Copy a state that the next chunk takes; the one before is written by then."""
        self.wait()
        return chunks.copy_state(mesh.local(state))

    def record(self, chunk: RanChunk, due: Due, state: TrainState | None) -> None:
        """Take the metrics of a chunk; have logged, drawn and saved what is due.

        Args:
            chunk: its steps.
            due: what is.
            state: after the chunk, as from `keep`; None where only the log may be due.
        """
        now = time.perf_counter()
        self._background.give(lambda: self._record(chunk, due, state, now))

    def finish(self, state: TrainState, *, was_stopped: bool) -> None:
        """Save what is not saved yet; a run that was stopped gets no grid for it."""
        own = mesh.local(state)
        self._background.give(lambda: self._finish(own, was_stopped))
        self.wait()

    def wait(self) -> None:
        """Return once all is written that was given."""
        self._background.wait()

    def close(self) -> None:
        """Write out what is buffered."""
        self._background.close()
        self._reporter.close()
        if self._follower is not None:
            self._follower.close()

    @contextlib.contextmanager
    def _settings(self) -> Iterator[None]:
        with (
            backend.own_settings(),
            precision.full_products(self._run.config.precision),
        ):
            yield

    def _record(
        self, chunk: RanChunk, due: Due, state: TrainState | None, now: float
    ) -> None:
        self._reporter.add(chunk.metrics)
        if due.log:
            self._reporter.log(chunk.step, wait_seconds=chunk.wait_seconds, now=now)
        self._forecast(chunk.step, now)
        if state is None:
            return
        if due.sample:
            self._sample(chunk.step, state)
        if due.save:
            self._save(chunk.step, state)
        if due.measure:
            self._measure(state)
        if time.monotonic() > self._tidy_time:
            backend.return_free_memory()
            self._tidy_time = time.monotonic() + SECONDS_BETWEEN_TIDYING

    def _forecast(self, step: int, now: float) -> None:
        """Say once, after some steps, how long the run takes if it takes long."""
        if not self._is_forecast_due:
            return
        if self._warm is None:  # the first chunk allocates
            self._warm = step, now
        count, seconds = step - self._warm[0], now - self._warm[1]
        if seconds < SECONDS_TO_FORECAST or count < STEPS_TO_FORECAST:
            return
        self._is_forecast_due = False
        told = forecast.forecast(self._run, step=step, step_seconds=seconds / count)
        if told is not None:
            self._reporter.say(told)

    def _finish(self, state: TrainState, was_stopped: bool) -> None:
        step = int(state.step)
        if step != self._saved_step:
            self._save(step, state)
        never = self._sampled_step is None
        if never or (self._sampled_step != step and not was_stopped):
            self._sample(step, state)
        self._reporter.save_curves()

    def _sample(self, step: int, state: TrainState) -> None:
        gen, average = state.gen, state.optional.get(averaging.EMA)
        variables = {"params": gen.params, "batch_stats": gen.batch_stats}
        images = self._fixed.draw(variables)
        if self._sampled_step is None:
            self._reporter.save_real(self._fixed.pick_real())
        self._reporter.save_samples(step, images)
        self._sampled_step = step
        if average is not None:
            self._reporter.save_samples(step, self._fixed.draw(average), ema=True)
        self._reporter.save_curves()
        warning = self._fixed.find_collapse(step, images)
        if warning is not None:
            self._reporter.say(warning)

    def _measure(self, state: TrainState) -> None:
        if self._follower is not None:
            row, lines = self._follower.measure(state)
            self._reporter.add_quality(row["step"], row["numbers"])
            for line in lines:
                self._reporter.say(line)

    def _save(self, step: int, state: TrainState) -> None:
        config, store = self._run.config, self._run.store
        about = {
            "config": configs.to_json(config),
            "data_fingerprint": store.fingerprint,
        }
        self._saved_step = step
        checkpoints.save(self._run.checkpoints, state, about=about)
        checkpoints.prune(
            self._run.checkpoints,
            keep_newest=config.keep_newest,
            keep_every=config.keep_every_steps,
        )
