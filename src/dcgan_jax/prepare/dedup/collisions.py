"""Which 128-bit hashes collide, in linear time: codes in, groups of rows out.

Equal codes are found by a radix sort. Codes that differ in a few bits are looked for
among those that agree in 4 of their 16 bytes, as in locality-sensitive hashing by
sampled bits (Indyk & Motwani 1998). Of the quadruples of bytes those 140 are compared
whose numbers' exclusive or is 0; among any 7 of the 16 bytes there is one, so two codes
that differ in at most 9 bits always agree somewhere.
"""

import itertools
from typing import NamedTuple

import numpy as np

CODE_BYTES = 16
# Beyond it most close pairs agree nowhere.
MOST_DISTANCE = 14
# Forerunners that a code is compared with among those it agrees with, so that the work
# grows with the number of codes however many agree.
MAX_NEIGHBOURS = 32
# Between these shares of all pairs the tail of their distances is measured.
_TAIL = (1e-3, 1e-5)
_SAMPLE_ROWS = 4096
_BLOCK_ROWS = 1 << 18


class Groups(NamedTuple):
    """The rows that stand for each other.

    Attributes:
        leaders: int64 (rows,): of each row the row that is kept in its place, which for
            a kept row is itself and for others an earlier one.
        exact: whether each row's code is its leader's, bit by bit.
    """

    leaders: np.ndarray
    exact: np.ndarray


def find_groups(codes: np.ndarray, *, max_distance: int) -> Groups:
    """Find the rows whose codes collide, and keep the first of each group.

    Every row that is left out lies within `max_distance` of its leader (by way of an
    equal code), so that chains of similar images do not run together.

    Args:
        codes: uint8 (rows, 16).
        max_distance: most bits in which codes differ that still collide; 0 is the
            paper's (§4.1.1). Of pairs more than 9 bits apart some are missed.
    """
    firsts = find_equal(codes)
    leaders = firsts
    if max_distance > 0:
        distinct = np.flatnonzero(firsts == np.arange(len(firsts)))
        pairs = find_close(codes[distinct], max_distance=max_distance)
        leader_of = choose_leaders(pairs, len(distinct))
        position = np.empty(len(firsts), np.int64)
        position[distinct] = np.arange(len(distinct))
        leaders = distinct[leader_of[position[firsts]]]
    return Groups(leaders, leaders == firsts)


def find_equal(codes: np.ndarray) -> np.ndarray:
    """Return for each row the first one of the same code, int64 (rows,)."""
    words = np.ascontiguousarray(codes).view(np.uint16)
    order = _radix_sort(words)
    begins = np.ones(len(order), bool)
    for start in range(1, len(order), _BLOCK_ROWS):
        here = order[start - 1 : start + _BLOCK_ROWS]
        sorted_words = words[here]
        begins[start : start + len(here) - 1] = (
            sorted_words[1:] != sorted_words[:-1]
        ).any(axis=1)
    # The sort is stable: the first of a run of equal codes is the lowest row.
    firsts = np.empty(len(order), np.int64)
    firsts[order] = order[begins][np.cumsum(begins) - 1]
    return firsts


def find_close(codes: np.ndarray, *, max_distance: int) -> np.ndarray:
    """Find pairs of codes that differ in at most `max_distance` bits.

    Args:
        codes: uint8 (n, 16).
        max_distance: in bits.

    Returns:
        int64 (pairs, 2), [later, earlier], each pair once, ascending.
    """
    codes = np.ascontiguousarray(codes)
    halves = codes.view(np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for quadruple in choose_quadruples():
        words = np.ascontiguousarray(codes[:, quadruple]).view(np.uint16)
        order = _radix_sort(words)
        keys = np.ascontiguousarray(words[order]).view(np.uint32)[:, 0]
        for gap in range(1, MAX_NEIGHBOURS + 1):
            places = np.flatnonzero(keys[gap:] == keys[:-gap])
            if len(places) == 0:
                break
            earlier, later = order[places], order[places + gap]
            distances = np.bitwise_count(halves[earlier] ^ halves[later]).sum(axis=1)
            close = distances <= max_distance
            found.append(np.stack([later[close], earlier[close]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def choose_leaders(pairs: np.ndarray, count: int) -> np.ndarray:
    """Keep the first of those that are close to each other.

    Args:
        pairs: int64 (pairs, 2), [later, earlier], ascending.
        count: of what the pairs number.

    Returns:
        int64 (count,): each one's leader: the earliest one near it that leads itself,
        or itself.
    """
    leaders = np.arange(count)
    for later, earlier in pairs.tolist():
        if leaders[later] == later and leaders[earlier] == earlier:
            leaders[later] = earlier
    return leaders


def choose_quadruples() -> np.ndarray:
    """Return the quadruples of bytes that are compared, (140, 4).

    They are the planes of the affine space of four dimensions over two elements: every
    three bytes share exactly one. Sets without one have at most 6 elements.
    """
    quadruples = itertools.combinations(range(CODE_BYTES), 4)
    return np.array([q for q in quadruples if q[0] ^ q[1] ^ q[2] ^ q[3] == 0])


def choose_distance(codes: np.ndarray, *, max_rate: float) -> int:
    """Choose how far apart colliding codes may be so that few do by chance.

    The logarithm of the share of pairs within a distance is taken for a straight line
    below what a sample shows. It bends downwards, so the rate is over-estimated. Pairs
    within 14 bits, duplicates among them, are left out of the fit.

    Args:
        codes: uint8 (rows, 16).
        max_rate: share of the rows that may be within the distance of an earlier row by
            chance.

    Returns:
        Bits, 0 … 14.
    """
    step = max(1, len(codes) // _SAMPLE_ROWS)
    shares = _measure_distances(codes[::step][:_SAMPLE_ROWS])
    shares -= shares[MOST_DISTANCE]
    high, low = (int(np.searchsorted(shares, share)) for share in _TAIL)
    if high == len(shares) or low == high:
        return 0  # most pairs are within 14 bits: there is no tail to speak of
    slope = np.log(shares[high] / shares[low]) / (high - low)
    allowed = 2 * max_rate / len(codes)  # of pairs; a row has rows / 2 earlier ones
    distance = low + np.log(allowed / shares[low]) / slope
    return int(np.clip(np.floor(distance), 0, MOST_DISTANCE))


def _measure_distances(codes: np.ndarray) -> np.ndarray:
    """Return the share of pairs within 0, 1, … 128 bits, (129,)."""
    bits = np.unpackbits(codes, axis=1).astype(np.float32)
    on = bits.sum(axis=1)
    counts = np.zeros(8 * CODE_BYTES + 1, np.int64)
    for start in range(0, len(bits), 512):
        part = slice(start, start + 512)
        apart = on[part, None] + on[None] - 2 * bits[part] @ bits.T
        earlier = np.tri(len(apart), len(bits), start - 1, dtype=bool)
        counts += np.bincount(apart[earlier].astype(np.int64), minlength=len(counts))
    return counts.cumsum() / max(counts.sum(), 1)


def _radix_sort(words: np.ndarray) -> np.ndarray:
    """Return the stable order of rows of 16-bit words, int64, in linear time."""
    order = np.arange(len(words))
    for column in range(words.shape[1]):
        # numpy sorts 16-bit integers by radix where the order is to be stable.
        order = order[np.argsort(words[order, column], kind="stable")]
    return order
