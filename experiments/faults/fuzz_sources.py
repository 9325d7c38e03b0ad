"""Parsers of the images that others give: encoded files, archives, LMDB, arrays."""

import functools
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, features

from dcgan_jax.config import DataConfig
from dcgan_jax.data import sources, transforms
from dcgan_jax.data.sources import BrokenImage
from faults import mutations
from faults.fuzz import Files, Parser

_FILE = "file"
# Read from what is found: enough to touch every kind of record.
_MAX_RECORDS = 60
_SUFFIXES = ("", "", "", ".gz", ".bz2", ".xz")


def images(folder: Path) -> Parser:
    """Encoded images of ten formats, decoded and brought to one size."""
    del folder
    seeds = [*_encode_images(), *_make_bombs()]

    def draw(chance: random.Random) -> Files:
        content = mutations.harm_bytes(chance, chance.choice(seeds), seeds)
        if content.startswith(b"\x89PNG") and chance.random() < 0.7:
            content = mutations.mend_png(content)
        return {_FILE: content}

    def read(given: Path, work: Path) -> None:
        del work
        content = (given / _FILE).read_bytes()
        for channels in (1, 3):
            target = transforms.Transform(28, channels, upscale=True)
            pixels = transforms.apply(content, target)
            if (pixels.shape, pixels.dtype) != ((28, 28, channels), np.uint8):
                raise TypeError(f"{pixels.dtype} {pixels.shape}")

    return Parser(
        draw,
        [{_FILE: content} for content in _encode_images()],
        read,
        (BrokenImage,),
    )


def archives(folder: Path) -> Parser:
    """Zips and tars, plain and compressed, of files and of what else they can hold."""
    del folder
    picture = _encode(np.zeros((4, 4, 3), np.uint8), "PNG")
    zips = [_make_zip(picture, method) for method in (0, 8, 12, 14)]
    tars = [_make_tar(picture, kind) for kind in (0, 1, 2)]
    valid = [
        *({"x.zip": content} for content in zips),
        *({"x.tar": content} for content in tars),
        {"x.tar.gz": _compress(tars[0], ".gz")},
    ]

    def draw(chance: random.Random) -> Files:
        if chance.random() < 0.5:
            content = chance.choice([*zips, _make_odd_zip(chance, picture)])
            return {"x.zip": mutations.harm_bytes(chance, content, zips)}
        content = chance.choice([*tars, _make_odd_tar(chance, picture)])
        if chance.random() < 0.9:
            content = _mend_tar(mutations.harm_bytes(chance, content, tars))
        suffix = chance.choice(_SUFFIXES)
        content = _compress(content, suffix)
        if suffix and chance.random() < 0.5:
            content = mutations.harm_bytes(chance, content)
        return {f"x.tar{suffix}": content}

    return Parser(draw, valid, _read_source)


def lmdb(folder: Path) -> Parser:
    """LMDBs of short and long values, in one leaf page and in many."""
    values = [
        {f"{n:040x}".encode(): bytes([n % 256]) * size for n in range(count)}
        for count, size in ((0, 0), (3, 20), (5, 9000), (200, 700), (400, 40))
    ]
    seeds = [
        _make_lmdb(folder / str(number), content)
        for number, content in enumerate(values)
    ]

    def draw(chance: random.Random) -> Files:
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 4))):
            # The headers of pages and the pointers that follow them.
            start = chance.randrange(0, max(1, len(content)), 4096)
            start += chance.choice((0, 8, 10, 12, 14, *range(16, 170, 2)))
            size = chance.choice((2, 2, 4, 8))
            pages = range(len(content) // 4096 + 2)
            number = chance.choice((*mutations.WILD_NUMBERS, *pages)) % 256**size
            content[start : start + size] = number.to_bytes(size, "little")
        if chance.random() < 0.5:
            content[:] = mutations.harm_bytes(chance, bytes(content), seeds)
        return {"db/data.mdb": bytes(content)}

    valid = [{"db/data.mdb": content} for content in seeds[1:]]
    return Parser(draw, valid, _read_source)


def arrays(folder: Path) -> Parser:
    """Files of numpy.save and numpy.savez, with all kinds of numbers and headers."""
    seeds = _make_arrays()
    valid = [{"x.npy": content} for content in seeds]
    valid += [{"x.npz": _make_npz(seeds[0], method)} for method in (0, 8)]
    objects = _encode_array(np.array([_Payload(folder)], object), allow_pickle=True)

    def draw(chance: random.Random) -> Files:
        content = chance.choice([*seeds, objects])
        if chance.random() < 0.3:
            content = _write_npy(chance)
        content = mutations.harm_bytes(chance, content, seeds)
        if chance.random() < 0.6:
            return {"x.npy": content}
        content = _make_npz(content, chance.choice((0, 8)))
        if chance.random() < 0.5:
            content = mutations.harm_bytes(chance, content, [_make_npz(seeds[0], 8)])
        return {"x.npz": content}

    return Parser(draw, valid, _read_source)


class _Payload:
    """What writes a file where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._path = folder.parent / "inputs" / "escaped"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self._path,)


def _read_source(given: Path, work: Path) -> None:
    """Open what lies in the folder as --source, and read its records."""
    (path,) = given.iterdir()
    config = DataConfig(dataset="folder", source=path, image_size=28, channels=3)
    source = sources.open_source(config, work)
    try:
        for index in range(min(len(source), _MAX_RECORDS)):
            try:
                name, content, label = source[index]
            except BrokenImage as error:
                if not str(error):
                    raise TypeError("broken without a reason") from error
                continue
            if not isinstance(name, str) or not isinstance(label, int | None):
                raise TypeError(f"{name!r} {label!r}")
            if not isinstance(content, bytes):
                transforms.apply(content, transforms.Transform(28, 3, upscale=True))
    finally:
        source.close()


def _encode(pixels: np.ndarray, file_format: str, **options: object) -> bytes:
    return _save(Image.fromarray(pixels), file_format, **options)


def _save(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@functools.cache
def _encode_images() -> list[bytes]:
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
        *(_save(i, "TGA", compression=c) for i in (colour, palette) for c in (None, "tga_rle")),
        *(_save(colour, "TIFF", compression=c) for c in (None, "tiff_lzw", "jpeg", "packbits")),
        *(_save(i, "TIFF", compression="tiff_adobe_deflate") for i in (palette, deep, alpha)),
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


def _make_bombs() -> list[bytes]:
    """Make small files that declare large images."""
    bombs = []
    for width, height, bits, mode in (
        (60_000, 60_000, 1, 0), (9_000, 9_000, 8, 2), (2**31 - 1, 1, 16, 6),
        (80_000_000, 1, 16, 0),
    ):  # fmt: skip
        header = struct.pack(">IIBBBBB", width, height, bits, mode, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10**5))))
        content = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + bytes(4)
            for name, data in (*chunks, (b"IEND", b""))
        )
        bombs.append(mutations.mend_png(content))
    text = b"k\0\0" + zlib.compress(bytes(10**8))
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + bytes(4)
    png = _encode_images()[0]
    bombs.append(mutations.mend_png(png[:33] + chunk + png[33:]))
    return bombs


_ODD_NAMES = (
    "../../escaped.png", "/escaped.png", "a/../../escaped.png", "C:\\escaped.png",
    "..\\escaped.png", "a\0b.png", "a\nb.png", "\x1b[2J.png", "x" * 300 + ".png", ".png",
    "a//b.png", "./a.png", "train/a/1.png", "test/b/2.png", "é\u202e.png", "a.png/",
    "a/" * 200 + "b.png", "", ".", "..", "x.png", "__MACOSX/x.png", "data.mdb",
)  # fmt: skip


def _make_zip(picture: bytes, method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in ("train/cat/1.png", "train/dog/2.png", "test/dog/3.png"):
            archive.writestr(name, picture * 3)
    return buffer.getvalue()


def _make_odd_zip(chance: random.Random, picture: bytes) -> bytes:
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


def _make_tar(picture: bytes, kind: int) -> bytes:
    formats = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=formats[kind]) as archive:
        wrapper = "" if kind == 0 else "w" * 60 + "é/" + "v" * 60 + "/"
        for name in ("train/cat/1.png", "train/dog/2.png", "test/dog/3.png"):
            info = tarfile.TarInfo(wrapper + name)
            info.size = len(picture)
            archive.addfile(info, io.BytesIO(picture))
    return buffer.getvalue()


def _make_odd_tar(chance: random.Random, picture: bytes) -> bytes:
    """Pack names that leave the folder, links, devices and sparse files."""
    buffer = io.BytesIO()
    kinds = (b"0", b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"L", b"x", b"g")
    with tarfile.open(fileobj=buffer, mode="w", format=chance.randrange(3)) as archive:
        for _ in range(chance.randrange(1, 6)):
            info = tarfile.TarInfo(chance.choice(_ODD_NAMES).replace("\0", "_"))
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


def _mend_tar(content: bytes) -> bytes:
    """Give harmed headers right checksums."""
    mended = bytearray(content)
    for start in range(0, len(mended) - 511, 512):
        header = mended[start : start + 512]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            mended[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(mended)


def _compress(content: bytes, suffix: str) -> bytes:
    import bz2
    import gzip
    import lzma

    packers = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return packers[suffix](content) if suffix else content


def _make_lmdb(folder: Path, values: dict[bytes, bytes]) -> bytes:
    import lmdb as library

    folder.mkdir(parents=True)
    with (
        library.open(str(folder), map_size=1 << 24) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in values.items():
            transaction.put(key, value)
    return (folder / "data.mdb").read_bytes()


def _encode_array(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def _make_arrays() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), np.uint8)
    floats = pixels / 255.0
    return [
        _encode_array(array)
        for array in (
            pixels, pixels[..., 0], floats.astype(np.float32), floats * 2 - 1,
            floats.astype(np.float16), pixels.astype(np.uint16) * 257, pixels > 99,
            pixels.astype(">i4"), np.asfortranarray(pixels), pixels.transpose(0, 3, 1, 2),
        )
    ]  # fmt: skip


def _write_npy(chance: random.Random) -> bytes:
    """Write a header by hand, with a shape and type that no array may have."""
    shape = chance.choice(
        ("()", "(5,)", "(-1, 6, 7)", "(0, 6, 7)", "(5, 6, 7)", "(1000000000, 64, 64, 3)",
         "(2**40, 6, 7)", "(9999999999999999999999, 2, 2)", "(5, 0, 7)", "(True, 6, 7)",
         "(1.5, 6, 7)", "[5, 6, 7]", "None", "(" * 150 + ")" * 150, "(" * 5000,
         "-" * 3000 + "1", "(5, 6, 7, 3)", "(3, 4294967296, 4294967296)")
    )  # fmt: skip
    kind = chance.choice(
        ("'|u1'", "'<f4'", "'|O'", "'<M8[s]'", "'|V0'", "'<U0'", "'|V9999999999'", "'x'",
         "'\\q'", "[('a', '<f4')]", "[('a', '|O')]", "'<c16'", "'|S3'", "None", "'<f8'",
         "'|b1'", "('<f4', (2, 2))", "'>u2'", "'<i8'")
    )  # fmt: skip
    order = chance.choice(("False", "True", "None", "2"))
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}}}"
    version = chance.choice((1, 1, 2, 3))
    size = struct.pack("<H" if version == 1 else "<I", len(header) + 1)
    magic = b"\x93NUMPY" + bytes([version, 0])
    return magic + size + header.encode() + b"\n" + chance.randbytes(64) * 30


def _make_npz(content: bytes, method: int) -> bytes:
    labels = _encode_array(np.array([3, 1, 4, 1, 5]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("images.npy", content)
        archive.writestr("labels.npy", labels)
    return buffer.getvalue()


PARSERS = {
    "images": images,
    "archives": archives,
    "lmdb": lmdb,
    "arrays": arrays,
}
