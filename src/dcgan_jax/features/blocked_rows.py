"""A tall matrix that is multiplied in blocks of rows, so that it may lie on a disk."""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dcgan_jax.system import backend

Array = jax.Array

BLOCK_BYTES = 64 << 20
# A matrix up to this size stays on the device, as does one that takes a quarter of an
# accelerator's memory.
RESIDENT_BYTES = 512 << 20
_GRAM_COLUMNS = 2048


class BlockedRows:
    """A matrix, with a constant column at its end, multiplied in blocks of rows.

    Args:
        matrix: (rows, features) float32 or float64, in memory or mapped; products are
            computed in its full precision and summed over blocks in float64.
        constant: the value of the column that is added; None adds none.
    """

    def __init__(self, matrix: np.ndarray, *, constant: float | None) -> None:
        self.num_rows, num_columns = matrix.shape
        self.num_features = num_columns + (constant is not None)
        self.num_products = 0
        self.dtype = matrix.dtype
        self._products = _compile_products()
        self._matrix, self._constant = matrix, constant
        row_bytes = max(1, num_columns * matrix.itemsize)
        self._block = max(1, min(self.num_rows, BLOCK_BYTES // row_bytes))
        self._kept = (
            [jax.device_put(block) for block in self._cut()]
            if _fits_device(matrix.nbytes)
            else None
        )

    def times(self, weights: np.ndarray) -> np.ndarray:
        """Return X w: (features, k) → (rows, k) float64."""
        weights, offset = self._split(weights)
        parts = [
            np.asarray(self._products.times(block, weights), np.float64)
            for block in self._blocks()
        ]
        return np.concatenate(parts) + offset

    def transposed_times(self, residuals: np.ndarray) -> np.ndarray:
        """Return Xᵀ r: (rows, k) → (features, k) float64."""
        total = np.zeros((residuals.shape[1], self._matrix.shape[1]))
        narrow = residuals.astype(self.dtype)
        for block, part in zip(self._blocks(), self._parts(narrow), strict=True):
            total += np.asarray(self._products.transposed_times(block, part))
        return self._join(total.T, residuals.sum(0))

    def curve(self, weights: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return Xᵀ (mask ∘ X w) in one pass over X: (features, k) → the same."""
        weights, offset = self._split(weights)
        total = np.zeros((weights.shape[1], self._matrix.shape[1]))
        summed = np.zeros(weights.shape[1])
        narrow = offset.astype(self.dtype)
        for block, part in zip(self._blocks(), self._parts(mask), strict=True):
            products = self._products.curve(block, weights, narrow, part)
            total += np.asarray(products[0])
            summed += np.asarray(products[1])
        return self._join(total.T, summed)

    def gram(self) -> np.ndarray:
        """Return X Xᵀ, (rows, rows), summed in float64 whatever X's precision."""
        product = np.full((self.num_rows, self.num_rows), (self._constant or 0.0) ** 2)
        for start in range(0, self._matrix.shape[1], _GRAM_COLUMNS):
            part = self._matrix[:, start : start + _GRAM_COLUMNS].astype(np.float64)
            product += part @ part.T
        return product

    def mean_square(self) -> float:
        """Return the mean squared length of some rows."""
        some = self._matrix[:: max(1, self.num_rows // 256)].astype(np.float64)
        return float((some**2).sum(1).mean()) + (self._constant or 0.0) ** 2

    def _split(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dtype = self._matrix.dtype
        if self._constant is None:
            return weights.astype(dtype), np.zeros(weights.shape[1])
        return weights[:-1].astype(dtype), self._constant * weights[-1]

    def _join(self, total: np.ndarray, summed: np.ndarray) -> np.ndarray:
        if self._constant is None:
            return total
        return np.concatenate([total, self._constant * summed[None]])

    def _blocks(self) -> Iterator[Array]:
        self.num_products += 1
        if self._kept is not None:
            yield from self._kept
        else:
            for block in self._cut():
                yield jax.device_put(block)

    def _cut(self) -> Iterator[np.ndarray]:
        return self._parts(self._matrix)

    def _parts(self, array: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, self.num_rows, self._block):
            yield array[start : start + self._block]


def _fits_device(num_bytes: int) -> bool:
    if num_bytes <= RESIDENT_BYTES:
        return True
    if not backend.is_accelerator():
        return False
    limits = jax.devices()[0].memory_stats() or {}
    return num_bytes <= limits.get("bytes_limit", 0) // 4


class _Products(NamedTuple):
    """The compiled products of one block."""

    times: Callable[[Array, np.ndarray], Array]
    transposed_times: Callable[[Array, np.ndarray], Array]
    curve: Callable[..., tuple[Array, Array]]


@functools.cache
def _compile_products() -> _Products:
    # At the first use, since importing a module must not start a backend. The gap that
    # a fit reports holds only for full float32; a GPU's default, TF32, has 10 bits.
    multiply = functools.partial(jnp.matmul, precision="highest")

    def curve(
        block: Array, weights: Array, offset: Array, mask: Array
    ) -> tuple[Array, Array]:
        scores = (multiply(block, weights) + offset[None]) * mask
        # As scores.T @ block, XLA's CPU code reads the block as it lies; block.T @
        # scores takes nine times as long, as would this if fused with the above.
        scores = lax.optimization_barrier(scores)
        return multiply(scores.T, block), scores.sum(0)

    return _Products(
        times=backend.jit(multiply),
        transposed_times=backend.jit(lambda block, part: multiply(part.T, block)),
        curve=backend.jit(curve),
    )
