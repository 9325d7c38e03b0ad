"""How many classes samples have, and how unlike the data's their shares are."""

from typing import NamedTuple

import numpy as np

NUM_MODES, NUM_CHANNELS, NUM_DIGITS = 1000, 3, 10


class ModeCount(NamedTuple):
    """The modes of some samples.

    Attributes:
        num_modes: how many of the modes any sample has.
        kl: the Kullback-Leibler divergence of the samples' distribution over modes from
            the data's, in nats.
    """

    num_modes: int
    kl: float


def count_modes(modes: np.ndarray, expected: np.ndarray) -> ModeCount:
    """Count the modes of samples.

    With n samples of the data's own distribution over m modes, all of them frequent,
    kl is about (m − 1) / 2n.

    Args:
        modes: (n,) whole numbers from 0.
        expected: (m,) the share of each mode in the data, none of them 0.
    """
    counts = np.bincount(modes, minlength=len(expected))
    found = counts > 0
    shares = counts[found] / counts.sum()
    kl = float(np.sum(shares * np.log(shares / expected[found])))
    return ModeCount(int(found.sum()), kl)


def share_modes(digits: np.ndarray) -> np.ndarray:
    """Return the share of each mode in stacks of digits that are drawn independently.

    Args:
        digits: (n,) whole numbers below 10.

    Returns:
        (1000,) in the order of `to_mode`.
    """
    one = np.bincount(digits, minlength=NUM_DIGITS) / len(digits)
    return np.einsum("i,j,k->ijk", one, one, one).ravel()


def to_mode(digits: np.ndarray) -> np.ndarray:
    """Number stacks (n, 3) by their digits: 3, 0 and 7 are mode 307."""
    return digits @ np.array([100, 10, 1])


def to_digits(modes: np.ndarray) -> np.ndarray:
    """Return the digits (n, 3) of modes (n,)."""
    return np.stack([modes // 100, modes // 10 % 10, modes % 10], axis=1)
