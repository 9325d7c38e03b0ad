"""The picture of Fig. 5: what filters respond to, random ones beside trained ones."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dcgan_jax.pictures import captions, grid

_SIDE = 3  # images in a row of a filter's square, which shows the nine strongest
_GAP, _WIDE_GAP = 8, 32
_MARGIN = 48  # for the filters' numbers
_LETTERS = 18


class Shown(NamedTuple):
    """The images that a network's filters respond to.

    Attributes:
        images: uint8 (filters, 9, height, width, channels), the strongest first.
        gradients: their guided gradients as pictures, of the same shape.
    """

    images: np.ndarray
    gradients: np.ndarray


def draw_filters(
    random: Shown,
    trained: Shown,
    filters: Sequence[int],
    *,
    scale: int | None = None,
) -> np.ndarray:
    """Lay out a row for every filter: random weights to the left, trained to the right.

    Each half shows the nine images and, beside them, their guided gradients.

    Args:
        random: what untrained filters respond to.
        trained: what the network's own filters respond to.
        filters: the filters' numbers, for the margin.
        scale: the dots that a pixel becomes on each side; None: so many that the
            shorter side of the picture has 512 at least.

    Returns:
        uint8 (height, width, 3).
    """
    across, down = 4 * _SIDE, len(filters) * _SIDE  # images
    least_side = math.ceil(grid.LEAST_SIDE / min(across, down))
    random, trained = (
        Shown(*(captions.enlarge(part, least_side=least_side, scale=scale)
                for part in shown))
        for shown in (random, trained)
    )  # fmt: skip
    rows = [
        np.concatenate([_half(random, index), _half(trained, index)], axis=1)
        for index in range(len(filters))
    ]
    picture = np.concatenate(rows)
    half = picture.shape[1] // 2
    margin = np.full((len(picture), _MARGIN, 3), 255, np.uint8)
    for index, number in enumerate(filters):
        top = index * len(rows[0])
        margin = captions.letter(margin, str(number), left=2, top=top, size=_LETTERS)
    picture = np.concatenate([margin, picture], axis=1)
    strip = np.full((2 * _LETTERS, picture.shape[1], 3), 255, np.uint8)
    for text, left in (("random filters", 0), ("trained filters", half)):
        strip = captions.letter(strip, text, left=_MARGIN + left, top=4, size=_LETTERS)
    return np.concatenate([strip, picture])


def _half(shown: Shown, index: int) -> np.ndarray:
    blocks = [
        grid.make_grid(part[index], columns=_SIDE, gap=1)
        for part in (shown.images, shown.gradients)
    ]
    height, width, channels = blocks[0].shape
    half = np.full(
        (height + _GAP, 2 * width + _GAP + _WIDE_GAP, channels), 255, np.uint8
    )
    half[:height, :width] = blocks[0]
    half[:height, width + _GAP : 2 * width + _GAP] = blocks[1]
    return np.broadcast_to(half, (*half.shape[:2], 3))
