"""A stacked contractive autoencoder by Parzen windows (2014, Table 1, 121 nats).

python experiments/rivals/contractive.py --target=mnist --num_hidden 1000 1000 \
    --num_steps=100000

An autoencoder whose codes hardly change as its inputs do, but along the directions in
which the data vary; another one is trained on its codes. A chain in the highest one
adds noise to the codes along these directions, decodes, and encodes again; samples go
down from there. Cost: a minute small, on two CPU cores. Expected on MNIST: 121 ± 1.6
nats.

Source: Rifai, Bengio, Dauphin & Vincent 2012, "A generative process for sampling
contractive auto-encoders"; the penalty is of Rifai et al. 2011, "Contractive
auto-encoders": the squared norm of the codes' Jacobian. The row of the table is of
Bengio et al. 2013, "Better mixing via deep representations", whose nets have two
layers.

Assumed: Adam and its rate, widths, and that the chains begin at random codes, whose
units are drawn apart from each other of the training images' codes; the penalty's
weight, the noise and the number of rounds, which were chosen by the likelihood of
MNIST's held-out images with codes of 400.

The weights of encoder and decoder are the same, and both have sigmoid units; the loss
is the cross-entropy of the inputs. The noise is J Jᵀ ε, where J is the Jacobian and ε
is normal. Nothing is trained after the layers.
"""

import argparse
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
LEARNING_RATE = 1e-3


class Layer(NamedTuple):
    """An autoencoder with one matrix.

    Attributes:
        weights: W, (inputs, codes).
        code: the biases of codes, (codes,).
        inputs: the biases of inputs, (inputs,).
    """

    weights: Array
    code: Array
    inputs: Array


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    layers, begin = learn_layers(rivals.as_unit(images.train.images), flags)
    samples = draw_samples(
        layers, begin, jax.random.key(flags.seed + 1), count=flags.num_samples,
        num_rounds=flags.num_rounds, noise=flags.noise,
    )  # fmt: skip
    windows.save(
        "contractive", samples, images, flags, of="a stacked contractive autoencoder",
        protocol=f"codes of {flags.num_hidden}, {flags.num_steps:,} steps of {BATCH}"
        f" each; the penalty counts {flags.penalty:g}, the noise has deviation"
        f" {flags.noise:g}",
    )  # fmt: skip
    return 0


def encode(layer: Layer, inputs: Array) -> Array:
    """Return codes in [0, 1]: (n, inputs) → (n, codes)."""
    return jax.nn.sigmoid(inputs @ layer.weights + layer.code[None])


def decode(layer: Layer, codes: Array) -> Array:
    """Return inputs in [0, 1]: (n, codes) → (n, inputs)."""
    return jax.nn.sigmoid(codes @ layer.weights.T + layer.inputs[None])


def measure_contraction(layer: Layer, codes: Array) -> Array:
    """Return ‖∂code/∂input‖² at each row of codes: (n, codes) → (n,)."""
    slopes = jnp.square(codes * (1 - codes))
    return slopes @ jnp.square(layer.weights).sum(0)


def spread_noise(layer: Layer, codes: Array, noise: Array) -> Array:
    """Return J Jᵀ ε of each row, where J is the codes' Jacobian.

    Args:
        layer: the autoencoder.
        codes: (n, codes), where the Jacobian is taken.
        noise: ε, (n, codes).
    """
    slopes = codes * (1 - codes)
    return slopes * (((slopes * noise) @ layer.weights.T) @ layer.weights)


def make_loss(layer: Layer, inputs: Array, penalty: float) -> Array:
    """Return the loss of a minibatch (n, inputs) in [0, 1], in nats per row."""
    codes = encode(layer, inputs)
    outputs = codes @ layer.weights.T + layer.inputs[None]
    misses = optax.sigmoid_binary_cross_entropy(outputs, inputs).sum(1)
    return (misses + penalty * measure_contraction(layer, codes)).mean()


def learn_layers(
    pixels: np.ndarray, flags: argparse.Namespace
) -> tuple[list[Layer], Array]:
    """Train one autoencoder on another's codes, the lowest on pixels (n, d) in [0, 1].

    Returns:
        The layers, the lowest first, and the highest codes of the pixels.
    """
    layers: list[Layer] = []
    data = jnp.asarray(pixels)
    for index, width in enumerate(flags.num_hidden):
        key = jax.random.fold_in(jax.random.key(flags.seed), index)

        def loss_of(layer: Layer, data: Array, key: Array) -> Array:
            rows = fit.draw_rows(key, BATCH, len(data))
            return make_loss(layer, data[rows], flags.penalty)

        layer, _ = fit.fit(
            loss_of, init_layer(data, width, key), data, optax.adam(LEARNING_RATE),
            num_steps=flags.num_steps, seed=flags.seed,
            what=f"training layer {index + 1}",
        )  # fmt: skip
        layers.append(layer)
        data = encode(layer, data)
    return layers, data


def init_layer(data: Array, width: int, key: Array) -> Layer:
    """Return an untrained layer, whose inputs' biases begin at the data's means."""
    size = data.shape[1]
    means = jnp.clip(data.mean(0), 0.01, 0.99)
    return Layer(
        jax.nn.initializers.glorot_uniform()(key, (size, width)),
        jnp.zeros(width),
        jnp.log(means / (1 - means)),
    )


def draw_samples(
    layers: Sequence[Layer],
    codes: Array,
    key: Array,
    *,
    count: int,
    num_rounds: int,
    noise: float,
) -> Array:
    """Draw images in [0, 1], (count, pixels), each from a chain of its own.

    Args:
        layers: the autoencoders, the lowest first.
        codes: (n, codes), the highest ones of the training images.
        key: of the chains.
        count: the number of samples.
        num_rounds: of decoding and encoding in the highest layer.
        noise: the deviation of ε.
    """
    top = layers[-1]

    def go_round(index: Array, codes: Array) -> Array:
        drawn = jax.random.normal(jax.random.fold_in(key, index), codes.shape)
        moved = codes + spread_noise(top, codes, noise * drawn)
        return encode(top, decode(top, moved))

    begin = windows.mix_rows(codes, key, count=count)
    inputs = decode(top, jax.lax.fori_loop(0, num_rounds, go_round, begin))
    for layer in reversed(layers[:-1]):
        inputs = decode(layer, inputs)
    return inputs


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    windows.add_flags(parser, num_rounds=12)
    add = parser.add_argument
    add("--num_hidden", type=int, nargs="+", default=(200, 200), help="of each layer")
    add("--num_steps", type=int, default=5000, help="of each layer")
    add("--penalty", type=float, default=0.5)
    add("--noise", type=float, default=0.8)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
