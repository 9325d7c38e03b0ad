"""The exact minimum of a squared-hinge SVM's objective along a line."""

from typing import NamedTuple

import numpy as np

_MAX_STEPS = 60


class Ray(NamedTuple):
    """The lines w + t d of several problems, for t ≥ 0.

    Attributes:
        linear: (problems,) w·d.
        quadratic: (problems,) ‖d‖².
        margins: (n, problems) y (w·x).
        changes: (n, problems) y (d·x).
    """

    linear: np.ndarray
    quadratic: np.ndarray
    margins: np.ndarray
    changes: np.ndarray


def minimise_along(ray: Ray, *, cost: float) -> np.ndarray:
    """Return t for each problem that minimises ½‖w + t d‖² + C Σ max(0, 1 − margin)².

    Along a line the objective is convex and piecewise quadratic. Newton's method finds
    the root of its slope, inside the interval that is known to hold the minimum.
    """
    low = np.zeros_like(ray.linear)
    high = np.full_like(ray.linear, np.inf)
    length = np.ones_like(ray.linear)
    for _ in range(_MAX_STEPS):
        slack = np.maximum(0.0, 1.0 - ray.margins - length * ray.changes)
        bends = ray.changes * (slack > 0.0)
        slope = ray.linear + length * ray.quadratic
        slope -= 2.0 * cost * (slack * ray.changes).sum(0)
        bend = ray.quadratic + 2.0 * cost * (bends * ray.changes).sum(0)
        low = np.where(slope < 0.0, length, low)
        high = np.where(slope > 0.0, length, high)
        newton = length - slope / np.where(bend > 0.0, bend, 1.0)
        outside = (slope != 0.0) & ((newton <= low) | (newton >= high))
        middle = np.where(np.isinf(high), 2.0 * length, 0.5 * (low + high))
        new = np.where(outside, middle, newton)
        if np.allclose(new, length, rtol=1e-12, atol=0.0):
            break
        length = new
    return length
