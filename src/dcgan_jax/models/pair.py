"""A pair of networks, and what the builders of all architectures share."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.config import TrainConfig
from dcgan_jax.models import convolution
from dcgan_jax.system import precision

# For each image size: the side of the smallest map, and the number of stride-2 blocks.
SHAPES = {28: (7, 2), 32: (4, 3), 48: (6, 3), 64: (4, 4), 96: (6, 4), 128: (4, 5)}
# The width of the conditional networks' dense layers; mnist/train_cond_dcgan.py:40-41.
HIDDEN_UNITS = 1024


class Pair(NamedTuple):
    """Two networks that are trained against each other.

    Attributes:
        generator: (latents, labels or None) → images; it states its `pixel_range`.
        discriminator: (images, labels or None) → ((batch,) logits, named activations).
    """

    generator: nn.Module
    discriminator: nn.Module


class Widths(NamedTuple):
    """The feature maps of the blocks at full width; they double from block to block.

    Attributes:
        first: the maps of the block at the image's side.
        most: the maps of the widest block.
    """

    first: int
    most: int

    def of_blocks(self, config: TrainConfig) -> tuple[int, ...]:
        """Return the feature maps of each block, from the image's side inwards.

        Other image sizes add or remove blocks: 64 pixels give the paper's 128, 256,
        512, 1024.
        """
        _, num_blocks = SHAPES[config.image_size]
        full = [min(self.first * 2**block, self.most) for block in range(num_blocks)]
        return tuple(scale(width, config) for width in full)


def scale(width: int, config: TrainConfig) -> int:
    """Multiply a number of maps or units by the config's width_multiplier."""
    return max(1, round(width * config.width_multiplier))


def image_shape(config: TrainConfig) -> tuple[int, int, int]:
    """Return the images' height, width and channels."""
    return config.image_size, config.image_size, config.channels


def computation(config: TrainConfig) -> dict[str, Any]:
    """Return the attributes of a network that say how its convolutions are computed."""
    return {
        "dtype": jnp.dtype(precision.find_dtype(config.precision)),
        "formulation": convolution.choose_formulation(config.convolution),
    }
