"""The settings of a classification by features, and what they default to."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from dcgan_jax import cli, presets
from dcgan_jax.config import WORKERS, Channels, ImageSize
from dcgan_jax.system import errors
from dcgan_jax.system.marks import COUNT, Bounds

DEFAULT_WEIGHTS = {"svhn": "authors_svhn", "cifar10": "authors_imagenet"}
# The presets of these networks, which have the same layers with random filters.
_PRESETS = {"authors_svhn": "svhn", "authors_imagenet": "imagenet32"}
MAX_CENTROIDS = 400_000  # the number of patches of K-means, kmeans_demo.m
_SVHN_LABELS = 100  # §5.2: 1000 labels, ten classes
_SVHN_DRAWS, _DEFAULT_DRAWS = 100, 10  # svhn/svhn_semisup_analysis.py:157
Method = Literal["discriminator", "pixels", "kmeans", "neighbours", "supervised"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetFlags:
    """Data: the labelled images."""

    target: str
    """The labelled data set: svhn, cifar10, mnist and so on, or folder, arrays,
    tfds:NAME."""
    source: Path | None = None
    """Your own copy of the data, as for training; folders train/ and test/ are its
    splits."""
    split: str = "train"
    """The part to learn from."""
    test_split: str = "test"
    """The part to test on."""
    upscale: bool = False
    """Images that are smaller than the network's are enlarged."""
    data_dir: Path = Path("data")
    """The folder of the prepared stores, of downloads and of features."""
    num_workers: Annotated[int, WORKERS] = 0
    """The number of processes that decode images while preparing; 0 takes one per CPU
    core."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodFlags:
    """Vectors: what is made of an image, and by which network."""

    method: Method = "discriminator"
    """What makes the vectors: a `discriminator`, the `pixels` themselves, or `kmeans`
    on patches (Coates & Ng 2011). Two methods are whole classifiers to compare with:
    nearest `neighbours` on pixels, and a `supervised` network of the discriminator's
    architecture."""
    weights: str | None = None
    """The discriminator: a run's folder, authors_svhn, authors_imagenet, random (the
    untrained network), or random:WHICH with a preset's name or a run's folder. Without
    this flag it is authors_svhn for svhn and authors_imagenet for cifar10."""
    num_layers: Annotated[int | None, COUNT] = None
    """Only so many of the first convolutions are used. Without this flag it is all of
    them."""
    batch_statistics: Literal["reestimated", "running"] = "reestimated"
    """The discriminator's batch statistics: `reestimated` over the training images, as
    the authors do, or the `running` ones of the run."""
    feature_dtype: Literal["float32", "float16"] = "float32"
    """The kind of numbers in the file of features."""
    image_size: ImageSize = 32
    """The side of the images of methods without a discriminator, in pixels."""
    channels: Channels = 3
    """The number of colour channels of methods without a discriminator."""
    num_centroids: Annotated[int, Bounds(at_least=1, at_most=MAX_CENTROIDS)] = 1600
    """The number of centroids of K-means; the paper's row has 4800."""
    num_trials: Annotated[int, COUNT] = 64
    """The number of trials in the supervised network's random search."""
    num_epochs: Annotated[int, COUNT] = 100
    """The number of epochs of each trial."""
    trials_dir: Path | None = None
    """The folder of the trials, which several processes may share. Without this flag it
    lies in --data_dir."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitFlags:
    """Classifier: the labels that it sees, its cost and its solver."""

    labels_per_class: Annotated[int | Literal["all"] | None, COUNT] = None
    """The number of labelled images of every class in a draw, or `all` there are.
    Without this flag it is 100 for svhn, else all."""
    draws: Annotated[int | None, Bounds(at_least=1, at_most=100_000)] = None
    """The number of draws of the labels for the test. Without this flag it is 100 for
    svhn, else 10."""
    C: Annotated[float | None, Bounds(above=0)] = None
    """The cost of the linear SVM. Without this flag it is chosen on held-out training
    images."""
    C_grid: Annotated[tuple[float, ...] | None, Bounds(above=0)] = None
    """The costs to choose from. Without this flag they are the authors' for a
    discriminator, and more for other methods."""
    classifier: Literal["auto", "linear_svc", "linear_svm"] = "auto"
    """The solver: scikit-learn's `linear_svc`, this project's `linear_svm` for the same
    objective, or the faster of them."""
    seed: int = 0
    """The seed of draws, random weights, patches and trials."""
    out: Path | None = None
    """The result is written into this file, as JSON."""


# A dataclass takes the fields of its last base first.
@dataclasses.dataclass(frozen=True, kw_only=True)
class FeaturesConfig(FitFlags, cli.WeightsFlags, MethodFlags, TargetFlags):
    """Train a linear classifier on a discriminator's features, as in §5 of the paper.

    Examples:
        dcgan features --target=svhn
        dcgan features --target=mnist --weights=runs/mnist --out=mnist.json
        dcgan features --target=folder --source=photos --method=pixels
    """


def check(config: FeaturesConfig) -> None:
    """Raise an error at once for flags that make no sense.

    Raises:
        InputError: if one does not; the message says what was expected.
    """
    if not config.target.startswith("tfds:"):
        presets.check_name("target", config.target, list(presets.PRESETS))
    cli.check_suffix(config.out, "out", ".json")
    find_weights(config)


def find_weights(config: FeaturesConfig) -> str | None:
    """Return the discriminator that the flags ask for; None if the method needs none.

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
    """Return the number of labels that a draw takes of each class; None for all."""
    if config.labels_per_class == "all":
        return None
    return config.labels_per_class or (
        _SVHN_LABELS if config.target == "svhn" else None
    )


def find_draws(config: FeaturesConfig) -> int:
    """Return the number of draws for the test."""
    return config.draws or (_SVHN_DRAWS if config.target == "svhn" else _DEFAULT_DRAWS)
