"""The forms that convolution's three products are computed in, by geometry.

Each form is a plain function of arrays; `convolution` chooses among them and gives them
their gradients.
"""

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Formulation = Literal["lax", "phase", "cudnn"]

# Below this many channels on the image's side one convolution that computes all phases
# at once beats one convolution a phase, although it multiplies some zeros.
FEW_CHANNELS = 8

_NHWC = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """The settings of a layer that a compiled program is made for.

    Attributes:
        stride: the stride in pixels, the same in both directions.
        padding: rows and columns of zeros on every side of the large map.
        size: the side of the large map, in pixels.
        formulation: `lax` dilates the small map with zeros; `phase` computes each
            residue of the output's position modulo the stride apart; `cudnn` is `lax`
            but for the products of `is_product_of_matrices`.
    """

    stride: int
    padding: int
    size: int
    formulation: Formulation


def correlate_strided(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve at the stride, as `lax` does."""
    strides = (geometry.stride, geometry.stride)
    padding = [(geometry.padding, geometry.padding)] * 2
    return lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=_NHWC
    )


def transpose_dilated(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve the map with zeros between its pixels, as `lax` does."""
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


def transpose_by_overlap(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Multiply each pixel by all taps at once; add what falls on the same place."""
    stride, padding, size, _ = geometry
    side, small = kernel.shape[0], y.shape[1]
    # (batch, small, small, side, side, inputs)
    taps = lax.dot_general(y, kernel, (((3,), (3,)), ((), ())))
    begin, spread = -padding, (small - 1) * stride + 1

    def place(row: int, column: int) -> Array:
        own = taps[:, :, :, row, column].astype(jnp.float32)
        edges = [
            (begin + tap, size - (begin + tap) - spread, stride - 1)
            for tap in (row, column)
        ]
        zero = jnp.zeros((), own.dtype)
        return lax.pad(own, zero, [(0, 0, 0), *edges, (0, 0, 0)])

    placed = [place(row, column) for row in range(side) for column in range(side)]
    return functools.reduce(jnp.add, placed).astype(y.dtype)


def kernel_gradient_dilated(x: Array, y: Array, side: int, geometry: Geometry) -> Array:
    """Correlate x with y, dilated by the stride, for the kernel's gradient."""
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


def kernel_gradient_by_patches(
    x: Array, y: Array, side: int, geometry: Geometry
) -> Array:
    """Multiply what each tap of the kernel has seen by the cotangent."""
    stride, padding, size, _ = geometry
    small = y.shape[1]
    covered = (small - 1) * stride + side
    edge = (padding, max(0, covered - size - padding))
    padded = jnp.pad(x, [(0, 0), edge, edge, (0, 0)])
    last = (small - 1) * stride + 1
    patches = jnp.stack(
        [
            padded[:, row : row + last : stride, column : column + last : stride]
            for row in range(side)
            for column in range(side)
        ],
        axis=3,
    )
    # (batch, small, small, side², inputs) · (batch, small, small, outputs)
    result = lax.dot_general(patches, y, (((0, 1, 2), (0, 1, 2)), ((), ())))
    return result.reshape(side, side, *result.shape[1:])


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


def transpose_each_phase(y: Array, kernel: Array, geometry: Geometry) -> Array:
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


def transpose_all_phases(y: Array, kernel: Array, geometry: Geometry) -> Array:
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
