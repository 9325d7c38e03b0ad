"""Arrays → pictures within the page itself or at an address, without a file."""

import base64
import io

import numpy as np
from PIL import Image


def to_png(picture: np.ndarray) -> bytes:
    """Return uint8 (height, width, channels) as the content of a PNG, losslessly."""
    pixels = picture[..., 0] if picture.shape[-1] == 1 else picture
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", compress_level=3)
    return buffer.getvalue()


def to_url(picture: np.ndarray) -> str:
    """Return uint8 (height, width, channels) as the address of a PNG, losslessly."""
    return to_png_url(to_png(picture))


def to_png_url(content: bytes) -> str:
    """Return the content of a PNG file as an address."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def to_element(url: str, text: str, *, scale: int | None = None, width: int = 0) -> str:
    """Return an HTML image.

    Args:
        url: the picture's address, from `to_url`.
        text: what the picture shows, in plain text, for those who cannot see it.
        scale: screen pixels to a pixel; None makes it as wide as the page allows.
        width: the picture's width, in pixels.
    """
    style = "" if scale is None else f' style="width:{width * scale}px"'
    return f'<img class="picture" src="{url}" alt="{text}"{style}>'
