"""A CSV with a line for each image: its label and its pixels, as Kaggle's digits."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import (
    array_labels,
    csv_columns,
    data_files,
    names,
    unpack,
)
from dcgan_jax.prepare.sources.base import Kind, Understood, has_suffix
from dcgan_jax.prepare.sources.csv_columns import Columns
from dcgan_jax.prepare.sources.raw_rows import MAX_ROWS, Part, RawRows, RowForm
from dcgan_jax.system import disk, errors, progress

_MAX_LABEL_BYTES = _MAX_EMPTY = 100
_SHOWN_BYTES = 60
# The splits of FER2013, as its paper uses them.
_USAGES = {"training": "train", "publictest": "val", "privatetest": "test"}


class _Table(NamedTuple):
    """A file that was read."""

    labels: np.ndarray | None
    elsewhere: list[str]
    """The labels of its rows that are of other splits."""
    splits: tuple[str, ...]
    """The splits that its rows name; none without such a column."""
    num_rows: int
    is_ended: bool
    """Whether its last line has a line end."""


def _open(path: Path, config: DataConfig, work_dir: Path) -> RawRows:
    files = _find(path)
    all_columns = {file: csv_columns.read(file) for file in files}
    in_rows = any(columns.usage is not None for columns in all_columns.values())
    by_name = "train" if in_rows else config.split
    chosen = data_files.choose(files, by_name, where=path)
    tables, parts, notes, shapes = [], [], [], set()
    for file in chosen.files:
        columns = all_columns[file]
        target = work_dir / f"{data_files.name_unpacked([file])}.pixels"
        table = _unpack(file, columns, target, config.split)
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
            [
                *(_as_numbers(values) for values in found if values is not None),
                *(_as_numbers(np.array(t.elsewhere)) for t in tables if t.elsewhere),
            ],
        )
    splits = sorted({split for table in tables for split in table.splits})
    return RawRows(
        parts,
        RowForm(shape, tuple(range(len(shape)))),
        labels,
        fingerprint=data_files.fingerprint(files, path),
        understood=Understood(
            data_files.list_others(path, files),
            tuple(splits) if len(splits) > 1 else chosen.splits,
            tuple(notes),
        ),
    )


def _find(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if has_suffix(path, *csv_columns.SUFFIXES) else []
    return data_files.find(path, _has_pixels)


def _has_pixels(file: Path) -> bool:
    if not has_suffix(file, *csv_columns.SUFFIXES):
        return False
    try:
        csv_columns.read(file)
    except (errors.InputError, OSError):
        return False
    return True


def _unpack(file: Path, columns: Columns, target: Path, split: str) -> _Table:
    """Write the pixels to a file that all processes can read from anywhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    labels, elsewhere, splits, is_ended, count = [], [], set(), True, 0
    with disk.replacing(target) as temporary, temporary.open("wb") as unpacked:
        for number, line in _read_lines(file, columns):
            label, pixels, usage = _parse(
                line, columns, where=f"{file}, line {number:,}"
            )
            is_ended = line.endswith(b"\n")
            if usage is not None:
                splits.add(usage)
                if usage != split:
                    elsewhere.append(label)
                    continue
            labels.append(label)
            unpacked.write(pixels)
            count += 1
            if count > MAX_ROWS:
                raise errors.InputError(
                    f"{file} holds more than {MAX_ROWS:,} images, expected fewer"
                )
    if count == 0 and splits:
        known = ", ".join(sorted(splits))
        raise errors.InputError(f"{file} has no split {split!r}; it has: {known}")
    if count == 0:
        raise errors.InputError(f"{file} holds no images: it has no line of numbers")
    has_labels = columns.label is not None
    found = np.array(labels) if has_labels else None
    return _Table(found, elsewhere, tuple(splits), count, is_ended)


def _read_labels(file: Path) -> np.ndarray | None:
    """Read the labels alone."""
    columns = csv_columns.read(file)
    if columns.label is None:
        return None
    lines = _read_lines(file, columns)
    return np.array(
        [_label_of(csv_columns.split(line, columns), columns) for _, line in lines]
    )


def _read_lines(file: Path, columns: Columns) -> Iterator[tuple[int, bytes]]:
    """Yield the lines below the header that are not empty, numbered from 1."""
    size, num_empty, num_bytes, done = file.stat().st_size, 0, 0, 0
    with (
        csv_columns.open_lines(file) as (stream, raw),
        progress.track(f"reading {file.name}", size, unit="B") as advance,
    ):
        for number in itertools.count(1):
            line = csv_columns.read_line(stream, file)
            if not line:
                return
            num_bytes += len(line)
            unpack.check_expansion(num_bytes, where=file)
            advance(raw.tell() - done)
            done = raw.tell()
            num_empty += not line.strip()
            if num_empty > _MAX_EMPTY:
                raise errors.InputError(
                    f"{file} has more than {_MAX_EMPTY} empty lines; expected one image"
                    " a line"
                )
            if line.strip() and not (number == 1 and columns.has_header):
                yield number, line


def _parse(
    line: bytes, columns: Columns, *, where: str
) -> tuple[str, bytes, str | None]:
    """Return an image's label, its pixels, and the split that its row names."""
    fields = csv_columns.split(line, columns)
    if len(fields) != columns.num_columns:
        raise errors.InputError(
            f"{where} has {len(fields):,} values, expected {columns.num_columns:,}; the"
            " file is damaged or cut short: get it again"
        )
    label = _label_of(fields, columns) if columns.label is not None else ""
    usage = None if columns.usage is None else _read_usage(fields[columns.usage])
    if columns.pixels is not None:
        fields = [fields[i] for i in columns.pixels]
    elif columns.label is not None:
        del fields[columns.label]
    try:
        return label, bytes(map(int, fields)), usage
    except ValueError:
        return label, bytes(_to_byte(field, where) for field in fields), usage


def _read_usage(field: bytes) -> str:
    """Return the split that a row names."""
    text = field[:_MAX_LABEL_BYTES].decode("utf-8", "replace").strip()
    parsed = names.parse_split(text)
    known = text if parsed is None else parsed.split
    return _USAGES.get(text.lower(), known or "train")


def _label_of(fields: list[bytes], columns: Columns) -> str:
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


KIND = Kind(
    words="a .csv of pixels",
    holds=lambda path: bool(_find(path)),
    open=_open,
    fingerprint=lambda path, split: data_files.fingerprint(_find(path), path),
    fingerprints_before=lambda path, split: [],
)
