"""Files of images, archives and arrays: valid ones, and some that no program writes."""

import bz2
import functools
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, features

from dcgan_jax.system import errors
from experiments.faults import mutations

Files = dict[str, bytes]
_TIFF_KINDS = ("tiff_adobe_deflate", "tiff_lzw", "jpeg", "packbits")


class Parser(NamedTuple):
    """A reader of others' files, and what makes such files.

    Attributes:
        draw: chances → files by their paths, harmed or made up.
        valid: files that must be taken.
        read: takes the folder of the files and one to work in, and reads everything.
        refusals: the errors that it documents.
    """

    draw: Callable[[random.Random], Files]
    valid: list[Files]
    read: Callable[[Path, Path], None]
    refusals: tuple[type[Exception], ...] = (errors.InputError,)


def encode(pixels: np.ndarray, file_format: str, **options: object) -> bytes:
    """Encode pixels."""
    return _save(Image.fromarray(pixels), file_format, **options)


def _save(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@functools.cache
def encode_images() -> list[bytes]:
    """Write a small picture in every format and mode that is read."""
    pixels = np.random.default_rng(0).integers(0, 256, (31, 30, 3), np.uint8)
    colour = Image.fromarray(pixels)
    grey, alpha = colour.convert("L"), colour.convert("RGBA")
    palette = colour.quantize(20)
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    written = [
        *(_save(i, "PNG") for i in (colour, grey, alpha, palette, deep)),
        _save(grey.convert("1"), "PNG"),
        _save(palette, "PNG", transparency=3),
        _save(colour, "PNG", save_all=True, append_images=[alpha.convert("RGB")]),
        _save(colour, "JPEG", exif=exif),
        _save(colour, "JPEG", progressive=True, subsampling=2),
        _save(grey, "JPEG"),
        _save(colour.convert("CMYK"), "JPEG"),
        *(_save(i, "BMP") for i in (colour, palette, grey.convert("1"))),
        _save(palette, "GIF", save_all=True, append_images=[palette], transparency=1),
        _save(colour, "PPM"),
        _save(deep, "PPM"),
        *(_save(i, "TGA") for i in (colour, palette)),
        *(_save(i, "TGA", compression="tga_rle") for i in (colour, palette)),
        *(_save(colour, "TIFF", compression=c) for c in (None, *_TIFF_KINDS)),
        *(_save(i, "TIFF", compression=_TIFF_KINDS[0]) for i in (palette, deep, alpha)),
        _save(Image.fromarray(pixels[..., 0] / np.float32(255)), "TIFF"),
    ]  # fmt: skip
    if features.check("webp"):
        written += [_save(alpha, "WEBP", lossless=x) for x in (True, False)]
        written.append(_save(colour, "WEBP", save_all=True, append_images=[colour]))
    if features.check("jpg_2000"):
        written += [_save(i, "JPEG2000") for i in (colour, deep)]
    if features.check("avif"):
        written.append(_save(colour, "AVIF"))
    return written


def make_bombs() -> list[bytes]:
    """Make small files that declare large images; the last one's pixels are there."""
    bombs = []
    for width, height, bits, mode, size in (
        (60_000, 60_000, 1, 0, 10**5), (9_000, 9_000, 8, 2, 10**5),
        (2**31 - 1, 1, 16, 6, 10**5), (80_000_000, 1, 16, 0, 2 * 80_000_000 + 1),
    ):  # fmt: skip
        header = struct.pack(">IIBBBBB", width, height, bits, mode, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(size))))
        content = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + bytes(4)
            for name, data in (*chunks, (b"IEND", b""))
        )
        bombs.append(mutations.mend_png(content))
    text = b"k\0\0" + zlib.compress(bytes(10**8))
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + bytes(4)
    png = encode_images()[0]
    bombs.insert(0, mutations.mend_png(png[:33] + chunk + png[33:]))
    return bombs


_ODD_NAMES = (
    "../../escaped.png", "/escaped.png", "a/../../escaped.png", "C:\\escaped.png",
    "..\\escaped.png", "a\0b.png", "a\nb.png", "\x1b[2J.png", "x" * 300 + ".png",
    ".png",
    "a//b.png", "./a.png", "train/a/1.png", "test/b/2.png", "é\u202e.png", "a.png/",
    "a/" * 200 + "b.png", "", ".", "..", "x.png", "__MACOSX/x.png", "data.mdb",
)  # fmt: skip


def make_zip(picture: bytes, method: int) -> bytes:
    """Pack three pictures, each in a folder of its class."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in ("train/cat/1.png", "train/dog/2.png", "test/dog/3.png"):
            archive.writestr(name, picture * 3)
    return buffer.getvalue()


def make_odd_zip(chance: random.Random, picture: bytes) -> bytes:
    """Pack names that leave the folder, links, and members of a wrong size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", chance.choice((0, 8, 12, 14))) as archive:
        for _ in range(chance.randrange(1, 6)):
            info = zipfile.ZipInfo("x")
            info.filename = chance.choice(_ODD_NAMES)
            info.external_attr = chance.choice((0o100644, 0o120777, 0o060644)) << 16
            info.compress_type = chance.choice((0, 8))
            archive.NameToInfo.clear()  # doubles without a warning
            archive.writestr(info, picture)
        for info in archive.infolist():
            if chance.random() < 0.3:
                name = chance.choice(("flag_bits", "file_size", "CRC", "header_offset"))
                number = chance.choice((0, 1, 32, 64, 2048, 2**15, 2**28, 2**31))
                setattr(info, name, number % (2**16 if name == "flag_bits" else 2**32))
    return buffer.getvalue()


def make_tar(picture: bytes, kind: int) -> bytes:
    """Pack three pictures as USTAR (0), GNU (1) or PAX (2)."""
    formats = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=formats[kind]) as archive:
        wrapper = "" if kind == 0 else "w" * 60 + "é/" + "v" * 60 + "/"
        for name in ("train/cat/1.png", "train/dog/2.png", "test/dog/3.png"):
            info = tarfile.TarInfo(wrapper + name)
            info.size = len(picture)
            archive.addfile(info, io.BytesIO(picture))
    return buffer.getvalue()


def make_odd_tar(chance: random.Random, picture: bytes) -> bytes:
    """Pack names that leave the folder, links, devices and sparse files."""
    buffer = io.BytesIO()
    kinds = (b"0", b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"L", b"x", b"g")
    with tarfile.open(fileobj=buffer, mode="w", format=chance.randrange(3)) as archive:
        for _ in range(chance.randrange(1, 6)):
            name = chance.choice(_ODD_NAMES).replace("\0", "_")
            is_short = archive.format == tarfile.USTAR_FORMAT
            info = tarfile.TarInfo(name[-90:] if is_short else name)
            info.type, info.size = chance.choice(kinds), len(picture)
            info.linkname = chance.choice(("/etc/passwd", "../x", ""))
            if archive.format == tarfile.PAX_FORMAT and chance.random() < 0.5:
                key = chance.choice(
                    ("size", "path", "GNU.sparse.map", "GNU.sparse.major",
                     "GNU.sparse.size", "GNU.sparse.name", "hdrcharset", "mtime")
                )  # fmt: skip
                value = chance.choice(
                    ("-1", "0,-5", "99999999999999999999", "1.0", "x")
                )
                info.pax_headers = {key: value, "GNU.sparse.minor": "0"}
            archive.addfile(info, io.BytesIO(picture))
    return buffer.getvalue()


def mend_tar(content: bytes) -> bytes:
    """Give harmed headers right checksums."""
    mended = bytearray(content)
    for start in range(0, len(mended) - 511, 512):
        header = mended[start : start + 512]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            mended[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(mended)


def compress(content: bytes, suffix: str) -> bytes:
    """Compress a tar as its suffix says."""
    packers = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return packers[suffix](content) if suffix else content


def make_lmdb(folder: Path, values: dict[bytes, bytes]) -> bytes:
    """Write an LMDB with the library that others write theirs with."""
    import lmdb as library

    folder.mkdir(parents=True)
    with (
        library.open(str(folder), map_size=1 << 24) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in values.items():
            transaction.put(key, value)
    return (folder / "data.mdb").read_bytes()


def encode_array(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    """Write an array as numpy.save does."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def make_arrays() -> list[bytes]:
    """Write arrays of pixels of every type and shape that is read."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), np.uint8)
    floats = pixels / 255.0
    return [
        encode_array(array)
        for array in (
            pixels, pixels[..., 0], floats.astype(np.float32), floats * 2 - 1,
            floats.astype(np.float16), pixels.astype(np.uint16) * 257, pixels > 99,
            pixels.astype(">i4"), np.asfortranarray(pixels),
            pixels.transpose(0, 3, 1, 2),
        )
    ]  # fmt: skip


def write_npy(chance: random.Random) -> bytes:
    """Write a header by hand, with a shape and type that no array may have."""
    shape = chance.choice(
        ("()", "(5,)", "(-1, 6, 7)", "(0, 6, 7)", "(5, 6, 7)", "(999999999, 64, 64, 3)",
         "(2**40, 6, 7)", "(9999999999999999999999, 2, 2)", "(5, 0, 7)", "(True, 6, 7)",
         "(1.5, 6, 7)", "[5, 6, 7]", "None", "(" * 150 + ")" * 150, "(" * 5000,
         "-" * 3000 + "1", "(5, 6, 7, 3)", "(3, 4294967296, 4294967296)")
    )  # fmt: skip
    kind = chance.choice(
        ("'|u1'", "'<f4'", "'|O'", "'<M8[s]'", "'|V0'", "'<U0'", "'|V9999999999'",
         "'x'", "'\\q'", "[('a', '<f4')]", "[('a', '|O')]", "'<c16'", "'|S3'",
         "None", "'<f8'", "'|b1'", "('<f4', (2, 2))", "'>u2'", "'<i8'")
    )  # fmt: skip
    order = chance.choice(("False", "True", "None", "2"))
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}}}"
    version = chance.choice((1, 1, 2, 3))
    size = struct.pack("<H" if version == 1 else "<I", len(header) + 1)
    magic = b"\x93NUMPY" + bytes([version, 0])
    return magic + size + header.encode() + b"\n" + chance.randbytes(64) * 30


def make_npz(content: bytes, method: int) -> bytes:
    """Write five labels beside an .npy file of images."""
    labels = encode_array(np.array([3, 1, 4, 1, 5]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("images.npy", content)
        archive.writestr("labels.npy", labels)
    return buffer.getvalue()
