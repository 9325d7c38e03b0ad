"""fid, kid, is and prc: any of them together, on the same features."""

import functools

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import quality
from dcgan_jax.evaluate.candidate import require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric, Ruler


def _check(config: EvaluateConfig, trained: TrainConfig) -> None:
    require_pixels(config, trained)
    quality.check(config, trained)


def _list_splits(config: EvaluateConfig) -> tuple[str, ...]:
    return () if config.reference_split is None else (config.reference_split,)


def _make_ruler(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> Ruler:
    yardstick = quality.make_yardstick(config, trained, train, num_rows)
    return Ruler(
        yardstick.settings,
        functools.partial(quality.measure_generator, yardstick),
        quality.describe_quality(yardstick),
        quality.list_remarks(yardstick),
    )


METRIC = Metric(
    run=quality.run,
    check=_check,
    list_splits=_list_splits,
    num_samples=50_000,  # Heusel et al. 2017 (FID)
    least_images=quality.LEAST_IMAGES,
    most_samples=1_000_000,  # their features are held in memory
    make_ruler=_make_ruler,
)
