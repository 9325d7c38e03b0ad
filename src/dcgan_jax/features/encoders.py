"""Images → vectors for the linear classifier, by a discriminator or its rivals."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.data.store import Store
from dcgan_jax.features.config import FeaturesConfig, find_weights
from dcgan_jax.features.feature_file import Identity
from dcgan_jax.system import errors

# The number of images from which K-means draws its patches.
_PATCH_IMAGES = 50_000


class Encoder(NamedTuple):
    """A function that turns images into vectors, and what is said of it.

    Attributes:
        name: what results call it.
        encode: uint8 (n, H, W, C) → float32 (n, num_features).
        num_features: the length of a vector.
        identity: what the vectors depend on besides the images.
        standardise: whether vectors are brought to mean 0 and variance 1 over the
            training images.
    """

    name: str
    encode: Callable[[np.ndarray], np.ndarray]
    num_features: int
    identity: Identity
    standardise: bool = False


def open_encoder(config: FeaturesConfig, train: Store) -> Encoder:
    """Make the encoder of a method, fitted to the training images.

    Raises:
        InputError: if the weights cannot be used.
    """
    if config.method == "pixels":
        return _make_pixels(train)
    if config.method == "kmeans":
        return _make_kmeans(config, train)
    return _make_discriminator(config, train)


def _make_discriminator(config: FeaturesConfig, train: Store) -> Encoder:
    from dcgan_jax.features import extract
    from dcgan_jax.runs import load as loading

    found = find_weights(config)
    assert found is not None  # this method needs some
    loaded = loading.load_discriminator(
        found,
        weights_dir=config.weights_dir,
        step=config.step,
        num_layers=config.num_layers,
        seed=config.seed,
    )
    num_features = extract.count_features(loaded)
    running = config.batch_statistics == "running"
    if running and loaded.batch_stats is None:
        raise errors.InputError(
            f"{loaded.name} comes without running batch statistics; leave"
            " --batch_statistics=reestimated"
        )

    # It is compiled when the first image is encoded, since all may have been before.
    @functools.cache
    def compile_encoder() -> extract.Encode:
        stats = loaded.batch_stats
        if not running:
            read = extract.make_reader(train)
            stats = extract.estimate_statistics(loaded, read, num_images=len(train))
        return extract.make_encoder(loaded, stats)

    def encode(images: np.ndarray) -> np.ndarray:
        return compile_encoder()(images)

    over = "running" if running else f"re-estimated over {train.fingerprint}"
    return Encoder(
        loaded.name,
        encode,
        num_features,
        {
            "method": "discriminator",
            "weights": loaded.digest,
            "batch_statistics": over,
        },
    )


def _make_pixels(train: Store) -> Encoder:
    def encode(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / 127.5 - 1.0

    num_features = int(np.prod(train.image_shape))
    return Encoder("raw pixels", encode, num_features, {"method": "pixels"})


def _make_kmeans(config: FeaturesConfig, train: Store) -> Encoder:
    from dcgan_jax.features import extract, kmeans

    @functools.cache  # as above
    def compile_encoder() -> Callable[[np.ndarray], Any]:
        images = train.rows(np.arange(min(len(train), _PATCH_IMAGES))).images
        codebook = kmeans.learn(
            images,
            num_centroids=config.num_centroids,
            num_patches=kmeans.NUM_PATCHES,
            patch_size=kmeans.PATCH_SIZE,
            first="normal",
            seed=config.seed,
        )
        return kmeans.make_centroid_encoder(codebook)

    return Encoder(
        f"K-means, {config.num_centroids} centroids",
        lambda images: extract.in_batches(compile_encoder(), images),
        4 * config.num_centroids,
        {
            "method": "kmeans",
            "num_centroids": config.num_centroids,
            "first_centroids": "normal",
            "patches": f"{kmeans.NUM_PATCHES} of {train.fingerprint}",
            "seed": config.seed,
        },
        standardise=True,
    )
