"""Parquet files as data hubs serve them: a column of images, and one of labels."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.prepare.sources import array_labels, data_files, unpack
from dcgan_jax.prepare.sources.archives import MAX_MEMBER_BYTES
from dcgan_jax.prepare.sources.base import (
    Kind,
    LazyFile,
    Record,
    Understood,
    has_suffix,
)
from dcgan_jax.system import disk, errors, json_values, npy_file, progress
from dcgan_jax.system.errors import BrokenImage

_LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "y", "digit")
_IMAGE_NAMES = ("image", "img", "images", "jpg", "png", "picture", "pixels", "bytes")
# Listings beside a folder of images have no images in them.
_LISTINGS = frozenset({"metadata.parquet"})
_BATCH_ROWS = 4  # of which each may refer to one large image
_BATCH_NUMBERS = 1 << 16
_MAX_ROWS = 100_000_000
_MAX_CLASSES, _MAX_TEXT = 100_000, 200


class _Columns(NamedTuple):
    """What the columns of the files are."""

    image: str
    is_struct: bool
    """Whether the bytes are a part of the image's column, as image.bytes."""
    label: str | None
    class_names: np.ndarray | None


class ParquetSource:
    """Encoded images, unpacked to one file that all processes read from anywhere.

    A row group has to be read as a whole, so that images in a random order would be
    unpacked again and again.
    """

    def __init__(self, path: Path, split: str, *, work_dir: Path) -> None:
        files = _find(path)
        chosen = data_files.choose(files, split, where=path)
        columns = _find_columns(chosen.files[0])
        for file in chosen.files[1:]:
            if _find_columns(file)[:3] != columns[:3]:
                raise errors.InputError(
                    f"{file} has other columns than {chosen.files[0].name}; give one"
                )
        self.fingerprint = data_files.fingerprint(files, path)
        unpacked, self._ends = _unpack(chosen.files, columns, work_dir=work_dir)
        self._file = LazyFile(unpacked)
        self._labels: np.ndarray | None = None
        self.class_names: tuple[str, ...] | None = None
        unlabelled = None
        if columns.label is not None:
            self._labels, self.class_names, unlabelled = array_labels.read(
                _read_labels(chosen.files, columns.label),
                [_read_labels([f], columns.label) for f in chosen.others],
                columns.class_names,
            )
        self.understood = Understood(
            data_files.list_others(path, files), chosen.splits, (), unlabelled
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._ends)

    def __getitem__(self, index: int) -> Record:
        """Read one image.

        Raises:
            BrokenImage: if the row has none.
        """
        start = int(self._ends[index - 1]) if index else 0
        size = int(self._ends[index]) - start
        name = f"row {index}"
        if size == 0:
            raise BrokenImage("it has no bytes", name=name)
        content = self._file.read(start, size, name=name, ends="unpacked file")
        label = -1 if self._labels is None else int(self._labels[index])
        return Record(name, content, label if label >= 0 else None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _open_file(file: Path) -> Any:
    """Open a file, and compare what it says of itself with its size.

    Raises:
        InputError: if it is damaged, or pyarrow is missing.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise errors.InputError(
            f"{file} is Parquet, which pyarrow reads: pip install 'dcgan-jax[parquet]'"
        ) from error
    try:
        opened = parquet.ParquetFile(file, memory_map=False, pre_buffer=False)
        metadata = opened.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        num_rows = sum(group.num_rows for group in groups)
        num_bytes = sum(max(0, group.total_byte_size) for group in groups)
    except Exception as error:  # of Arrow, of texts and of numbers
        raise _damaged(file, error) from error
    if num_rows != metadata.num_rows or not 0 <= num_rows <= _MAX_ROWS:
        raise errors.InputError(
            f"{file} is damaged: it says that it has {metadata.num_rows:,} rows, its"
            f" parts {num_rows:,}; get it again"
        )
    unpack.check_expansion(num_bytes, where=file)
    return opened


def _find_columns(file: Path) -> _Columns:
    """Find the columns by what the hub wrote of them, else by types and names."""
    with _open_file(file) as opened:
        try:
            schema = opened.schema_arrow
        except Exception as error:
            raise _damaged(file, error) from error
    from pyarrow import types

    features = _read_features(schema.metadata or {})
    images: dict[str, bool] = {}
    labels: list[str] = []
    for field in schema:
        kind = field.type
        if types.is_binary(kind) or types.is_large_binary(kind):
            images[field.name] = False
        elif types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            images[field.name] = True
        elif types.is_integer(kind) or types.is_string(kind):
            labels.append(field.name)
    told = [name for name in images if features.get(name, {}).get("_type") == "Image"]
    image = _prefer(told or list(images), _IMAGE_NAMES)
    if image is None:
        columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise errors.InputError(
            f"{file} has no column of images: expected one of binary type, or of a"
            f" struct with bytes; it has: {errors.one_line(columns[:500]) or 'nothing'}"
        )
    classes = [n for n in labels if features.get(n, {}).get("_type") == "ClassLabel"]
    label = _prefer(classes, _LABEL_NAMES)
    if label is None:
        label = next((name for name in _LABEL_NAMES if name in labels), None)
    names = features.get(label or "", {}).get("names")
    return _Columns(image, images[image], label, _check_names(names))


def _check_names(names: Any) -> np.ndarray | None:
    if not isinstance(names, list) or not 0 < len(names) <= _MAX_CLASSES:
        return None
    is_text = all(type(name) is str and len(name) <= _MAX_TEXT for name in names)
    return np.array(names) if is_text else None


def _read_features(metadata: dict[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """Read what the hub's library says of the columns: types, and names of classes."""
    try:
        info = json_values.parse(metadata.get(b"huggingface", b"{}")).get("info", {})
        features = info.get("features", {})
        return {k: v for k, v in features.items() if isinstance(v, dict)}
    except (ValueError, AttributeError):
        return {}


def _prefer(found: Sequence[str], preferred: Sequence[str]) -> str | None:
    for name in (*preferred, *found):
        if name in found:
            return name
    return None


def _unpack(
    files: Sequence[Path], columns: _Columns, *, work_dir: Path
) -> tuple[Path, np.ndarray]:
    """Write the images of all files behind each other, and where each ends.

    Both may be there from an earlier, killed process: then they are kept.
    """
    name = data_files.name_unpacked(files)
    target, ends_file = work_dir / f"{name}.images", work_dir / f"{name}.npy"
    if target.is_file() and ends_file.is_file():
        return target, np.array(npy_file.map_file(ends_file))
    size = sum(file.stat().st_size for file in files)
    work_dir.mkdir(parents=True, exist_ok=True)
    disk.require_free(work_dir, size, purpose="the unpacked images")
    ends, end = [], 0
    with disk.replacing(target) as temporary, temporary.open("wb") as unpacked:
        for image in _read_images(files, columns):
            unpacked.write(image)
            end += len(image)
            ends.append(end)
    if not ends:
        raise errors.InputError(f"{files[0]} holds no images: it has no rows")
    with disk.replacing(ends_file) as temporary:
        np.save(temporary, np.array(ends, np.int64))
    return target, np.array(ends, np.int64)


def _read_images(files: Sequence[Path], columns: _Columns) -> Iterator[bytes]:
    """Yield the bytes of each image; none for a row without."""
    for file in files:
        num_bytes = 0
        name = f"{columns.image}.bytes" if columns.is_struct else columns.image
        for values in _read_column(file, name):
            part = values.field("bytes") if columns.is_struct else values
            for image in part.to_pylist():
                num_bytes += (size := len(image or b""))
                if size > MAX_MEMBER_BYTES:
                    raise errors.InputError(
                        f"{file} has an image of {disk.format_bytes(size)}, expected at"
                        f" most {disk.format_bytes(MAX_MEMBER_BYTES)}"
                    )
                yield image or b""
            unpack.check_expansion(num_bytes, where=file)


def _read_labels(files: Sequence[Path], column: str) -> np.ndarray:
    found: list[Any] = []
    for file in files:
        for values in _read_column(file, column):
            found += values.to_pylist()
    if any(isinstance(value, str) for value in found):
        return np.array([(value or "")[:_MAX_TEXT] for value in found])
    return np.array([-1 if value is None else value for value in found])


def _read_column(file: Path, column: str) -> Iterator[Any]:
    """Yield the values of a column, in pieces."""
    with _open_file(file) as opened:
        num_rows, found = opened.metadata.num_rows, 0
        with progress.track(f"reading {file.name}", num_rows, unit="rows") as advance:
            try:
                for batch in opened.iter_batches(
                    _count_rows(opened.schema_arrow, column),
                    columns=[column],
                    use_threads=False,
                ):
                    found += batch.num_rows
                    advance(batch.num_rows)
                    yield batch.column(0)
            except Exception as error:
                raise _damaged(file, error) from error
    if found != num_rows:
        raise errors.InputError(
            f"{file} is damaged: {found:,} of {num_rows:,} rows were found; get it"
            " again"
        )


def _count_rows(schema: Any, column: str) -> int:
    """Return how many rows to read at once: many numbers, or few that may be large."""
    from pyarrow import types

    place = schema.get_field_index(column)
    is_number = place >= 0 and types.is_integer(schema.field(place).type)
    return _BATCH_NUMBERS if is_number else _BATCH_ROWS


def _damaged(file: Path, error: Exception) -> errors.InputError:
    return errors.InputError(
        f"{file} is no Parquet file or is damaged ({errors.first_line(error)}); get it"
        " again"
    )


def _is_one(file: Path) -> bool:
    return has_suffix(file, ".parquet") and file.name not in _LISTINGS


def _find(path: Path) -> list[Path]:
    return data_files.find(path, _is_one)


KIND = Kind(
    words=".parquet",
    holds=lambda path: bool(_find(path)),
    open=lambda path, config, work_dir: ParquetSource(
        path, config.split, work_dir=work_dir
    ),
    fingerprint=lambda path, split: data_files.fingerprint(_find(path), path),
    fingerprints_before=lambda path, split: [],
)
