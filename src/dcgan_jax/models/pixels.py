"""Pixels as bytes, and as the numbers that a pair of networks computes with.

A generator states its range: `tanh` is [-1, 1], `sigmoid` [0, 1]; `contrast` has no
bounds, since every image is brought to mean 0 and one length.
"""

from typing import Literal

import jax
import jax.numpy as jnp

Array = jax.Array
PixelRange = Literal["tanh", "sigmoid", "contrast"]

CONTRAST_LENGTH = 55.0  # Goodfellow et al. 2014, cifar10_*.yaml, gcn
_LEAST_LENGTH = 1e-8  # an image of one colour stays 0


def scale_images(images: Array, pixel_range: PixelRange) -> Array:
    """Map uint8 images (…, height, width, channels) to a range, in float32."""
    if pixel_range == "tanh":
        return images.astype(jnp.float32) / 127.5 - 1.0  # §4
    if pixel_range == "sigmoid":
        return images.astype(jnp.float32) / 255.0
    return _normalise_contrast(images.astype(jnp.float32))


def to_uint8(images: Array, pixel_range: PixelRange) -> Array:
    """Map images (…, height, width, channels) back, rounding to the nearest level.

    An image of range `contrast` loses how bright and strong it was: 0 becomes the
    middle grey, and the value that is farthest from 0 becomes black or white.

    Differs from Goodfellow et al. 2014, show_samples_cifar_full_paper.py: that scales
    by the largest value of all images; here each image depends on itself alone.
    """
    if pixel_range == "tanh":
        levels = (images + 1.0) * 127.5
    elif pixel_range == "sigmoid":
        levels = images * 255.0
    else:
        most = jnp.abs(images).max(axis=(-3, -2, -1), keepdims=True)
        levels = (images / jnp.maximum(most, _LEAST_LENGTH) + 1.0) * 127.5
    return jnp.clip(jnp.round(levels), 0, 255).astype(jnp.uint8)


def _normalise_contrast(images: Array) -> Array:
    centred = images - images.mean(axis=(-3, -2, -1), keepdims=True)
    square = jnp.square(centred).sum(axis=(-3, -2, -1), keepdims=True)
    length = jnp.sqrt(square) / CONTRAST_LENGTH
    return centred / jnp.where(length < _LEAST_LENGTH, 1.0, length)
