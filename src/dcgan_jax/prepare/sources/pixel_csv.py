"""A CSV with a line for each image: its label and its pixels, as Kaggle's digits."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import array_labels, data_files
from dcgan_jax.prepare.sources.base import Kind, Understood, has_suffix
from dcgan_jax.prepare.sources.raw_rows import (
    MAX_ROWS,
    Part,
    RawRows,
    RowForm,
    find_square,
)
from dcgan_jax.system import disk, errors, progress

_LABEL_COLUMNS = frozenset({"label", "labels", "class", "target", "y", "digit"})
_OTHER_COLUMNS = frozenset({"", "id", "index", "image_id", "imageid", "unnamed: 0"})
_MAX_LINE_BYTES = 4 << 20  # 512×512 pixels of colour, four bytes each
_MAX_LABEL_BYTES = _MAX_EMPTY = 100
_SHOWN_BYTES = 60


class _Columns(NamedTuple):
    """What the columns of a file are."""

    num_columns: int
    label: int | None
    pixels: list[int] | None
    """The columns of pixels; None: all columns but the label."""
    shape: tuple[int, ...]
    """The shape of an image, (H, W) or (H, W, 3)."""
    has_header: bool


class _Table(NamedTuple):
    """A file that was read."""

    labels: np.ndarray | None
    num_rows: int
    is_ended: bool
    """Whether its last line has a line end."""


def _open(path: Path, config: DataConfig, work_dir: Path) -> RawRows:
    files = _find(path)
    chosen = data_files.choose(files, config.split, where=path)
    tables, parts, notes, shapes = [], [], [], set()
    for file in chosen.files:
        columns = _read_columns(file)
        target = work_dir / f"{data_files.name_unpacked([file])}.pixels"
        table = _unpack(file, columns, target)
        if not table.is_ended:
            notes.append(
                f"{file.name} has no line end behind its last line; a file that was cut"
                " short within a number looks so too"
            )
        shapes.add(columns.shape)
        tables.append(table)
        parts.append(Part(target, 0, table.num_rows))
    if len(shapes) > 1 or len({table.labels is None for table in tables}) > 1:
        raise errors.InputError(
            f"{path} holds files of other columns beside each other"
            f" ({', '.join(file.name for file in chosen.files)}); give one of them"
        )
    (shape,) = shapes
    notes.append(f"{math.prod(shape):,} columns taken as {'×'.join(map(str, shape))}")
    labels = None
    if tables[0].labels is not None:
        found = [_read_labels(file) for file in chosen.others]
        labels = array_labels.read(
            _as_numbers(
                np.concatenate([t.labels for t in tables if t.labels is not None])
            ),
            [_as_numbers(values) for values in found if values is not None],
        )
    return RawRows(
        parts,
        RowForm(shape, tuple(range(len(shape)))),
        labels,
        fingerprint=data_files.fingerprint(files, path),
        understood=Understood(
            data_files.list_others(path, files), chosen.splits, tuple(notes)
        ),
    )


def _find(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if has_suffix(path, ".csv") else []
    return data_files.find(path, _has_pixels)


def _has_pixels(file: Path) -> bool:
    if not has_suffix(file, ".csv"):
        return False
    try:
        _read_columns(file)
    except (errors.InputError, OSError):
        return False
    return True


def _read_columns(file: Path) -> _Columns:
    """Find the label and the pixels in the first line.

    Raises:
        InputError: if it is no table of pixels.
    """
    with file.open("rb") as stream:
        line = _read_line(stream, file)
    fields = [field.decode("utf-8", "replace") for field in _split(line)]
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
            return _Columns(
                len(fields), label, None if is_plain else pixels, shape, has_header
            )
    else:
        for label in (0, None):
            shape = find_square(len(fields) - (label is not None))
            if shape is not None:
                return _Columns(len(fields), label, None, shape, has_header)
    raise errors.InputError(
        f"{file} is no table of pixels: it has {len(fields):,} columns ({shown});"
        " expected one named label, and one for each pixel of a square image, as 784"
        " for 28×28. Where it names the files of images, give their folder as --source"
    )


def _unpack(file: Path, columns: _Columns, target: Path) -> _Table:
    """Write the pixels to a file that all processes can read from anywhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    labels, is_ended, count = [], True, 0
    with disk.replacing(target) as temporary, temporary.open("wb") as unpacked:
        for number, line in _read_lines(file, columns):
            label, pixels = _parse(line, columns, where=f"{file}, line {number:,}")
            labels.append(label)
            unpacked.write(pixels)
            is_ended = line.endswith(b"\n")
            count += 1
            if count > MAX_ROWS:
                raise errors.InputError(
                    f"{file} holds more than {MAX_ROWS:,} images, expected fewer"
                )
    if count == 0:
        raise errors.InputError(f"{file} holds no images: it has no line of numbers")
    has_labels = columns.label is not None
    return _Table(np.array(labels) if has_labels else None, count, is_ended)


def _read_labels(file: Path) -> np.ndarray | None:
    """Read the labels alone."""
    columns = _read_columns(file)
    if columns.label is None:
        return None
    lines = _read_lines(file, columns)
    return np.array([_label_of(_split(line), columns) for _, line in lines])


def _read_lines(file: Path, columns: _Columns) -> Iterator[tuple[int, bytes]]:
    """Yield the lines below the header that are not empty, numbered from 1."""
    size, num_empty = file.stat().st_size, 0
    with (
        file.open("rb") as stream,
        progress.track(f"reading {file.name}", size, unit="B") as advance,
    ):
        for number in itertools.count(1):
            line = _read_line(stream, file)
            if not line:
                return
            advance(len(line))
            num_empty += not line.strip()
            if num_empty > _MAX_EMPTY:
                raise errors.InputError(
                    f"{file} has more than {_MAX_EMPTY} empty lines; expected one image"
                    " a line"
                )
            if line.strip() and not (number == 1 and columns.has_header):
                yield number, line


def _read_line(stream: IO[bytes], file: Path) -> bytes:
    line = stream.readline(_MAX_LINE_BYTES)
    if len(line) == _MAX_LINE_BYTES:
        raise errors.InputError(
            f"{file} has a line of more than {disk.format_bytes(_MAX_LINE_BYTES)};"
            " expected one image a line"
        )
    return line


def _split(line: bytes) -> list[bytes]:
    return (
        line.removeprefix(b"\xef\xbb\xbf")
        .rstrip(b"\r\n")
        .replace(b'"', b"")
        .split(b",")
    )


def _parse(line: bytes, columns: _Columns, *, where: str) -> tuple[str, bytes]:
    fields = _split(line)
    if len(fields) != columns.num_columns:
        raise errors.InputError(
            f"{where} has {len(fields):,} values, expected {columns.num_columns:,}; the"
            " file is damaged or cut short: get it again"
        )
    label = _label_of(fields, columns) if columns.label is not None else ""
    if columns.pixels is not None:
        fields = [fields[i] for i in columns.pixels]
    elif columns.label is not None:
        del fields[columns.label]
    try:
        return label, bytes(map(int, fields))
    except ValueError:
        return label, bytes(_to_byte(field, where) for field in fields)


def _label_of(fields: list[bytes], columns: _Columns) -> str:
    assert columns.label is not None
    if columns.label >= len(fields):
        return ""
    return fields[columns.label][:_MAX_LABEL_BYTES].decode("utf-8", "replace").strip()


def _to_byte(field: bytes, where: str) -> int:
    """Read a number that was written with a point, as 255.0."""
    try:
        value = float(field)
    except ValueError:
        value = math.nan
    if not (0 <= value <= 255 and value == int(value)):
        shown = field[:_SHOWN_BYTES].decode("utf-8", "replace")
        raise errors.InputError(
            f"{where} has the value {shown!r}, expected whole numbers from 0 to 255"
        )
    return int(value)


def _as_numbers(labels: np.ndarray) -> np.ndarray:
    """Return labels as numbers if all are."""
    try:
        return labels.astype(np.int64)
    except (ValueError, OverflowError):
        return labels


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


KIND = Kind(
    words="a .csv of pixels",
    holds=lambda path: bool(_find(path)),
    open=_open,
    fingerprint=lambda path, split: data_files.fingerprint(_find(path), path),
    fingerprints_before=lambda path, split: [],
)
