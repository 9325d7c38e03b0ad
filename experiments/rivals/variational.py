"""Variational autoencoders: M1 of Kingma et al. 2014, and the pieces of M2.

Source: Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep
generative models"; §4 has the sizes: M1 has 50 latents and two hidden layers of 600
softplus units.
"""

import argparse
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from dcgan_jax.system import backend
from experiments.rivals import fit

Array = jax.Array
Params = fit.Params
Likelihood = Literal["bernoulli", "gaussian"]
BATCH = 100
LEARNING_RATE = 1e-3  # ours; Adam


class Gaussian(NamedTuple):
    """A diagonal normal distribution: means and logarithms of variances, (n, d)."""

    mean: Array
    log_variance: Array

    def sample(self, key: Array) -> Array:
        """Draw one vector of each row."""
        noise = jax.random.normal(key, self.mean.shape)
        return self.mean + noise * jnp.exp(0.5 * self.log_variance)

    def log_density(self, points: Array) -> Array:
        """Return the log density at points (n, d), (n,) in nats."""
        squares = jnp.square(points - self.mean) * jnp.exp(-self.log_variance)
        each = math.log(2 * math.pi) + self.log_variance + squares
        return -0.5 * each.sum(-1)

    def divergence(self) -> Array:
        """Return the Kullback-Leibler divergence from N(0, 1), (n,) in nats."""
        each = jnp.exp(self.log_variance) + jnp.square(self.mean) - 1
        return 0.5 * (each - self.log_variance).sum(-1)


class Mlp(nn.Module):
    """Dense layers of softplus units, and a linear one."""

    hidden: Sequence[int]
    outputs: int

    @nn.compact
    def __call__(self, *inputs: Array) -> Array:
        """Map the joined inputs (n, …) to (n, outputs)."""
        x = jnp.concatenate(inputs, axis=-1)
        for units in self.hidden:
            x = nn.softplus(nn.Dense(units)(x))
        return nn.Dense(self.outputs)(x)


def as_gaussian(outputs: Array) -> Gaussian:
    """Read means and log variances from the halves of a network's outputs."""
    return Gaussian(*jnp.split(outputs, 2, axis=-1))


class M1(nn.Module):
    """Pixels → latents → pixels.

    Attributes:
        num_pixels: of an image.
        num_latents: of its code.
        hidden: the widths of the encoder's and the decoder's hidden layers.
        likelihood: of pixels in [0, 1]: `bernoulli`, or `gaussian` with one variance.
    """

    num_pixels: int
    num_latents: int
    hidden: Sequence[int]
    likelihood: Likelihood

    def setup(self) -> None:
        """Name the networks."""
        self.encoder = Mlp(self.hidden, 2 * self.num_latents)
        self.decoder = Mlp(self.hidden, self.num_pixels)
        self.log_variance = self.param("log_variance", nn.initializers.zeros, ())

    def encode(self, pixels: Array) -> Gaussian:
        """Return the distribution of the latents of pixels (n, num_pixels)."""
        return as_gaussian(self.encoder(pixels))

    def __call__(self, pixels: Array, key: Array) -> Array:
        """Return a bound of the log-likelihood of each row, (n,) in nats."""
        codes = self.encode(pixels)
        outputs = self.decoder(codes.sample(key))
        if self.likelihood == "bernoulli":
            each = -optax.sigmoid_binary_cross_entropy(outputs, pixels)
            fits = each.sum(-1)
        else:
            spread = jnp.broadcast_to(self.log_variance, outputs.shape)
            fits = Gaussian(outputs, spread).log_density(pixels)
        return fits - codes.divergence()


class Trained(NamedTuple):
    """A trained M1 and the bound that it has reached, in nats per image."""

    network: M1
    params: Params
    bound: float

    def encode(self, pixels: np.ndarray) -> Gaussian:
        """Return the distributions of the latents of pixels (n, num_pixels)."""
        read = backend.jit(
            lambda params, rows: self.network.apply(params, rows, method=M1.encode)
        )
        return Gaussian(*read(self.params, pixels))


def train_m1(
    pixels: np.ndarray,
    flags: argparse.Namespace,
    *,
    likelihood: Likelihood,
) -> Trained:
    """Train M1 on pixels, float32 (n, num_pixels) in [0, 1], by `add_flags`'s flags."""
    hidden = (flags.num_hidden, flags.num_hidden)
    network = M1(pixels.shape[1], flags.num_latents, hidden, likelihood)
    key = jax.random.key(flags.seed)

    def loss_of(params: Params, data: Array, key: Array) -> Array:
        choose, noise = jax.random.split(key)
        rows = fit.draw_rows(choose, BATCH, len(data))
        return -network.apply(params, data[rows], noise).mean()

    params, loss = fit.fit(
        loss_of, network.init(key, pixels[:2], key), jnp.asarray(pixels),
        optax.adam(LEARNING_RATE), num_steps=flags.num_m1_steps, seed=flags.seed,
        what="training M1",
    )  # fmt: skip
    return Trained(network, params, -loss)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `train_m1`."""
    add = parser.add_argument
    add("--num_hidden", type=int, default=600, help="units of M1's hidden layers")
    add("--num_latents", type=int, default=50)
    add("--num_m1_steps", type=int, default=5000)


def choose_likelihood(channels: int) -> Likelihood:
    """Return the likelihood that suits grey or coloured images."""
    return "bernoulli" if channels == 1 else "gaussian"
