"""Images above what became of them, as in Fig. 6."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dcgan_jax.pictures import grid

_LEAST_SIDE = 128  # dots of an image, with which two rows of pairs have 512
_OUTLINE = np.array([255, 0, 0], np.uint8)
_COLUMNS = 8
Rectangle = tuple[float, float, float, float]


class Pairs(NamedTuple):
    """Images with and without an object, uint8 (count, height, width, channels)."""

    before: np.ndarray
    after: np.ndarray


def draw_pairs(
    old: Pairs,
    new: Pairs,
    boxes: Sequence[Sequence[Rectangle]],
    *,
    scale: int | None = None,
) -> np.ndarray:
    """Draw samples with their boxes, then new ones, each above what became of it.

    Args:
        old: the samples that boxes were drawn on.
        new: other samples.
        boxes: each old sample's boxes, (x, y, width, height) in pixels.
        scale: the dots that a pixel becomes on each side; None: so many that the
            shorter side of the picture has 512 at least.

    Returns:
        uint8 (height, width, 3).
    """
    scale = grid.find_scale(old.before, scale, least_side=_LEAST_SIDE)
    before = enlarge_in_colour(old.before, scale)
    for image, rectangles in zip(before, boxes, strict=False):
        outline(image, rectangles, scale)
    parts = [
        Pairs(before, enlarge_in_colour(old.after, scale)),
        Pairs(
            enlarge_in_colour(new.before, scale), enlarge_in_colour(new.after, scale)
        ),
    ]
    return join_below([stack(*part, columns=_COLUMNS) for part in parts])


def enlarge_in_colour(images: np.ndarray, scale: int) -> np.ndarray:
    """Return uint8 (count, height, width, channels) in colour, `scale` dots a pixel."""
    colour = np.broadcast_to(images, (*images.shape[:3], 3))
    return grid.magnify(colour, scale)


def outline(image: np.ndarray, boxes: Iterable[Rectangle], scale: int) -> None:
    """Draw boxes into an enlarged image.

    Args:
        image: uint8 (height, width, 3), from `enlarge_in_colour`; changed.
        boxes: (x, y, width, height) in pixels before it was enlarged.
        scale: the number of dots that a pixel became.
    """
    height, width, _ = image.shape
    for x, y, box_width, box_height in boxes:
        left, top = int(x * scale), int(y * scale)
        right = min(int((x + box_width) * scale), width - 1)
        bottom = min(int((y + box_height) * scale), height - 1)
        image[[top, bottom], left : right + 1] = _OUTLINE
        image[top : bottom + 1, [left, right]] = _OUTLINE


def stack(before: np.ndarray, after: np.ndarray, *, columns: int) -> np.ndarray:
    """Lay pairs out in rows, each image above what became of it.

    Args:
        before: uint8 (count, height, width, channels).
        after: images of the same shape.
        columns: the number of pairs in a row.

    Returns:
        uint8 (rows, columns, channels).
    """
    gap = np.full((len(before), 2, *before.shape[2:]), 255, np.uint8)
    pairs = np.concatenate([before, gap, after], axis=1)
    return grid.make_grid(pairs, columns=columns, gap=10)


def join_below(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Put pictures of any widths below each other."""
    width = max(picture.shape[1] for picture in pictures)
    parts = []
    for picture in pictures:
        rest = ((0, 24), (0, width - picture.shape[1]), (0, 0))
        parts.append(np.pad(picture, rest, constant_values=255))
    return np.concatenate(parts)[:-24]
