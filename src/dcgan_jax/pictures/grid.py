"""Many images in one picture."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dcgan_jax.pictures import formats
from dcgan_jax.system import disk


def make_grid(
    images: np.ndarray, *, columns: int | None = None, gap: int = 2
) -> np.ndarray:
    """Lay images out in rows.

    Args:
        images: uint8 (count, height, width, channels), channels 1 or 3.
        columns: the images in a row; None makes the grid as square as it can be.
        gap: the pixels between neighbours.

    Returns:
        uint8 (rows, columns, channels) in pixels, white where there is no image.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    grid = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels),
        255,
        np.uint8,
    )
    for index, image in enumerate(images):
        top = index // columns * (height + gap)
        left = index % columns * (width + gap)
        grid[top : top + height, left : left + width] = image
    return grid


def place_beside(pictures: Sequence[np.ndarray], *, gap: int = 20) -> np.ndarray:
    """Put pictures of one height and of equal channels side by side.

    Args:
        pictures: uint8 (height, width, channels) each.
        gap: white dots between neighbours.
    """
    height, _, channels = pictures[0].shape
    space = np.full((height, gap, channels), 255, np.uint8)
    parts = [part for picture in pictures for part in (space, picture)]
    return np.concatenate(parts[1:], axis=1)


def split_grid(grid: np.ndarray, *, size: tuple[int, int], gap: int = 2) -> np.ndarray:
    """Cut a picture of `make_grid` into its images, empty places included.

    Args:
        grid: uint8 (rows, columns, channels) in pixels.
        size: height and width of an image.
        gap: pixels between neighbours.

    Returns:
        uint8 (count, height, width, channels).
    """
    height, width = size
    return np.stack(
        [
            grid[top : top + height, left : left + width]
            for top in range(0, grid.shape[0], height + gap)
            for left in range(0, grid.shape[1], width + gap)
        ]
    )


def save_image(image: np.ndarray, path: Path, *, scale: int = 1) -> None:
    """Write uint8 (height, width, channels) as a file, `scale` dots to a pixel.

    Raises:
        InputError: if the form that the file's name asks for holds no such picture.
    """
    pixels = image.repeat(scale, 0).repeat(scale, 1)
    formats.require_room(path, height=pixels.shape[0], width=pixels.shape[1])
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    with disk.replacing(path) as partial:
        Image.fromarray(pixels).save(partial)
