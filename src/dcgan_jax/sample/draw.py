"""Latents → uint8 images, drawn in padded batches of one size.

With stored statistics an image depends on its latent and label alone. The fixed size
makes that exact, since one compiled program computes every image.
"""

from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.models import layers, pixels
from dcgan_jax.models.layers import FeatureMasks
from dcgan_jax.system import backend

Array = jax.Array
BLOCK = 64


def draw_first_latents(draw: models.DrawLatents, key: Array, count: int) -> np.ndarray:
    """Draw latents whose first n are the same however many are drawn.

    Args:
        draw: (key, n) → (n, latent_size).
        key: a random key.
        count: the number of latents.

    Returns:
        (count, latent_size) float32.
    """
    blocks = [
        np.asarray(draw_block(draw, key, block)) for block in range(-(-count // BLOCK))
    ]
    return np.concatenate(blocks)[:count]


def draw_block(draw: models.DrawLatents, key: Array, block: int | Array) -> Array:
    """Draw the latents numbered block·BLOCK … (block + 1)·BLOCK − 1."""
    return draw(jax.random.fold_in(key, block), BLOCK)


class Sampler(Protocol):
    """A compiled generator."""

    def __call__(
        self,
        variables: dict[str, Any],
        latents: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        feature_masks: FeatureMasks | None = None,
    ) -> np.ndarray:
        """Draw an image for each latent.

        Args:
            variables: {params, batch_stats}.
            latents: (count, latent_size).
            labels: (count,) int32, which a conditional generator needs.
            feature_masks: the name of a convolution → (features,) float32, 0 for a map
                to drop; only generators with `models.list_hidden_convolutions` take it.

        Returns:
            uint8 (count, height, width, channels).
        """


def make_sampler(generator: nn.Module) -> Sampler:
    """Compile a generator that normalises by its stored statistics."""
    network = models.for_inference(generator)

    @backend.jit
    def generate(
        variables: dict[str, Any],
        latents: Array,
        labels: Array | None,
        options: dict[str, Any],
    ) -> Array:
        images: Array = network.apply(  # type: ignore[assignment]
            variables, latents, labels, train=False, **options
        )
        return pixels.to_uint8(images, generator.pixel_range)

    def sample(
        variables: dict[str, Any],
        latents: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        feature_masks: FeatureMasks | None = None,
    ) -> np.ndarray:
        _check_labels(generator, labels)
        # Other networks do not know the option.
        options = {} if feature_masks is None else {"feature_masks": feature_masks}
        blocks = [
            np.asarray(
                generate(variables, *_take_block((latents, labels), start), options)
            )
            for start in range(0, len(latents), BLOCK)
        ]
        return np.concatenate(blocks)[: len(latents)]

    return sample


def make_map_reader(generator: nn.Module, layer: str) -> Callable[..., np.ndarray]:
    """Compile the reading of a hidden convolution's maps, after batch norm and ReLU.

    Args:
        generator: the network.
        layer: one of `models.list_hidden_convolutions`.

    Returns:
        (variables, latents, labels or None) → float32 (count, n, n, features), for at
        most BLOCK latents.
    """
    network = models.for_inference(generator)

    @backend.jit
    def generate(
        variables: dict[str, Any], latents: Array, labels: Array | None
    ) -> Array:
        _, state = network.apply(  # type: ignore[misc]
            variables, latents, labels, train=False, mutable=[layers.MAPS]
        )
        maps: Array = state[layers.MAPS][f"{layer}_maps"][0]
        return maps.astype(jnp.float32)

    def read(
        variables: dict[str, Any],
        latents: np.ndarray,
        labels: np.ndarray | None = None,
    ) -> np.ndarray:
        if len(latents) > BLOCK:
            raise ValueError(f"{len(latents)} latents, at most {BLOCK} at a time")
        _check_labels(generator, labels)
        block = _take_block((latents, labels), 0)
        return np.asarray(generate(variables, *block))[: len(latents)]

    return read


def sample_with_batch_statistics(
    generator: nn.Module,
    variables: dict[str, Any],
    latents: np.ndarray,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """Draw images as the authors do, normalised by the statistics of this very batch.

    An image then depends on all others of the batch.

    Args:
        generator: the network.
        variables: {params, batch_stats}.
        latents: (count, latent_size), count at least 2.
        labels: (count,) int32, which a conditional generator needs.

    Returns:
        uint8 (count, height, width, channels).
    """
    _check_labels(generator, labels)
    network = models.for_inference(generator)

    @backend.jit
    def generate(
        variables: dict[str, Any], latents: Array, labels: Array | None
    ) -> Array:
        images, _ = network.apply(  # type: ignore[misc]
            variables, latents, labels, train=True, mutable=["batch_stats"]
        )
        return pixels.to_uint8(images, generator.pixel_range)

    return np.asarray(generate(variables, latents, labels))


def _check_labels(generator: nn.Module, labels: np.ndarray | None) -> None:
    """Raise an error for labels that a conditional generator would ignore."""
    num_classes = getattr(generator, "num_classes", None)
    if num_classes is None:
        return
    if labels is None or not ((labels >= 0) & (labels < num_classes)).all():
        raise ValueError(f"labels must be given, each in 0 … {num_classes - 1}")


def measure_diversity(images: np.ndarray) -> float:
    """Return the standard deviation over images, averaged over pixels, in grey levels.

    0 means that all images are the same; a collapsed generator comes close to it.
    """
    return float(images.astype(np.float32).std(axis=0).mean())


def _take_block(rows: Any, start: int) -> Any:
    """Cut BLOCK rows out of each array; zeros fill the last block up."""

    def take(array: np.ndarray) -> np.ndarray:
        block = array[start : start + BLOCK]
        rest = [(0, BLOCK - len(block))] + [(0, 0)] * (array.ndim - 1)
        return np.pad(block, rest)

    return jax.tree.map(take, rows)
