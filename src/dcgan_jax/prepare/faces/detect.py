"""Faces in pixels: a cascade's squares, and the larger squares that are cut out.

A square is (left, top, side) in pixels of its image; arrays of them are int64 (n, 3).
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.system import errors

# ours: the paper names no cascade. Of OpenCV's for frontal faces none finds more real
# faces with fewer false ones, and this is the fastest:
# experiments/studies/faces_detection.py.
CASCADE = "haarcascade_frontalface_alt2.xml"
_SCALE_STEP = 1.1  # of the search; OpenCV's default
# Of the smaller of two squares; more means that both show one face.
_MOST_SHARED = 0.5


class Detections(NamedTuple):
    """What the detector found in one image, the surest first."""

    squares: np.ndarray
    """(n, 3)."""
    num_windows: np.ndarray
    """Overlapping windows of the search that agree on each, (n,)."""


@functools.cache
def load_detector(cascade: str) -> Any:
    """Load OpenCV's cascade detector, once in a process.

    Args:
        cascade: name of one of the files that come with OpenCV.

    Raises:
        InputError: if OpenCV is not installed, or one without cascades: 5.0 dropped
            them.
    """
    try:
        import cv2
    except ImportError as error:
        raise errors.InputError(_explain_missing("is not installed")) from error
    if not hasattr(cv2, "CascadeClassifier"):
        raise errors.InputError(
            _explain_missing(f"{cv2.__version__} has no cascade detector, 4.x has one")
        )
    # Photographs are shared out among processes; threads would only be in their way.
    cv2.setNumThreads(1)
    # Not every build of OpenCV brings the cascades along.
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / cascade
    if not path.is_file():
        raise errors.InputError(_explain_missing(f"lacks its file {cascade}"))
    return cv2.CascadeClassifier(str(path))


def detect(
    grey: np.ndarray, *, cascade: str, min_size: int, min_neighbors: int
) -> Detections:
    """Find frontal, upright faces.

    Args:
        grey: uint8 (height, width).
        cascade: as for `load_detector`.
        min_size: least side of a face, pixels.
        min_neighbors: OpenCV's bound, 1 or more: more windows of the search than this
            must agree on a face. More find fewer false faces and miss more real ones.

    Returns:
        The faces, each once.

    Raises:
        InputError: as from `load_detector`.
    """
    boxes, num_windows = load_detector(cascade).detectMultiScale2(
        np.ascontiguousarray(grey),
        scaleFactor=_SCALE_STEP,
        minNeighbors=min_neighbors,
        minSize=(min_size, min_size),
    )
    # The window is square, and so are its multiples: the height repeats the width.
    squares = np.array(boxes, np.int64).reshape(-1, 4)[:, :3]
    return keep_surest(Detections(squares, np.array(num_windows, np.int64).ravel()))


def keep_surest(found: Detections) -> Detections:
    """Sort by agreement; of squares that show one face keep the surest.

    Two squares show one face if they share more than half of the smaller one.
    """
    left, top, side = found.squares.T
    # Ties are broken by size and place, so that the order is always the same.
    order = np.lexsort((left, top, -side, -found.num_windows))
    shared = share_of_smaller(found.squares, found.squares)
    kept: list[int] = []
    for n in order:
        if not (shared[n, kept] > _MOST_SHARED).any():
            kept.append(int(n))
    return Detections(found.squares[kept], found.num_windows[kept])


def share_of_smaller(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return each pair's common area as a share of the smaller square.

    Args:
        first: (n, 3).
        second: (m, 3).

    Returns:
        (n, m), 0 to 1.
    """
    smaller = np.minimum(first[:, np.newaxis, 2], second[np.newaxis, :, 2])
    share: np.ndarray = _common_area(first, second) / smaller.astype(np.float64) ** 2
    return share


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return each pair's common area as a share of what both cover together.

    Args:
        first: (n, 3).
        second: (m, 3).

    Returns:
        (n, m), 0 to 1.
    """
    common = _common_area(first, second)
    areas = first[:, np.newaxis, 2] ** 2 + second[np.newaxis, :, 2] ** 2
    share: np.ndarray = common / (areas - common)
    return share


def add_margin(
    squares: np.ndarray, *, margin: float, image_shape: tuple[int, int]
) -> np.ndarray:
    """Enlarge squares on all sides, and keep them inside of the image.

    One that would reach over an edge is shifted inwards, and one larger than the image
    shrinks to its shorter side: every pixel is a real one, no face is dropped, and the
    given square stays inside.

    Args:
        squares: (n, 3), inside of the image.
        margin: added on each side, as a share of the square's side, 0 or more.
        image_shape: height and width, pixels.

    Returns:
        (n, 3).
    """
    height, width = image_shape
    left, top, side = squares.T
    larger = np.rint(side * (1.0 + 2.0 * margin)).astype(np.int64)
    larger = np.minimum(larger, min(height, width))
    before = (larger - side) // 2
    return np.stack(
        [
            np.clip(left - before, 0, width - larger),
            np.clip(top - before, 0, height - larger),
            larger,
        ],
        axis=1,
    )


def _common_area(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    begins = np.maximum(first[:, np.newaxis, :2], second[np.newaxis, :, :2])
    first_ends = first[:, np.newaxis, :2] + first[:, np.newaxis, 2:]
    second_ends = second[np.newaxis, :, :2] + second[np.newaxis, :, 2:]
    overlap = np.minimum(first_ends, second_ends) - begins
    area: np.ndarray = np.maximum(overlap, 0).prod(axis=2)
    return area


def _explain_missing(what: str) -> str:
    return (
        f"finding faces needs OpenCV, which {what}; run pip install 'dcgan-jax[faces]'"
    )
