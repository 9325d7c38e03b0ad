"""The labelled images that a rival learns from and is tested on, and its flags.

Without --target they are scikit-learn's 1,797 digits, which its wheel ships: 8×8 grey,
the last 360 for the test. With --target they are any data set that `dcgan features`
takes, in the size of its recipe unless --image_size says otherwise.
"""

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.features import config as configs, experiment, kmeans, protocols
from dcgan_jax.features.config import FeaturesConfig
from dcgan_jax.features.protocols import LabelledData, Split, Svm
from dcgan_jax.system import errors
from experiments import results, trained

DIGITS = "digits"
_NUM_TEST_DIGITS = 360
GRID = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # of C, ours


class Labelled(NamedTuple):
    """Labelled images in three parts.

    Attributes:
        name: the data set's, as in the names of result files.
        train: the images to learn from, in random order.
        valid: held-out ones, which settings are chosen by: 10,000, or a fifth.
        test: the images that nothing is chosen by.
        class_names: of all classes.
    """

    name: str
    train: Batch
    valid: Batch
    test: Batch
    class_names: tuple[str, ...]

    @property
    def whole_train(self) -> Batch:
        """Return the held-out images and, after them, those to learn from."""
        return join(self.valid, self.train)


class Rows:
    """Images in memory, read by rows as those of a store."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return len(self._batch.images)

    def rows(self, indices: np.ndarray, out: np.ndarray | None = None) -> Batch:
        """Gather rows; `out` is not taken."""
        assert out is None
        return take(self._batch, indices)

    def labels(self) -> np.ndarray:
        """Return the labels of all rows."""
        return labels_of(self._batch)

    def will_read(self, indices: np.ndarray) -> None:
        """Do nothing: the rows are in memory."""


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flags of `open_images`."""
    parser = results.make_parser(doc)
    add = parser.add_argument
    add("--target", default=DIGITS, help="digits, mnist, svhn, cifar10, arrays, folder")
    add("--source", type=Path, help="your own copy of it")
    add("--image_size", type=int, help="in pixels; default: the recipe's")
    add("--channels", type=int, choices=(1, 3), help="default: the recipe's")
    add("--data_dir", type=Path, default=Path("data"))
    add("--num_train", type=int, help="at most so many images to learn from")
    add("--seed", type=int, default=0)
    return parser


def open_images(flags: Namespace) -> Labelled:
    """Read the images that the flags of `make_parser` name, prepared if need be.

    Raises:
        InputError: if a class has fewer images to learn from than --labels_per_class.
    """
    name = flags.target
    if flags.source is not None:
        name = flags.source.stem.replace("-", "_")
    if flags.target == DIGITS:
        train, test, class_names = _read_digits()
    else:
        train, test, class_names = _read_stores(flags)
    order = np.random.default_rng(flags.seed).permutation(len(train.images))
    if flags.num_train is not None:
        order = order[: flags.num_train]
    shuffled = take(train, order)
    held = protocols.count_validation(len(order))
    pool, valid = protocols.split_train(Split(*shuffled), held)
    _check_counts(pool.labels, class_names, getattr(flags, "labels_per_class", None))
    return Labelled(name, Batch(*pool), Batch(*valid), test, class_names)


def take(batch: Batch, rows: np.ndarray | slice) -> Batch:
    """Return some rows of a batch."""
    return Batch(batch.images[rows], labels_of(batch)[rows])


def join(*parts: Batch) -> Batch:
    """Return the rows of several batches, one after another."""
    return Batch(
        np.concatenate([part.images for part in parts]),
        np.concatenate([labels_of(part) for part in parts]),
    )


def labels_of(batch: Batch) -> np.ndarray:
    """Return the labels of a batch that has some."""
    assert batch.labels is not None
    return batch.labels


def as_unit(images: np.ndarray) -> np.ndarray:
    """Return pixels as float32 rows in [0, 1]: (n, …) → (n, pixels)."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def score_features(
    images: Labelled, encode: Callable[[np.ndarray], np.ndarray], flags: Namespace
) -> dict[str, Any]:
    """Score features by the protocols of Table 1: all labels, and few of them.

    Args:
        images: the images; features are standardised over those to learn from.
        encode: uint8 images (n, height, width, channels) → float32 (n, features).
        flags: those of `add_scores`.

    Returns:
        Numbers of `protocols.Score` as `all_labels` and, where asked for, `few_labels`.
    """
    learnt, tested = images.whole_train, images.test
    features = [encode(part.images) for part in (learnt, tested)]
    standard = kmeans.measure_standard(features[0])
    train, test = (
        Split(kmeans.standardise(own, standard), labels_of(part))
        for own, part in zip(features, (learnt, tested), strict=True)
    )
    data = LabelledData(train, test, images.class_names)
    svm = Svm(grid=flags.C_grid)
    numbers: dict[str, Any] = {"feature_size": features[0].shape[1]}
    numbers["all_labels"] = protocols.all_labels(data, svm=svm).numbers()
    if flags.labels_per_class:
        numbers["labels_per_class"] = flags.labels_per_class
        numbers["few_labels"] = protocols.few_labels(
            data,
            labels_per_class=flags.labels_per_class,
            num_draws=flags.draws,
            seed=flags.seed,
            svm=svm,
        ).numbers()
    for name in ("all_labels", "few_labels"):
        if name in numbers:
            print(f"{name}: {100 * numbers[name]['accuracy_mean']:.2f} %", flush=True)
    return numbers


def add_scores(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `score_features`."""
    add = parser.add_argument
    add("--labels_per_class", type=int, help="of the draws; without it, all labels")
    add("--draws", type=int, default=10)
    add("--C_grid", type=float, nargs="+", default=GRID)


def describe(images: Labelled) -> str:
    """Return the numbers of images, as protocols say them."""
    return (
        f"{images.name}: {len(images.train.images):,} training images,"
        f" {len(images.valid.images):,} held out, {len(images.test.images):,} for the"
        " test"
    )


def save(rival: str, images: Labelled, flags: Namespace, **about: Any) -> None:
    """Write experiments/results/rival_RIVAL_DATA.json, as `results.save` does."""
    name = f"rival_{rival}_{images.name}"
    protocol = f"{describe(images)}; {about.pop('protocol')}"
    results.save(name, seed=flags.seed, protocol=protocol, **about)


def _check_counts(
    labels: np.ndarray, class_names: Sequence[str], wanted: int | None
) -> None:
    counts = np.bincount(labels, minlength=len(class_names))
    least = int(counts.argmin())
    if wanted is not None and counts[least] < wanted:
        raise errors.InputError(
            f"class {class_names[least]!r} has {counts[least]:,} images to learn from,"
            f" fewer than --labels_per_class={wanted}; ask for fewer labels"
        )


def _read_digits() -> tuple[Batch, Batch, tuple[str, ...]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255.0 / 16.0)).astype(np.uint8)[..., None]
    everything = Batch(images, digits.target.astype(np.int32))
    names: Sequence[str] = [str(name) for name in digits.target_names]
    return (
        take(everything, slice(None, -_NUM_TEST_DIGITS)),
        take(everything, slice(-_NUM_TEST_DIGITS, None)),
        tuple(names),
    )


def _read_stores(flags: Namespace) -> tuple[Batch, Batch, tuple[str, ...]]:
    recipe = presets.PRESETS.get(flags.target)
    image_size = flags.image_size or (recipe.image_size if recipe else 32)
    channels = flags.channels or (recipe.channels if recipe else 3)
    config = FeaturesConfig(
        target=flags.target,
        source=flags.source,
        data_dir=flags.data_dir,
        method="pixels",
        image_size=image_size,
        channels=channels,
    )
    configs.check(config)
    trained.require(experiment.prepare(config))
    train, test = experiment.open_stores(config)
    assert train.class_names is not None  # checked
    return (
        train.rows(np.arange(len(train))),
        test.rows(np.arange(len(test))),
        train.class_names,
    )
