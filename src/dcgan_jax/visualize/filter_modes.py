"""Filters that collapse to a single mode: what §7 remarks, as numbers.

"As models are trained longer they sometimes collapse a subset of filters to a single
oscillating mode" (§7) is all that the paper says. The measures and thresholds here are
ours. A filter's map on many inputs is a matrix (inputs, positions); it has collapsed if
that matrix is one pattern: the same whatever the input, or one that only comes stronger
and weaker.
"""

from typing import Literal, NamedTuple

import numpy as np

State = Literal["healthy", "silent", "fixed", "oscillating"]

# Of the layer's median energy; below it a filter says nothing.
SILENT = 1e-4
# Share of the energy that differs between inputs; below it they all look the same.
FIXED = 0.05
# Share of the energy in one pattern, and of that pattern's spectrum in one frequency.
SINGLE_MODE, OSCILLATION = 0.95, 0.5
# Less of a pattern's energy around its mean is a flat pattern and no oscillation.
_LEAST_RELIEF = 0.1


class Modes(NamedTuple):
    """What the maps of every filter of a layer look like, each array (filters,).

    Attributes:
        energy: mean square of the map.
        variation: share of the energy that differs between inputs: 0, all inputs give
            the same map; 1, maps have nothing in common.
        mode_share: share of the energy in the one pattern that holds most of it, the
            first singular vector of the maps; 1: every map is a multiple of it.
        oscillation: share of that pattern's spectrum, without the mean, at its
            strongest spatial frequency of two periods a map at least; 0 of a flat one.
    """

    energy: np.ndarray
    variation: np.ndarray
    mode_share: np.ndarray
    oscillation: np.ndarray


def measure_modes(maps: np.ndarray) -> Modes:
    """Measure the modes of the filters of a layer.

    Args:
        maps: (inputs, side, side, filters), at least two inputs.
    """
    rows = [_measure_filter(maps[..., index]) for index in range(maps.shape[-1])]
    return Modes(*(np.array(column) for column in zip(*rows, strict=True)))


def classify_filters(modes: Modes) -> list[State]:
    """Say of every filter of a layer whether it has collapsed, and how.

    Returns:
        silent: no response beside the others'; oscillating: one pattern for all inputs,
        in one frequency; fixed: the same response to all inputs; or healthy. Of two
        that hold, the first.
    """
    least = SILENT * float(np.median(modes.energy))
    states: list[State] = []
    for energy, variation, mode_share, oscillation in zip(*modes, strict=True):
        if energy <= least:
            states.append("silent")
        elif mode_share >= SINGLE_MODE and oscillation >= OSCILLATION:
            states.append("oscillating")
        elif variation <= FIXED:
            states.append("fixed")
        else:
            states.append("healthy")
    return states


class Collapse(NamedTuple):
    """A filter that is not healthy at the last step measured.

    Attributes:
        number: of the filter.
        state: how it is now.
        since: the first step from which on it was never healthy.
    """

    number: int
    state: State
    since: int


def find_collapsed(history: dict[int, list[State]]) -> list[Collapse]:
    """Find the filters that have collapsed, and since when.

    Args:
        history: the states of a layer's filters by step.

    Returns:
        In the order of the filters; one that has recovered is not among them.
    """
    steps = sorted(history)
    found = []
    for index, state in enumerate(history[steps[-1]]):
        since = None
        for step in reversed(steps):
            if history[step][index] == "healthy":
                break
            since = step
        if since is not None:
            found.append(Collapse(index, state, since))
    return found


def _measure_filter(maps: np.ndarray) -> tuple[float, float, float, float]:
    """Measure one filter's maps (inputs, side, side)."""
    matrix = maps.reshape(len(maps), -1).astype(np.float64)
    energy = float(np.square(matrix).mean())
    if energy == 0:
        return 0.0, 0.0, 1.0, 0.0
    variation = float(matrix.var(axis=0).mean() / energy)
    _, values, patterns = np.linalg.svd(matrix, full_matrices=False)
    mode_share = float(values[0] ** 2 / np.square(values).sum())
    return energy, variation, mode_share, _oscillation(patterns[0], maps.shape[1])


def _oscillation(pattern: np.ndarray, side: int) -> float:
    """Return the share of the strongest frequency in a pattern of length 1."""
    relief = pattern - pattern.mean()
    if np.square(relief).sum() < _LEAST_RELIEF:
        return 0.0
    power = np.square(np.abs(np.fft.fft2(relief.reshape(side, side))))
    # A real pattern has every frequency twice, with either sign, but for those that are
    # their own opposite.
    opposite = np.roll(power[::-1, ::-1], 1, axis=(0, 1))
    index = np.arange(side)
    own = (2 * index) % side == 0
    both = np.where(own[:, None] & own[None, :], power, power + opposite)
    periods = np.minimum(index, side - index)
    swings = np.maximum(periods[:, None], periods[None, :]) >= 2
    return float((both * swings).max() / power.sum())
