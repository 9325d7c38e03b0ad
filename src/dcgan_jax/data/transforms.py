"""One image, as found → uint8 pixels of the size that the networks take."""

import dataclasses
import math
from typing import Any

import numpy as np
from PIL import Image

from dcgan_jax.config import Channels, DataConfig, ImageSize
from dcgan_jax.data import decoding
from dcgan_jax.system import errors

# The second rules know colour profiles, pictures of 32 bits without alpha, and whole
# numbers of 32 bits.
DECODING = 2


class ImageTooSmall(ValueError):  # noqa: N818 - a finding about the user's image
    """Report an image with a side below the target size."""


@dataclasses.dataclass(frozen=True)
class Transform:
    """The way in which images are brought to one size and mode.

    The centre square of the short side is cut out and reduced with Lanczos, which
    Pillow stretches over all source pixels, so nothing aliases; enlarging is bicubic.
    """

    image_size: ImageSize
    channels: Channels
    upscale: bool
    value_range: tuple[float, float] | None = None
    """The values that become black and white; None stands for the type's bounds."""
    max_pixels: int = decoding.MAX_PIXELS
    """The most pixels of an image; a JPEG may be decoded at a fraction of its size."""

    def settings(self) -> dict[str, Any]:
        """Describe everything that pixels depend on, for digests and manifests.

        A setting that older stores did not have is left out unless it is used.
        """
        settings = dataclasses.asdict(self)
        for field in dataclasses.fields(self):
            absent = field.default is not dataclasses.MISSING
            if absent and settings[field.name] == field.default:
                del settings[field.name]
        return {
            **settings,
            "crop": "centre",
            "reduce": "lanczos",
            "enlarge": "bicubic",
            "version": 1,
        }


def from_config(config: DataConfig) -> Transform:
    """Pick the transform's settings out of a config."""
    return Transform(
        config.image_size,
        config.channels,
        config.upscale,
        parse_range(config.value_range),
        config.max_pixels,
    )


def parse_range(text: str | None) -> tuple[float, float] | None:
    """Read LOW,HIGH, the values that become black and white.

    Raises:
        InputError: if these are not two numbers, of which the first is the smaller.
    """
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
        if not -math.inf < low < high < math.inf:
            raise ValueError
    except ValueError:
        raise errors.InputError(
            f"--value_range={text}; expected two numbers LOW,HIGH with LOW below HIGH,"
            " such as 0,4095"
        ) from None
    return low, high


def apply(content: bytes | np.ndarray, transform: Transform) -> np.ndarray:
    """Decode an image, turn it upright, and bring it to size and mode.

    Palette, grey, 16-bit (scaled), CMYK and transparent (over white) images are
    converted; the first frame of an animation is taken.

    Args:
        content: an encoded file, or uint8 pixels (H, W), (H, W, 1), (H, W, 3).
        transform: the target.

    Returns:
        uint8 pixels, (image_size, image_size, channels).

    Raises:
        BrokenImage: if the file is truncated, cannot be decoded, or has so many pixels
            that decoding it could exhaust the memory.
        ImageTooSmall: if a side is below image_size and upscale is off.
    """
    image = open_upright(
        content,
        transform.channels,
        value_range=transform.value_range,
        max_pixels=transform.max_pixels,
    )
    pixels = np.asarray(_crop_and_resize(image, transform))
    return pixels.reshape(*pixels.shape[:2], transform.channels)


def open_upright(
    content: bytes | np.ndarray,
    channels: Channels,
    *,
    value_range: tuple[float, float] | None = None,
    max_pixels: int = decoding.MAX_PIXELS,
) -> Image.Image:
    """Decode an image at its own size, turn it upright and convert it to L or RGB.

    Args:
        content: as `apply` takes it.
        channels: 1 for L, 3 for RGB.
        value_range: as in a `Transform`; pixels that are uint8 already stay so.
        max_pixels: as in a `Transform`.

    Raises:
        BrokenImage: as from `apply`.
    """
    if isinstance(content, np.ndarray):
        image = Image.fromarray(content.squeeze(-1) if content.ndim == 3
                                and content.shape[-1] == 1 else content)  # fmt: skip
    else:
        image = decoding.decode_image(
            content, value_range=value_range, max_pixels=max_pixels
        )
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _crop_and_resize(image: Image.Image, transform: Transform) -> Image.Image:
    side, size = min(image.size), transform.image_size
    if side < size and not transform.upscale:
        raise ImageTooSmall(f"{image.width}×{image.height} pixels")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    if side == size:
        return image.crop(box)
    enlarges = side < size
    resample = Image.Resampling.BICUBIC if enlarges else Image.Resampling.LANCZOS
    return image.resize((size, size), resample, box=box)
