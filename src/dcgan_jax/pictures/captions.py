"""Words on pictures, and images with a line of text below each."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Dots of a side below which images are enlarged, so that text fits below them.
LEAST_SIDE = 96
_FONT_SIZE = 13
_STRIP_HEIGHT = 17


def enlarge(images: np.ndarray, *, least_side: int = LEAST_SIDE) -> np.ndarray:
    """Repeat the pixels of small images a whole number of times.

    Args:
        images: uint8 (…, height, width, channels).
        least_side: dots that the shorter side has at least.
    """
    scale = max(1, math.ceil(least_side / min(images.shape[-3:-1])))
    return images.repeat(scale, axis=-3).repeat(scale, axis=-2)


def write_below(images: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    """Enlarge images and write a text in a white strip below each.

    Args:
        images: uint8 (count, height, width, channels), channels 1 or 3.
        texts: a text for each image, of 14 letters or so at the most.

    Returns:
        uint8 (count, taller, wider, channels).
    """
    large = enlarge(images)
    count, height, width, channels = large.shape
    shape = (count, height + _STRIP_HEIGHT, width, channels)
    captioned = np.full(shape, 255, np.uint8)
    captioned[:, :height] = large
    for image, text in zip(captioned, texts, strict=True):
        image[height:] = _draw_strip(text, width)[..., None]
    return captioned


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
