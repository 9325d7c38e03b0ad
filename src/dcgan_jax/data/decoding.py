"""An image file's bytes → pixels of 8 bits, upright, as a viewer shows them."""

import contextlib
import functools
import io
import struct
import warnings
from collections.abc import Iterator

from PIL import Image

from dcgan_jax.data import eight_bits
from dcgan_jax.system.errors import BrokenImage

# Pillow's own limit, 256 MiB of colour: what is larger may be meant to exhaust memory.
MAX_PIXELS = 89_478_485
# Pillow knows more formats, some of which start other programs (EPS: Ghostscript).
_FORMATS = (
    "JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000", "TGA",
)  # fmt: skip
# A JPEG beyond the limit is decoded at a fraction of its size. A progressive one takes
# memory for all of its pixels even so.
_LARGEST_JPEG, _LARGEST_PROGRESSIVE = 4, 2
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
# Files that begin so may hold several pictures.
_SEVERAL = (b"II", b"MM", b"GIF8", b"RIFF", _PNG_MAGIC)
# Chunks of a PNG that its pixels, colours and orientation depend on.
_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"IDAT", b"IEND")
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
            flat = eight_bits.to_8_bits(image, content, value_range)
            return _turn_upright(flat, orientation)
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
    """Return the number of pictures in a file that could be decoded.

    These are the pages of a TIFF, or the frames of an animated GIF, WebP or PNG.
    """
    if not content.startswith(_SEVERAL):
        return 1
    if content.startswith(_PNG_MAGIC) and b"acTL" not in content.partition(b"IDAT")[0]:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=_known_formats())
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
