"""Log-likelihood of test images under Parzen windows around samples."""

import logging
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import candidate as candidates, parzen
from dcgan_jax.evaluate.candidate import Candidate, Measured, require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric, Ruler, find_num_samples
from dcgan_jax.evaluate.parzen import Likelihood
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import memory

_LOG = logging.getLogger(__name__)

_TABLE_1_2014 = "Goodfellow et al. 2014, Table 1: MNIST 225 ± 2, TFD 2057 ± 26"


class Parts(NamedTuple):
    """Real images that a density is chosen and measured by, (n, pixels) in [0, 1]."""

    valid: np.ndarray
    test: np.ndarray


def open_parts(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> Parts:
    """Read the held-out images that choose the width, and the test images."""
    test = candidates.open_split(config, trained, config.test_split)
    valid = np.arange(num_rows, len(train))[: parzen.NUM_VALIDATION]
    if len(valid) == 0:
        _LOG.warning(
            "the run held no images out: sigma is chosen on images that it has seen"
        )
        valid = np.arange(min(parzen.NUM_VALIDATION, num_rows))
    return Parts(
        as_unit(train.rows(valid).images),
        as_unit(test.rows(np.arange(len(test))).images),
    )


def estimate_density(
    config: EvaluateConfig, samples: np.ndarray, parts: Parts
) -> Likelihood:
    """Measure the density around uint8 samples (n, height, width, channels)."""
    sigmas = config.sigmas or parzen.SIGMAS
    outcome = parzen.estimate_likelihood(
        as_unit(samples), valid=parts.valid, test=parts.test, sigmas=sigmas
    )
    if outcome.at_edge:
        _LOG.warning(
            "sigma %.4g is at the edge of the grid %.4g … %.4g: widen --sigmas",
            outcome.sigma,
            min(sigmas),
            max(sigmas),
        )
    return outcome


def _run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    loaded, train, num_rows = candidate
    parts = open_parts(config, loaded.config, train, num_rows)
    outcome = estimate_density(config, _draw(config, loaded), parts)
    protocol = _describe(config, parts)
    return Measured(protocol, list_numbers(outcome), _text(outcome))


def _make_ruler(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> Ruler:
    parts = open_parts(config, trained, train, num_rows)

    def measure(loaded: LoadedGenerator) -> dict[str, float]:
        outcome = estimate_density(config, _draw(config, loaded), parts)
        return {
            "validation_log_likelihood": outcome.validation[outcome.sigma],
            "log_likelihood": outcome.log_likelihood,
            "standard_error": outcome.standard_error,
            "sigma": outcome.sigma,
        }

    settings = {
        "metric": "parzen",
        "num_samples": find_num_samples(config),
        "seed": config.seed,
        "sigmas": list(config.sigmas or parzen.SIGMAS),
        "images": train.fingerprint,
        "test_split": config.test_split,
    }
    return Ruler(settings, measure, _describe(config, parts), [_TABLE_1_2014])


def _draw(config: EvaluateConfig, loaded: LoadedGenerator) -> np.ndarray:
    return SampleStream(loaded, config.seed).images(find_num_samples(config))


def _describe(config: EvaluateConfig, parts: Parts) -> str:
    return (
        f"Gaussian windows around {find_num_samples(config):,} samples, pixels in"
        f" [0, 1]; sigma of {len(config.sigmas or parzen.SIGMAS)} by the likelihood of"
        f" {len(parts.valid):,} validation images; mean over {len(parts.test):,} test"
        " images in nats and its standard error"
    )


def list_numbers(outcome: Likelihood) -> dict[str, Any]:
    """Return the numbers of a result file."""
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


def as_unit(images: np.ndarray) -> np.ndarray:
    """Return pixels in [0, 1]: uint8 (n, …) → (n, pixels)."""
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
    make_ruler=_make_ruler,
)
