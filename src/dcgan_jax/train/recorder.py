"""What the first process of a run writes on its way: log, grids, checkpoints."""

import time
from collections.abc import Mapping

import numpy as np

from dcgan_jax import config as configs
from dcgan_jax.gan import averaging
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import checkpoints
from dcgan_jax.sample import labels
from dcgan_jax.system import backend
from dcgan_jax.train import mesh
from dcgan_jax.train.fixed_samples import FixedSamples
from dcgan_jax.train.reporter import Reporter
from dcgan_jax.train.start import Run

SECONDS_BETWEEN_TIDYING = 30.0


class Recorder:
    """Writes what is due after a chunk of steps, and what is missing at the end.

    Args:
        run: the run.
        step: where it begins or goes on.
    """

    def __init__(self, run: Run, *, step: int) -> None:
        self._run = run
        self._fixed = FixedSamples(run.config, run.nets, run.store)
        self._reporter = Reporter(
            run.workdir,
            step=step,
            num_steps=run.num_steps,
            images_per_step=run.config.batch_size * run.config.num_d_steps,
            scale=run.config.scale,
        )
        names = labels.own_names(run.config)
        if names is not None:
            self._reporter.save_classes(names[: labels.MAX_GRID_ROWS])
        self._saved_step = step if step > 0 else None
        self._sampled_step: int | None = None
        self._tidy_time = 0.0

    def record(
        self,
        state: TrainState,
        metrics: Mapping[str, np.ndarray],
        *,
        wait_seconds: float,
    ) -> None:
        """Take the metrics of a chunk; log, draw and save where that is due.

        Args:
            state: after the chunk.
            metrics: each (count,), a value for every step of the chunk.
            wait_seconds: the time that the run has waited for data, since its start.
        """
        step, config = int(state.step), self._run.config
        self._reporter.add(metrics)
        if step % config.log_every_steps == 0 or step == self._run.num_steps:
            self._reporter.log(step, wait_seconds=wait_seconds)
        samples = step % config.sample_every_steps == 0
        saves = step % config.checkpoint_every_steps == 0
        if samples:
            self._sample(step, state)
        if saves:
            self._save(step, state)
        if (samples or saves) and time.monotonic() > self._tidy_time:
            backend.return_free_memory()
            self._tidy_time = time.monotonic() + SECONDS_BETWEEN_TIDYING

    def finish(self, state: TrainState, *, was_stopped: bool) -> None:
        """Save what is not saved yet; a run that was stopped gets no grid for it."""
        step = int(state.step)
        if step != self._saved_step:
            self._save(step, state)
        never = self._sampled_step is None
        if never or (self._sampled_step != step and not was_stopped):
            self._sample(step, state)
        self._reporter.save_curves()

    def close(self) -> None:
        """Write out what is buffered."""
        self._reporter.close()

    def _sample(self, step: int, state: TrainState) -> None:
        gen, average = mesh.local((state.gen, state.optional.get(averaging.EMA)))
        variables = {"params": gen.params, "batch_stats": gen.batch_stats}
        images = self._fixed.draw(variables)
        self._reporter.save_samples(step, images)
        self._sampled_step = step
        if average is not None:
            self._reporter.save_samples(step, self._fixed.draw(average), ema=True)
        self._reporter.save_curves()
        warning = self._fixed.find_collapse(step, images)
        if warning is not None:
            self._reporter.say(warning)

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
