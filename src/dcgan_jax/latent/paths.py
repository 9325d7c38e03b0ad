"""Walks between points of the latent space, and how evenly their images change.

A generator that had memorised images would jump from one to the next; one that has
learnt what they are made of passes through images between them (§6.1, Fig. 4).
"""

from typing import Literal, NamedTuple

import numpy as np

Interpolation = Literal["linear", "spherical"]

# Two directions closer than this, in radians, to one line span no plane of their own.
_LEAST_ANGLE = 1e-6


def walk(
    points: np.ndarray, *, num_steps: int, interpolation: Interpolation, closed: bool
) -> np.ndarray:
    """Go from each point to the next.

    Fig. 4 shows a series of 9 random points; the paper tells neither how many images
    lie between two of them, nor on what curve, nor whether the last leads back to the
    first.

    Args:
        points: (count, latent_size), at least 2.
        num_steps: from a point to the next.
        interpolation: `linear` or `spherical`; see `interpolate_linear` and
            `interpolate_spherical`.
        closed: whether the last point leads back to the first.

    Returns:
        (segments, num_steps + 1, latent_size) float32. Both ends belong to a segment,
        so that the end of one is the beginning of the next.

    Source: §6.1, Fig. 4.
    """
    if len(points) < 2:
        raise ValueError(f"{len(points)} points make no walk; at least 2 do")
    move = {"linear": interpolate_linear, "spherical": interpolate_spherical}
    ends = np.concatenate([points[1:], points[:1]]) if closed else points[1:]
    fractions = np.linspace(0.0, 1.0, num_steps + 1)
    segments = [
        move[interpolation](start, end, fractions)
        for start, end in zip(points, ends, strict=False)
    ]
    return np.stack(segments)


def interpolate_linear(
    start: np.ndarray, end: np.ndarray, fractions: np.ndarray
) -> np.ndarray:
    """Go straight, at constant speed.

    The cube of uniform latents holds every point on the way. The middle of two is
    shorter than either: by √2 for most pairs of 100 numbers, a length that no sample of
    a uniform or normal distribution has.

    Args:
        start: (latent_size,).
        end: (latent_size,).
        fractions: (count,) of the way, 0 to 1.

    Returns:
        (count, latent_size) float32.
    """
    along = np.asarray(fractions, np.float64)[:, None]
    path = (1.0 - along) * start[None] + along * end[None]
    return path.astype(np.float32)


def interpolate_spherical(
    start: np.ndarray, end: np.ndarray, fractions: np.ndarray
) -> np.ndarray:
    """Turn at constant speed in the plane of both, the length changing evenly.

    Normal latents have nearly one length and any direction, so that the points on the
    way are as probable as the ends. Uniform latents have nearly one length too, but not
    any direction: on the way some numbers go beyond the cube's faces, where the
    generator has never been (1 and 1 pass 1.4 on a quarter turn).

    Opposite ends share no single plane: the turn then goes by way of the axis to which
    they are nearest to perpendicular. In one dimension there is no turn, and of a zero
    vector no direction: the way is then straight.

    Args:
        start: (latent_size,).
        end: (latent_size,).
        fractions: (count,) of the way, 0 to 1.

    Returns:
        (count, latent_size) float32.

    Differs from White 2016, *Sampling Generative Networks*, where the two weights of
    the turn multiply the ends themselves: the same for ends of equal length.
    """
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) == 0 or start.size == 1:
        return interpolate_linear(start, end, fractions)
    first = start.astype(np.float64) / lengths[0]
    last = end.astype(np.float64) / lengths[1]
    cosine = first @ last
    across = last - cosine * first
    angle = np.arctan2(np.linalg.norm(across), cosine)
    if angle < _LEAST_ANGLE:
        return interpolate_linear(start, end, fractions)
    if np.pi - angle < _LEAST_ANGLE:
        axis = np.argmin(np.abs(first))
        across = np.eye(first.size)[axis] - first[axis] * first
    across /= np.linalg.norm(across)
    along = np.asarray(fractions, np.float64)[:, None]
    directions = np.cos(along * angle) * first + np.sin(along * angle) * across
    path = ((1.0 - along) * lengths[0] + along * lengths[1]) * directions
    return path.astype(np.float32)


class Transitions(NamedTuple):
    """How evenly the images of a walk change.

    Attributes:
        steps: (segments, num_steps) root mean square difference of neighbouring images,
            in grey levels.
        by_row: (segments,) each segment's largest step as a multiple of its median one;
            1 is an even change, infinity a jump between images that stand still, NaN a
            segment of one image.
        median: of all steps, in grey levels.
        overall: the largest of all steps as a multiple of it.
    """

    steps: np.ndarray
    by_row: np.ndarray
    median: float
    overall: float


def measure_transitions(images: np.ndarray) -> Transitions:
    """Compare the largest step between neighbouring images with the median one.

    The number is ours: the paper reads sharp transitions off the picture. With twice
    the steps, all steps of a smooth walk shrink alike; a jump stays as large, and its
    multiple doubles.

    Args:
        images: uint8 (segments, num_steps + 1, height, width, channels).

    Source: §6.1, "signs of memorization (if there are sharp transitions)".
    """
    steps = np.stack([_measure_steps(segment) for segment in images])
    by_row = _compare(steps.max(axis=1), np.median(steps, axis=1))
    median = np.median(steps)
    overall = _compare(steps.max(), median)
    return Transitions(steps, by_row, float(median), float(overall))


def join_segments(segments: np.ndarray, *, closed: bool) -> np.ndarray:
    """Put the segments of a walk in a row, each point once.

    Args:
        segments: (segments, num_steps + 1, …), latents or images.
        closed: whether the last point is the first again; a film then repeats evenly.
    """
    joined = segments[:, :-1].reshape(-1, *segments.shape[2:])
    return joined if closed else np.concatenate([joined, segments[-1, -1:]])


def _measure_steps(images: np.ndarray) -> np.ndarray:
    change = np.diff(images.astype(np.float32), axis=0)
    return np.sqrt(np.square(change).mean(axis=(1, 2, 3), dtype=np.float64))


def _compare(largest: np.ndarray, median: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(largest, np.float64) / np.asarray(median, np.float64)
