"""Convolution as three products that are each other's gradients.

A strided correlation `correlate(x, kernel)` is bilinear; its adjoint in x is the
fractionally-strided ("transposed") convolution, its adjoint in the kernel the kernel
gradient. Each of the three has the other two as its derivatives, so the gradient of any
layer, to any order, is again made of these three, each in the form that wins on the
backend in use.
"""

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Formulation = Literal["lax", "phase"]

# Below this many channels on the image's side one convolution that computes all phases
# at once beats one convolution a phase, although it multiplies some zeros.
FEW_CHANNELS = 8

_Pair = tuple[Array, Array]
_Saved = tuple[Array, _Pair]

_NHWC = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """The settings of a layer that a compiled program is made for.

    Attributes:
        stride: the stride in pixels, the same in both directions.
        padding: rows and columns of zeros on every side of the large map.
        size: the side of the large map, in pixels.
        formulation: `lax` dilates the small map with zeros; `phase` computes each
            residue of the output's position modulo the stride apart.
    """

    stride: int
    padding: int
    size: int
    formulation: Formulation


def choose_formulation(convolution: Literal["auto", "lax", "phase"]) -> Formulation:
    """Return the formulation that wins on the default backend, or the one asked for.

    XLA's CPU code multiplies the zeros that dilation inserts (4 of 4 products a pixel,
    3 of them by zero at stride 2); cuDNN does not.
    """
    if convolution != "auto":
        return convolution
    return "phase" if jax.default_backend() == "cpu" else "lax"


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def correlate(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Correlate a map with a kernel at a stride, as a discriminator's layer does.

    Args:
        x: (batch, size, size, inputs).
        kernel: (side, side, inputs, outputs).
        geometry: the stride, the symmetric padding and the size.

    Returns:
        (batch, small, small, outputs), small = (size + 2 padding - side) // stride + 1.
    """
    return _correlate(x, kernel, geometry)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def transpose(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Apply the adjoint of `correlate` in its map, as a generator's layer does.

    Args:
        y: (batch, small, small, outputs of the correlation).
        kernel: (side, side, inputs, outputs) of the correlation.
        geometry: the correlation's; `size` is the side of the result.

    Returns:
        (batch, size, size, inputs of the correlation).
    """
    if geometry.formulation == "lax" or geometry.stride == 1:
        return _transpose_dilated(y, kernel, geometry)
    if kernel.shape[2] <= FEW_CHANNELS:
        return _transpose_all_phases(y, kernel, geometry)
    return _transpose_each_phase(y, kernel, geometry)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def kernel_gradient(x: Array, y: Array, side: int, geometry: Geometry) -> Array:
    """Apply the adjoint of `correlate` in its kernel.

    Args:
        x: (batch, size, size, inputs).
        y: (batch, small, small, outputs), the cotangent of the correlation.
        side: the kernel's side, in pixels.
        geometry: the correlation's.

    Returns:
        (side, side, inputs, outputs).
    """
    stride, padding, size, _ = geometry
    # Else XLA fuses what comes before into the transposes and computes it once a read.
    x, y = lax.optimization_barrier((x, y))
    # A correlation of x with y, dilated by the stride, where channels and batch trade
    # places. The transposes are explicit since XLA's CPU compiler brings convolutions
    # into the layout of its fast kernels only outside loops, and training is a loop.
    covered = (y.shape[1] - 1) * stride + side
    result = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        y.transpose(1, 2, 0, 3),
        (1, 1),
        [(padding, covered - size - padding)] * 2,
        rhs_dilation=(stride, stride),
        dimension_numbers=_NHWC,
    )
    return result.transpose(1, 2, 0, 3)


def _correlate_fwd(x: Array, kernel: Array, geometry: Geometry) -> _Saved:
    return correlate(x, kernel, geometry), (x, kernel)


def _correlate_bwd(geometry: Geometry, saved: _Pair, cotangent: Array) -> _Pair:
    x, kernel = saved
    return (
        transpose(cotangent, kernel, geometry),
        kernel_gradient(x, cotangent, kernel.shape[0], geometry),
    )


def _transpose_fwd(y: Array, kernel: Array, geometry: Geometry) -> _Saved:
    return transpose(y, kernel, geometry), (y, kernel)


def _transpose_bwd(geometry: Geometry, saved: _Pair, cotangent: Array) -> _Pair:
    y, kernel = saved
    return (
        correlate(cotangent, kernel, geometry),
        kernel_gradient(cotangent, y, kernel.shape[0], geometry),
    )


def _gradient_fwd(x: Array, y: Array, side: int, geometry: Geometry) -> _Saved:
    return kernel_gradient(x, y, side, geometry), (x, y)


def _gradient_bwd(
    side: int, geometry: Geometry, saved: _Pair, cotangent: Array
) -> _Pair:
    del side
    x, y = saved
    return transpose(y, cotangent, geometry), correlate(x, cotangent, geometry)


correlate.defvjp(_correlate_fwd, _correlate_bwd)
transpose.defvjp(_transpose_fwd, _transpose_bwd)
kernel_gradient.defvjp(_gradient_fwd, _gradient_bwd)


def _correlate(x: Array, kernel: Array, geometry: Geometry) -> Array:
    strides = (geometry.stride, geometry.stride)
    padding = [(geometry.padding, geometry.padding)] * 2
    return lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=_NHWC
    )


def _transpose_dilated(y: Array, kernel: Array, geometry: Geometry) -> Array:
    stride, padding, size, _ = geometry
    side = kernel.shape[0]
    before = side - 1 - padding
    dilated = (y.shape[1] - 1) * stride + 1
    after = size - 1 + side - before - dilated
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    return lax.conv_general_dilated(
        y,
        flipped,
        (1, 1),
        [(before, after)] * 2,
        lhs_dilation=(stride, stride),
        dimension_numbers=_NHWC,
    )


class _Phase(NamedTuple):
    """The taps of the outputs at positions ≡ residue (mod stride), along one axis.

    Output stride·m + residue sums kernel row taps[t] times input row m + offset - t.
    """

    taps: tuple[int, ...]
    offset: int


def _phases(side: int, stride: int, padding: int) -> list[_Phase]:
    phases = []
    for residue in range(stride):
        first = (residue + padding) % stride
        phases.append(
            _Phase(
                taps=tuple(range(first, side, stride)),
                offset=(residue + padding - first) // stride,
            )
        )
    return phases


def _transpose_each_phase(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve once a phase with that phase's taps and interleave the results."""
    stride, padding, size, _ = geometry
    count = -(-size // stride)
    phases = _phases(kernel.shape[0], stride, padding)

    def pads(phase: _Phase) -> tuple[int, int]:
        before = len(phase.taps) - 1 - phase.offset
        return before, count + len(phase.taps) - 1 - before - y.shape[1]

    def convolve(row: _Phase, column: _Phase) -> Array:
        taps = kernel[jnp.array(row.taps[::-1])][:, jnp.array(column.taps[::-1])]
        return lax.conv_general_dilated(
            y,
            taps.swapaxes(2, 3),
            (1, 1),
            [pads(row), pads(column)],
            dimension_numbers=_NHWC,
        )

    results = [convolve(row, column) for row in phases for column in phases]
    # Else XLA fuses the interleaving into the stack and copies element by element.
    stacked = lax.optimization_barrier(jnp.stack(results, axis=3))
    batch, rows, columns, _, channels = stacked.shape
    split = stacked.reshape(batch, rows, columns, stride, stride, channels)
    return _interleave(split.transpose(0, 1, 3, 2, 4, 5), size)


def _transpose_all_phases(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve once, with every phase's taps in output channels of their own."""
    stride, padding, size, _ = geometry
    inputs, outputs = kernel.shape[2:]
    count = -(-size // stride)
    phases = _phases(kernel.shape[0], stride, padding)
    # Each phase's taps lie among the input rows m + first … m + last.
    first = min(phase.offset - len(phase.taps) + 1 for phase in phases)
    last = max(phase.offset for phase in phases)
    side = last - first + 1
    merged = jnp.zeros((side, side, outputs, stride, stride, inputs), kernel.dtype)
    for r, row in enumerate(phases):
        for c, column in enumerate(phases):
            taps = kernel[jnp.array(row.taps)][:, jnp.array(column.taps)]
            at_rows = jnp.array([row.offset - t - first for t in range(len(row.taps))])
            at_columns = jnp.array(
                [column.offset - t - first for t in range(len(column.taps))]
            )
            merged = merged.at[at_rows[:, None], at_columns[None], :, r, c].set(
                taps.swapaxes(2, 3)
            )
    result = lax.conv_general_dilated(
        y,
        merged.reshape(side, side, outputs, -1),
        (1, 1),
        [(-first, count - y.shape[1] + last)] * 2,
        dimension_numbers=_NHWC,
    )
    split = result.reshape(-1, count, count, stride, stride, inputs)
    return _interleave(split.transpose(0, 1, 3, 2, 4, 5), size)


def _interleave(phases: Array, size: int) -> Array:
    """Merge (batch, rows, stride, columns, stride, channels) and crop to `size`."""
    batch, rows, stride, columns, _, channels = phases.shape
    merged = phases.reshape(batch, rows * stride, columns * stride, channels)
    return merged[:, :size, :size]
