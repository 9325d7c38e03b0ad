"""Random changes of images before the discriminator sees them.

Real images can be mirrored. The other changes are of real and of generated images, and
the generator's gradient passes through them, so that it is not taught to draw changed
images. Not the paper's: for data sets of a few hundred pictures, which a discriminator
else learns by heart.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
§4 and their code, DiffAugment_pytorch.py.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from dcgan_jax.config import DiffAugment

Array = jax.Array
Augment = Callable[[Array, Array], Array]

SHIFT = 1 / 8  # largest shift, share of the side
HOLE = 1 / 2  # side of the square that is cut out, share of the side
# Apart from the uses that latents, dropout and each other make of the same key.
_AUGMENT = 1 << 30
_MIRROR = (1 << 30) + 2


def make_augment(policy: DiffAugment) -> Augment:
    """Return `(images, key) → images`, for images in [-1, 1].

    Args:
        policy: kinds of changes, joined by commas; `none` returns `leave_images`.
    """
    if policy == "none":
        return leave_images
    kinds = {"color": recolour, "translation": translate, "cutout": cut_out}
    chosen = [kinds[name] for name in policy.split(",")]

    def augment(images: Array, key: Array) -> Array:
        keys = jax.random.split(jax.random.fold_in(key, _AUGMENT), len(chosen))
        pairs = zip(chosen, keys, strict=True)
        return functools.reduce(lambda x, pair: pair[0](x, pair[1]), pairs, images)

    return augment


def make_mirror(mirror: bool) -> Augment:
    """Return `(images, key) → images` for real images: `mirror_half` or nothing."""
    return mirror_half if mirror else leave_images


def mirror_half(images: Array, key: Array) -> Array:
    """Mirror each image, left for right, with a probability of one half.

    It is of real images alone, so that the generator learns both.

    Args:
        images: (batch, height, width, channels).
        key: of the update, from which the draw for each image follows.
    """
    own = jax.random.fold_in(key, _MIRROR)
    chosen = jax.random.bernoulli(own, 0.5, (len(images), 1, 1, 1))
    return jnp.where(chosen, images[:, :, ::-1], images)


def leave_images(images: Array, key: Array) -> Array:
    """Return the images as they are."""
    del key
    return images


def recolour(images: Array, key: Array) -> Array:
    """Change each image's brightness, saturation and contrast, in this order.

    Args:
        images: (batch, height, width, channels) in [-1, 1].
        key: a random key.

    Returns:
        Images, not cut to [-1, 1]: plus a number in ±1/2; then the distance of the
        channels to their mean times 0 to 2; then that of all values to the image's mean
        times 1/2 to 3/2.
    """
    shape = (len(images), 1, 1, 1)
    brightness, saturation, contrast = (
        jax.random.uniform(one, shape, images.dtype) for one in jax.random.split(key, 3)
    )
    images = images + (brightness - 0.5)
    grey = images.mean(3, keepdims=True)
    images = (images - grey) * (2 * saturation) + grey
    mean = images.mean((1, 2, 3), keepdims=True)
    return (images - mean) * (contrast + 0.5) + mean


def translate(images: Array, key: Array) -> Array:
    """Shift each image by whole pixels, up to 1/8 of its side; what is bared is 0.

    Args:
        images: (batch, height, width, channels).
        key: a random key.
    """
    most = [int(side * SHIFT + 0.5) for side in images.shape[1:3]]
    shifts = _draw_pairs(key, len(images), [(-one, one + 1) for one in most])
    (above, left), (height, width) = most, images.shape[1:3]
    padded = jnp.pad(images, ((0, 0), (above, above), (left, left), (0, 0)))

    def take(image: Array, shift: Array) -> Array:
        start = (above - shift[0], left - shift[1], 0)
        return jax.lax.dynamic_slice(image, start, (height, width, image.shape[2]))

    return jax.vmap(take)(padded, shifts)


def cut_out(images: Array, key: Array) -> Array:
    """Set a square of each image to 0, of half its side, wherever its middle lies.

    Args:
        images: (batch, height, width, channels).
        key: a random key.
    """
    sizes = [int(side * HOLE + 0.5) for side in images.shape[1:3]]
    bounds = [
        (0, side + 1 - size % 2)
        for side, size in zip(images.shape[1:3], sizes, strict=True)
    ]
    middles = _draw_pairs(key, len(images), bounds)

    def covered(axis: int) -> Array:
        first = middles[:, axis, None] - sizes[axis] // 2
        places = jnp.arange(images.shape[1 + axis])[None]
        return (places >= first) & (places < first + sizes[axis])

    hole = covered(0)[:, :, None, None] & covered(1)[:, None, :, None]
    return jnp.where(hole, jnp.zeros_like(images), images)


def _draw_pairs(key: Array, count: int, bounds: list[tuple[int, int]]) -> Array:
    """Draw integers (count, 2), the two columns from bounds of their own."""
    keys = jax.random.split(key, 2)
    columns = [
        jax.random.randint(one, (count,), *bound)
        for one, bound in zip(keys, bounds, strict=True)
    ]
    return jnp.stack(columns, axis=1)
