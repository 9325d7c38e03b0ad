"""The way from a labelled data set to a score: stores → vectors → protocol → result."""

import functools
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import ready, store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.features import encoders, feature_file, kmeans, protocols, rivals, tables
from dcgan_jax.features.config import (
    FeaturesConfig,
    find_draws,
    find_labels_per_class,
    find_weights,
)
from dcgan_jax.features.encoders import Encoder
from dcgan_jax.features.feature_file import Shape
from dcgan_jax.features.protocols import LabelledData, Score, Split, Svm
from dcgan_jax.system import errors, result_file

# Pixels and K-means features have other scales than a discriminator's.
_WIDE_GRID = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


class FeatureResult(NamedTuple):
    """A result: the method's name, the protocol and the numbers."""

    name: str
    protocol: str
    numbers: dict[str, Any]


def prepare(config: FeaturesConfig) -> int:
    """Make sure that the stores of both splits are there; return an exit code."""
    return ready.make_all_ready(_data_configs(config))


def run(config: FeaturesConfig, *, command: str) -> str:
    """Score a data set as the flags describe, and write the result if asked to.

    Args:
        config: the flags.
        command: the command line that gave them, for the result.

    Returns:
        A table of the result beside the paper's rows.

    Raises:
        InputError: if the data or the weights cannot be used.
    """
    name, protocol, numbers = measure(config)
    shown = tables.show(config.target, name, numbers)
    if config.out is not None:
        with result_file.kept_by_printing(shown):
            result_file.save(
                config.out,
                what=f"classification of {config.target}: {name}",
                command=command,
                seed=config.seed,
                protocol=protocol,
                numbers=numbers,
            )
    return shown


def measure(config: FeaturesConfig) -> FeatureResult:
    """Score a data set whose stores are prepared; see `run`."""
    train, test = open_stores(config)
    protocol = describe_protocol(config, len(train), len(test))
    if config.method == "neighbours":
        numbers = rivals.measure_neighbours(config, train, test)
        return FeatureResult("nearest neighbours on pixels", protocol, numbers)
    if config.method == "supervised":
        name = f"supervised network, architecture of {find_weights(config)}"
        return FeatureResult(name, protocol, rivals.search_supervised(config, train))
    name, data = load_vectors(config)
    numbers = {
        "feature_size": data.train.features.shape[1],
        **_score(config, data).numbers(),
    }
    return FeatureResult(name, protocol, numbers)


def describe_protocol(config: FeaturesConfig, num_train: int, num_test: int) -> str:
    """Describe in a line how a score is taken."""
    labels = find_labels_per_class(config)
    how = {
        "discriminator": "activations of every convolution after LeakyReLU, max-pooled"
        f" to 4×4 and concatenated, {config.batch_statistics} batch statistics; linear"
        " L2-SVM",
        "pixels": "pixels in [-1, 1]; linear L2-SVM",
        "kmeans": "1-layer K-means of Coates & Ng 2011, standardised; linear L2-SVM",
        "neighbours": "Euclidean nearest neighbours on pixels",
        "supervised": f"random search over {config.num_trials} trials of"
        f" {config.num_epochs} epochs",
    }[config.method]
    held_out = protocols.count_validation(num_train)
    chosen = "C given" if config.C else f"settings by {held_out:,} held-out of these"
    drawn = "all labels" if labels is None else f"{labels} labels a class at random"
    if labels is not None and config.method in ("discriminator", "pixels", "kmeans"):
        drawn += f", {find_draws(config)} draws (deviations are over draws)"
    return (
        f"{how}; {num_train:,} training images, {chosen}; {drawn}; {num_test:,} test"
        " images; accuracies and errors from 0 to 1"
    )


def _score(config: FeaturesConfig, data: LabelledData) -> Score:
    own_grid = protocols.C_GRID if config.method == "discriminator" else _WIDE_GRID
    svm = Svm(config.C, config.C_grid or own_grid, config.classifier)
    labels_per_class = find_labels_per_class(config)
    if labels_per_class is None:
        return protocols.all_labels(data, svm=svm)
    return protocols.few_labels(
        data,
        labels_per_class=labels_per_class,
        num_draws=find_draws(config),
        seed=config.seed,
        svm=svm,
    )


def load_vectors(config: FeaturesConfig) -> tuple[str, LabelledData]:
    """Return the encoder's name and the vectors of both splits, mapped from files.

    Raises:
        InputError: if the data or the weights cannot be used.
    """
    train, test = open_stores(config)
    encoder = encoders.open_encoder(config, train)

    def encode(store: Store, start: int, stop: int) -> np.ndarray:
        return encoder.encode(store.rows(np.arange(start, stop)).images)

    def standardise(part: np.ndarray, start: int, stop: int) -> np.ndarray:
        return kmeans.standardise(part[start:stop], standard)

    features = _make_file(config, encoder, train, functools.partial(encode, train))
    protocols.check_features(features, encoder.name)
    tested = _make_file(config, encoder, test, functools.partial(encode, test))
    if encoder.standardise:
        standard = kmeans.measure_standard(features)
        features, tested = (
            _make_file(
                config, encoder, store, functools.partial(standardise, part),
                standardised=f"by {train.fingerprint}",
            )
            for part, store in ((features, train), (tested, test))
        )  # fmt: skip
    assert train.class_names is not None  # checked
    return encoder.name, LabelledData(
        Split(features, _labels(train)), Split(tested, _labels(test)), train.class_names
    )


def _make_file(
    config: FeaturesConfig,
    encoder: Encoder,
    store: Store,
    produce: feature_file.Produce,
    **more: str,
) -> np.ndarray:
    """Make the file of a store's vectors, or find it; `more` adds to its identity."""
    shape = Shape(len(store), encoder.num_features, config.feature_dtype)
    identity = {"images": store.fingerprint, **encoder.identity, **more}
    folder = feature_file.find_folder(config.data_dir, identity, config.feature_dtype)
    return feature_file.make(folder, produce, shape, identity=identity)


def open_stores(config: FeaturesConfig) -> tuple[Store, Store]:
    """Open both splits, whose images must have the same classes."""
    train, test = (
        stores.open_store(stores.store_path(data)) for data in _data_configs(config)
    )
    for split, store in ((config.split, train), (config.test_split, test)):
        if not store.labelled:
            raise errors.InputError(
                f"{config.target} ({split}) has no labels; expected class sub-folders,"
                " an array of labels, or a data set that has them"
            )
    if train.class_names != test.class_names:
        raise errors.InputError(
            f"the classes of {config.split} are {train.class_names}, those of"
            f" {config.test_split} {test.class_names}; expected the same"
        )
    return train, test


def _labels(store: Store) -> np.ndarray:
    labels = store.labels()
    assert labels is not None  # checked
    return labels


def _data_configs(config: FeaturesConfig) -> list[DataConfig]:
    """Return the configs of both splits, in the form that the network takes."""
    from dcgan_jax.runs import load as loading

    found = find_weights(config)
    form = config if found is None else loading.find_config(found)
    return [
        DataConfig(
            dataset=config.target,
            source=config.source,
            split=split,
            image_size=form.image_size,
            channels=form.channels,
            upscale=config.upscale,
            data_dir=config.data_dir,
            num_workers=config.num_workers,
        )
        for split in (config.split, config.test_split)
    ]
