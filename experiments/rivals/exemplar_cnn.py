"""Exemplar CNN: a network that tells images from each other, seen many ways (Table 1).

python experiments/rivals/exemplar_cnn.py --target=cifar10 --labels_per_class=400 \
    --num_exemplars=16000 --width_multiplier=1 --num_steps=400000

Every exemplar is a class of its own, whose members are random views of it: moved,
turned, scaled, and changed in contrast and colour. The network that learns these
classes gives the features, which a linear SVM classifies. Cost: a minute small, on two
CPU cores; hours at full size on a GPU. Expected on CIFAR-10: 84.3 %, and 77.4 ± 0.2 %
with 400 labels a class.

Source: Dosovitskiy, Fischer, Springenberg, Riedmiller & Brox 2015, "Discriminative
unsupervised feature learning with exemplar convolutional neural networks".

Differs from theirs: exemplars are whole images of the data set, where theirs are
patches of 32×32 of STL-10 with strong gradients; views are drawn anew at every step,
where theirs are 150 for each exemplar; the last layer is read at one place, since an
image is no larger than an exemplar; the rate falls linearly.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from dcgan_jax import cli
from dcgan_jax.features import extract
from dcgan_jax.system import backend
from experiments.rivals import fit, images as rivals
from experiments.rivals.maps import Convolution

Array = jax.Array
Params = fit.Params

CONVOLUTIONS, DENSE = (92, 256, 512), 1024  # "92c5-256c5-512c5-1024f"
KERNEL = 5
SHIFT = 0.2  # of the side
SCALES = (0.7, 1.4)
ANGLE = 20.0  # degrees
PRINCIPAL_FACTORS = (0.5, 2.0)
POWERS, FACTORS, OFFSET = (0.25, 4.0), (0.7, 1.4), 0.1  # saturation and value
HUE = 0.1  # of the circle
LEARNING_RATE, MOMENTUM, DROPOUT = 0.01, 0.9, 0.5


class Views(NamedTuple):
    """How each of n images is changed.

    Attributes:
        angle: (n,), in radians.
        scale: (n,), above 1 enlarges.
        shift: (n, 2), along rows and columns, of the side.
        principal: (n, channels), factors of the pixels' principal components.
        power: (n, 2), of saturation and value, which lie in 0 … 1.
        factor: (n, 2), of these.
        offset: (n, 2), added to these.
        hue: (n,), added, of the circle.
    """

    angle: Array
    scale: Array
    shift: Array
    principal: Array
    power: Array
    factor: Array
    offset: Array
    hue: Array


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    exemplars = images.whole_train.images[: flags.num_exemplars]
    widths = [max(1, round(flags.width_multiplier * w)) for w in (*CONVOLUTIONS, DENSE)]
    network = Network(tuple(widths[:-1]), widths[-1], len(exemplars))
    params, loss = train(
        network, exemplars, num_steps=flags.num_steps, batch_size=flags.batch_size,
        seed=flags.seed,
    )  # fmt: skip
    read = backend.jit(lambda batch: network.apply(params, to_unit(batch))[1])
    numbers = rivals.score_features(
        images, lambda batch: extract.in_batches(read, batch), flags
    )
    rivals.save(
        "exemplar_cnn",
        images,
        flags,
        what="accuracy by the features of an exemplar CNN",
        protocol=f"{len(exemplars):,} exemplars, {flags.num_steps:,} steps of"
        f" {flags.batch_size} views, width {flags.width_multiplier:g}; activations"
        " max-pooled over quadrants; linear L2-SVM, C by the held-out images",
        numbers={**numbers, "last_loss": loss},
    )
    return 0


class Network(nn.Module):
    """Images → logits of exemplars, and features.

    Attributes:
        convolutions: the numbers of maps.
        dense: the width of the last hidden layer.
        num_exemplars: the number of logits.
    """

    convolutions: tuple[int, ...]
    dense: int
    num_exemplars: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> tuple[Array, Array]:
        """Map (n, side, side, channels) in [0, 1] to (n, exemplars), (n, features)."""
        pooled = []
        x = x - x.mean((1, 2, 3), keepdims=True)
        for index, maps in enumerate(self.convolutions):
            x = nn.relu(Convolution(maps, KERNEL)(x))
            pooled.append(pool_quadrants(x))
            if index + 1 < len(self.convolutions) and x.shape[1] > 1:
                x = nn.max_pool(x, (2, 2), (2, 2))
        init = nn.initializers.he_normal()
        x = nn.relu(nn.Dense(self.dense, kernel_init=init)(x.reshape(len(x), -1)))
        features = jnp.concatenate([*pooled, x], axis=1)
        x = nn.Dropout(DROPOUT, deterministic=not train)(x)
        return nn.Dense(self.num_exemplars)(x), features


def pool_quadrants(maps: Array) -> Array:
    """Take the maxima over quadrants: (n, side, side, maps) → (n, 4 maps)."""
    half = -(-maps.shape[1] // 2)
    cut = maps.shape[1] - half
    parts = [
        maps[:, rows, columns].max((1, 2))
        for rows in (slice(0, half), slice(cut, None))
        for columns in (slice(0, half), slice(cut, None))
    ]
    return jnp.concatenate(parts, axis=1)


def to_unit(images: Array) -> Array:
    """Return uint8 images in [0, 1]."""
    return images.astype(jnp.float32) / 255.0


def train(
    network: Network, exemplars: np.ndarray, *, num_steps: int, batch_size: int,
    seed: int,
) -> tuple[Params, float]:  # fmt: skip
    """Train to tell exemplars from each other.

    Args:
        network: the network.
        exemplars: uint8 (n, side, side, channels).
        num_steps: the number of updates, each on `batch_size` views.
        batch_size: the number of views, of random exemplars.
        seed: the seed of weights and views.

    Returns:
        The parameters, and the mean cross-entropy of the last steps in nats.
    """
    data, axes = jnp.asarray(exemplars), jnp.asarray(find_axes(exemplars))
    params = network.init(jax.random.key(seed), to_unit(data[:2]))
    rate = optax.linear_schedule(LEARNING_RATE, LEARNING_RATE / 100, num_steps)
    optimizer = optax.sgd(rate, momentum=MOMENTUM)

    def loss_of(params: Params, data: Array, key: Array) -> Array:
        keys = jax.random.split(key, 3)
        rows = fit.draw_rows(keys[0], batch_size, len(data))
        views = draw_views(keys[1], batch_size, channels=data.shape[-1])
        batch = change(to_unit(data[rows]), views, axes)
        logits, _ = network.apply(params, batch, train=True, rngs={"dropout": keys[2]})
        each = optax.softmax_cross_entropy_with_integer_labels(logits, rows)
        return each.mean()

    return fit.fit(
        loss_of, params, data, optimizer, num_steps=num_steps, seed=seed,
        what="learning exemplars",
    )  # fmt: skip


def draw_views(key: Array, count: int, *, channels: int) -> Views:
    """Draw the changes of `count` images, each uniform within its range."""
    keys = iter(jax.random.split(key, 8))

    def draw(low: float, high: float, *more: int) -> Array:
        return jax.random.uniform(next(keys), (count, *more), minval=low, maxval=high)

    angle = jnp.deg2rad(ANGLE)
    return Views(
        angle=draw(-1, 1) * angle,
        scale=draw(*SCALES),
        shift=draw(-SHIFT, SHIFT, 2),
        principal=draw(*PRINCIPAL_FACTORS, channels),
        power=draw(*POWERS, 2),
        factor=draw(*FACTORS, 2),
        offset=draw(-OFFSET, OFFSET, 2),
        hue=draw(-HUE, HUE),
    )


def change(images: Array, views: Views, axes: Array) -> Array:
    """Apply views to images.

    Args:
        images: (n, side, side, channels) in [0, 1].
        views: n of them.
        axes: (channels, channels), the principal axes of pixels in columns.
    """
    warped = jax.vmap(warp)(images, views.angle, views.scale, views.shift)
    factors = views.principal[:, None, None, :]
    mean = warped.mean((1, 2), keepdims=True)
    stretched = mean + ((warped - mean) @ axes * factors) @ axes.T
    stretched = jnp.clip(stretched, 0.0, 1.0)
    if images.shape[-1] == 1:  # grey images have a value alone
        return adjust(stretched, views, part=1)
    hue, saturation, value = jnp.split(to_hsv(stretched), 3, axis=-1)
    hue = (hue + views.hue[:, None, None, None]) % 1.0
    parts = [hue, adjust(saturation, views, part=0), adjust(value, views, part=1)]
    return from_hsv(jnp.concatenate(parts, axis=-1))


def adjust(values: Array, views: Views, *, part: int) -> Array:
    """Raise values (n, side, side, 1) in 0 … 1 to a power, multiply and shift them."""
    power, factor, offset = (
        numbers[:, part, None, None, None]
        for numbers in (views.power, views.factor, views.offset)
    )
    # A root has no slope at 0, but nothing is differentiated here.
    return jnp.clip(values**power * factor + offset, 0.0, 1.0)


def warp(image: Array, angle: Array, scale: Array, shift: Array) -> Array:
    """Turn, scale and then move an image (side, side, channels), bilinearly.

    What lies beyond the border repeats it.
    """
    side = image.shape[0]
    centre = (side - 1) / 2
    grid = jnp.stack(jnp.meshgrid(jnp.arange(side), jnp.arange(side), indexing="ij"))
    row, column = grid.astype(jnp.float32) - centre - side * shift[:, None, None]
    cos, sin = jnp.cos(angle) / scale, jnp.sin(angle) / scale
    source = [cos * row + sin * column + centre, cos * column - sin * row + centre]

    def read(channel: Array) -> Array:
        return jax.scipy.ndimage.map_coordinates(channel, source, 1, mode="nearest")

    return jax.vmap(read, in_axes=-1, out_axes=-1)(image)


def to_hsv(images: Array) -> Array:
    """Convert (…, 3) in [0, 1] to hue, saturation and value, each in [0, 1]."""
    red, green, blue = images[..., 0], images[..., 1], images[..., 2]
    value, least = images.max(-1), images.min(-1)
    spread = value - least
    safe = jnp.where(spread > 0, spread, 1.0)
    sector = jnp.select(
        [value == red, value == green],
        [(green - blue) / safe % 6.0, (blue - red) / safe + 2.0],
        (red - green) / safe + 4.0,
    )
    hue = jnp.where(spread > 0, sector / 6.0, 0.0)
    return jnp.stack([hue, spread / jnp.maximum(value, 1e-12), value], axis=-1)


def from_hsv(images: Array) -> Array:
    """Convert hue, saturation and value (…, 3) to red, green and blue."""
    hue, saturation, value = images[..., 0], images[..., 1], images[..., 2]
    offsets = jnp.array([5.0, 3.0, 1.0]).reshape((1,) * hue.ndim + (3,))
    place = (offsets + 6.0 * hue[..., None]) % 6.0
    share = jnp.clip(jnp.minimum(place, 4.0 - place), 0.0, 1.0)
    return value[..., None] * (1.0 - saturation[..., None] * share)


def find_axes(images: np.ndarray) -> np.ndarray:
    """Return the principal axes of pixels in columns, float32 (channels, channels)."""
    pixels = images.reshape(-1, images.shape[-1]).astype(np.float64)
    return np.linalg.eigh(np.cov(pixels.T).reshape(2 * [pixels.shape[1]]))[1].astype(
        np.float32
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    rivals.add_scores(parser)
    add = parser.add_argument
    add("--num_exemplars", type=int, default=1000)
    add("--num_steps", type=int, default=1000)
    add("--batch_size", type=int, default=128)
    add("--width_multiplier", type=float, default=0.25)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
