"""Latents → uint8 images, in padded batches of one size, so that no image has mates.

With stored statistics an image depends on its latent alone; the fixed batch makes that
exact, since one compiled program computes every image.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import backend, models

Array = jax.Array
DrawLatents = Callable[[Array, int], Array]
BLOCK = 64


def draw_latents(draw: DrawLatents, key: Array, count: int) -> np.ndarray:
    """Draw latents whose first n are the same however many are drawn.

    Args:
        draw: (key, n) → (n, latent_size).
        key: a random key.
        count: number of latents.

    Returns:
        (count, latent_size) float32.
    """
    blocks = [
        np.asarray(draw(jax.random.fold_in(key, block), BLOCK))
        for block in range(-(-count // BLOCK))
    ]
    return np.concatenate(blocks)[:count]


def make_sampler(
    generator: nn.Module,
) -> Callable[[dict[str, Any], np.ndarray], np.ndarray]:
    """Compile a generator that normalises by its stored statistics.

    Returns:
        `(variables, latents) → images`: variables {params, batch_stats}, latents
        (count, latent_size), images uint8 (count, height, width, channels).
    """
    network = models.for_inference(generator)

    @backend.jit
    def generate(variables: dict[str, Any], latents: Array) -> Array:
        images: Array = network.apply(variables, latents, train=False)  # type: ignore[assignment]
        return to_uint8(images)

    def sample(variables: dict[str, Any], latents: np.ndarray) -> np.ndarray:
        count = len(latents)
        padded = np.pad(latents, ((0, -count % BLOCK), (0, 0)))
        blocks = [
            np.asarray(generate(variables, padded[start : start + BLOCK]))
            for start in range(0, len(padded), BLOCK)
        ]
        return np.concatenate(blocks)[:count]

    return sample


def sample_with_batch_statistics(
    generator: nn.Module, variables: dict[str, Any], latents: np.ndarray
) -> np.ndarray:
    """Generate as the authors do: normalised by the statistics of this very batch.

    An image then depends on all others of the batch.

    Args:
        generator: the network.
        variables: {params, batch_stats}.
        latents: (count, latent_size), count at least 2.

    Returns:
        uint8 (count, height, width, channels).
    """
    network = models.for_inference(generator)

    @backend.jit
    def generate(variables: dict[str, Any], latents: Array) -> Array:
        images, _ = network.apply(  # type: ignore[misc]
            variables, latents, train=True, mutable=["batch_stats"]
        )
        return to_uint8(images)

    return np.asarray(generate(variables, latents))


def to_uint8(images: Array) -> Array:
    """Map [-1, 1] to 0 … 255, rounding to the nearest grey level."""
    return jnp.clip(jnp.round((images + 1.0) * 127.5), 0, 255).astype(jnp.uint8)


def measure_diversity(images: np.ndarray) -> float:
    """Return the standard deviation over images, averaged over pixels, in grey levels.

    0 means that all images are one; a collapsed generator comes close to it.
    """
    return float(images.astype(np.float32).std(axis=0).mean())
