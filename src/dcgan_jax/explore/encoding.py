"""Arrays → pictures within the page itself, so that no file is written or served."""

import base64
import io

import numpy as np
from PIL import Image

from dcgan_jax.pictures import grid


def to_url(picture: np.ndarray) -> str:
    """Return uint8 (height, width, channels) as the address of a PNG, losslessly."""
    pixels = picture[..., 0] if picture.shape[-1] == 1 else picture
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", compress_level=3)
    return to_png_url(buffer.getvalue())


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


def to_sprite(images: np.ndarray) -> dict[str, object]:
    """Return many images as one picture that the page cuts up.

    Args:
        images: uint8 (count, height, width, channels).

    Returns:
        The url, the number of columns, and the images' count, width and height in
        pixels.
    """
    count, height, width, _ = images.shape
    columns = min(count, 32)
    return {
        "url": to_url(grid.make_grid(images, columns=columns, gap=0)),
        "columns": columns,
        "count": count,
        "width": width,
        "height": height,
    }
