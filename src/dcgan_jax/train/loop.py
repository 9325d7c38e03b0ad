"""The only driver: a config in, a trained run folder out."""

import contextlib
import dataclasses
import logging
import time
from pathlib import Path
from typing import NamedTuple, NoReturn

import jax

from dcgan_jax import config as configs
from dcgan_jax.config import TrainConfig
from dcgan_jax.data import batches, kept_rows, labels, store as stores
from dcgan_jax.gan import averaging, keys, state as train_state, steps
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import backend, errors
from dcgan_jax.train import (
    chunk as chunks,
    feed,
    fixed_samples,
    mesh,
    signals,
    start,
    trace,
)
from dcgan_jax.train.reporter import Listener, Reporter

_LOG = logging.getLogger(__name__)
# Returns to a checkpoint in the life of a run; what stays NaN is no accident.
MAX_ROLLBACKS = 3
SECONDS_BETWEEN_TIDYING = 30.0


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        step: steps done.
        signal: the number of the signal that stopped it, or None at its end.
        samples: the last grid.
        curves: the picture of the log.
        checkpoint: the newest.
    """

    step: int
    signal: int | None
    samples: Path
    curves: Path
    checkpoint: Path


@backend.own_settings()
def run(config: TrainConfig) -> Outcome:
    """Train until the last step, a signal, or a value that is not finite.

    Goes on from the newest checkpoint in the run's folder that verifies.

    Raises:
        InputError: if the data, the folder or the settings do not allow the run.
        NonFiniteError: if a loss, a gradient norm or a value to be saved is NaN or
            infinite, with --on_nan=rollback for the fourth time; the newest checkpoint
            is the last finite one.
    """
    configs.check(config)
    workdir = run_dir.workdir_of(config)
    with mesh.together():
        mesh.check_batch(config.batch_size)
        store = kept_rows.open_training_store(config)
        # As the folder records it.
        names = store.class_names if store.labelled else None
        config = labels.settle_classes(config, names, reason=store.manifest.unlabelled)
        shuffle = batches.choose_shuffle(config.shuffle, store.num_bytes)
        config = dataclasses.replace(config, shuffle=shuffle)
        num_rows = batches.count_training_rows(len(store), config.held_out)
        config = batches.settle_batch_size(
            config, num_rows, num_devices=jax.device_count()
        )
        num_steps = batches.count_run_steps(config, num_rows)
    mesh.check_same({**configs.shared_settings(config), "data": store.fingerprint})
    with contextlib.ExitStack() as held:
        with mesh.together():
            heard = held.enter_context(signals.heed())
            if mesh.is_first():
                held.enter_context(run_dir.lock(workdir))
                run_dir.settle(workdir, config, fingerprint=store.fingerprint)
        nets = steps.make_nets(config, num_steps=num_steps, num_rows=num_rows)
        rollbacks = 0
        while True:
            state = start.start_or_resume(
                config, nets, workdir, store, rollbacks=rollbacks
            )
            rollbacks = int(state.rollbacks) + 1
            try:
                return _drive(config, nets, store, state, num_steps, heard)
            except errors.NonFiniteError as error:
                if config.on_nan == "stop" or rollbacks > MAX_ROLLBACKS:
                    raise
                if mesh.is_first():
                    told = rollbacks, MAX_ROLLBACKS, error
                    _LOG.warning("rollback %d of %d: %s", *told)


def _drive(
    config: TrainConfig,
    nets: steps.Nets,
    store: stores.Store,
    state: TrainState,
    num_steps: int,
    heard: list[int],
) -> Outcome:
    """Train from a state to the end, a signal or a NaN."""
    step = int(state.step)
    if step >= num_steps and mesh.is_first():
        workdir = run_dir.workdir_of(config)
        _LOG.info("%s is finished; a larger --num_steps goes on", workdir)
    with contextlib.ExitStack() as held:
        with mesh.together():
            driver = _Driver(config, nets, store, step=step, num_steps=num_steps)
            held.callback(driver.close)
        state, signal_number = driver.train(state, heard)
        return driver.finish(state, signal_number)


class _Driver:
    """One process's part of a run: what it holds open between two checkpoints."""

    def __init__(
        self,
        config: TrainConfig,
        nets: steps.Nets,
        store: stores.Store,
        *,
        step: int,
        num_steps: int,
    ) -> None:
        workdir = run_dir.workdir_of(config)
        self._config = config
        self._store = store
        self._workdir = workdir
        self._num_steps = num_steps
        self._saved_step = step if step > 0 else None
        self._run_steps = chunks.make_steps(nets, static_count=backend.is_accelerator())
        self._key = mesh.replicate(keys.make_key(config.seed, keys.Purpose.TRAINING))
        self._fixed = fixed_samples.FixedSamples(config, nets, store)
        self._trace = trace.Trace(
            workdir / run_dir.PROFILE,
            first=config.profile_first_step,
            count=config.profile_num_steps,
            num_steps=num_steps,
        )
        self._feed = feed.open_feed(store, config)
        make_reporter = Reporter if mesh.is_first() else Listener
        self._reporter = make_reporter(
            workdir,
            step=step,
            num_steps=num_steps,
            images_per_step=config.batch_size * config.num_d_steps,
        )
        self._pace = feed.Pace(self._feed.capacity)
        self._samples = workdir / run_dir.SAMPLES
        self._sampled_step: int | None = None
        self._tidy_time = 0.0

    def train(
        self, state: TrainState, heard: list[int]
    ) -> tuple[TrainState, int | None]:
        """Run chunks of steps; write logs, samples and checkpoints at their steps.

        Returns:
            The last state, and the number of the signal that any process has heard.
        """
        step = int(state.step)
        signal_number = self._agree(heard)
        if step < self._num_steps:
            self._feed.ask(step, self._chunk_length(step))
        while step < self._num_steps and not signal_number:
            self._trace.start(step)
            chunk = self._feed.take()
            following = step + chunk.num_steps
            state, metrics = self._run_steps(
                state, chunk.batch, self._key, chunk.num_steps
            )
            if following < self._num_steps:
                self._feed.ask(following, self._chunk_length(following))
            self._collect(step, chunk.num_steps, metrics)
            step = following
            self._trace.stop(step)
            if step % self._config.checkpoint_every_steps == 0:
                self._require_finite(state)
            with mesh.together():
                self._at_events(step, state)
            signal_number = self._agree(heard)
        return state, signal_number or None

    def finish(self, state: TrainState, signal_number: int | None) -> Outcome:
        """Save what is not saved yet and say where everything lies."""
        step = int(state.step)
        self._require_finite(state)
        with mesh.together():
            if mesh.is_first():
                self._write_last(step, state, was_stopped=signal_number is not None)
        return Outcome(
            step=step,
            signal=signal_number,
            samples=self._samples,
            curves=self._workdir / run_dir.CURVES,
            checkpoint=self._workdir / run_dir.CHECKPOINTS / f"step_{step:08d}",
        )

    def close(self) -> None:
        """End the trace, the reading threads and the logs."""
        self._trace.close()
        self._feed.close()
        self._reporter.close()

    def _agree(self, heard: list[int]) -> int:
        """Settle with the other processes how long a chunk is; return their signal."""
        signal_number, self._pace.num_steps = mesh.largest(
            heard[0] if heard else 0, self._pace.num_steps
        )
        return signal_number

    def _write_last(self, step: int, state: TrainState, *, was_stopped: bool) -> None:
        if step != self._saved_step:
            self._save(state)
        never = self._sampled_step is None
        if never or (self._sampled_step != step and not was_stopped):
            self._sample(step, state)
        self._reporter.save_curves()

    def _chunk_length(self, step: int) -> int:
        intervals = (
            self._config.log_every_steps,
            self._config.sample_every_steps,
            self._config.checkpoint_every_steps,
        )
        to_event = min(interval - step % interval for interval in intervals)
        to_limit = self._trace.distance(step) or to_event
        return min(self._pace.num_steps, to_event, to_limit, self._num_steps - step)

    def _collect(self, step: int, count: int, metrics: steps.Metrics) -> None:
        """Wait for a chunk and hand its metrics on; a NaN ends the run here."""
        on_host = {
            name: values[:count] for name, values in jax.device_get(metrics).items()
        }
        self._pace.note(count)
        try:
            self._reporter.add(step, on_host)
        except errors.NonFiniteError as error:
            self._stop_at_nan(str(error))

    def _require_finite(self, state: TrainState) -> None:
        bad = train_state.find_not_finite(mesh.local(state))
        if bad is not None:
            self._stop_at_nan(f"{bad} became nan or infinite by step {int(state.step)}")

    def _stop_at_nan(self, what: str) -> NoReturn:
        saved = checkpoints.list_steps(self._workdir / run_dir.CHECKPOINTS)
        last = f"step {saved[-1]}" if saved else "none"
        raise errors.NonFiniteError(f"{what}; last finite checkpoint is {last}.")

    def _at_events(self, step: int, state: TrainState) -> None:
        if not mesh.is_first():
            return
        config = self._config
        if step % config.log_every_steps == 0 or step == self._num_steps:
            self._reporter.log(step, wait_seconds=self._feed.wait_seconds)
        samples = step % config.sample_every_steps == 0
        saves = step % config.checkpoint_every_steps == 0
        if samples:
            self._sample(step, state)
        if saves:
            self._save(state)
        if (samples or saves) and time.monotonic() > self._tidy_time:
            backend.return_free_memory()
            self._tidy_time = time.monotonic() + SECONDS_BETWEEN_TIDYING

    def _sample(self, step: int, state: TrainState) -> None:
        gen, average = mesh.local((state.gen, state.optional.get(averaging.EMA)))
        variables = {"params": gen.params, "batch_stats": gen.batch_stats}
        images = self._fixed.draw(variables)
        self._samples = self._reporter.save_samples(step, images)
        self._sampled_step = step
        if average is not None:
            self._reporter.save_samples(step, self._fixed.draw(average), ema=True)
        self._reporter.save_curves()
        warning = self._fixed.find_collapse(step, images)
        if warning is not None:
            self._reporter.say(warning)

    def _save(self, state: TrainState) -> None:
        folder = self._workdir / run_dir.CHECKPOINTS
        about = {
            "config": configs.to_json(self._config),
            "data_fingerprint": self._store.fingerprint,
        }
        self._saved_step = int(state.step)
        checkpoints.save(folder, state, about=about)
        checkpoints.prune(
            folder,
            keep_newest=self._config.keep_newest,
            keep_every=self._config.keep_every_steps,
        )
