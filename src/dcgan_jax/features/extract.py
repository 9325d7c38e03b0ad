"""Images → the discriminator's features: pooled activations of every convolution.

Source: §5.1; svhn/svhn_semisup_analysis.py:87-116.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.data.store import Store
from dcgan_jax.models import batch_statistics, pixels
from dcgan_jax.models.dcgan import Discriminator
from dcgan_jax.runs.load import LoadedDiscriminator
from dcgan_jax.system import backend

Array = jax.Array
# (first, count) → uint8 (count, height, width, channels).
Read = Callable[[int, int], np.ndarray]
Encode = Callable[[np.ndarray], np.ndarray]
NUM_CELLS = 4  # §5.1: "a 4 × 4 spatial grid"
BATCH = 128  # authors' batch size


def estimate_statistics(
    loaded: LoadedDiscriminator, read: Read, *, num_images: int
) -> Any:
    """Re-estimate the batch statistics over images, as the authors do over all.

    Args:
        loaded: the discriminator.
        read: reads the training images.
        num_images: the number of first images that are taken; a last partial batch is
            left out.

    Returns:
        The network's `batch_stats`; those that it has already if it has no batch norm.

    Source: svhn/svhn_semisup_analysis.py:50-85.
    """
    network = find_network(loaded)
    if not network.has_batch_norm(len(network.convolutions) - 1):
        return loaded.batch_stats or {}
    size = min(BATCH, num_images)
    whole = num_images - num_images % size

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, whole, size):
            images = jnp.asarray(read(start, size))
            yield np.asarray(pixels.scale_images(images, "tanh"))

    return batch_statistics.estimate(network, loaded.params, batches())


def make_reader(store: Store) -> Read:
    """Return the function that reads a store's images."""
    return lambda first, count: store.rows(np.arange(first, first + count)).images


def find_network(loaded: LoadedDiscriminator) -> Discriminator:
    """Return the network of a plain DCGAN.

    Raises:
        InputError: if the discriminator is of another architecture.
    """
    models.require_plain(loaded.config)
    models.require_single(loaded.config)
    assert isinstance(loaded.network, Discriminator)
    return loaded.network


def make_encoder(loaded: LoadedDiscriminator, batch_stats: Any) -> Encode:
    """Compile the features of a discriminator.

    Returns:
        A function of uint8 (n, size, size, channels) that returns float32 (n,
        `count_features`). An image's features depend on no other image.
    """
    network = models.for_inference(find_network(loaded))

    @backend.jit
    def encode(variables: dict[str, Any], images: Array) -> Array:
        _, activations = network.apply(  # type: ignore[misc]
            variables, pixels.scale_images(images, "tanh"), train=False
        )
        pooled = [pool(maps.astype(jnp.float32)) for maps in activations.values()]
        return jnp.concatenate(pooled, axis=1)

    variables = {"params": loaded.params, "batch_stats": batch_stats}
    return lambda images: in_batches(lambda part: encode(variables, part), images)


def in_batches(encode: Callable[[np.ndarray], Array], images: np.ndarray) -> np.ndarray:
    """Call a compiled function with padded batches of one size."""
    padded = np.pad(images, ((0, -len(images) % BATCH), (0, 0), (0, 0), (0, 0)))
    parts = [
        np.asarray(encode(padded[start : start + BATCH]))
        for start in range(0, len(padded), BATCH)
    ]
    return np.concatenate(parts)[: len(images)]


def pool(maps: Array) -> Array:
    """Take the maxima over a grid of 4×4 cells.

    Cell i of n rows covers floor(i·n/4) up to ceil((i+1)·n/4).

    Args:
        maps: (batch, n, n, channels).

    Returns:
        (batch, 16·channels), ordered by row, column, channel.
    """
    size = maps.shape[1]
    bounds = [
        (i * size // NUM_CELLS, -(-(i + 1) * size // NUM_CELLS))
        for i in range(NUM_CELLS)
    ]
    rows = jnp.stack([maps[:, a:b].max(1) for a, b in bounds], axis=1)
    cells = jnp.stack([rows[:, :, a:b].max(2) for a, b in bounds], axis=2)
    return cells.reshape(len(maps), -1)


def average_cells(vectors: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Average each map's maxima over the cells of the grid.

    Args:
        vectors: (n, cells·features) of all layers, each ordered by cell, then map, as
            `make_encoder` returns them.
        widths: the number of maps of each layer.

    Returns:
        float32 (n, sum of widths). Their covariance can be estimated from some
        thousands of images, since there are only as many features as maps.
    """
    cells = NUM_CELLS**2
    ends = np.cumsum([cells * width for width in widths])
    parts = np.split(vectors, ends[:-1], axis=1)
    means = [
        part.reshape(len(part), cells, width).mean(axis=1)
        for part, width in zip(parts, widths, strict=True)
    ]
    return np.concatenate(means, axis=1)


def count_features(loaded: LoadedDiscriminator) -> int:
    """Return the length of the feature vector, 28,672 for imagenet32 at full width."""
    maps = sum(layer.features for layer in find_network(loaded).convolutions)
    return NUM_CELLS**2 * maps
