"""Parzen-window log-likelihood of a generator (Goodfellow et al. 2014, Table 1).

A Gaussian of one width around each of 10,000 samples is the estimate of the density;
the width is chosen by the likelihood of validation images. Theis et al. 2016 show that
these numbers rank models badly; the DCGAN paper's §6 calls them a poor metric too.

Source: §4 of that paper, and its authors' parzen_ll.py.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NUM_SAMPLES, NUM_VALIDATION = 10_000, 1_000  # parzen_ll.py
SIGMAS = tuple(float(s) for s in np.logspace(-1, 0, 10))  # parzen_ll.py
_BLOCK = 500


class Likelihood(NamedTuple):
    """The test set's log-likelihood, in nats per image.

    Attributes:
        sigma: the width that was chosen; pixels lie in [0, 1].
        log_likelihood: the mean over test images.
        standard_error: the standard error of that mean.
        validation: the mean log-likelihood of the validation images by width.
        at_edge: whether the best width is the grid's first or last.
    """

    sigma: float
    log_likelihood: float
    standard_error: float
    validation: dict[float, float]
    at_edge: bool


def estimate_likelihood(
    samples: np.ndarray,
    *,
    valid: np.ndarray,
    test: np.ndarray,
    sigmas: Sequence[float] = SIGMAS,
) -> Likelihood:
    """Choose the width and measure the test set.

    Args:
        samples: (n, pixels) in [0, 1], the generator's.
        valid: (m, pixels), the images that choose the width.
        test: (k, pixels), the images that are measured.
        sigmas: the widths to choose from.
    """
    by_sigma = log_likelihoods(valid, samples, sigmas=sigmas).mean(1)
    validation = dict(zip(sigmas, by_sigma.tolist(), strict=True))
    best = max(validation, key=lambda sigma: validation[sigma])
    values = log_likelihoods(test, samples, sigmas=[best])[0]
    return Likelihood(
        sigma=best,
        log_likelihood=float(values.mean()),
        standard_error=float(values.std() / math.sqrt(len(values))),
        validation=validation,
        at_edge=len(validation) > 1 and best in (min(sigmas), max(sigmas)),
    )


def log_likelihoods(
    queries: np.ndarray, samples: np.ndarray, *, sigmas: Sequence[float]
) -> np.ndarray:
    """Return the log density at each query for each width: (widths, queries) float64.

    It is computed in log space, since far from all samples the densities themselves are
    0 in any floating-point format.
    """
    from scipy.special import logsumexp

    centres = samples.astype(np.float64)
    squares = (centres**2).sum(1)
    size = centres.shape[1]
    result = np.empty((len(sigmas), len(queries)))
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK].astype(np.float64)
        distances = (block**2).sum(1)[:, None] + squares - 2.0 * block @ centres.T
        np.maximum(distances, 0.0, out=distances)
        for row, sigma in enumerate(sigmas):
            exponents = distances / (-2.0 * sigma**2)
            norm = math.log(len(centres)) + 0.5 * size * math.log(
                2.0 * math.pi * sigma**2
            )
            result[row, start : start + len(block)] = (
                logsumexp(exponents, axis=1) - norm
            )
    return result
