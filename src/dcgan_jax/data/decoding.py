"""An image file's bytes → pixels of 8 bits, upright, as a viewer shows them."""

import contextlib
import functools
import io
import struct
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image

from dcgan_jax.data import colour
from dcgan_jax.system.errors import BrokenImage

# Pillow's own limit, 256 MiB of colour: what is larger may be meant to exhaust memory.
MAX_PIXELS = 89_478_485
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
# A JPEG beyond the limit is decoded at a fraction of its size. A progressive one takes
# memory for all of its pixels even so.
_LARGEST_JPEG, _LARGEST_PROGRESSIVE = 4, 2
_PART_PIXELS = 1 << 20
_OVERSHOOT = 1e-3  # how far rounding and resizing may take floats beyond their range
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
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
# Chunks of a PNG that its pixels, colours and orientation depend on.
_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"IDAT", b"IEND")
# Pictures of 32 bits in these formats often have nothing in the last eight.
_CARELESS_ALPHA = ("TGA", "BMP", "DIB")
_OTHER_KINDS = (
    ((b"<!doctype", b"<html", b"<head"), "an HTML page"),
    ((b"version https://git-lfs",), "a pointer of git-LFS; run git lfs pull"),
    ((b"<?xml", b"<svg"), "an XML or SVG file"),
    ((b"{", b"["), "a JSON text"),
    ((b"%pdf",), "a PDF"),
    ((b"pk\x03\x04",), "a zip"),
    ((b"\x1f\x8b",), "a gzip file"),
    ((b"8bps",), "a Photoshop file; save it as PNG"),
)
_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")


def decode_image(
    content: bytes,
    *,
    value_range: tuple[float, float] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Image.Image:
    """Decode a file to mode L or RGB, upright.

    Args:
        content: the file's bytes.
        value_range: the values in the file that become black and white; None stands for
            the bounds of its type, and for 0 … 255 if it has whole numbers of 32 bits.
        max_pixels: a larger image is broken, unless it is a JPEG, which is decoded at
            a half, quarter or eighth of its size.

    Raises:
        BrokenImage: if the file is truncated, cannot be decoded, has too many pixels,
            or values beyond the range of their type.
    """
    if not content:
        raise BrokenImage("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # metadata oddities
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _load(content, max_pixels)
            orientation = _read_orientation(image)
            return _turn_upright(_to_8_bit(image, content, value_range), orientation)
    except (BrokenImage, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        raise BrokenImage(f"not an image {_name_kind(content)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BrokenImage(
            f"it has more pixels than --max_pixels={max_pixels}; it is a decompression"
            " bomb, or a picture for which the limit has to be raised"
        ) from None
    except Exception as error:  # a damaged file can fail anywhere in Pillow's parsers
        raise BrokenImage(str(error) or type(error).__name__) from error


def count_pages(content: bytes) -> int:
    """Return the number of pages of a TIFF that could be decoded; 1 for other files."""
    if not content.startswith((b"II", b"MM")):
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=["TIFF"])
            return int(getattr(image, "n_frames", 1))
    except Exception:  # the first page could be read; what follows is damaged
        return 1


def _load(content: bytes, max_pixels: int) -> Image.Image:
    """Open and decode a file, whatever is wrong with the texts in a PNG."""
    try:
        return _load_within(content, max_pixels)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        if not content.startswith(b"\xff\xd8\xff"):
            raise
        return _load_reduced(content, max_pixels)
    except Exception:
        if not content.startswith(_PNG_MAGIC):
            raise
        bare = _keep_chunks(content, _PNG_CHUNKS)
        try:
            return _load_within(bare, max_pixels)
        except (SyntaxError, ValueError):  # its colour profile, perhaps
            chunks = tuple(kind for kind in _PNG_CHUNKS if kind != b"iCCP")
            return _load_within(_keep_chunks(content, chunks), max_pixels)


def _load_within(content: bytes, max_pixels: int) -> Image.Image:
    with _limit(max_pixels):
        image = Image.open(io.BytesIO(content), formats=_known_formats())
        image.load()
        return image


def _load_reduced(content: bytes, max_pixels: int) -> Image.Image:
    """Decode a JPEG of too many pixels at a fraction of its size."""
    with _limit(None):
        image = Image.open(io.BytesIO(content), formats=["JPEG"])
        width, height = image.size
        is_progressive = image.info.get("progressive")
        most = _LARGEST_PROGRESSIVE if is_progressive else _LARGEST_JPEG
        if width * height > most * max_pixels:
            raise Image.DecompressionBombError
        for fraction in (2, 4, 8):
            if image.width * image.height > max_pixels:
                image.draft(image.mode, (width // fraction, height // fraction))
        if image.width * image.height > max_pixels:
            raise Image.DecompressionBombError
        image.load()
        return image


@contextlib.contextmanager
def _limit(max_pixels: int | None) -> Iterator[None]:
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _keep_chunks(content: bytes, kinds: tuple[bytes, ...]) -> bytes:
    """Return a PNG with the chunks of some kinds alone, as far as it can be read."""
    kept, place = [_PNG_MAGIC], len(_PNG_MAGIC)
    while place + 8 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        end = place + 12 + size
        if content[place + 4 : place + 8] in kinds:
            kept.append(content[place:end])
        place = end
    return b"".join(kept)


@functools.cache
def _known_formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _name_kind(content: bytes) -> str:
    """Say what a file is, behind "not an image"."""
    start = content[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if content[4:12] in _HEIC:
        return "that can be read here but a HEIC picture; convert it to JPEG or PNG"
    for beginnings, kind in _OTHER_KINDS:
        if start.startswith(beginnings):
            return f"but {kind}"
    return "in a known format"


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata do not make the pixels unusable
        return 1


def _turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _ORIENTATIONS.get(orientation)
    return image if method is None else image.transpose(method)


def _to_8_bit(
    image: Image.Image, content: bytes, value_range: tuple[float, float] | None
) -> Image.Image:
    """Convert any of Pillow's modes to L or RGB."""
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
