"""Measures of how steadily a generator learns, of arrays of samples and features."""

from collections.abc import Sequence

import numpy as np


def measure_oscillation(checks: np.ndarray) -> float:
    """Compare how samples of fixed latents change in time with how they differ.

    Args:
        checks: uint8 (checks, count, height, width, channels), the same latents at
            successive moments; at least two of each.

    Returns:
        The mean absolute change from a check to the next, divided by the mean absolute
        difference of a sample and the next one of the same check. It is 0 where samples
        stand still, 1 where each changes as much as if another took its place, and
        infinity where all samples are the same and yet change.
    """
    values = checks.astype(np.float32)
    change = float(np.abs(np.diff(values, axis=0)).mean())
    spread = float(np.abs(values - np.roll(values, 1, axis=1)).mean())
    if spread == 0:
        return float("inf") if change > 0 else 0.0
    return change / spread


def measure_distance(features: np.ndarray, reference: np.ndarray) -> float:
    """Measure how far two sets of features lie apart, one feature at a time.

    It is the squared 2-Wasserstein distance of two normal distributions with the sets'
    means and variances, in units of the reference's standard deviation, averaged over
    the features. Features that are constant over the reference are left out.

    Args:
        features: (count, num_features).
        reference: (count, num_features) of real images.

    Returns:
        The distance, which is 0 if the moments agree.

    Differs from the Fréchet distance of Heusel et al. 2017, which compares whole
    covariances; a hundred samples do not determine those of thousands of features.
    """
    scale = reference.std(axis=0, dtype=np.float64)
    varies = scale > 0
    shift = features.mean(0, dtype=np.float64) - reference.mean(0, dtype=np.float64)
    spread = features.std(0, dtype=np.float64) - scale
    squares = (shift[varies] ** 2 + spread[varies] ** 2) / scale[varies] ** 2
    return float(squares.mean())


def match_contrast(images: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Give a set of images the brightness and contrast of another, channel by channel.

    Without a bias in its first layer a discriminator does not see the contrast of a
    batch (`models.dcgan`), which then drifts. This takes the drift out.

    Args:
        images: uint8 (count, height, width, channels).
        like: uint8 (any count, any height, any width, channels).

    Returns:
        uint8, shaped as `images`: each channel's mean and standard deviation over the
        set are those of `like`, but for rounding and clipping to 0 … 255.
    """
    axes = (0, 1, 2)
    values = images.astype(np.float64)
    deviation = np.maximum(values.std(axes), 1e-9)  # of a constant set
    gain = like.std(axes, dtype=np.float64) / deviation
    matched = (values - values.mean(axes)) * gain + like.mean(axes, dtype=np.float64)
    return np.rint(matched).clip(0, 255).astype(np.uint8)


def find_first_below(
    steps: Sequence[int], distances: Sequence[float], target: float
) -> int | None:
    """Return the first step whose distance is at most `target`, or None."""
    reached = (
        step
        for step, distance in zip(steps, distances, strict=True)
        if distance <= target
    )
    return next(reached, None)
