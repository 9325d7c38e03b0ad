"""The settings of an evaluation."""

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dcgan_jax import errors

Metric = Literal["nearest_neighbour", "parzen", "memorisation"]

# Samples where none are asked for: Table 3's first column; parzen_ll.py; a picture.
NUM_SAMPLES: dict[Metric, int] = {
    "nearest_neighbour": 50_000, "parzen": 10_000, "memorisation": 50,
}  # fmt: skip
# The most: counted in int32; held in memory; seen in one picture.
MAX_SAMPLES: dict[Metric, int] = {
    "nearest_neighbour": 2**31 - 1, "parzen": 100_000, "memorisation": 10_000,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Measure how good a generator is."""

    run: Annotated[str, tyro.conf.Positional]
    """A run's folder, or an exported .safetensors file."""
    metric: Metric
    """nearest_neighbour: test error of 1-NN on labelled samples (Table 3); parzen:
    log-likelihood of test images under windows around samples (Goodfellow et al. 2014);
    memorisation: the nearest training image of each sample."""
    num_samples: int | None = None
    """Images to generate. None: 50,000, for parzen 10,000, for memorisation 50."""
    seed: int = 0
    """Of the samples."""
    step: int | None = None
    """The checkpoint's step; None: the newest."""
    data_dir: Path | None = None
    """Folder of the prepared stores; None: the run's."""
    source: Path | None = None
    """The user's own images; None: the run's."""
    test_split: str = "test"
    """The part to test on; memorisation takes none."""
    sigmas: tuple[float, ...] | None = None
    """Widths of the windows to choose from, of pixels in [0, 1]; None: ten from 0.1 to
    1."""
    out: Path | None = None
    """Write the result as JSON."""


def check(config: EvaluateConfig) -> None:
    """Raise an error at once for flags that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    number, most = find_num_samples(config), MAX_SAMPLES[config.metric]
    if not 1 <= number <= most:
        raise errors.InputError(
            f"--num_samples={number}, expected 1 to {most:,}, the most that"
            f" --metric={config.metric} can take."
        )
    for sigma in config.sigmas or ():
        if not (sigma > 0 and math.isfinite(sigma)):
            raise errors.InputError(f"--sigmas has {sigma}; each must be above 0.")
    if config.out is not None and config.out.suffix != ".json":
        raise errors.InputError(f"--out={config.out} must end in .json.")


def find_num_samples(config: EvaluateConfig) -> int:
    """Return the number of samples that is meant."""
    if config.num_samples is None:
        return NUM_SAMPLES[config.metric]
    return config.num_samples
