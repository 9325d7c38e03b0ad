"""A tall matrix that is multiplied in blocks of rows, so that it may lie on a disk."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dcgan_jax.system import backend

Array = jax.Array

BLOCK_BYTES = 64 << 20
# A matrix up to this size stays on the device, as does one that takes half of an
# accelerator's free memory.
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
        self._kept = list(self._cut()) if _fits_device(matrix.nbytes) else None

    def times(self, weights: np.ndarray) -> np.ndarray:
        """Return X w: (features, k) → (rows, k) float64."""
        weights, offset = self._split(weights)
        found = []
        with jax.enable_x64(True):
            given = jax.device_put(weights)
            for _, block in self._blocks():
                found.append(self._wait(self._products.times(block, given)))
        return np.concatenate([np.asarray(part, np.float64) for part in found]) + offset

    def transposed_times(self, residuals: np.ndarray) -> np.ndarray:
        """Return Xᵀ r: (rows, k) → (features, k) float64."""
        with jax.enable_x64(True):
            given = jax.device_put(residuals.astype(self.dtype))
            total = self._zeros(residuals.shape[1])
            for start, block in self._blocks():
                total = self._wait(
                    self._products.transposed_times(total, block, given, start)
                )
        return self._join(np.asarray(total).T, residuals.sum(0))

    def curve(self, weights: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return Xᵀ (mask ∘ X w) in one pass over X: (features, k) → the same."""
        weights, offset = self._split(weights)
        with jax.enable_x64(True):
            given = jax.device_put((weights, offset.astype(self.dtype), mask))
            sums = self._zeros(weights.shape[1]), jnp.zeros(weights.shape[1])
            for start, block in self._blocks():
                sums = self._wait(self._products.curve(sums, block, given, start))
        total, summed = map(np.asarray, sums)
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

    def _zeros(self, num_problems: int) -> Array:
        return jnp.zeros((num_problems, self._matrix.shape[1]))

    def _wait(self, result: Any) -> Any:
        """Wait where blocks stream, so that no more than one of them lies around."""
        return result if self._kept else jax.block_until_ready(result)

    def _blocks(self) -> Iterator[tuple[int, Array]]:
        """Yield blocks of rows on the device, with the number of their first one."""
        self.num_products += 1
        starts = range(0, self.num_rows, self._block)
        yield from zip(starts, self._kept or self._cut(), strict=True)

    def _cut(self) -> Iterator[Array]:
        for start in range(0, self.num_rows, self._block):
            yield jax.device_put(self._matrix[start : start + self._block])


def _fits_device(num_bytes: int) -> bool:
    if num_bytes <= RESIDENT_BYTES:
        return True
    return backend.is_accelerator() and num_bytes <= backend.free_memory() // 2


class _Products(NamedTuple):
    """The compiled products of one block; sums over blocks are float64."""

    times: Callable[[Array, Array], Array]
    transposed_times: Callable[[Array, Array, Array, int], Array]
    curve: Callable[..., tuple[Array, Array]]


@functools.cache
def _compile_products() -> _Products:
    # At the first use, since importing a module must not start a backend. The gap that
    # a fit reports holds only for full float32; a GPU's default, TF32, has 10 bits.
    multiply = functools.partial(jnp.matmul, precision="highest")

    def cut(rows: Array, block: Array, start: Array) -> Array:
        return lax.dynamic_slice_in_dim(rows, start, len(block))

    def transposed_times(
        total: Array, block: Array, rows: Array, start: Array
    ) -> Array:
        product = multiply(cut(rows, block, start).T, block)
        return total + product.astype(total.dtype)

    def curve(
        sums: tuple[Array, Array],
        block: Array,
        given: tuple[Array, Array, Array],
        start: Array,
    ) -> tuple[Array, Array]:
        weights, offset, mask = given
        scores = multiply(block, weights) + offset[None]
        scores = scores * cut(mask, block, start)
        # As scores.T @ block, XLA's CPU code reads the block as it lies; block.T @
        # scores takes nine times as long, as would this if fused with the above.
        scores = lax.optimization_barrier(scores)
        total, summed = sums
        product = multiply(scores.T, block).astype(total.dtype)
        return total + product, summed + scores.sum(0).astype(summed.dtype)

    return _Products(
        times=backend.jit(multiply),
        transposed_times=backend.jit(transposed_times, donate_argnums=(0,)),
        curve=backend.jit(curve, donate_argnums=(0,)),
    )
