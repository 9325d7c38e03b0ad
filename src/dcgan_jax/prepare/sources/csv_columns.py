"""The columns of a CSV of pixels: the label, the pixels, perhaps the split."""

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from dcgan_jax.prepare.sources.raw_rows import find_square
from dcgan_jax.system import disk, errors

SUFFIXES = (".csv", ".csv.gz")
_LABEL_COLUMNS = frozenset(
    {"label", "labels", "class", "target", "y", "digit", "emotion"}
)
_OTHER_COLUMNS = frozenset({"", "id", "index", "image_id", "imageid", "unnamed: 0"})
# FER2013 has all pixels in one column, with spaces between, and its splits in another.
_ALL_PIXELS, _USAGE = "pixels", "usage"
_MAX_LINE_BYTES = 4 << 20  # 512×512 pixels of colour, four bytes each
_SHOWN_BYTES = 60


class Columns(NamedTuple):
    """What the columns of a file are."""

    num_columns: int
    label: int | None
    pixels: list[int] | None
    """The columns of pixels; None: all columns but the label."""
    shape: tuple[int, ...]
    """The shape of an image, (H, W) or (H, W, 3)."""
    has_header: bool
    spaced: int | None = None
    """The column that holds all pixels of an image, with spaces between."""
    usage: int | None = None
    """The column that names the split, counted with the pixels as columns."""


def read(file: Path) -> Columns:
    """Find the label and the pixels in the first line.

    Raises:
        InputError: if it is no table of pixels.
    """
    with open_lines(file) as (stream, _):
        fields = _decode(split(read_line(stream, file)))
        is_spaced = _ALL_PIXELS in (field.strip().lower() for field in fields)
        row = _decode(split(read_line(stream, file))) if is_spaced else []
    spaced = _find_spaced(fields, row)
    if spaced is not None:
        return spaced
    shown = errors.one_line(", ".join(fields)[:_SHOWN_BYTES])
    has_header = not all(_is_number(field) for field in fields)
    if has_header:
        low = [field.strip().lower() for field in fields]
        found = [i for i, name in enumerate(low) if name in _LABEL_COLUMNS]
        pixels = [
            i
            for i, name in enumerate(low)
            if i not in found and name not in _OTHER_COLUMNS
        ]
        is_plain = len(pixels) + len(found) == len(fields)
        shape = find_square(len(pixels))
        if shape is not None and len(found) <= 1:
            label = found[0] if found else None
            return Columns(
                len(fields), label, None if is_plain else pixels, shape, has_header
            )
    else:
        for label in (0, None):
            shape = find_square(len(fields) - (label is not None))
            if shape is not None:
                return Columns(len(fields), label, None, shape, has_header)
    raise errors.InputError(
        f"{file} is no table of pixels: it has {len(fields):,} columns ({shown});"
        " expected one named label, and one for each pixel of a square image, as 784"
        " for 28×28. Where it names the files of images, give their folder as --source"
    )


@contextlib.contextmanager
def open_lines(file: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open a file, packed by gzip or not; the second is it as it lies on the disk."""
    with file.open("rb") as raw:
        if file.name.lower().endswith(".gz"):
            with gzip.open(raw, "rb") as stream:
                yield stream, raw  # type: ignore[misc]
        else:
            yield raw, raw


def read_line(stream: IO[bytes], file: Path) -> bytes:
    """Read a line; it is empty at the end of the file.

    Raises:
        InputError: if it is far longer than an image, or a packed file is damaged.
    """
    try:
        line = stream.readline(_MAX_LINE_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise errors.InputError(
            f"{file} cannot be unpacked ({error}); get it again"
        ) from error
    if len(line) == _MAX_LINE_BYTES:
        raise errors.InputError(
            f"{file} has a line of more than {disk.format_bytes(_MAX_LINE_BYTES)};"
            " expected one image a line"
        )
    return line


def split(line: bytes, columns: Columns | None = None) -> list[bytes]:
    """Return the values of a line, those of a column of all pixels apart."""
    fields = (
        line.removeprefix(b"\xef\xbb\xbf")
        .rstrip(b"\r\n")
        .replace(b'"', b"")
        .split(b",")
    )
    if columns is not None and columns.spaced is not None:
        place = slice(columns.spaced, columns.spaced + 1)
        fields[place] = b" ".join(fields[place]).split()
    return fields


def _find_spaced(header: list[str], row: list[str]) -> Columns | None:
    """Read FER2013's header and its first row; None if they are others."""
    low = [field.strip().lower() for field in header]
    if _ALL_PIXELS not in low or len(row) != len(low):
        return None
    spaced = low.index(_ALL_PIXELS)
    count = len(row[spaced].split())
    shape = find_square(count)
    labels = [i for i, name in enumerate(low) if name in _LABEL_COLUMNS]
    if shape is None or len(labels) > 1:
        return None

    def place(column: int) -> int:
        return column + (count - 1 if column > spaced else 0)

    return Columns(
        len(low) + count - 1,
        place(labels[0]) if labels else None,
        list(range(spaced, spaced + count)),
        shape,
        has_header=True,
        spaced=spaced,
        usage=place(low.index(_USAGE)) if _USAGE in low else None,
    )


def _decode(fields: list[bytes]) -> list[str]:
    return [field.decode("utf-8", "replace") for field in fields]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
