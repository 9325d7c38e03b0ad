"""The layers of Goodfellow et al. 2014: maxout, and weights that start uniform.

Every layer has a bias that starts at 0.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.models import convolution
from dcgan_jax.models.convolution import Formulation, Geometry

Array = jax.Array

NUM_PIECES = 5  # of a dense maxout unit, in every yaml
DISC_LIMIT = 0.005  # irange of every discriminator's layers, in every yaml


def init_uniform(limit: float) -> nn.initializers.Initializer:
    """Draw from U(-limit, limit), pylearn2's irange."""

    def init(key: Array, shape: Any, dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


def make_dense(
    units: int, limit: float, *, name: str, has_bias: bool = True
) -> nn.Dense:
    """Build a dense layer with weights from U(-limit, limit)."""
    return nn.Dense(units, has_bias, kernel_init=init_uniform(limit), name=name)


class Block(NamedTuple):
    """One maxout convolution of a discriminator and the max-pooling after it."""

    features: int
    kernel_size: int
    padding: int
    pieces: int
    pool: int
    pool_stride: int


class Maxout(nn.Module):
    """Take the largest of several linear functions: (batch, n) → (batch, units)."""

    units: int
    use_bias: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply the layer; the pieces of a unit follow each other in the kernel."""
        units = self.units * NUM_PIECES
        dense = make_dense(units, DISC_LIMIT, name="dense", has_bias=self.use_bias)
        return dense(x).reshape(-1, self.units, NUM_PIECES).max(axis=-1)


class MaxoutConv(nn.Module):
    """Convolve, take the largest piece at each place, then the largest place nearby.

    (b, n, n, c) → (b, m, m, features). As in cuda-convnet, windows of the pooling that
    reach beyond the map are cut off there, not left out.
    """

    block: Block
    dtype: jnp.dtype
    formulation: Formulation
    use_bias: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply the layer."""
        features, side, padding, pieces, window, stride = self.block
        maps = features * pieces
        shape = (side, side, x.shape[-1], maps)
        kernel = self.param("kernel", init_uniform(DISC_LIMIT), shape, jnp.float32)
        geometry = Geometry(1, padding, x.shape[1], self.formulation)
        y = convolution.correlate(
            x.astype(self.dtype), kernel.astype(self.dtype), geometry
        )
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (maps,), jnp.float32)
            y += bias.astype(self.dtype).reshape(1, 1, 1, maps)
        y = y.reshape(*y.shape[:-1], features, pieces).max(axis=-1)
        beyond = -(y.shape[1] - window) % stride
        return nn.max_pool(
            y, (window, window), (stride, stride), padding=((0, beyond), (0, beyond))
        )


class Deconv(nn.Module):
    """Transpose a strided convolution without padding: (b, n, n, c) → (b, m, m, f).

    The output's side is m = stride (n - 1) + side. Every place of the output has a bias
    of its own.
    """

    features: int
    kernel_size: int
    stride: int
    limit: float
    dtype: jnp.dtype
    formulation: Formulation

    @nn.compact
    def __call__(self, y: Array) -> Array:
        """Apply the layer; the result is float32."""
        shape = (self.kernel_size, self.kernel_size, self.features, y.shape[-1])
        kernel = self.param("kernel", init_uniform(self.limit), shape, jnp.float32)
        size = self.stride * (y.shape[1] - 1) + self.kernel_size
        geometry = Geometry(self.stride, 0, size, self.formulation)
        x = convolution.transpose(
            y.astype(self.dtype), kernel.astype(self.dtype), geometry
        )
        place = (size, size, self.features)
        bias = self.param("bias", nn.initializers.zeros, place, jnp.float32)
        return x.astype(jnp.float32) + bias[None]
