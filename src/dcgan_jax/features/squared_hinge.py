"""Minimise the primal of LIBLINEAR's L2-regularised squared-hinge SVM, many at once.

For each column k of the targets y in {-1, 1}:

    f_k(w) = ½‖w‖² + C Σ_i max(0, 1 − y_ik z_ik)²,   z = X w,

by Newton's method with conjugate gradients (Keerthi & DeCoste 2005; LIBLINEAR's
`-s 2`). X is touched only by products with thin matrices, block of rows by block of
rows, so that it may lie on a disk.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax import lax

from dcgan_jax import backend
from dcgan_jax.features import gram_newton, line_search
from dcgan_jax.features.line_search import Ray

Array = jax.Array

BLOCK_BYTES = 64 << 20
# A matrix up to this size stays on the device, as does one that takes a quarter of an
# accelerator's memory.
RESIDENT_BYTES = 512 << 20
MAX_CG_STEPS = 1000
# Along which conjugate gradients are preconditioned.
NUM_AXES = 128
# Where 2C‖x‖² is above this share of the number of rows, conjugate gradients take so
# many steps that the rows' Gram matrix, up to 512 MB, is the faster way.
STIFF, MAX_GRAM_ROWS = 0.05, 8192
_GRAM_COLUMNS = 2048
# How far conjugate gradients reduce the gradient's model in one Newton step.
FORCING = 0.1


class Solution(NamedTuple):
    """Where the minimiser stopped.

    Attributes:
        weights: (features, problems) float64.
        objective: (problems,), the value of f there.
        gap: (problems,), no more than which f lies above its minimum.
        num_newton_steps: outer iterations.
        num_products: passes over X.
        converged: whether every gap is within the tolerance.
    """

    weights: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    num_newton_steps: int
    num_products: int
    converged: bool


class Rows:
    """A matrix, with a constant column at its end, multiplied in blocks of rows.

    Args:
        matrix: (rows, features) float32 or float64, in memory or mapped; products are
            computed in its precision and summed over blocks in float64.
        constant: value of the column that is added; None adds none.
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


class Axes(NamedTuple):
    """The directions in which the rows of X are longest.

    Attributes:
        directions: (features, r) float32, orthonormal.
        squares: (r,), estimates of ‖X u‖² along each, falling.
    """

    directions: np.ndarray
    squares: np.ndarray


def find_main_axes(rows: Rows) -> Axes:
    """Estimate the first eigenvectors of XᵀX from one pass over X.

    Source: the randomised Nyström approximation of Frangella, Tropp & Udell 2021
    (arXiv 2110.02820), algorithm 2.1.
    """
    rank = min(NUM_AXES, rows.num_rows, rows.num_features)
    rng = np.random.default_rng(0)  # it changes the number of steps, not the minimum
    start, _ = np.linalg.qr(rng.standard_normal((rows.num_features, rank)))
    image = rows.curve(start, np.ones((rows.num_rows, 1), rows.dtype))
    shift = np.finfo(rows.dtype).eps * np.linalg.norm(image)
    image = image + shift * start
    inner = start.T @ image
    values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
    kept = values > shift
    factor = image @ (vectors[:, kept] / np.sqrt(values[kept]))
    squares, turn = np.linalg.eigh(factor.T @ factor)
    squares, turn = squares[::-1], turn[:, ::-1]
    kept = squares > shift
    directions = factor @ (turn[:, kept] / np.sqrt(squares[kept]))
    return Axes(directions.astype(np.float32), np.maximum(squares[kept] - shift, 0.0))


def minimise(
    rows: Rows,
    targets: np.ndarray,
    *,
    cost: float,
    tolerance: float,
    max_newton_steps: int,
    start: np.ndarray | None,
) -> Solution:
    """Minimise f for every column of the targets.

    Args:
        rows: X, (n, features).
        targets: (n, problems), each −1 or 1.
        cost: C, above 0.
        tolerance: largest gap, as a share of f. The gap is bounded by ‖∇f‖²/2, since f
            curves at least as ½‖w‖² does.
        max_newton_steps: after which it gives up.
        start: (features, problems) weights to go on from; None: 0.
    """
    shape = (rows.num_features, targets.shape[1])
    weights = np.zeros(shape) if start is None else start.astype(np.float64)
    scores = np.zeros(targets.shape) if start is None else rows.times(weights)
    step, axes = 0, None
    stiff = 2.0 * cost * rows.mean_square() > STIFF * rows.num_rows
    by_gram = stiff and rows.num_rows <= MAX_GRAM_ROWS
    while True:
        slack = np.maximum(0.0, 1.0 - targets * scores)
        objective = 0.5 * (weights**2).sum(0) + cost * (slack**2).sum(0)
        gradient = weights - 2.0 * cost * rows.transposed_times(targets * slack)
        gap = 0.5 * (gradient**2).sum(0)
        open_ = gap > tolerance * objective
        if step >= max_newton_steps or not open_.any():
            return Solution(
                weights, objective, gap, step, rows.num_products, not open_.any()
            )
        if by_gram:  # what it leaves is rounding, for the steps below
            by_gram = False
            combination, step = gram_newton.minimise(
                rows.gram(),
                targets,
                cost=cost,
                tolerance=tolerance,
                max_newton_steps=max_newton_steps,
                slack=slack,
            )
            weights = rows.transposed_times(combination)
            scores = rows.times(weights)
            continue
        axes = axes or find_main_axes(rows)
        direction = _newton_direction(
            rows, gradient * open_, slack > 0.0, cost=cost, axes=axes
        )
        change = rows.times(direction)
        ray = Ray(
            linear=(weights * direction).sum(0),
            quadratic=(direction**2).sum(0),
            margins=targets * scores,
            changes=targets * change,
        )
        length = line_search.minimise(ray, cost=cost)
        weights = weights + length * direction
        scores = scores + length * change
        step += 1


def _newton_direction(
    rows: Rows,
    gradient: np.ndarray,
    active: np.ndarray,
    *,
    cost: float,
    axes: Axes,
) -> np.ndarray:
    """Solve (I + 2C Xᵀ A X) d = −gradient for each problem, to a share of it.

    Conjugate gradients, preconditioned along the main axes of X as if every row were
    active by the problem's share of active rows.
    """
    mask = active.astype(rows.dtype)
    # The matrix is taken to be 1 + scale · max(λ_i, λ_last) along axis i.
    scale = 2.0 * cost * active.mean(0)
    curvatures = 1.0 + scale * axes.squares[:, None]
    shrink = curvatures[-1] / curvatures - 1.0

    def precondition(residual: np.ndarray) -> np.ndarray:
        along = axes.directions.T @ residual.astype(np.float32)
        return residual + axes.directions @ (shrink.astype(np.float32) * along)

    direction = np.zeros_like(gradient)
    residual = -gradient
    goal = FORCING * np.linalg.norm(gradient, axis=0)
    scaled = precondition(residual)
    conjugate = scaled
    energy = (residual * scaled).sum(0)
    for _ in range(MAX_CG_STEPS):
        open_ = np.linalg.norm(residual, axis=0) > goal
        if not open_.any():
            break
        curved = conjugate + 2.0 * cost * rows.curve(conjugate, mask)
        curvature = (conjugate * curved).sum(0)
        length = np.where(open_, energy / np.where(open_, curvature, 1.0), 0.0)
        direction += length * conjugate
        residual = residual - length * curved
        scaled = precondition(residual)
        before, energy = energy, (residual * scaled).sum(0)
        ratio = np.where(open_, energy / np.where(open_, before, 1.0), 0.0)
        conjugate = scaled + ratio * conjugate
    return direction


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
    # At the first use, since importing a module must not start a backend.
    def curve(
        block: Array, weights: Array, offset: Array, mask: Array
    ) -> tuple[Array, Array]:
        scores = (block @ weights + offset[None]) * mask
        # As scores.T @ block, XLA's CPU code reads the block as it lies; block.T @
        # scores takes nine times as long, as would this if fused with the above.
        scores = lax.optimization_barrier(scores)
        return scores.T @ block, scores.sum(0)

    return _Products(
        times=backend.jit(lambda block, weights: block @ weights),
        transposed_times=backend.jit(lambda block, residuals: residuals.T @ block),
        curve=backend.jit(curve),
    )
