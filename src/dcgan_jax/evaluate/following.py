"""Follow a run while it trains: measure its checkpoints, keep the best and the final.

A GAN's quality rises, wavers and may fall. Published numbers are of the best checkpoint
or of the last, and the two can be far apart.
"""

import datetime
import hashlib
import json
import logging
import math
import re
import time
from pathlib import Path
from typing import Any

from dcgan_jax import config as configs
from dcgan_jax.config import OPERATIONAL_FIELDS, TrainConfig
from dcgan_jax.data import batches
from dcgan_jax.evaluate import candidate as candidates, metrics
from dcgan_jax.evaluate.candidate import Measured
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Ruler
from dcgan_jax.runs import (
    checkpoints,
    folder as run_dir,
    load as loading,
    safetensors_file,
)
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.runs.quality_log import PRIMARY, QualityLog, Row
from dcgan_jax.system import disk, errors, result_file

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
    workdir = Path(config.run)
    with disk.try_exclusive(workdir / ".quality.lock") as alone:
        if not alone:
            raise errors.InputError(
                f"another process measures {workdir}; wait until it has ended."
            )
        trained = candidates.read_candidate_config(config)
        train, num_rows = candidates.open_train(config, trained)
        make_ruler = metrics.find(config).make_ruler
        assert make_ruler is not None  # the flags are checked
        ruler = make_ruler(config, trained, train, num_rows)
        settings = {**ruler.settings, "run": _identify(trained)}
        if config.ema:
            settings["generator"] = "the average"
        log = QualityLog(workdir, settings)
        follower = _Follower(config, ruler, log, num_rows)
        _warn_of_gaps(config, trained)
        follower.run()
        return follower.report()


class _Follower:
    """The state of following one run.

    Args:
        config: the flags.
        ruler: what the generators are measured by.
        log: the rows so far.
        num_rows: the number of images that the run is trained on.
    """

    def __init__(
        self,
        config: EvaluateConfig,
        ruler: Ruler,
        log: QualityLog,
        num_rows: int,
    ) -> None:
        self._workdir = Path(config.run)
        self._every, self._wait = config.every or 1, config.wait
        self._ema = config.ema
        self._ruler, self._log = ruler, log
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
        best = {name: self._log.find_best(name) for name in self._primary(rows[-1])}
        lines = [_tell(row) for row in rows]
        for name, row in best.items():
            value = row["numbers"][name]
            file = self._name_file(f"best_{_plain(name)}")
            lines.append(f"best  {name} {value:.4f} at step {row['step']} ({file})")
        for name in best:
            value = rows[-1]["numbers"][name]
            lines.append(f"final {name} {value:.4f} at step {rows[-1]['step']}")
        protocol = self._ruler.protocol
        lines += [f"commit {result_file.find_commit()}", protocol]
        lines += self._ruler.remarks
        numbers = {
            "best": {
                name: {"value": row["numbers"][name], "step": row["step"]}
                for name, row in best.items()
            },
            "final": {**rows[-1]["numbers"], "step": rows[-1]["step"]},
            "steps": {str(row["step"]): row["numbers"] for row in rows},
            "settings": self._log.settings,
        }
        return Measured(protocol, numbers, "\n".join(lines))

    def _take(self, step: int, *, is_final: bool) -> None:
        self._seen.add(step)
        loaded = self._load(step)
        if loaded is None:
            return
        row = self._log.find(step, loaded.digests)
        if row is None:
            row = {
                "step": step,
                "numbers": self._ruler.measure(loaded),
                "generator": loaded.digest,
                "settings": self._log.settings,
                "commit": result_file.find_commit(),
                "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            }
            self._keep_best(row, loaded)
            self._log.add(row)
            _LOG.info("%s", _tell(row))
        self._rows[step] = row
        if is_final:
            self._export("final", loaded, step)

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

    def _keep_best(self, row: Row, loaded: LoadedGenerator) -> None:
        # This is done before the row is written, which promises that the file is there.
        for name in self._primary(row):
            if self._log.is_best(name, row["numbers"][name]):
                self._export(f"best_{_plain(name)}", loaded, row["step"])

    def _export(self, name: str, loaded: LoadedGenerator, step: int) -> None:
        path = self._workdir / self._name_file(name)
        safetensors_file.save_network(path, loaded.variables, loaded.config, step=step)

    def _name_file(self, name: str) -> str:
        return f"{'ema_' * self._ema}{name}.safetensors"

    def _primary(self, row: Row) -> list[str]:
        return [name for name in row["numbers"] if name.partition("[")[0] in PRIMARY]


def _identify(trained: TrainConfig) -> str:
    """Return a digest of all settings that a run learns by.

    It tells the run's rows from those of another run that its folder held before.
    """
    values = configs.to_json(trained).items()
    kept = {name: value for name, value in values if name not in OPERATIONAL_FIELDS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


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


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")


def _tell(row: dict[str, Any]) -> str:
    numbers = "  ".join(f"{name} {value:.4f}" for name, value in row["numbers"].items())
    return f"step {row['step']:>8}  {numbers}"
