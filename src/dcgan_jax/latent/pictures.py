"""The pictures of Fig. 7 and 8, arrays in, array out."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dcgan_jax.pictures import captions, grid

# Dots of an image's side, with which a picture of four rows and columns has 512.
_LEAST_SIDE = 128
_SIGNS = ("", "- ", "+ ")
_LETTERS = ("A", "B", "C")


class Concept(NamedTuple):
    """The exemplars of one concept.

    Attributes:
        numbers: of the samples.
        exemplars: uint8 (count, height, width, channels), their images.
        of_mean_latent: uint8 (height, width, channels), drawn from their mean latent.
        mean_image: uint8 (height, width, channels), the mean of their images.
    """

    numbers: Sequence[int]
    exemplars: np.ndarray
    of_mean_latent: np.ndarray
    mean_image: np.ndarray


def draw_arithmetic(
    concepts: Sequence[Concept],
    results: np.ndarray,
    in_pixels: np.ndarray,
    *,
    scale: int | None = None,
) -> np.ndarray:
    """Lay arithmetic out as Fig. 7 does.

    A column for each concept: its exemplars by number, then the image of their mean
    latent; to the right the result amid its neighbours. The last row is the same sum
    of images instead of latents.

    Args:
        concepts: A, B and C of A − B + C.
        results: uint8 (9, height, width, channels), the fifth from the sum itself.
        in_pixels: uint8 (height, width, channels), the sum of mean images.
        scale: the dots that a pixel becomes on each side; None: so many that the
            shorter side of the picture has 512 at least.

    Returns:
        uint8 (height, width, channels).
    """
    # Beside three rows of results there are at least two of exemplars, and the means.
    rows = max(2, *(len(concept.numbers) for concept in concepts))
    columns = [
        _make_column(index, concept, rows=rows, scale=scale)
        for index, concept in enumerate(concepts)
    ]
    left = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
    total = "A - B + C"
    texts = ["", "", "", "", total, "", "", "", ""]
    around = _write_below(results, texts, scale)
    pixels = _write_below(in_pixels[None], [f"pixels: {total}"], scale)
    filled = _fill_up(around, 3 * (rows + 1))
    right = _fill_up(np.concatenate([filled, pixels]), 3 * (rows + 2))
    return grid.place_beside(
        [grid.make_grid(left, columns=3), grid.make_grid(right, columns=3)]
    )


def draw_turn(
    images: np.ndarray,
    numbers: Sequence[int],
    positions: np.ndarray,
    *,
    scale: int | None = None,
) -> np.ndarray:
    """Lay an axis out as Fig. 8 does: a sample a row, a position on the axis a column.

    Args:
        images: uint8 (rows, columns, height, width, channels).
        numbers: of the samples.
        positions: (columns,); below 0 the images, where it is 0 the sample's number.
        scale: see `draw_arithmetic`.

    Returns:
        uint8 (height, width, channels).
    """
    texts = [
        f"sample {number}" if position == 0 else f"{position:+.2f}"
        for number in numbers
        for position in positions
    ]
    flat = images.reshape(-1, *images.shape[2:])
    least = max(_LEAST_SIDE, math.ceil(grid.LEAST_SIDE / min(images.shape[:2])))
    captioned = captions.write_below(flat, texts, least_side=least, scale=scale)
    return grid.make_grid(captioned, columns=len(positions))


def _write_below(
    images: np.ndarray, texts: Sequence[str], scale: int | None
) -> np.ndarray:
    return captions.write_below(images, texts, least_side=_LEAST_SIDE, scale=scale)


def _make_column(
    index: int, concept: Concept, *, rows: int, scale: int | None
) -> np.ndarray:
    """Return the images of a concept from top to bottom, with their captions."""
    name = _SIGNS[index] + _LETTERS[index]
    numbers = [f"{name}: {number}" for number in concept.numbers]
    exemplars = _write_below(concept.exemplars, numbers, scale)
    means = np.stack([concept.of_mean_latent, concept.mean_image])
    below = _write_below(means, [f"{name}: mean", f"pixels: {name}"], scale)
    return np.concatenate([_fill_up(exemplars, rows), below])


def _fill_up(images: np.ndarray, count: int) -> np.ndarray:
    """Add white images behind, up to a number of them."""
    rest = [(0, count - len(images))] + [(0, 0)] * (images.ndim - 1)
    return np.pad(images, rest, constant_values=255)
