"""fid, kid, is and prc: any of them together, on the same features."""

from dcgan_jax.config import TrainConfig
from dcgan_jax.evaluate import quality
from dcgan_jax.evaluate.candidate import require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric


def _check(config: EvaluateConfig, trained: TrainConfig) -> None:
    require_pixels(config, trained)
    quality.check(config, trained)


def _list_splits(config: EvaluateConfig) -> tuple[str, ...]:
    return () if config.reference_split is None else (config.reference_split,)


METRIC = Metric(
    run=quality.run,
    check=_check,
    list_splits=_list_splits,
    num_samples=50_000,  # Heusel et al. 2017 (FID)
    least_images=quality.LEAST_IMAGES,
    most_samples=1_000_000,  # their features are held in memory
)
