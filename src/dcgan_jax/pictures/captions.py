"""Words on pictures, and images with a line of text below each."""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dcgan_jax.pictures import grid

# Dots of a side below which images are enlarged, so that text fits below them.
LEAST_SIDE = 96
_FONT_SIZE = 13
_STRIP_HEIGHT = 17
_MAX_NAME_LETTERS = 30


def enlarge(
    images: np.ndarray, *, least_side: int = LEAST_SIDE, scale: int | None = None
) -> np.ndarray:
    """Repeat the pixels of small images a whole number of times.

    Args:
        images: uint8 (…, height, width, channels).
        least_side: dots that the shorter side has at least, unless `scale` is given.
        scale: the dots that a pixel becomes on each side.
    """
    scale = grid.find_scale(images, scale, least_side=least_side)
    return grid.magnify(images, scale)


def write_below(
    images: np.ndarray,
    texts: Sequence[str],
    *,
    least_side: int = LEAST_SIDE,
    scale: int | None = None,
) -> np.ndarray:
    """Enlarge images and write a text in a white strip below each.

    Args:
        images: uint8 (count, height, width, channels), channels 1 or 3.
        texts: a text for each image, of 14 letters or so at the most.
        least_side: see `enlarge`.
        scale: see `enlarge`.

    Returns:
        uint8 (count, taller, wider, channels).
    """
    large = enlarge(images, least_side=least_side, scale=scale)
    count, height, width, channels = large.shape
    shape = (count, height + _STRIP_HEIGHT, width, channels)
    captioned = np.full(shape, 255, np.uint8)
    captioned[:, :height] = large
    for image, text in zip(captioned, texts, strict=True):
        image[height:] = _draw_strip(text, width)[..., None]
    return captioned


def name_rows(
    picture: np.ndarray, names: Mapping[int, str], *, gap: int = 2
) -> np.ndarray:
    """Write the name of a class into a white margin left of each row of a grid.

    Args:
        picture: a picture of `grid.make_grid`, uint8 (height, width, channels).
        names: a class's number → its name, for each row from the top. The number stands
            for a name whose letters no font here has.
        gap: the pixels between rows.

    Returns:
        uint8 (height, wider, channels).
    """
    height, _, channels = picture.shape
    pitch = (height + gap) // len(names)
    font = _open_name_font(min(_FONT_SIZE, max(pitch - gap, 1)))
    texts = [
        _cut(name) if _can_write(name, font) else f"class {number}"
        for number, name in names.items()
    ]
    margin = math.ceil(max(map(font.getlength, texts))) + 2 * _FONT_SIZE // 2
    strip = Image.new("L", (margin, height), 255)
    draw = ImageDraw.Draw(strip)
    for row, text in enumerate(texts):
        middle = row * pitch + (pitch - gap) / 2
        draw.text((margin - _FONT_SIZE // 2, middle), text, 0, font, anchor="rm")
    column = np.repeat(np.asarray(strip)[..., None], channels, axis=-1)
    return np.concatenate([column, picture], axis=1)


def save_with_names(
    picture: np.ndarray,
    path: Path,
    *,
    names: Mapping[int, str],
    scale: int | None = None,
) -> None:
    """Write a grid as `grid.save_picture` does, with the names of classes left of it.

    Args:
        picture: a picture of `grid.make_grid`, a pixel a dot.
        path: the file.
        names: as `name_rows` takes them; where there are none, there is no margin.
        scale: see `grid.find_scale`.

    Raises:
        InputError: if the form that the file's name asks for holds no such picture.
    """
    scale = grid.find_scale(picture, scale)
    large = grid.magnify(picture, scale)
    if names:
        large = name_rows(large, names, gap=2 * scale)
        # A whole number of pixels, so that `grid.read_picture` finds them.
        rest = -large.shape[1] % scale
        large = np.pad(large, ((0, 0), (rest, 0), (0, 0)), constant_values=255)
    grid.save_image(large, path, enlarged=scale)


def _cut(name: str) -> str:
    most = _MAX_NAME_LETTERS
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _can_write(text: str, font: ImageFont.FreeTypeFont) -> bool:
    lacking = bytes(font.getmask("\U0010ffff"))
    return text.isprintable() and all(
        letter.isspace() or bytes(font.getmask(letter)) != lacking for letter in text
    )


def _open_name_font(size: int) -> ImageFont.FreeTypeFont:
    """Open matplotlib's font, since Pillow's own has English letters alone."""
    found = importlib.util.find_spec("matplotlib")
    for folder in (found and found.submodule_search_locations) or ():
        file = Path(folder, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
        if file.is_file():
            return ImageFont.truetype(file, size)
    return ImageFont.load_default(size)  # type: ignore[return-value]


def letter(
    image: np.ndarray, text: str, *, left: int, top: int, size: int
) -> np.ndarray:
    """Write black text over a picture.

    Args:
        image: uint8 (height, width, channels), channels 1 or 3; it stays as it is.
        text: the text, one line.
        left: the text's left edge, in pixels.
        top: the text's upper edge, in pixels.
        size: the height of the letters, in pixels.

    Returns:
        A picture of the same shape.
    """
    grey = image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if grey else image)
    ink = 0 if grey else (0, 0, 0)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text((left, top), text, fill=ink, font=font)
    return np.asarray(picture).reshape(image.shape)


def add_heading(image: np.ndarray, text: str, *, size: int = 14) -> np.ndarray:
    """Put a white strip with text on top of a picture (height, width, channels)."""
    height = size + size // 2
    strip = np.full((height, *image.shape[1:]), 255, np.uint8)
    strip = letter(strip, text, left=2, top=0, size=size)
    return np.concatenate([strip, image])


def _draw_strip(text: str, width: int) -> np.ndarray:
    """Draw text in the middle of a strip, uint8 (height, width)."""
    strip = Image.new("L", (width, _STRIP_HEIGHT), 255)
    ImageDraw.Draw(strip).text(
        (width / 2, _STRIP_HEIGHT / 2),
        text,
        fill=0,
        font=ImageFont.load_default(_FONT_SIZE),
        anchor="mm",
    )
    return np.asarray(strip)
