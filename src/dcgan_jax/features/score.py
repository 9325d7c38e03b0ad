"""The discriminator's score of images."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.features import extract
from dcgan_jax.models import batch_statistics, pixels
from dcgan_jax.models.pixels import PixelRange
from dcgan_jax.runs.load import LoadedDiscriminator
from dcgan_jax.sample.draw import BLOCK
from dcgan_jax.system import backend

Array = jax.Array
# uint8 (count, height, width, channels), labels (count,) or None → (count,) in 0 … 1.
Scorer = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def open_scorer(loaded: LoadedDiscriminator, pixel_range: PixelRange) -> Scorer:
    """Compile D(x) of a discriminator.

    A discriminator without statistics takes those of the images at hand.
    """
    if loaded.batch_stats is not None:
        return make_scorer(
            loaded.network, loaded.params, lambda _: loaded.batch_stats, pixel_range
        )
    network = extract.find_network(loaded)

    def estimate(images: Array) -> Any:
        return batch_statistics.estimate(network, loaded.params, [np.asarray(images)])

    return make_scorer(network, loaded.params, estimate, pixel_range)


def make_scorer(
    discriminator: nn.Module,
    params: dict[str, Any],
    find_statistics: Callable[[Array], Any],
    pixel_range: PixelRange,
) -> Scorer:
    """Compile D(x), the probability that the discriminator gives images of being real.

    Args:
        discriminator: (images, labels or None) → logits and activations.
        params: its parameters.
        find_statistics: images as the network takes them → its `batch_stats`.
        pixel_range: the range of these images.
    """
    network = models.for_inference(discriminator)

    @backend.jit
    def judge(variables: dict[str, Any], images: Array, labels: Array | None) -> Array:
        logits, _ = network.apply(variables, images, labels, train=False)  # type: ignore[misc]
        return jax.nn.sigmoid(logits.astype(jnp.float32))

    def score(images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        scaled = pixels.scale_images(jnp.asarray(images), pixel_range)
        variables = {"params": params, "batch_stats": find_statistics(scaled)}
        # Blocks of one size need one program for any number of images.
        rest = -len(images) % BLOCK
        padded = jnp.pad(scaled, [(0, rest), (0, 0), (0, 0), (0, 0)])
        marks = None if labels is None else np.pad(labels, (0, rest))
        parts = [
            np.asarray(
                judge(
                    variables,
                    padded[start : start + BLOCK],
                    None if marks is None else marks[start : start + BLOCK],
                )
            )
            for start in range(0, len(padded), BLOCK)
        ]
        return np.concatenate(parts)[: len(images)]

    return score
