"""Nearest neighbours among more images than memory holds, by exact distances (§8.1).

Images come in blocks, are compared by a product of matrices, and are forgotten. The
products are exact in float32: pixels less 128 have products of at most 2¹⁴, of which
1,024 add up without rounding. Parts of so many pixels are then summed as integers
modulo 2³², which the squared distance of two images up to 128×128×3 does not reach.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.system import backend

Array = jax.Array

# The number of candidates that are compared at once, which all blocks have.
BLOCK = 1024
_EXACT_PIXELS = 1024  # 1024 · 128² = 2²⁴
_MAX_PIXELS = 2**32 // 255**2
# The number of queries whose distances to a block stay in a core's cache.
_QUERIES_AT_ONCE = 500


class Nearest(NamedTuple):
    """The nearest candidate so far of every query.

    Attributes:
        distances: (n,) uint32, squared Euclidean, in grey levels².
        rows: (n,) int32, the number of the candidate; −1 before the first.
    """

    distances: Array | np.ndarray
    rows: Array | np.ndarray


class Queries(NamedTuple):
    """Images to find neighbours of, on the device.

    Attributes:
        parts: float32 (chunks, chunk, up to 1024) pixels less 128, cut along the
            pixels; what fills up the last chunk is arbitrary.
        squares: (chunks, chunk) uint32, their squared lengths.
    """

    parts: tuple[Array, ...]
    squares: Array


def begin_search(count: int) -> Nearest:
    """Return the state of `count` queries before the first candidate."""
    return Nearest(
        np.full(count, np.iinfo(np.uint32).max, np.uint32),
        np.full(count, -1, np.int32),
    )


def make_queries(images: np.ndarray) -> Queries:
    """Place uint8 images (n, height, width, channels) on the device.

    Raises:
        ValueError: if they have more than 66,051 numbers each.
    """
    if images[0].size > _MAX_PIXELS:
        raise ValueError(f"{images[0].size} pixels, expected at most {_MAX_PIXELS}")
    chunk = min(_QUERIES_AT_ONCE, len(images))
    missing = -len(images) % chunk
    padded = np.pad(images, [(0, missing)] + [(0, 0)] * (images.ndim - 1))
    parts = _cut(jnp.asarray(padded))
    return Queries(
        tuple(part.reshape(-1, chunk, part.shape[1]) for part in parts),
        _sum_squares(parts).reshape(-1, chunk),
    )


def search_block(
    nearest: Nearest,
    queries: Queries,
    *,
    block: Array | np.ndarray,
    first_row: int,
    count: int,
) -> Nearest:
    """Compare the queries with a block of candidates; the earlier of equals wins.

    Args:
        nearest: the state before the block.
        queries: the n queries.
        block: uint8 (BLOCK, height, width, channels).
        first_row: the number of the block's first candidate; all numbers are int32.
        count: the number of the block's first candidates that are compared.
    """
    return Nearest(*_compile()(tuple(nearest), queries, block, first_row, count))


def _cut(images: Array) -> tuple[Array, ...]:
    """Cut uint8 (n, …) into float32 parts, less 128, whose products are exact."""
    flat = images.reshape(len(images), -1).astype(jnp.float32) - 128.0
    return tuple(
        flat[:, begin : begin + _EXACT_PIXELS]
        for begin in range(0, flat.shape[1], _EXACT_PIXELS)
    )


def _sum_squares(parts: tuple[Array, ...]) -> Array:
    sums = [_to_integers(jnp.square(part).sum(1)) for part in parts]
    return functools.reduce(jnp.add, sums)


def _to_integers(values: Array) -> Array:
    """Convert exact float32 integers, which may be negative, modulo 2³²."""
    return values.astype(jnp.int32).astype(jnp.uint32)


@functools.cache
def _compile() -> Callable[..., tuple[Array, Array]]:
    def find(
        nearest: tuple[Array, Array],
        queries: Queries,
        images: Array,
        first_row: Array,
        count: Array,
    ) -> tuple[Array, Array]:
        parts = _cut(images)
        squares = _sum_squares(parts)
        is_there = jnp.arange(BLOCK) < count

        def compare(chunk: Queries) -> tuple[Array, Array]:
            products = functools.reduce(
                jnp.add,
                [
                    _to_integers(jnp.matmul(own, part.T, precision="highest"))
                    for own, part in zip(chunk.parts, parts, strict=True)
                ],
            )
            distances = (
                chunk.squares[:, None] + squares[None, :] - jnp.uint32(2) * products
            )
            none = jnp.uint32(np.iinfo(np.uint32).max)
            distances = jnp.where(is_there[None, :], distances, none)
            return distances.min(1), distances.argmin(1).astype(jnp.int32)

        distances, rows = (
            found.ravel()[: len(nearest[0])] for found in jax.lax.map(compare, queries)
        )
        closer = distances < nearest[0]
        return (
            jnp.where(closer, distances, nearest[0]),
            jnp.where(closer, first_row + rows, nearest[1]),
        )

    compiled: Callable[..., tuple[Array, Array]] = backend.jit(find)
    return compiled
