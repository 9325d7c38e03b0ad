"""Batch norm's arithmetic: the moments of a map, the map normalised, the gradient.

A map (n · batch, …, channels) may hold n minibatches, one behind another. Each is then
normalised by its own moments, as if it passed alone.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from dcgan_jax.system import backend

Array = jax.Array
# The map normalised; mean and biased variance, each (channels,), or (n, channels).
Normalised = tuple[Array, Array, Array]

EPSILON = 1e-8  # authors' lib/ops.py, batchnorm
_FEW_PIXELS = 16


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def normalise_batches(
    x: Array, gain: Array, offset: Array, num_batches: int
) -> Normalised:
    """Normalise by the batch; return the result, the mean and the biased variance.

    The gradient is written out, since the automatic one passes over the map more often.
    It treats mean and variance as results that only the running statistics read.

    Args:
        x: (num_batches · batch, …, channels).
        gain: (channels,).
        offset: (channels,).
        num_batches: the number of minibatches in x.
    """
    return _normalise_fwd(x, gain, offset, num_batches)[0]


def scale_channels(x: Array, factor: Array, shift: Array) -> Array:
    """Return factor · x + shift in the dtype of x, computed in float32.

    Args:
        x: (…, channels), or (n, …, channels) where the factors are (n, channels).
        factor: each channel's factor.
        shift: each channel's shift.
    """
    scaled = x.astype(jnp.float32) * _spread(factor, x.ndim)
    return (scaled + _spread(shift, x.ndim)).astype(x.dtype)


def _normalise_fwd(
    x: Array, gain: Array, offset: Array, num_batches: int
) -> tuple[Normalised, tuple[Array, ...]]:
    parts = _split(x, num_batches)
    mean, var = _measure(parts.astype(jnp.float32), _axes(parts, num_batches))
    inverse = lax.rsqrt(var + EPSILON)
    factor = _match(gain, inverse) * inverse
    result = scale_channels(parts, factor, _match(offset, inverse) - mean * factor)
    return (result.reshape(x.shape), mean, var), (x, gain, mean, inverse)


def _normalise_bwd(
    num_batches: int, saved: tuple[Array, ...], cotangents: Normalised
) -> Normalised:
    x, gain, mean, inverse = saved
    parts = _split(x, num_batches)
    axes = _axes(parts, num_batches)
    dy = _split(cotangents[0], num_batches).astype(jnp.float32)
    count = x.size // mean.size
    values = parts.astype(jnp.float32)
    d_offset, along = _sum_products(dy, values - _spread(mean, parts.ndim), axes)
    d_gain = along * inverse
    factor = _match(gain, inverse) * inverse
    # dx = factor (dy - mean(dy) - x̂ mean(dy x̂)), x̂ = (x - mean) inverse, multiplied
    # out to factor dy + a x + b: one pass over two maps.
    a = -factor * inverse * d_gain / count
    b = -factor * d_offset / count - a * mean
    dx = (
        dy * _spread(factor, parts.ndim)
        + values * _spread(a, parts.ndim)
        + _spread(b, parts.ndim)
    )
    if num_batches > 1:
        d_gain, d_offset = d_gain.sum(0), d_offset.sum(0)
    return dx.astype(x.dtype).reshape(x.shape), d_gain, d_offset


normalise_batches.defvjp(_normalise_fwd, _normalise_bwd)


def _measure(values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return mean and biased variance over some axes.

    On a GPU in one pass: the variance is the mean square less the squared mean. That
    loses digits where the mean is far from 0, about 1e-7 · mean² / variance of the
    variance; maps before batch norm have means of a few deviations.
    """
    if not backend.is_gpu():
        mean = values.mean(axes)
        return mean, jnp.square(values - _spread(mean, values.ndim)).mean(axes)
    sums = _sum_both(values, jnp.square(values), axes)
    mean, square = (total * (total.size / values.size) for total in sums)
    return mean, jnp.maximum(square - jnp.square(mean), 0.0)


def _sum_both(a: Array, b: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Sum two arrays over some axes: on a GPU by one kernel.

    On a CPU, XLA would sum the pair in a row, and lose digits.
    """
    if backend.is_gpu():
        return _reduce_both(a, b, axes)
    return a.sum(axes), b.sum(axes)


def _sum_products(
    dy: Array, centred: Array, axes: tuple[int, ...]
) -> tuple[Array, Array]:
    """Sum dy, and dy times the map less its mean, over some axes.

    Maps of few pixels are summed over these first. XLA's GPU compiler sums few rows in
    one stage, and would write both operands out for it.
    """
    rows, columns = (0, *axes)[-2:]
    num_pixels = dy.shape[rows] * dy.shape[columns]
    if not backend.is_gpu() or len(axes) < 3 or num_pixels > _FEW_PIXELS:
        return _sum_both(dy, dy * centred, axes)
    sums = _sum_both(dy, dy * centred, (rows, columns))
    return _sum_both(*sums, axes[:-2])


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _reduce_both(a: Array, b: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    def add(left: list[Array], right: list[Array]) -> list[Array]:
        return [x + y for x, y in zip(left, right, strict=True)]

    zero = jnp.zeros((), a.dtype)
    first, second = lax.reduce([a, b], [zero, zero], add, axes)
    return first, second


@_reduce_both.defjvp
def _reduce_both_jvp(
    axes: tuple[int, ...], primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    # JAX cannot transpose a reduction of two operands.
    moved = tangents[0].sum(axes), tangents[1].sum(axes)
    return _reduce_both(*primals, axes), moved


def _split(x: Array, num_batches: int) -> Array:
    """(n · batch, …, channels) → (n, batch, …, channels); as it is where n is 1."""
    return x if num_batches == 1 else x.reshape(num_batches, -1, *x.shape[1:])


def _axes(parts: Array, num_batches: int) -> tuple[int, ...]:
    """The axes of `_split` that moments are taken over."""
    return tuple(range(int(num_batches > 1), parts.ndim - 1))


def _match(vector: Array, other: Array) -> Array:
    """(channels,) → with as many axes as the other."""
    return vector if other.ndim == 1 else vector[None]


def _spread(vector: Array, ndim: int) -> Array:
    """(channels,) → (1, …, channels); (n, channels) → (n, 1, …, channels)."""
    return vector.reshape(*vector.shape[:-1], *(1,) * (ndim - vector.ndim), -1)
