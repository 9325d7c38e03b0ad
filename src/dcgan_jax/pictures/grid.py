"""Many images in one picture."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from dcgan_jax.pictures import formats
from dcgan_jax.system import disk

# The dots of a picture's shorter side, so that one can see it.
LEAST_SIDE = 512
# A side that every form can hold; see `formats`.
_MOST_SIDE = 16_383
_SCALE = "dots per pixel"  # a note in PNG files


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


def find_scale(
    picture: np.ndarray, scale: int | None = None, *, least_side: int = LEAST_SIDE
) -> int:
    """Return the dots that a pixel becomes on each side.

    Args:
        picture: (…, height, width, channels), a pixel a dot.
        scale: what is asked for; None: as many as give the shorter side `least_side`
            dots, of a picture so long that a form might not hold it, fewer.
        least_side: dots.
    """
    if scale is not None:
        return scale
    shorter, longer = sorted(picture.shape[-3:-1])
    return max(1, min(math.ceil(least_side / shorter), _MOST_SIDE // longer))


def magnify(pictures: np.ndarray, scale: int) -> np.ndarray:
    """Make `scale` dots a side of each pixel of uint8 (…, height, width, channels)."""
    return pictures.repeat(scale, -3).repeat(scale, -2)


def save_picture(picture: np.ndarray, path: Path, *, scale: int | None = None) -> None:
    """Write uint8 (height, width, channels) at a size that one can see.

    Args:
        picture: a pixel a dot; `read_picture` returns it again from a .png.
        path: the file.
        scale: see `find_scale`.

    Raises:
        InputError: if the form that the file's name asks for holds no such picture.
    """
    save_image(picture, path, scale=find_scale(picture, scale))


def save_image(
    image: np.ndarray, path: Path, *, scale: int = 1, enlarged: int = 1
) -> None:
    """Write uint8 (height, width, channels) as a file, `scale` dots to a pixel.

    Args:
        image: the pixels.
        path: the file. A .png notes how many of its dots a pixel has become.
        scale: the dots to a pixel.
        enlarged: the dots of `image` that are a pixel already.

    Raises:
        InputError: if the form that the file's name asks for holds no such picture.
    """
    pixels = magnify(image, scale)
    formats.require_room(path, height=pixels.shape[0], width=pixels.shape[1])
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    options: dict[str, Any] = {}
    if path.suffix.lower() == ".png" and scale * enlarged > 1:
        options["pnginfo"] = notes = PngImagePlugin.PngInfo()
        notes.add_text(_SCALE, str(scale * enlarged))
    with disk.replacing(path) as partial:
        Image.fromarray(pixels).save(partial, **options)


def read_picture(path: Path) -> np.ndarray:
    """Read a .png back, uint8 (height, width, channels), a pixel a dot again.

    Raises:
        OSError: if it cannot be read.
    """
    with Image.open(path) as picture:
        dots = np.asarray(picture)
        noted = str(picture.info.get(_SCALE, 1))
    scale = int(noted) if noted.isdecimal() and noted != "0" else 1
    pixels = dots[::scale, ::scale]
    return pixels if pixels.ndim == 3 else pixels[..., None]
