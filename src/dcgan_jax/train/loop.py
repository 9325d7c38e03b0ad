"""The loop: a config in, a trained run's folder out."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from dcgan_jax import config as configs
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import keys
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import folder as run_dir, quality_log
from dcgan_jax.system import backend, errors, precision
from dcgan_jax.train import (
    chunk as chunks,
    chunk_end,
    feed,
    mesh,
    opening,
    start,
    trace,
)
from dcgan_jax.train.chunk import RunSteps
from dcgan_jax.train.chunk_end import Begun
from dcgan_jax.train.pace import Pace
from dcgan_jax.train.recorder import Recorder
from dcgan_jax.train.start import Run

_LOG = logging.getLogger(__name__)
# Returns to a checkpoint in the life of a run; what stays NaN is no accident.
MAX_ROLLBACKS = 3


class TrainedRun(NamedTuple):
    """How far a run has come, and where its results lie."""

    workdir: Path
    """The run's folder."""
    step: int
    """The number of steps done."""
    signal: int | None
    """The number of the signal that stopped it, or None at its end."""

    @property
    def samples(self) -> Path:
        """The newest grid of samples."""
        folder = self.workdir / run_dir.SAMPLES
        own = (
            f for f in folder.glob("step_*.png") if f.stem <= f"step_{self.step:08d}"
        )
        return max(own, default=folder)

    @property
    def curves(self) -> Path:
        """The picture of the log."""
        return self.workdir / run_dir.CURVES

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.workdir / run_dir.CHECKPOINTS / f"step_{self.step:08d}"

    @property
    def best(self) -> list[str]:
        """A line for each number of --follow_metric: where the best generator lies."""
        return quality_log.list_best(self.workdir)


@backend.own_settings()
def run(config: TrainConfig) -> TrainedRun:
    """Train until the last step, a signal, or a value that is not finite.

    Goes on from the newest checkpoint in the run's folder that verifies.

    Raises:
        InputError: if the data, the folder or the settings do not allow the run.
        NonFiniteError: if a loss, a gradient norm or a value to be saved is NaN or
            infinite, with --on_nan=rollback for the fourth time; the newest checkpoint
            is the last finite one.
    """
    configs.check(config)
    settled, rollbacks = start.settle_run(config), 0
    run_steps = opening.tell_compiled(chunks.make_chunks(settled.nets))
    tell = functools.cache(functools.partial(opening.tell_begin, settled))
    with start.hold_run(settled) as heard:
        while True:
            state = start.start_or_resume(settled, rollbacks=rollbacks, announce=tell)
            rollbacks = int(state.rollbacks) + 1
            try:
                return _train(settled, run_steps, state, heard)
            except errors.NonFiniteError as error:
                if config.on_nan == "stop" or rollbacks > MAX_ROLLBACKS:
                    raise
                if mesh.is_first():
                    told = rollbacks, MAX_ROLLBACKS, error
                    _LOG.warning("rollback %d of %d: %s", *told)


def _train(
    run: Run, run_steps: RunSteps, state: TrainState, heard: list[int]
) -> TrainedRun:
    """Run chunks of steps from a state to the end, a signal or a NaN.

    A chunk is begun before the metrics of the last one are read, and what is due is
    written beside it, so that the device waits for neither.
    """
    step, last = int(state.step), None
    key = mesh.replicate(keys.make_key(run.config.seed, keys.Purpose.TRAINING))
    with _equipped(run, step) as (recorder, data, tracer, pace):
        signal = pace.agree(step, heard).signal
        data.ask(step, pace.length(step))
        while step < run.num_steps and signal is None:
            tracer.start(step)
            chunk = data.take()
            state, metrics = run_steps(state, chunk.batches, key, chunk.num_steps)
            step += chunk.num_steps
            data.ask(step, pace.length(step))
            chunk_end.end_chunk(run, pace, recorder, last)
            if not pace.runs_ahead(step):
                chunks.wait_for(state.step)
            tracer.stop(step)
            signal, due = pace.agree(step, heard)
            begun = Begun(chunk.first_step, step, metrics, data.wait_seconds)
            last = chunk_end.keep_state(begun, due, recorder, state)
        chunk_end.end_chunk(run, pace, recorder, last)
        chunk_end.end_run(run, recorder, state, was_stopped=signal is not None)
    return TrainedRun(run.workdir, step, signal)


@contextlib.contextmanager
def _equipped(
    run: Run, step: int
) -> Iterator[tuple[Recorder | None, feed.Feed, trace.Trace, Pace]]:
    """Open what a run needs beside its state, from a step on; only the first records.

    Raises:
        InputError: if the settings do not allow one of them.
    """
    recorder = None
    with contextlib.ExitStack() as held:
        held.enter_context(precision.full_products(run.config.precision))
        with mesh.together():
            if mesh.is_first():
                recorder = held.enter_context(closing(Recorder(run, step=step)))
            data = held.enter_context(closing(feed.open_feed(run.store, run.config)))
            tracer = held.enter_context(closing(trace.open_trace(run)))
        pace = Pace(run, tracer, step=step, capacity=data.capacity)
        yield recorder, data, tracer, pace
