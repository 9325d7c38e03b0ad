"""Measure the generators of a run, log their numbers, and keep the best of them."""

import contextlib
import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcgan_jax import config as configs
from dcgan_jax.config import OPERATIONAL_FIELDS, TrainConfig
from dcgan_jax.evaluate.metrics import Ruler
from dcgan_jax.runs import quality_log, safetensors_file
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.runs.quality_log import QualityLog, Row
from dcgan_jax.system import disk, errors, result_file


class BestKeeper:
    """Measures generators of one run, one after the other.

    Rows of an earlier process stand if they are of the same generator and ruler.

    Args:
        workdir: the run's folder.
        trained: its settings.
        ruler: what the generators are measured by.
        ema: whether they are averages.
    """

    def __init__(
        self, workdir: Path, trained: TrainConfig, ruler: Ruler, *, ema: bool
    ) -> None:
        settings = {**ruler.settings, "run": _identify(trained)}
        if ema:
            settings[quality_log.GENERATOR] = quality_log.AVERAGE
        self._workdir, self._ruler = workdir, ruler
        self.log = QualityLog(workdir, settings)

    def take(self, loaded: LoadedGenerator) -> tuple[Row, bool]:
        """Measure a generator unless that is done; keep it if it is the best so far.

        Returns:
            Its row, and whether it was measured now.
        """
        row = self.log.find(loaded.step or 0, loaded.digests)
        if row is not None:
            return row, False
        row = {
            "step": loaded.step,
            "numbers": self._ruler.measure(loaded),
            "generator": loaded.digest,
            "settings": self.log.settings,
            "commit": result_file.find_commit(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }
        # Best files come before the row is written, which promises that they are there.
        self.log.forget(row["step"])
        for name in quality_log.list_primary(row):
            if self.log.is_best(name, row["numbers"][name]):
                self.export(quality_log.name_best(name, self.log.settings), loaded)
        self.log.add(row)
        return row, True

    def export(self, name: str, loaded: LoadedGenerator) -> None:
        """Write a generator into the run's folder."""
        path, step = self._workdir / name, loaded.step or 0
        safetensors_file.save_network(path, loaded.variables, loaded.config, step=step)

    def list_warnings(self, row: Row) -> list[str]:
        """Return a line for each distance that has just come to twice the best."""
        warnings = []
        for name in quality_log.list_primary(row):
            if self.log.has_doubled(name, row):
                best = self.log.find_best(name)
                warnings.append(
                    f"warning: {name} has doubled since step {best['step']}: it was"
                    f" {best['numbers'][name]:.4g} there and is"
                    f" {row['numbers'][name]:.4g} at step {row['step']};"
                    f" {quality_log.name_best(name, self.log.settings)} is of the best"
                )
        return warnings


@contextlib.contextmanager
def alone(workdir: Path) -> Iterator[None]:
    """Keep other processes from measuring a run.

    Raises:
        InputError: if one does.
    """
    with disk.try_exclusive(workdir / ".quality.lock") as is_alone:
        if not is_alone:
            raise errors.InputError(
                f"another process measures {workdir}; wait until it has ended."
            )
        yield


def _identify(trained: TrainConfig) -> str:
    """Return a digest of all settings that a run learns by.

    It tells the run's rows from those of another run that its folder held before.
    """
    values: Any = configs.to_json(trained).items()
    kept = {name: value for name, value in values if name not in OPERATIONAL_FIELDS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
