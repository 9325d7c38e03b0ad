"""The layers that every network here is made of."""

from collections.abc import Callable, Iterator, Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from dcgan_jax.models import convolution, normalisation, spectral
from dcgan_jax.models.convolution import Formulation, Geometry
from dcgan_jax.system import backend

Array = jax.Array
Activation = Callable[[Array], Array]

BN_EPSILON = normalisation.EPSILON
BN_MOMENTUM = 0.9  # ours: the authors keep no running statistics
LEAK = 0.2  # §4

init_weights = nn.initializers.normal(0.02)  # §4
# Keeps the scale of maps from layer to layer where no batch norm does (He et al. 2015,
# §2.2: a variance of 2 / ((1 + leak²) inputs of a unit)).
init_unnormalised = nn.initializers.variance_scaling(
    2 / (1 + LEAK**2), "fan_in", "normal"
)


def init_gain(key: Array, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    """Draw batch-norm gains from N(1, 0.02); faces/train_uncond_dcgan.py, gain_ifn."""
    return 1.0 + 0.02 * jax.random.normal(key, shape, dtype)


# The name of a convolution → (features,), the factors of its maps.
FeatureMasks = Mapping[str, Array]
MAPS = "intermediates"  # the collection of `expose_maps`; flax: none by `init`


def expose_maps(
    network: nn.Module, name: str, x: Array, masks: FeatureMasks | None
) -> Array:
    """Let a convolution's feature maps be read and dropped from outside.

    A caller that makes the collection MAPS mutable finds them there under `name`.

    Args:
        network: the network that the convolution belongs to.
        name: the convolution's name.
        x: (batch, n, n, features), its maps after batch norm and ReLU.
        masks: 0 for a map to drop, 1 for one to keep. If it is None or lacks this
            convolution, all maps are kept and nothing is computed.

    Returns:
        The maps that the next layer sees.
    """
    if masks is not None and name in masks:
        x = x * _channels_last(masks[name].astype(x.dtype), x.ndim)
    network.sow(MAPS, f"{name}_maps", x)
    return x


def leaky_relu(x: Array) -> Array:
    """Return x where positive, 0.2 x elsewhere (§4)."""
    return jnp.where(x > 0, x, LEAK * x)


class Conv(nn.Module):
    """Convolve with symmetric padding: (b, n, n, c) → (b, m, m, features).

    Differs from flax's nn.Conv: the padding is the authors' (XLA's SAME is asymmetric
    at stride 2), and the formulation is chosen per backend.
    """

    features: int
    kernel_size: int
    stride: int
    dtype: jnp.dtype
    formulation: Formulation
    use_bias: bool = False
    spectral_norm: bool = False
    kernel_init: nn.initializers.Initializer = init_weights

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply the layer; the kernel is (side, side, inputs, features)."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        if self.spectral_norm:
            kernel = spectral.normalise(self, kernel)
        geometry = Geometry(
            self.stride, (self.kernel_size - 1) // 2, x.shape[1], self.formulation
        )
        y = convolution.correlate(
            x.astype(self.dtype), kernel.astype(self.dtype), geometry
        )
        if self.use_bias:
            bias = self.param(
                "bias", nn.initializers.zeros, (self.features,), jnp.float32
            )
            y += _channels_last(bias.astype(self.dtype), y.ndim)
        return y


class ConvTranspose(nn.Module):
    """Convolve at a fractional stride: (b, n, n, c) → (b, sn, sn, features).

    The layer is the exact adjoint of `Conv` with the same kernel, which is stored as
    that convolution's: (side, side, features, inputs).
    """

    features: int
    kernel_size: int
    stride: int
    dtype: jnp.dtype
    formulation: Formulation

    @nn.compact
    def __call__(self, y: Array) -> Array:
        """Apply the layer."""
        shape = (self.kernel_size, self.kernel_size, self.features, y.shape[-1])
        kernel = self.param("kernel", init_weights, shape, jnp.float32)
        geometry = Geometry(
            self.stride,
            (self.kernel_size - 1) // 2,
            y.shape[1] * self.stride,
            self.formulation,
        )
        result = convolution.transpose(
            y.astype(self.dtype), kernel.astype(self.dtype), geometry
        )
        # XLA's GPU compiler would keep a sum of shifted products in float32, and what
        # comes after would read twice as much.
        return lax.optimization_barrier(result) if backend.is_gpu() else result


class BatchNorm(nn.Module):
    """Normalise each channel over batch and positions, in float32.

    With `train` the batch's own mean and biased variance are used, which also move the
    running statistics; without `train` the running statistics are used. Gain and offset
    are learnt if `affine` says so.

    Attributes:
        num_batches: the number of minibatches that x holds, one behind another. Each is
            normalised by its own statistics, and the running ones follow them in turn.
    """

    momentum: float = BN_MOMENTUM
    affine: bool = True
    num_batches: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Return x normalised, in the dtype of x."""
        shape = (x.shape[-1],)
        if self.affine:
            gain = self.param("gain", init_gain, shape, jnp.float32)
            offset = self.param("offset", nn.initializers.zeros, shape, jnp.float32)
        else:
            gain, offset = jnp.ones(shape), jnp.zeros(shape)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape)
        if train:
            result, *moments = normalisation.normalise_batches(
                x, gain, offset, self.num_batches
            )
            if not self.is_initializing():
                for mean, var in self._each_batch(*moments):
                    running_mean.value = self._follow(running_mean.value, mean)
                    running_var.value = self._follow(running_var.value, var)
            return result
        mean, var = running_mean.value, running_var.value
        scale = gain * jax.lax.rsqrt(var + normalisation.EPSILON)
        return normalisation.scale_channels(x, scale, offset - mean * scale)

    def _follow(self, running: Array, value: Array) -> Array:
        return self.momentum * running + (1 - self.momentum) * value

    def _each_batch(self, mean: Array, var: Array) -> Iterator[tuple[Array, Array]]:
        if self.num_batches == 1:
            yield mean, var
        else:
            yield from zip(mean, var, strict=True)


def _channels_last(vector: Array, ndim: int) -> Array:
    return vector.reshape((1,) * (ndim - 1) + vector.shape)


class DenseNorm(nn.Module):
    """Weigh all inputs without bias, normalise each unit: (batch, n) → (batch, units).

    All of it is computed in float32.
    """

    units: int
    bn_momentum: float
    bn_affine: bool
    num_batches: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Apply the layer."""
        dense = _make_dense(self.units)
        bn = BatchNorm(self.bn_momentum, self.bn_affine, self.num_batches, name="bn")
        return bn(dense(x.astype(jnp.float32)), train=train)


class Projection(nn.Module):
    """Map latents to the first map: dense without bias, BN per unit, ReLU, reshape.

    (batch, latent_size) → (batch, size, size, features). Batch norm, which `batch_norm`
    turns off, is over all size·size·features units, before the reshape.

    Source: faces/train_uncond_dcgan.py:108-131.
    """

    size: int
    features: int
    dtype: jnp.dtype
    bn_momentum: float
    bn_affine: bool
    batch_norm: bool = True

    @nn.compact
    def __call__(self, latents: Array, *, train: bool) -> Array:
        """Apply the layer."""
        x = _make_dense(self.size * self.size * self.features)(latents)
        if self.batch_norm:
            bn = BatchNorm(self.bn_momentum, self.bn_affine, name="bn")
            x = bn(x, train=train)
        shape = (-1, self.size, self.size, self.features)
        return nn.relu(x).reshape(shape).astype(self.dtype)


class Logit(nn.Module):
    """Flatten and weigh every unit: (batch, …) → (batch,), float32, without bias."""

    spectral_norm: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply the layer."""
        flat = x.reshape(x.shape[0], -1).astype(jnp.float32)
        if self.spectral_norm:
            kernel = self.param("kernel", init_weights, (flat.shape[1], 1))
            return (flat @ spectral.normalise(self, kernel))[:, 0]
        return _make_dense(1)(flat)[:, 0]


def _make_dense(units: int) -> nn.Dense:
    return nn.Dense(units, use_bias=False, kernel_init=init_weights, name="dense")


def encode_labels(labels: Array | None, num_classes: int) -> Array:
    """Return labels (batch,) as (batch, num_classes) float32, 1 in the label's place.

    Raises:
        ValueError: if there are no labels.
    """
    if labels is None:
        raise ValueError("a conditional network needs labels, one for each image")
    return jax.nn.one_hot(labels, num_classes)


def make_join(
    labels: Array | None, num_classes: int | None
) -> Callable[[Array], Array]:
    """Return what `join_labels` does with these labels; without classes, nothing.

    Raises:
        ValueError: if there are classes and no labels.
    """
    if num_classes is None:
        return lambda x: x
    codes = encode_labels(labels, num_classes)
    return lambda x: join_labels(x, codes)


def join_labels(x: Array, codes: Array) -> Array:
    """Append labels to the channels: each class adds a map of zeros or ones.

    Args:
        x: (batch, …, channels).
        codes: (batch, num_classes), from `encode_labels`.

    Returns:
        (batch, …, channels + num_classes), in the dtype of x.

    Source: authors' lib/ops.py, conv_cond_concat.
    """
    batch, num_classes = codes.shape
    codes = codes.astype(x.dtype).reshape(batch, *(1,) * (x.ndim - 2), num_classes)
    maps = jnp.broadcast_to(codes, (*x.shape[:-1], num_classes))
    return jnp.concatenate([x, maps], axis=-1)
