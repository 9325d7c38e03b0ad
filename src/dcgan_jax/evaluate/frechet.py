"""The Fréchet distance between two sets of features (Heusel et al. 2017)."""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """The moments of a set of features that the distance compares, in float64.

    Attributes:
        mean: (num_features,).
        covariance: (num_features, num_features), unbiased.
    """

    mean: np.ndarray
    covariance: np.ndarray


def measure_moments(features: np.ndarray) -> Moments:
    """Return mean and covariance of (count, num_features), count at least 2."""
    rows = features.astype(np.float64)
    return Moments(rows.mean(0), np.atleast_2d(np.cov(rows, rowvar=False)))


def frechet_distance(ours: Moments, theirs: Moments) -> float:
    """Return the squared 2-Wasserstein distance of two normal distributions.

    |m - n|² + tr(C + D - 2 (C D)^½). It is biased upwards, the more so the fewer the
    images are: compare sets of the same size alone.

    Differs from pytorch-fid and torch-fidelity: the trace of (C D)^½ is that of
    (C^½ D C^½)^½, which is symmetric, so that no general matrix root is needed and
    nothing imaginary has to be thrown away.

    Source: Heusel et al. 2017, Eq. 6.
    """
    values, vectors = np.linalg.eigh(ours.covariance)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    product = np.linalg.eigvalsh(root @ theirs.covariance @ root)
    shift = np.square(ours.mean - theirs.mean).sum()
    traces = np.trace(ours.covariance) + np.trace(theirs.covariance)
    return float(shift + traces - 2 * np.sqrt(product.clip(0)).sum())
