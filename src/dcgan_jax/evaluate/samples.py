"""The endless row of a generator's samples, any block of which can be drawn."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.gan import keys
from dcgan_jax.models import pixels
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import backend

Array = jax.Array

# Images that the generator draws at once.
_BATCH = 256


class Samples:
    """Samples by number: those of `dcgan_jax.sample`, labels taking turns.

    An image may differ from the one of `sample` by a grey level here and there, since a
    larger batch rounds differently.

    Args:
        loaded: the generator.
        seed: of the latents.
    """

    def __init__(self, loaded: LoadedGenerator, seed: int) -> None:
        self._variables = loaded.variables
        self._key = keys.make_key(seed, keys.Purpose.SAMPLES)
        self._num_classes = loaded.config.num_classes
        self._generate = _compile(loaded)

    def block(self, first: int, count: int) -> Array:
        """Draw uint8 (count, height, width, channels) on the device.

        Args:
            first: number of the first sample, a multiple of `sampling.BLOCK`.
            count: how many.
        """
        if first % sampling.BLOCK:
            raise ValueError(f"{first} is no multiple of {sampling.BLOCK}")
        batches = [
            self._generate(self._variables, self._key, first + start)
            for start in range(0, count, _BATCH)
        ]
        return jnp.concatenate(batches)[:count]

    def images(self, count: int) -> np.ndarray:
        """Draw the first samples, uint8 (count, height, width, channels)."""
        blocks = [
            np.asarray(self.block(start, min(_BATCH, count - start)))
            for start in range(0, count, _BATCH)
        ]
        return np.concatenate(blocks)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels of samples by their numbers; those of `labels.choose`."""
        if self._num_classes is None:
            raise ValueError("an unconditional generator's samples have no labels")
        return rows % self._num_classes


def _compile(loaded: LoadedGenerator) -> Callable[..., Array]:
    network = models.for_inference(loaded.network)
    num_classes = loaded.config.num_classes
    draw = functools.partial(_draw, loaded.draw_latents)

    def generate(variables: dict[str, Any], key: Array, first: Array) -> Array:
        rows = first + jnp.arange(_BATCH, dtype=jnp.int32)
        classes = None if num_classes is None else rows % num_classes
        images: Array = network.apply(  # type: ignore[assignment]
            variables, draw(key, first), classes, train=False
        )
        return pixels.to_uint8(images, loaded.network.pixel_range)

    compiled: Callable[..., Array] = backend.jit(generate)
    return compiled


def _draw(draw: models.DrawLatents, key: Array, first: Array) -> Array:
    """Draw the latents that `sampling.draw_latents` gives these samples."""
    blocks = first // sampling.BLOCK + jnp.arange(_BATCH // sampling.BLOCK)
    latents = [
        draw(jax.random.fold_in(key, block), sampling.BLOCK)
        for block in blocks.astype(jnp.uint32)
    ]
    return jnp.concatenate(latents)
