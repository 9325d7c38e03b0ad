"""A decoded image of any depth and mode → grey or colour of 8 bits, without alpha."""

import numpy as np
from PIL import Image

from dcgan_jax.data import colour
from dcgan_jax.system.errors import BrokenImage

_PART_PIXELS = 1 << 20
_OVERSHOOT = 1e-3  # how far rounding and resizing may take floats beyond their range
# Pictures of 32 bits in these formats often have nothing in the last eight.
_CARELESS_ALPHA = ("TGA", "BMP", "DIB")


def to_8_bits(
    image: Image.Image, content: bytes, value_range: tuple[float, float] | None
) -> Image.Image:
    """Convert any of Pillow's modes to L or RGB.

    Args:
        image: the decoded image, not turned yet.
        content: the file's bytes, for what Pillow does not tell.
        value_range: the values that become black and white; None stands for the bounds
            of their type.

    Raises:
        BrokenImage: if values lie beyond the range of their type, or have 16 bits per
            colour where a value range is given.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _scale_deep_grey(np.asarray(image), image, value_range)
    if value_range is None:
        return _to_l_or_rgb(image, content)
    if _is_deep_colour(image, content):
        raise BrokenImage(
            "it has 16 bits per colour, of which the upper 8 are read; a value range is"
            " for grey images and for those of 8 bits"
        )
    is_binary = image.mode == "1"
    found = _to_l_or_rgb(image, content)
    if is_binary:
        return found
    table = scale_to_bytes(np.arange(256), *value_range).tolist()
    return found.point(table * len(found.getbands()))


def _to_l_or_rgb(image: Image.Image, content: bytes) -> Image.Image:
    image = colour.to_srgb(image)
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        foreground = image.convert("RGBA")
        if _has_careless_alpha(image, foreground, content):
            return foreground.convert("RGB")
        white = Image.new("RGBA", foreground.size, "white")
        return Image.alpha_composite(white, foreground).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _has_careless_alpha(
    image: Image.Image, foreground: Image.Image, content: bytes
) -> bool:
    """Tell whether the alpha channel means nothing: a TGA says so, or it is all 0."""
    if image.format not in _CARELESS_ALPHA:
        return False
    says_none = image.format == "TGA" and content[17] & 0x0F == 0
    return says_none or foreground.getchannel("A").getextrema() == (0, 0)


def _is_deep_colour(image: Image.Image, content: bytes) -> bool:
    if image.format == "PNG":
        return content[24] == 16
    tags = getattr(image, "tag_v2", None)
    return tags is not None and max(tags.get(258, (8,))) > 8


def _scale_deep_grey(
    values: np.ndarray, image: Image.Image, value_range: tuple[float, float] | None
) -> Image.Image:
    """Scale grey of more than 8 bits to 8."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise BrokenImage("it holds NaN or infinity")
    if value_range is None:
        bottom, top = 0.0, _find_top(values, image)
        slack = _OVERSHOOT if values.dtype.kind == "f" else 0.0
        if not (low >= -slack and high <= top + slack):
            raise BrokenImage(
                f"its grey values are {low:g} to {high:g}, expected 0 to {top:g}; say"
                " with --value_range=LOW,HIGH which of them are black and white"
            )
    else:
        bottom, top = value_range
    scaled = np.empty(values.shape, np.uint8)
    flat, flat_scaled = values.reshape(-1), scaled.reshape(-1)
    # All at once, the largest image would take 700 MB as float64.
    for start in range(0, flat.size, _PART_PIXELS):
        part = flat[start : start + _PART_PIXELS]
        flat_scaled[start : start + _PART_PIXELS] = scale_to_bytes(part, bottom, top)
    return Image.fromarray(scaled)


def _find_top(values: np.ndarray, image: Image.Image) -> float:
    """Return the value that is white: 1 for floats, else what the bits allow."""
    if values.dtype.kind == "f":
        return 1.0
    # In formats other than TIFF, whole numbers that Pillow holds in 32 bits had 16.
    is_32_bit = values.dtype.itemsize > 2 and image.format == "TIFF"
    return 255.0 if is_32_bit else 65535.0


def scale_to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map `low` to 0 and `high` to 255; what lies beyond is cut off.

    Args:
        values: finite numbers of any shape.
        low: the value that becomes black.
        high: the value that becomes white, above `low`.

    Returns:
        uint8, of the same shape.
    """
    scaled = np.rint((values.astype(np.float64) - low) * (255.0 / (high - low)))
    return np.clip(scaled, 0, 255).astype(np.uint8)
