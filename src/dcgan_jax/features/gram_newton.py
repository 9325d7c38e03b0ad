"""Minimise the objective of `squared_hinge` through the Gram matrix of few rows.

At the minimum w is a combination Xᵀ β of the rows, so that no more of X is needed than
G = X Xᵀ. A Newton step is then exact: the active rows A are those within the margin,
and (G_AA + I / 2C) α = y_A (Keerthi & DeCoste 2005; Chapelle 2007). This beats
conjugate gradients if C is large, since few rows stay active and the number of steps
does not grow with C.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.features import line_search
from dcgan_jax.features.line_search import Ray
from dcgan_jax.system import backend

Array = jax.Array
# Systems are filled up to a multiple of this, so that few sizes are compiled.
_STEP = 512
# Share of a diagonal by which a matrix of float64 may fail to be positive definite.
_ROUNDING = 1e-15
_MAX_STALLS = 3  # steps in a row that gain nothing but rounding


def minimise_by_gram(
    gram: np.ndarray,
    targets: np.ndarray,
    *,
    cost: float,
    tolerance: float,
    max_newton_steps: int,
    slack: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Minimise f for every column of the targets.

    Args:
        gram: (n, n) float64, of rows with their constant.
        targets: (n, problems), each −1 or 1.
        cost: C, above 0.
        tolerance: the largest gap, as a share of f.
        max_newton_steps: the number of steps after which it gives up.
        slack: (n, problems), max(0, 1 − y z) where the search begins.

    Returns:
        β (n, problems), and the number of Newton steps taken.
    """
    with jax.enable_x64(True):
        on_device = jax.device_put(gram)  # once: of 8,192 rows it is 512 MB
    weights = 2.0 * cost * targets * slack
    scores = gram @ weights
    stalls, best = 0, np.full(targets.shape[1], np.inf)
    for step in range(max_newton_steps):
        slack = np.maximum(0.0, 1.0 - targets * scores)
        objective = 0.5 * (weights * scores).sum(0) + cost * (slack**2).sum(0)
        gradient = weights - 2.0 * cost * targets * slack
        gap = 0.5 * (gradient * (gram @ gradient)).sum(0)
        open_ = np.flatnonzero(gap > tolerance * objective)
        falls = (objective < best * (1.0 - 1e-12))[open_]
        stalls = 0 if falls.any() else stalls + 1
        if not len(open_) or stalls > _MAX_STALLS:
            return weights, step
        best = np.minimum(best, objective)
        direction = np.zeros_like(weights)
        for k in open_:
            aim = _solve_active(on_device, targets[:, k], slack[:, k] > 0.0, cost=cost)
            direction[:, k] = aim - weights[:, k]
        change = gram @ direction
        ray = Ray(
            linear=(direction * scores).sum(0),
            quadratic=(direction * change).sum(0),
            margins=targets * scores,
            changes=targets * change,
        )
        length = line_search.minimise_along(ray, cost=cost)
        weights = weights + length * direction
        scores = scores + length * change
    return weights, max_newton_steps


def _solve_active(
    gram: Array, targets: np.ndarray, active: np.ndarray, *, cost: float
) -> np.ndarray:
    """Return the β of the minimum on the assumption that these rows are active."""
    rows = np.flatnonzero(active)
    size = -(-len(rows) // _STEP) * _STEP
    places = np.zeros(size, np.int32)
    places[: len(rows)] = rows
    solved = np.zeros(len(targets))
    with jax.enable_x64(True):
        found = _compile_solve()(gram, targets, places, len(rows), 0.5 / cost)
        solved[rows] = np.asarray(found)[: len(rows)]
    return solved


@functools.cache
def _compile_solve() -> Callable[..., Array]:
    def solve(
        gram: Array, targets: Array, places: Array, count: Array, ridge: Array
    ) -> Array:
        """Solve (G_AA + ridge) α = y_A, filled up by rows that ask nothing."""
        is_row = jnp.arange(len(places)) < count
        system = gram[places[:, None], places[None]]
        system = jnp.where(is_row[:, None] & is_row[None], system, 0.0)
        # Long features make the ridge of the objective smaller than rounding is.
        diagonal = jnp.diagonal(system)
        least = jnp.maximum(ridge, _ROUNDING * diagonal.sum())
        added = jnp.where(is_row, least, 1.0)
        system = system + jnp.diag(added)
        factor = jax.scipy.linalg.cho_factor(system, lower=True)
        aim = jnp.where(is_row, targets[places], 0.0)
        solution: Array = jnp.asarray(jax.scipy.linalg.cho_solve(factor, aim))
        return solution

    compiled: Callable[..., Array] = backend.jit(solve)
    return compiled
