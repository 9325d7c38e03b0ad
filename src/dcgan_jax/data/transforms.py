"""One image, as found → uint8 pixels of the size that the networks take."""

import dataclasses
import functools
import io
import warnings
from typing import Any

import numpy as np
from PIL import Image

from dcgan_jax.config import Channels, DataConfig, ImageSize
from dcgan_jax.system.errors import BrokenImage

# Pillow knows more formats, some of which start other programs (EPS: Ghostscript).
_FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "BMP",
    "GIF",
    "TIFF",
    "PPM",
    "AVIF",
    "JPEG2000",
    "TGA",
)
_PART_PIXELS = 1 << 20
_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageTooSmall(ValueError):  # noqa: N818 - a finding about the user's image
    """Report an image with a side below the target size."""


@dataclasses.dataclass(frozen=True)
class Transform:
    """How images are brought to one size and mode.

    The centre square of the short side is cut out and reduced with Lanczos, which
    Pillow stretches over all source pixels, so nothing aliases; enlarging is bicubic.
    """

    image_size: ImageSize
    channels: Channels
    upscale: bool

    def settings(self) -> dict[str, Any]:
        """Describe everything that pixels depend on, for digests and manifests."""
        return {
            **dataclasses.asdict(self),
            "crop": "centre",
            "reduce": "lanczos",
            "enlarge": "bicubic",
            "version": 1,
        }


def from_config(config: DataConfig) -> Transform:
    """Pick the transform's settings out of a config."""
    return Transform(config.image_size, config.channels, config.upscale)


def apply(content: bytes | np.ndarray, transform: Transform) -> np.ndarray:
    """Decode an image, turn it upright, and bring it to size and mode.

    Palette, grey, 16-bit (scaled), CMYK and transparent (over white) images are
    converted; of an animation the first frame is taken.

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
    image = open_upright(content, transform.channels)
    pixels = np.asarray(_crop_and_resize(image, transform))
    return pixels.reshape(*pixels.shape[:2], transform.channels)


def open_upright(content: bytes | np.ndarray, channels: Channels) -> Image.Image:
    """Decode an image at its own size, turn it upright and convert it to L or RGB.

    Args:
        content: as `apply` takes it.
        channels: 1 for L, 3 for RGB.

    Raises:
        BrokenImage: as from `apply`.
    """
    if isinstance(content, np.ndarray):
        image = Image.fromarray(content.squeeze(-1) if content.ndim == 3
                                and content.shape[-1] == 1 else content)  # fmt: skip
    else:
        image = _decode(content)
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _decode(content: bytes) -> Image.Image:
    """Decode a file to mode L or RGB, upright."""
    if not content:
        raise BrokenImage("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # metadata oddities
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_known_formats())
            image.load()
            return _turn_upright(_to_8_bit(image), _read_orientation(image))
    except (BrokenImage, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        raise BrokenImage("not an image in a known format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BrokenImage(f"decompression bomb: {error}") from None
    except Exception as error:  # a damaged file can fail anywhere in Pillow's parsers
        raise BrokenImage(str(error) or type(error).__name__) from error


@functools.cache
def _known_formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata do not make the pixels unusable
        return 1


def _turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _ORIENTATIONS.get(orientation)
    return image if method is None else image.transpose(method)


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to L or RGB."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _scale_deep_grey(np.asarray(image))
    if image.has_transparency_data:
        foreground = image.convert("RGBA")
        white = Image.new("RGBA", foreground.size, "white")
        return Image.alpha_composite(white, foreground).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _scale_deep_grey(values: np.ndarray) -> Image.Image:
    """Scale 16-bit grey, or floats between 0 and 1, to 8 bits."""
    top = 1.0 if values.dtype.kind == "f" else 65535.0
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= top):
        raise BrokenImage(f"grey values {low:g} to {high:g}, expected 0 to {top:g}")
    scaled = np.empty(values.shape, np.uint8)
    flat, flat_scaled = values.reshape(-1), scaled.reshape(-1)
    # In parts: as float64, the largest image that is read would take 700 MB.
    for start in range(0, flat.size, _PART_PIXELS):
        part = flat[start : start + _PART_PIXELS].astype(np.float64)
        flat_scaled[start : start + _PART_PIXELS] = np.rint(part * (255.0 / top))
    return Image.fromarray(scaled)


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
