"""A deep generative stochastic network by Parzen windows (2014, Table 1, 214 nats).

python experiments/rivals/gsn.py --target=mnist --num_hidden 1500 1500 \
    --num_steps=500000

Layers of units are updated in turn, with noise, the odd ones and then the even ones, of
which the pixels are the lowest. Each round guesses the pixels anew; training walks some
rounds away from an image, and asks every guess to be that image. Such rounds without an
end draw samples. Cost: a minute small, on two CPU cores; hours at full size on a GPU.
Expected on MNIST: 214 ± 1.1 nats.

Source: Bengio, Thibodeau-Laufer, Alain & Yosinski 2014, "Deep generative stochastic
networks trainable by backprop"; the numbers are those of the authors' code
(github.com/yaoli/GSN, run_dsn.py and model.py): two layers of 1,500 tanh units, four
rounds, four pixels of ten set to black or white, noise of deviation 2 before and after
each unit but those of the first layer, pixels drawn from each guess, the same weights
up and down, 1,000 epochs, and a rate that is 0.995 times as high after each.

Differs from theirs: Adam at 1e-3, where theirs is gradient descent at 0.25, which
learns little in a short training; images are held out to choose the windows' width,
where theirs are learnt from too; each sample is the last guess of a chain of its own,
where theirs are the guesses of one chain from a test image on. A chain begins at pixels
that are each of another training image.
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dcgan_jax import cli
from experiments.rivals import fit, images as rivals, windows

Array = jax.Array
BATCH = 100
SALT, DEVIATION = 0.4, 2.0
LEARNING_RATE, DECAY = 1e-3, 0.995


class Gsn(NamedTuple):
    """The network.

    Attributes:
        weights: between a layer and the next one, (below, above); the lowest first.
        biases: of each layer, the pixels first.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


class Round(NamedTuple):
    """What a round of updates leaves.

    Attributes:
        layers: (n, units) of each, the corrupted pixels first.
        logits: of the guess of the pixels, (n, pixels).
    """

    layers: list[Array]
    logits: Array


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    pixels = rivals.as_unit(images.train.images)
    net = train(pixels, flags)
    key = jax.random.key(flags.seed + 1)
    begin = windows.mix_rows(jnp.asarray(pixels), key, count=flags.num_samples)
    samples = draw_samples(net, begin, key, num_rounds=flags.num_rounds)
    windows.save(
        "gsn", samples, images, flags, of="a deep generative stochastic network",
        protocol=f"hidden layers of {flags.num_hidden}, {flags.num_steps:,} steps of"
        f" {BATCH}, {flags.num_walkbacks} rounds each",
    )  # fmt: skip
    return 0


def corrupt(pixels: Array, key: Array) -> Array:
    """Set a share of `SALT` of pixels to black or white, as often one as the other."""
    keys = jax.random.split(key)
    hit = jax.random.bernoulli(keys[0], SALT, pixels.shape)
    return jnp.where(hit, jax.random.bernoulli(keys[1], 0.5, pixels.shape), pixels)


def add_inputs(net: Gsn, layers: Sequence[Array], index: int) -> Array:
    """Return what a layer is told by the layers beside it, (n, units)."""
    told = net.biases[index][None]
    if index > 0:
        told = told + layers[index - 1] @ net.weights[index - 1]
    if index + 1 < len(layers):
        told = told + layers[index + 1] @ net.weights[index].T
    return told


def go_round(net: Gsn, layers: Sequence[Array], key: Array) -> Round:
    """Update the odd layers and then the even ones.

    Args:
        net: the network.
        layers: as in `Round`.
        key: of all noise.
    """
    new = list(layers)
    for index in [*range(1, len(new), 2), *range(2, len(new), 2)]:
        told = add_inputs(net, new, index)
        if index == 1:  # the first layer has no noise
            new[index] = jnp.tanh(told)
            continue
        keys = jax.random.split(jax.random.fold_in(key, index))
        before, after = (
            DEVIATION * jax.random.normal(own, told.shape, told.dtype) for own in keys
        )
        new[index] = jnp.tanh(told + before) + after
    logits = add_inputs(net, new, 0)
    keys = jax.random.split(key)
    guess = jax.nn.sigmoid(logits)
    drawn = jax.random.bernoulli(keys[0], guess).astype(logits.dtype)
    new[0] = corrupt(drawn, keys[1])
    return Round(new, logits)


def begin_at(net: Gsn, pixels: Array) -> list[Array]:
    """Return layers of these pixels, (n, pixels), and of units that are 0."""
    return [pixels, *(jnp.zeros((len(pixels), len(b))) for b in net.biases[1:])]


def walk(net: Gsn, pixels: Array, key: Array, *, num_rounds: int) -> Array:
    """Return the guesses of rounds that begin at corrupted pixels (n, pixels).

    Returns:
        Their logits, (rounds, n, pixels).
    """

    def go_on(layers: list[Array], index: Array) -> tuple[list[Array], Array]:
        left = go_round(net, layers, jax.random.fold_in(key, index))
        return left.layers, left.logits

    begin = begin_at(net, corrupt(pixels, key))
    return jax.lax.scan(go_on, begin, jnp.arange(num_rounds))[1]


def init_net(num_pixels: int, widths: Sequence[int], key: Array) -> Gsn:
    """Return an untrained network."""
    sizes = [num_pixels, *widths]
    draw = jax.nn.initializers.glorot_uniform()
    weights = [
        draw(jax.random.fold_in(key, index), shape)
        for index, shape in enumerate(itertools.pairwise(sizes))
    ]
    return Gsn(tuple(weights), tuple(jnp.zeros(size) for size in sizes))


def train(pixels: np.ndarray, flags: argparse.Namespace) -> Gsn:
    """Train on pixels (n, d) in [0, 1]."""
    key = jax.random.key(flags.seed)
    rate = optax.exponential_decay(
        LEARNING_RATE, max(1, len(pixels) // BATCH), DECAY, staircase=True
    )

    def loss_of(net: Gsn, data: Array, key: Array) -> Array:
        keys = jax.random.split(key)
        rows = data[fit.draw_rows(keys[0], BATCH, len(data))]
        guesses = walk(net, rows, keys[1], num_rounds=flags.num_walkbacks)
        misses = optax.sigmoid_binary_cross_entropy(
            guesses, jnp.broadcast_to(rows, guesses.shape)
        )
        return misses.mean((1, 2)).sum()

    net, _ = fit.fit(
        loss_of, init_net(pixels.shape[1], flags.num_hidden, key), jnp.asarray(pixels),
        optax.adam(rate), num_steps=flags.num_steps, seed=flags.seed,
        what="walking back",
    )  # fmt: skip
    return net


def draw_samples(net: Gsn, begin: Array, key: Array, *, num_rounds: int) -> Array:
    """Draw an image in [0, 1] from each of some chains, (n, pixels).

    Args:
        net: the network.
        begin: the chains' first pixels, (n, pixels).
        key: of the chains.
        num_rounds: of each chain; the last guess is the sample.
    """

    def go_on(index: Array, last: Round) -> Round:
        return go_round(net, last.layers, jax.random.fold_in(key, index))

    first = Round(begin_at(net, begin), begin)
    return jax.nn.sigmoid(jax.lax.fori_loop(0, num_rounds, go_on, first).logits)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    windows.add_flags(parser, num_rounds=200)
    add = parser.add_argument
    add("--num_hidden", type=int, nargs="+", default=(200, 200), help="of each layer")
    add("--num_steps", type=int, default=5000)
    add("--num_walkbacks", type=int, default=4, help="rounds away from an image")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
