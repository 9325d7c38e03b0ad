"""Several images at once for the discriminator; not the paper's.

Source: Lin, Khetan, Fanti & Oh 2018, "PacGAN: The power of two samples in generative
adversarial networks", §2.
"""

import functools
import math
from collections.abc import Callable

import jax

from dcgan_jax.config import MOST_PACKED

Array = jax.Array
MULTIPLE = math.lcm(*range(1, MOST_PACKED + 1))
# (batch, height, width, channels) → (batch / size, height, width, channels · size)
Pack = Callable[[Array], Array]


def make_pack(size: int) -> Pack:
    """Return the function that lays `size` images of a minibatch on each other.

    Args:
        size: a divisor of the minibatch; 1 returns `leave_single`.
    """
    if size == 1:
        return leave_single
    return functools.partial(pack, size=size)


def leave_single(images: Array) -> Array:
    """Return images as they are."""
    return images


def pack(images: Array, *, size: int) -> Array:
    """Lay neighbours of a minibatch on each other, as further channels.

    Args:
        images: (batch, height, width, channels), in an order of chance.
        size: the number of images in a pack.

    Returns:
        (batch / size, height, width, size · channels), the first image's channels
        first.
    """
    count, height, width, channels = images.shape
    groups = images.reshape(count // size, size, height, width, channels)
    stacked = groups.transpose(0, 2, 3, 1, 4)
    return stacked.reshape(count // size, height, width, size * channels)
