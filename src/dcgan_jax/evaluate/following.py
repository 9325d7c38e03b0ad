"""Follow a run while it trains: measure its checkpoints, keep the best and the final.

A GAN's quality rises, wavers and may fall. Published numbers are of the best checkpoint
or of the last, and the two can be far apart.
"""

import logging
import math
import time
from pathlib import Path

from dcgan_jax.config import TrainConfig
from dcgan_jax.data import batches
from dcgan_jax.evaluate import best, candidate as candidates, metrics
from dcgan_jax.evaluate.best import BestKeeper
from dcgan_jax.evaluate.candidate import Measured
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Ruler
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading, quality_log
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.runs.quality_log import Row, list_primary
from dcgan_jax.system import errors, result_file

_LOG = logging.getLogger(__name__)

_POLL_SECONDS = 2.0


def follow(config: EvaluateConfig) -> Measured:
    """Measure a run's checkpoints as they appear, until the last step is measured.

    Rows of an earlier call stand if they are of the same generator and ruler.

    Args:
        config: the flags, with `every`; the data are prepared.

    Raises:
        InputError: if another process is measuring this run.
    """
    with best.alone(Path(config.run)):
        trained = candidates.read_candidate_config(config)
        train, num_rows = candidates.open_train(config, trained)
        make_ruler = metrics.find(config).make_ruler
        assert make_ruler is not None  # the flags are checked
        ruler = make_ruler(config, trained, train, num_rows)
        keeper = BestKeeper(Path(config.run), trained, ruler, ema=config.ema)
        follower = _Follower(config, ruler, keeper, num_rows)
        _warn_of_gaps(config, trained)
        follower.run()
        return follower.report()


class _Follower:
    """The state of following one run.

    Args:
        config: the flags.
        ruler: what the generators are measured by.
        keeper: measures the generators and has the rows so far.
        num_rows: the number of images that the run is trained on.
    """

    def __init__(
        self,
        config: EvaluateConfig,
        ruler: Ruler,
        keeper: BestKeeper,
        num_rows: int,
    ) -> None:
        self._workdir = Path(config.run)
        self._every, self._wait = config.every or 1, config.wait
        self._ema = config.ema
        self._ruler, self._keeper = ruler, keeper
        self._num_rows = num_rows
        self._seen: set[int] = set()
        self._rows: dict[int, Row] = {}

    def run(self) -> None:
        """Measure every checkpoint that is due until the last step is among them."""
        waits = False
        while True:
            listed = checkpoints.list_steps(self._workdir / run_dir.CHECKPOINTS)
            newest = listed[-1] if listed else 0
            last = self._find_last(newest)
            due = [
                step
                for step in listed
                if step not in self._seen and (step % self._every == 0 or step >= last)
            ]
            for step in due:
                self._take(step, is_final=step >= last)
            if not due and newest >= last:
                return
            if not due:
                if not waits:
                    _LOG.info("step %d of %d; waiting for more", newest, last)
                time.sleep(_POLL_SECONDS)
            waits = not due

    def _find_last(self, newest: int) -> int:
        """Return the step that the run ends at by its present settings."""
        if not self._wait:
            return newest
        return batches.count_run_steps(
            run_dir.read_config(self._workdir), self._num_rows
        )

    def report(self) -> Measured:
        """Tell the best and the final numbers, each with its step."""
        rows = [self._rows[step] for step in sorted(self._rows)]
        if not rows:
            raise errors.InputError(
                f"{self._workdir} has no checkpoint that could be measured."
            )
        log = self._keeper.log
        found = {name: log.find_best(name) for name in list_primary(rows[-1])}
        lines = [quality_log.tell_row(row) for row in rows]
        for name, row in found.items():
            value = row["numbers"][name]
            file = quality_log.name_best(name, log.settings)
            lines.append(f"best  {name} {value:.4f} at step {row['step']} ({file})")
        for name in found:
            value = rows[-1]["numbers"][name]
            lines.append(f"final {name} {value:.4f} at step {rows[-1]['step']}")
        protocol = self._ruler.protocol
        lines += [f"commit {result_file.find_commit()}", protocol]
        lines += self._ruler.remarks
        numbers = {
            "best": {
                name: {"value": row["numbers"][name], "step": row["step"]}
                for name, row in found.items()
            },
            "final": {**rows[-1]["numbers"], "step": rows[-1]["step"]},
            "steps": {str(row["step"]): row["numbers"] for row in rows},
            "settings": log.settings,
        }
        return Measured(protocol, numbers, "\n".join(lines))

    def _take(self, step: int, *, is_final: bool) -> None:
        self._seen.add(step)
        loaded = self._load(step)
        if loaded is None:
            return
        row, is_new = self._keeper.take(loaded)
        if is_new:
            _LOG.info("%s", quality_log.tell_row(row))
            for warning in self._keeper.list_warnings(row):
                _LOG.warning("%s", warning)
        self._rows[step] = row
        if is_final:
            average = quality_log.name_average(self._keeper.log.settings)
            self._keeper.export(f"{average}final.safetensors", loaded)

    def _load(self, step: int) -> LoadedGenerator | None:
        """Load a checkpoint's generator, unless training has deleted it meanwhile."""
        try:
            return loading.load_generator(str(self._workdir), step=step, ema=self._ema)
        except (OSError, ValueError) as error:
            time.sleep(_POLL_SECONDS)  # for a deletion to end
            if step in checkpoints.list_steps(self._workdir / run_dir.CHECKPOINTS):
                _LOG.warning("left out step %d: %s", step, errors.first_line(error))
            else:
                _LOG.warning(
                    "left out step %d, whose checkpoint was deleted first: train with"
                    " --keep_every_steps=%d",
                    step,
                    self._every,
                )
            return None


def _warn_of_gaps(config: EvaluateConfig, trained: TrainConfig) -> None:
    every = config.every or 1
    interval = trained.checkpoint_every_steps or trained.keep_every_steps
    if interval is None and every > 1:
        _LOG.warning(
            "--every=%d, but checkpoints come by time, seldom at a multiple of it:"
            " train with --checkpoint_every_steps=%d",
            every,
            every,
        )
    elif interval is not None and every % interval:
        _LOG.warning(
            "--every=%d, but checkpoints come every %d steps: only every %d steps there"
            " is one to measure",
            every,
            interval,
            math.lcm(every, interval),
        )
