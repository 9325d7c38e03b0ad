"""Log-likelihood of test images under Parzen windows around samples."""

import logging
from typing import Any

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.evaluate import candidate as candidates, parzen
from dcgan_jax.evaluate.candidate import Candidate, Measured, require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric, find_num_samples
from dcgan_jax.evaluate.parzen import Likelihood
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import memory

_LOG = logging.getLogger(__name__)

_TABLE_1_2014 = "Goodfellow et al. 2014, Table 1: MNIST 225 ± 2, TFD 2057 ± 26"


def _run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    loaded, train, num_rows = candidate
    test = candidates.open_split(config, loaded.config, config.test_split)
    count = find_num_samples(config)
    valid = np.arange(num_rows, len(train))[: parzen.NUM_VALIDATION]
    if len(valid) == 0:
        _LOG.warning(
            "the run held no images out: sigma is chosen on images that it has seen"
        )
        valid = np.arange(min(parzen.NUM_VALIDATION, num_rows))
    sigmas = config.sigmas or parzen.SIGMAS
    outcome = parzen.estimate_likelihood(
        _as_unit(SampleStream(loaded, config.seed).images(count)),
        valid=_as_unit(train.rows(valid).images),
        test=_as_unit(test.rows(np.arange(len(test))).images),
        sigmas=sigmas,
    )
    if outcome.at_edge:
        _LOG.warning(
            "sigma %.4g is at the edge of the grid %.4g … %.4g: widen --sigmas",
            outcome.sigma,
            min(sigmas),
            max(sigmas),
        )
    protocol = (
        f"Gaussian windows around {count:,} samples, pixels in [0, 1]; sigma of"
        f" {len(sigmas)} by the likelihood of {len(valid):,} validation images; mean"
        f" over {len(test):,} test images in nats and its standard error"
    )
    return Measured(protocol, _numbers(outcome), _text(outcome))


def _numbers(outcome: Likelihood) -> dict[str, Any]:
    return {
        "log_likelihood": outcome.log_likelihood,
        "standard_error": outcome.standard_error,
        "sigma": outcome.sigma,
        "sigma_at_edge": outcome.at_edge,
        "validation": {f"{s:.6g}": v for s, v in outcome.validation.items()},
    }


def _text(outcome: Likelihood) -> str:
    return (
        f"log-likelihood {outcome.log_likelihood:.1f} ± {outcome.standard_error:.1f}"
        f" nats, sigma {outcome.sigma:.4g}\n{_TABLE_1_2014}"
    )


def _as_unit(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)


def _check(config: EvaluateConfig, trained: TrainConfig) -> None:
    require_pixels(config, trained)
    # As bytes, and as float32.
    size = 5 * trained.image_size**2 * trained.channels
    count = find_num_samples(config)
    memory.require_memory(count * size, what=f"{count:,} samples")


METRIC = Metric(
    run=_run,
    check=_check,
    list_splits=lambda config: (config.test_split,),
    num_samples=parzen.NUM_SAMPLES,
    least_images=1,
    most_samples=100_000,  # they are held in memory
)
