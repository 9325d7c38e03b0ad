"""The settings of a classification by features, and what they default to."""

import dataclasses
from pathlib import Path
from typing import Literal

from dcgan_jax import presets
from dcgan_jax.config import Channels, ImageSize
from dcgan_jax.system import errors

DEFAULT_WEIGHTS = {"svhn": "authors_svhn", "cifar10": "authors_imagenet"}
# Presets of the networks above, for the same with random filters.
_PRESETS = {"authors_svhn": "svhn", "authors_imagenet": "imagenet32"}
_SVHN_LABELS = 100  # §5.2: 1000 labels, ten classes
_SVHN_DRAWS, _DEFAULT_DRAWS = 100, 10  # svhn/svhn_semisup_analysis.py:157
Method = Literal["discriminator", "pixels", "kmeans", "neighbours", "supervised"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    """Train a linear classifier on a discriminator's features, as §5 of the paper."""

    target: str
    """The labelled data set: svhn, cifar10, mnist, …, folder, arrays, tfds:NAME."""
    source: Path | None = None
    """The user's own copy, as for training; folders train/ and test/ are its splits."""
    split: str = "train"
    """The part to learn from."""
    test_split: str = "test"
    """The part to test on."""
    upscale: bool = False
    """Enlarge images that are smaller than the network's."""
    data_dir: Path = Path("data")
    """Folder of the prepared stores, downloads and features."""
    num_workers: int = 0
    """Decoding processes while preparing; 0 takes one per CPU core."""

    method: Method = "discriminator"
    """What makes the vectors: a discriminator, the pixels themselves, K-means on
    patches (Coates & Ng 2011); or a whole classifier to compare with: nearest
    neighbours on pixels, a supervised network of the discriminator's architecture."""
    weights: str | None = None
    """The discriminator: a run's folder, authors_svhn, authors_imagenet, random (the
    untrained network), or random:WHICH with a preset's name or a run's folder. None:
    authors_svhn for svhn, authors_imagenet for cifar10."""
    weights_dir: Path | None = None
    """Folder of the authors' released parameters; None: a cache, into which they are
    downloaded."""
    step: int | None = None
    """Step of a run's checkpoint; None: the newest."""
    num_layers: int | None = None
    """Use the first convolutions alone; None: all."""
    batch_statistics: Literal["reestimated", "running"] = "reestimated"
    """Of the discriminator: re-estimated over the training images, as the authors do,
    or the running ones of the run."""
    feature_dtype: Literal["float32", "float16"] = "float32"
    """Numbers in the file of features."""
    image_size: ImageSize = 32
    """Side of the images of methods without a discriminator, pixels."""
    channels: Channels = 3
    """Of the images of methods without a discriminator."""
    num_centroids: int = 1600
    """Of K-means; the paper's row has 4800."""
    num_trials: int = 64
    """Of the supervised network's random search."""
    num_epochs: int = 100
    """Of each trial."""
    trials_dir: Path | None = None
    """Folder of the trials, which several processes may share; None: under data_dir."""

    labels_per_class: int | Literal["all"] | None = None
    """Labelled images of every class in a draw, or all there are. None: 100 for svhn,
    else all."""
    draws: int | None = None
    """Draws of the labels for the test. None: 100 for svhn, else 10."""
    C: float | None = None
    """Cost of the linear SVM; None chooses it on held-out training images."""
    C_grid: tuple[float, ...] | None = None
    """To choose C from; None: the authors' for a discriminator, a wider one else."""
    classifier: Literal["auto", "linear_svc", "linear_svm"] = "auto"
    """scikit-learn's solver, this project's for the same objective, or the faster."""
    seed: int = 0
    """Of draws, random weights, patches and trials."""
    out: Path | None = None
    """Write the result as JSON."""


def check(config: FeaturesConfig) -> None:
    """Raise an error at once for flags that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    if not config.target.startswith("tfds:"):
        presets.check_name("target", config.target, list(presets.PRESETS))
    for name in ("draws", "num_centroids", "num_trials", "num_epochs", "num_layers"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise errors.InputError(f"--{name}={value}; it must be at least 1.")
    labels = config.labels_per_class
    if isinstance(labels, int) and labels < 1:
        raise errors.InputError(f"--labels_per_class={labels}; it must be at least 1.")
    for cost in (*(config.C_grid or ()), *([] if config.C is None else [config.C])):
        if not 0 < cost < float("inf"):
            raise errors.InputError(f"C is {cost}; it must be above 0.")
    if config.out is not None and config.out.suffix != ".json":
        raise errors.InputError(f"--out={config.out} must end in .json.")
    find_weights(config)


def find_weights(config: FeaturesConfig) -> str | None:
    """Return the discriminator that is meant; None where the method needs none.

    Raises:
        InputError: if none is given for a target that has no default.
    """
    if config.method not in ("discriminator", "supervised"):
        return None
    default = DEFAULT_WEIGHTS.get(config.target)
    if config.weights == "random":
        return f"random:{_PRESETS[default or 'authors_svhn']}"
    if config.weights is None and default is None:
        raise errors.InputError(
            f"--target={config.target} has no discriminator of its own; give --weights:"
            " a run's folder, authors_svhn, authors_imagenet or random"
        )
    return config.weights or default


def find_labels_per_class(config: FeaturesConfig) -> int | None:
    """Return the size of a draw for each class; None for all labels."""
    if config.labels_per_class == "all":
        return None
    return config.labels_per_class or (
        _SVHN_LABELS if config.target == "svhn" else None
    )


def find_draws(config: FeaturesConfig) -> int:
    """Return the number of draws for the test."""
    return config.draws or (_SVHN_DRAWS if config.target == "svhn" else _DEFAULT_DRAWS)
