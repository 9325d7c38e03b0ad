"""`--follow_metric`: the generator is measured while it trains; the best is kept."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcgan_jax.config import DataConfig, TrainConfig
from dcgan_jax.data import batches
from dcgan_jax.evaluate import config as evaluation
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.gan import averaging
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import folder as run_dir, quality_log
from dcgan_jax.runs.quality_log import Row
from dcgan_jax.system import errors

if TYPE_CHECKING:
    from dcgan_jax.evaluate.best import BestKeeper
    from dcgan_jax.train.start import Run

_FLAGS = "metric|every|num_samples|extractor|inception_weights"


class Follower:
    """Measures a run's generator, and keeps the best in the run's folder.

    Args:
        run: the run.
        keeper: measures and keeps.
        held: what is let go of at the end.
    """

    def __init__(
        self, run: "Run", keeper: "BestKeeper", held: contextlib.ExitStack
    ) -> None:
        self._run, self._keeper, self._held = run, keeper, held

    def measure(self, state: TrainState) -> tuple[Row, list[str]]:
        """Measure the generator of a state, or its average if there is one.

        Returns:
            The row of quality.jsonl, and the lines that tell it.
        """
        from dcgan_jax.runs.load import LoadedGenerator

        nets, gen = self._run.nets, state.gen
        variables = state.optional.get(averaging.EMA) or {
            "params": gen.params,
            "batch_stats": gen.batch_stats,
        }
        loaded = LoadedGenerator(
            nets.generator,
            variables,
            nets.draw_latents,
            self._run.config,
            int(state.step),
        )
        row, _ = self._keeper.take(loaded)
        return row, [quality_log.tell_row(row), *self._keeper.list_warnings(row)]

    def close(self) -> None:
        """Let other processes measure the run."""
        self._held.close()


def list_data(config: TrainConfig) -> list[DataConfig]:
    """Return the data that a run takes, and those that it is measured with.

    Raises:
        InputError: if the metric cannot follow the run.
    """
    if config.follow_metric is None:
        return [config]
    try:
        return [config, *_list_splits(config)]
    except errors.InputError as error:
        # The flags of `evaluate` have these names here.
        told = re.sub(rf"--(?={_FLAGS})", "--follow_", str(error))
        raise type(error)(told) from None


def _list_splits(config: TrainConfig) -> Iterator[DataConfig]:
    flags = _make_flags(config)
    evaluation.check_metric(flags)
    if evaluation.find_quality_metrics(flags):
        # The GPU is shared with torch.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from dcgan_jax.evaluate import candidate as candidates, metrics

    metrics.check_limits(flags)
    metric = metrics.find(flags)
    metric.check(flags, config)
    for split in metric.list_splits(flags):
        yield candidates.split_data(flags, config, split)


def open_follower(run: "Run") -> Follower | None:
    """Open what a run's generators are measured by; None where nothing is asked for.

    Raises:
        InputError: if the metric cannot follow the run, or another process measures it.
    """
    if run.config.follow_metric is None:
        return None
    list_data(run.config)
    from dcgan_jax.evaluate import best, metrics

    flags = _make_flags(run.config)
    num_rows = batches.count_training_rows(len(run.store), run.config.held_out)
    make_ruler = metrics.find(flags).make_ruler
    assert make_ruler is not None  # the flags are checked
    with contextlib.ExitStack() as held:
        held.enter_context(best.alone(run.workdir))
        ruler = make_ruler(flags, run.config, run.store, num_rows)
        keeper = best.BestKeeper(run.workdir, run.config, ruler, ema=flags.ema)
        return Follower(run, keeper, held.pop_all())
    raise AssertionError  # ExitStack swallows no error


def _make_flags(config: TrainConfig) -> EvaluateConfig:
    """Return the flags of `evaluate --every` that would measure the same."""
    return EvaluateConfig(
        run=str(run_dir.workdir_of(config)),
        metric=config.follow_metric or "",
        num_samples=config.follow_num_samples,
        extractor=config.follow_extractor,
        inception_weights=config.follow_inception_weights,
        every=config.follow_every,
        ema=config.ema_decay is not None,
    )
