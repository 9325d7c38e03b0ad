"""Words on pictures."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def letter(
    image: np.ndarray, text: str, *, left: int, top: int, size: int
) -> np.ndarray:
    """Write black text over a picture.

    Args:
        image: uint8 (height, width, channels), channels 1 or 3; it is left alone.
        text: one line.
        left: of the text, pixels.
        top: of the text, pixels.
        size: of the letters, pixels.

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
