"""A stacked what-where autoencoder (Table 2, 27.83 %, and 23.56 % with dropout).

python experiments/rivals/swwae.py --target=svhn --labels_per_class=100 \
    --width_multiplier=1 --num_steps=100000

A convolutional network classifies, and a second one, of the same layers from the top
down, makes the image again. Every pooling gives the maxima ("what") to the next layer
and their places ("where") to the layer that undoes it. Labelled images teach all of it,
the others the autoencoder alone. Cost: a minute small, on two CPU cores; not measured
in full. Expected on SVHN with 1,000 labels: 27.83 % test error without dropout, 23.56 %
with it.

Source: Zhao, Mathieu, Goroshin & LeCun 2015, "Stacked what-where auto-encoders": the
loss is the classification's, plus the squared errors of the image and of the maps below
each layer, each kind with its own weight; places are those of the maxima. The layers
are those that others give for its net on SVHN, (128)5c-2p-(128)3c-(256)3c-2p-(256)3c-
2p-10fc.

Assumed: both weights, Adam and its rate, the size of minibatches, half of which are
labelled, and the dropout of half of the classifier's inputs, which the decoder does not
see. Squared errors are means over the values of a map. Nothing is chosen by the
held-out images, whose error stands beside that of the test.
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from dcgan_jax import cli
from dcgan_jax.data.batches import Batch
from dcgan_jax.features import extract, protocols
from dcgan_jax.models import pixels
from dcgan_jax.system import backend
from experiments.rivals import fit, images as rivals
from experiments.rivals.images import Labelled
from experiments.rivals.maps import Convolution

Array = jax.Array
Params = fit.Params
BATCH = 100  # of each kind
LEARNING_RATE = 1e-3
SIDE = 2  # of the windows of pooling
DROPOUT = {"without_dropout": 0.0, "with_dropout": 0.5}


class Layer(NamedTuple):
    """A convolution of the encoder, and whether pooling follows it."""

    maps: int
    kernel: int
    pools: bool


LAYERS = (
    Layer(128, 5, pools=True),
    Layer(128, 3, pools=False),
    Layer(256, 3, pools=True),
    Layer(256, 3, pools=True),
)


class Outputs(NamedTuple):
    """What the network makes of images.

    Attributes:
        logits: (n, classes).
        below: what each layer of the encoder was given, the image first.
        rebuilt: the decoder's guesses of these, in the same order.
    """

    logits: Array
    below: list[Array]
    rebuilt: list[Array]


class Swwae(nn.Module):
    """Images → logits, and the images again.

    Attributes:
        layers: of the encoder, the lowest first.
        num_classes: the number of logits.
        dropout: the share of the classifier's inputs that is dropped in training.
    """

    layers: tuple[Layer, ...]
    num_classes: int
    dropout: float

    @nn.compact
    def __call__(self, images: Array, *, train: bool = False) -> Outputs:
        """Map (n, side, side, channels) in [-1, 1]; `train` draws from "dropout"."""
        below, places, x = [images], list[Array | None](), images
        for layer in self.layers:
            x = nn.relu(Convolution(layer.maps, layer.kernel)(x))
            where = None
            if layer.pools:
                x, where = pool(x)
            places.append(where)
            below.append(x)
        top = below.pop()
        kept = nn.Dropout(self.dropout, deterministic=not train)(top)
        logits = nn.Dense(self.num_classes)(kept.reshape(len(top), -1))
        rebuilt, x = list[Array](), top
        for layer, where, wanted in zip(
            self.layers[::-1], places[::-1], below[::-1], strict=True
        ):
            if where is not None:
                x = unpool(x, where, wanted.shape[1:3])
            x = Convolution(wanted.shape[-1], layer.kernel)(x)
            x = x if wanted is images else nn.relu(x)
            rebuilt.insert(0, x)
        return Outputs(logits, below, rebuilt)


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    numbers = {}
    for name, dropout in DROPOUT.items():
        numbers[name] = measure(images, dropout, flags)
        print(f"{name}: {100 * numbers[name]['error_mean']:.2f} % test error")
    rivals.save(
        "swwae",
        images,
        flags,
        what="test error of a stacked what-where autoencoder with few labels",
        protocol=f"{flags.labels_per_class} labels a class, {flags.draws} draws;"
        f" width {flags.width_multiplier:g}, {flags.num_steps:,} steps of {BATCH}"
        f" labelled images and {BATCH} others; the image's error counts"
        f" {flags.image_weight:g}, that of the maps {flags.map_weight:g}; nothing is"
        " chosen by held-out images",
        numbers=numbers,
    )
    return 0


def measure(
    images: Labelled, dropout: float, flags: argparse.Namespace
) -> dict[str, Any]:
    """Train and test for every draw of the labels, and return the shares of errors."""
    labels = rivals.labels_of(images.train)
    found: dict[str, list[float]] = {"errors": [], "validation_errors": []}
    for draw in range(flags.draws):
        rows = protocols.draw_rows(
            labels, flags.labels_per_class, seed=(flags.seed, draw)
        )
        network = make_network(len(images.class_names), dropout, flags)
        params = train(network, images.train.images, Batch(rows, labels[rows]), flags)
        for name, part in (
            ("errors", images.test),
            ("validation_errors", images.valid),
        ):
            found[name].append(measure_error(network, params, part))
    return {
        "error_mean": float(np.mean(found["errors"])),
        "validation_error_mean": float(np.mean(found["validation_errors"])),
        **found,
    }


def make_network(num_classes: int, dropout: float, flags: argparse.Namespace) -> Swwae:
    """Return the network at the width of the flags."""
    scale = flags.width_multiplier
    layers = [
        layer._replace(maps=max(1, round(scale * layer.maps))) for layer in LAYERS
    ]
    return Swwae(tuple(layers), num_classes, dropout)


def train(
    network: Swwae, images: np.ndarray, drawn: Batch, flags: argparse.Namespace
) -> Params:
    """Train on all images and the labels of some.

    Args:
        network: the network.
        images: uint8 (n, side, side, channels).
        drawn: the numbers of the labelled ones, and their labels.
        flags: the flags of this script.
    """
    rows, labels = drawn
    data = (jnp.asarray(images), jnp.asarray(rows), jnp.asarray(labels))

    def loss_of(params: Params, data: tuple[Array, ...], key: Array) -> Array:
        images, rows, labels = data
        keys = jax.random.split(key, 3)
        chosen = fit.draw_rows(keys[0], BATCH, len(rows))
        others = fit.draw_rows(keys[1], BATCH, len(images))
        batch = jnp.concatenate([images[rows[chosen]], images[others]])
        outputs = network.apply(
            params, as_signed(batch), train=True, rngs={"dropout": keys[2]}
        )
        return make_loss(
            outputs, labels[chosen], image_weight=flags.image_weight,
            map_weight=flags.map_weight,
        )  # fmt: skip

    begin = network.init(jax.random.key(flags.seed), as_signed(data[0][:2]))
    params, _ = fit.fit(
        loss_of, begin, data, optax.adam(LEARNING_RATE), num_steps=flags.num_steps,
        seed=flags.seed, what=f"training with dropout of {network.dropout:g}",
    )  # fmt: skip
    return params


def make_loss(
    outputs: Outputs, labels: Array, *, image_weight: float, map_weight: float
) -> Array:
    """Return the loss of a minibatch, whose first images have labels.

    Args:
        outputs: of all images.
        labels: of the first ones.
        image_weight: of the mean squared error of the image.
        map_weight: of the sum over layers of those of the maps.
    """
    logits = outputs.logits[: len(labels)]
    classified = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    image, *maps = [
        jnp.square(wanted - made).mean()
        for wanted, made in zip(outputs.below, outputs.rebuilt, strict=True)
    ]
    return classified + image_weight * image + map_weight * sum(maps)


def pool(maps: Array) -> tuple[Array, Array]:
    """Return what is largest in windows of 2×2 and where it is.

    Args:
        maps: (n, height, width, maps); an odd last row or column is left out.

    Returns:
        The maxima, (n, height // 2, width // 2, maps), and their numbers in the
        windows, 0 to 3, row by row; the first of equal ones.
    """
    windows = _cut_windows(maps)
    return windows.max(3), windows.argmax(3)


def unpool(what: Array, where: Array, size: tuple[int, ...]) -> Array:
    """Put maxima where they were, among zeros.

    Args:
        what: (n, rows, columns, maps), the values.
        where: the same shape, as `pool` returns it.
        size: the height and width of the maps to return.
    """
    count, rows, columns, maps = what.shape
    windows = what[:, :, :, None] * jax.nn.one_hot(where, SIDE * SIDE, axis=3)
    apart = windows.reshape(count, rows, columns, SIDE, SIDE, maps)
    together = apart.swapaxes(2, 3).reshape(count, rows * SIDE, columns * SIDE, maps)
    made = together.shape[1:3]
    left = [(0, whole - rest) for whole, rest in zip(size, made, strict=True)]
    return jnp.pad(together, ((0, 0), *left, (0, 0)))


def _cut_windows(maps: Array) -> Array:
    rows, columns = maps.shape[1] // SIDE, maps.shape[2] // SIDE
    cut = maps[:, : rows * SIDE, : columns * SIDE]
    apart = cut.reshape(len(maps), rows, SIDE, columns, SIDE, -1).swapaxes(2, 3)
    return apart.reshape(len(maps), rows, columns, SIDE * SIDE, -1)


def measure_error(network: Swwae, params: Params, part: Batch) -> float:
    """Return the share of images that are put into a wrong class."""
    read = backend.jit(
        lambda params, batch: network.apply(params, as_signed(batch)).logits
    )
    logits = extract.in_batches(lambda batch: read(params, batch), part.images)
    return float((logits.argmax(1) != rivals.labels_of(part)).mean())


def as_signed(images: Array) -> Array:
    """Return uint8 images in [-1, 1]."""
    return pixels.scale_images(images, "tanh")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    add = parser.add_argument
    add("--labels_per_class", type=int, default=10)
    add("--draws", type=int, default=1)
    add("--num_steps", type=int, default=1000)
    add("--width_multiplier", type=float, default=0.125)
    add("--image_weight", type=float, default=1.0)
    add("--map_weight", type=float, default=0.2)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
