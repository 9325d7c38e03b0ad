"""Minimise the primal objective of LIBLINEAR's L2-regularised squared-hinge SVM.

For each column k of the targets y in {-1, 1}:

    f_k(w) = ½‖w‖² + C Σ_i max(0, 1 − y_ik z_ik)²,   z = X w,

is minimised, all at once, by Newton's method with conjugate gradients (Keerthi &
DeCoste 2005; LIBLINEAR's `-s 2`). X is multiplied only by thin matrices, block of rows
by block of rows, so that it may lie on a disk.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.features import gram_newton, line_search
from dcgan_jax.features.blocked_rows import BlockedRows
from dcgan_jax.features.line_search import Ray
from dcgan_jax.system import backend

Array = jax.Array

MAX_CG_STEPS = 1000
# The number of axes along which conjugate gradients are preconditioned.
NUM_AXES = 128
# If 2C‖x‖² is above this share of the number of rows, conjugate gradients take so many
# steps that the rows' Gram matrix, up to 512 MB, is the faster way.
STIFF, MAX_GRAM_ROWS = 0.05, 8192
# Conjugate gradients reduce the gradient's model to this share in one Newton step.
FORCING = 0.1
# Newton steps in a row that lower no objective by this share of it before it gives up.
_MAX_STALLS, _STALLED = 3, 1e-12


class Solution(NamedTuple):
    """The point where the minimiser stopped.

    Attributes:
        weights: (features, problems) float64.
        objective: (problems,), the value of f there.
        gap: (problems,), a bound on how far f lies above its minimum.
        num_newton_steps: the number of outer iterations.
        num_products: the number of passes over X.
        converged: whether every gap is within the tolerance.
    """

    weights: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    num_newton_steps: int
    num_products: int
    converged: bool


class Axes(NamedTuple):
    """The directions in which the rows of X are longest.

    Attributes:
        directions: (features, r) float32, orthonormal.
        squares: (r,), estimates of ‖X u‖² along each, falling.
    """

    directions: np.ndarray
    squares: np.ndarray


def find_main_axes(rows: BlockedRows) -> Axes:
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
    rows: BlockedRows,
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
        tolerance: the largest gap, as a share of f. The gap is bounded by ‖∇f‖²/2,
            since f curves at least as ½‖w‖² does.
        max_newton_steps: the number of steps after which it gives up. It gives up too
            if numbers leave their range or rounding stops it. The last finite weights
            are then the solution.
        start: (features, problems), the weights to go on from; None stands for 0.
    """
    shape = (rows.num_features, targets.shape[1])
    weights = np.zeros(shape) if start is None else start.astype(np.float64)
    scores = np.zeros(targets.shape) if start is None else rows.times(weights)
    step, axes = 0, None
    stalls, none = 0, np.full(targets.shape[1], np.inf)
    finite = Solution(np.zeros(shape), none, none, 0, 0, False)
    stiff = 2.0 * cost * rows.mean_square() > STIFF * rows.num_rows
    by_gram = stiff and rows.num_rows <= MAX_GRAM_ROWS
    while True:
        slack = np.maximum(0.0, 1.0 - targets * scores)
        objective = 0.5 * (weights**2).sum(0) + cost * (slack**2).sum(0)
        gradient = weights - 2.0 * cost * rows.transposed_times(targets * slack)
        gap = 0.5 * (gradient**2).sum(0)
        open_ = ~(gap <= tolerance * objective)  # NaN is open
        if not np.isfinite(objective + gap).all():
            return finite._replace(num_products=rows.num_products)
        falls = objective < finite.objective * (1.0 - _STALLED)
        stalls = 0 if (falls & open_).any() else stalls + 1
        if stalls > _MAX_STALLS:  # rounding is larger than what is left to gain
            return finite._replace(num_products=rows.num_products)
        finite = Solution(weights, objective, gap, step, rows.num_products, False)
        if step >= max_newton_steps or not open_.any():
            return finite._replace(converged=not open_.any())
        if by_gram:  # it leaves rounding errors, which the steps below remove
            by_gram = False
            combination, step = gram_newton.minimise_by_gram(
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
        length = line_search.minimise_along(ray, cost=cost)
        weights = weights + length * direction
        scores = scores + length * change
        step += 1


def _newton_direction(
    rows: BlockedRows,
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
    shrink = (curvatures[-1] / curvatures - 1.0).astype(np.float32)
    directions = jax.device_put(axes.directions)

    def precondition(residual: np.ndarray) -> np.ndarray:
        # XLA does this too: the threads of numpy's library would spin beside it.
        correction = _compile_correction()(
            directions, shrink, residual.astype(np.float32)
        )
        return residual + np.asarray(correction)

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


@functools.cache
def _compile_correction() -> Callable[[Array, np.ndarray, np.ndarray], Array]:
    def correct(directions: Array, shrink: Array, residual: Array) -> Array:
        along = jnp.matmul(residual.T, directions, precision="highest")
        return jnp.matmul(directions, shrink * along.T, precision="highest")

    compiled: Callable[[Array, np.ndarray, np.ndarray], Array] = backend.jit(correct)
    return compiled
