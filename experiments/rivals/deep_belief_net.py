"""A deep belief net by Parzen windows (Goodfellow et al. 2014, Table 1, 138 nats).

python experiments/rivals/deep_belief_net.py --target=mnist --num_hidden 2000 2000 \
    --num_steps=100000

Restricted Boltzmann machines are trained one on another, the pixels' below; samples
come from Gibbs sampling between the two highest layers, and go down from there. Cost: a
minute small, on two CPU cores. Expected on MNIST: 138 ± 2 nats.

Source: Hinton, Osindero & Teh 2006, "A fast learning algorithm for deep belief nets",
trained by one step of contrastive divergence; the row of the table is of Bengio et al.
2013, "Better mixing via deep representations", whose nets have two hidden layers.

Differs from theirs: there is no fine-tuning up and down after the layers; the means of
pixels are what the windows stand around; each sample has a chain of its own.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import cli
from dcgan_jax.system import backend
from experiments.rivals import images as rivals, windows

Array = jax.Array
BATCH = 100
LEARNING_RATE, WEIGHT_SCALE = 0.05, 0.01  # Hinton 2010, "A practical guide"
_STEPS_AT_ONCE = 100


class Rbm(NamedTuple):
    """A restricted Boltzmann machine of units 0 and 1.

    E(v, h) = −v W h − v b − h c.

    Attributes:
        weights: W, (visible, hidden).
        visible: b, (visible,).
        hidden: c, (hidden,).
    """

    weights: Array
    visible: Array
    hidden: Array


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    layers, inputs = learn_layers(
        rivals.as_unit(images.train.images), flags.num_hidden,
        num_steps=flags.num_steps, seed=flags.seed,
    )  # fmt: skip
    samples = draw_samples(
        layers, inputs, jax.random.key(flags.seed + 1), count=flags.num_samples,
        num_rounds=flags.num_rounds,
    )  # fmt: skip
    windows.save(
        "deep_belief_net", samples, images, flags, of="a deep belief net",
        protocol=f"hidden layers of {flags.num_hidden}, {flags.num_steps:,} steps of"
        f" {BATCH} each",
    )  # fmt: skip
    return 0


def free_energy(rbm: Rbm, visible: Array) -> Array:
    """Return −ln Σ_h exp(−E(v, h)) of each row: (n, visible) → (n,)."""
    inputs = visible @ rbm.weights + rbm.hidden[None]
    return -visible @ rbm.visible - jax.nn.softplus(inputs).sum(1)


def raise_up(rbm: Rbm, visible: Array) -> Array:
    """Return the probabilities of hidden units, (n, hidden)."""
    return jax.nn.sigmoid(visible @ rbm.weights + rbm.hidden[None])


def bring_down(rbm: Rbm, hidden: Array) -> Array:
    """Return the probabilities of visible units, (n, visible)."""
    return jax.nn.sigmoid(hidden @ rbm.weights.T + rbm.visible[None])


def diverge(rbm: Rbm, visible: Array, key: Array) -> Rbm:
    """Return the gradient of contrastive divergence after one round of sampling.

    It is that of the mean free energy of the data less that of what the round makes.
    """
    keys = jax.random.split(key)
    hidden = jax.random.bernoulli(keys[0], raise_up(rbm, visible)).astype(jnp.float32)
    chances = bring_down(rbm, hidden)
    made = jax.random.bernoulli(keys[1], chances).astype(jnp.float32)

    def contrast(own: Rbm) -> Array:
        return (free_energy(own, visible) - free_energy(own, made)).mean()

    return jax.grad(contrast)(rbm)


def learn_layers(
    pixels: np.ndarray, widths: Sequence[int], *, num_steps: int, seed: int
) -> tuple[list[Rbm], Array]:
    """Train one machine on another, the lowest on pixels (n, d) in [0, 1].

    Returns:
        The machines, the lowest first, and what the highest one learnt from.
    """
    layers: list[Rbm] = []
    data = jnp.asarray(pixels)
    for index, width in enumerate(widths):
        if layers:
            data = raise_up(layers[-1], data)
        key = jax.random.fold_in(jax.random.key(seed), index)
        layers.append(_learn_layer(data, width, key, num_steps=num_steps))
    return layers, data


def _learn_layer(data: Array, width: int, key: Array, *, num_steps: int) -> Rbm:
    size = data.shape[1]
    means = jnp.clip(data.mean(0), 0.01, 0.99)
    rbm = Rbm(
        WEIGHT_SCALE * jax.random.normal(key, (size, width)),
        jnp.log(means / (1 - means)),
        jnp.zeros(width),
    )

    @backend.jit
    def run(rbm: Rbm, data: Array, first: Array) -> Rbm:
        def step(index: int, rbm: Rbm) -> Rbm:
            keys = jax.random.split(jax.random.fold_in(key, first + index), 3)
            rows = jax.random.randint(keys[0], (BATCH,), 0, len(data))
            seen = jax.random.bernoulli(keys[1], data[rows]).astype(jnp.float32)
            slope = diverge(rbm, seen, keys[2])
            return jax.tree.map(lambda a, b: a - LEARNING_RATE * b, rbm, slope)

        return jax.lax.fori_loop(0, _STEPS_AT_ONCE, step, rbm)

    for first in range(0, num_steps, _STEPS_AT_ONCE):
        rbm = run(rbm, data, first)
    return rbm


def draw_samples(
    layers: Sequence[Rbm], inputs: Array, key: Array, *, count: int, num_rounds: int
) -> Array:
    """Draw images in [0, 1], (count, pixels), each from a chain of its own.

    Args:
        layers: the machines, the lowest first.
        inputs: (n, units), the chances that the highest one learnt from. A chain begins
            at units drawn apart from each other of these.
        key: of the chains.
        count: the number of samples.
        num_rounds: of Gibbs sampling in the highest machine.
    """
    top = layers[-1]

    def go_round(index: Array, visible: Array) -> Array:
        keys = jax.random.split(jax.random.fold_in(key, index))
        hidden = jax.random.bernoulli(keys[0], raise_up(top, visible))
        chances = bring_down(top, hidden.astype(jnp.float32))
        return jax.random.bernoulli(keys[1], chances).astype(jnp.float32)

    keys = jax.random.split(key)
    begin = jax.random.bernoulli(
        keys[0], windows.mix_rows(inputs, keys[1], count=count)
    )
    states = jax.lax.fori_loop(0, num_rounds, go_round, begin.astype(jnp.float32))
    chances = bring_down(top, raise_up(top, states))
    for index, layer in enumerate(reversed(layers[:-1])):
        own = jax.random.fold_in(key, num_rounds + index)
        hidden = jax.random.bernoulli(own, chances).astype(jnp.float32)
        chances = bring_down(layer, hidden)
    return chances


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    add = parser.add_argument
    add("--num_hidden", type=int, nargs="+", default=(200, 200), help="of each layer")
    add("--num_steps", type=int, default=5000, help="of each layer")
    windows.add_flags(parser, num_rounds=500)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
