"""STL-10's binary files, in their folder or tar (Coates, Ng & Lee 2011)."""

import re
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import archives, array_labels, data_files, unpack
from dcgan_jax.prepare.sources.base import Kind, Understood, has_suffix
from dcgan_jax.prepare.sources.raw_rows import MAX_ROWS, Part, RawRows, RowForm
from dcgan_jax.system import errors

NAME = re.compile(r"(train|test|unlabeled)_X\.bin|(train|test)_y\.bin|class_names\.txt")
_IMAGES = re.compile(r"(train|test|unlabeled)_X\.bin")
_TARS = re.compile(r"stl10_binary.*")
_FORM = RowForm((3, 96, 96), (2, 1, 0))  # the pixels of a column follow each other
_MAX_NAMES_BYTES = 1 << 16
_Files = dict[str, tuple[Path, int, int]]  # name → file, offset, size


def _holds(path: Path) -> bool:
    if has_suffix(path, *archives.TAR_SUFFIXES):
        return _TARS.fullmatch(path.name) is not None
    return any(_IMAGES.fullmatch(file.name) for file in data_files.find(path, _is_one))


def _is_one(file: Path) -> bool:
    return NAME.fullmatch(file.name) is not None


def _list_files(path: Path, work_dir: Path) -> _Files:
    if has_suffix(path, *archives.TAR_SUFFIXES):
        plain = unpack.decompress(path, work_dir=work_dir)
        members = archives.index_tar(plain, where=path)
        return {m.path.rpartition("/")[2]: (plain, m.place, m.size) for m in members}
    files = data_files.find(path, _is_one)
    if path.is_file():  # its labels lie beside it
        files = [file for file in path.parent.iterdir() if _is_one(file)]
    return {file.name: (file, 0, file.stat().st_size) for file in files}


def _open(path: Path, config: DataConfig, work_dir: Path) -> RawRows:
    files = _list_files(path, work_dir)
    known = {match[1]: files[n] for n in files if (match := _IMAGES.fullmatch(n))}
    split = config.split
    if path.is_file() and _IMAGES.fullmatch(path.name) and split == "train":
        split = path.name.partition("_")[0]
    if split not in known:
        raise errors.InputError(
            f"{path} has no split {split!r}; it has: {', '.join(sorted(known))}"
        )
    file, offset, size = known[split]
    count = size // _FORM.row_bytes
    if size % _FORM.row_bytes or not 0 < count <= MAX_ROWS:
        raise errors.InputError(
            f"{path}: {split}_X.bin is cut short or is none of STL-10's: it has"
            f" {size:,} bytes, expected N times {_FORM.row_bytes:,}; get it again"
        )
    return RawRows(
        [Part(file, offset, count)],
        _FORM,
        _read_labels(files, split, count, where=path),
        fingerprint=_fingerprint(path),
        understood=Understood(
            data_files.list_others(path, [file for file, _, _ in files.values()]),
            tuple(sorted(known)) if len(known) > 1 else (),
        ),
    )


def _read_labels(
    files: _Files, split: str, count: int, *, where: Path
) -> array_labels.ArrayLabels | None:
    """Read the labels, which are 1 … 10; None for a split without any."""
    if f"{split}_y.bin" not in files:
        return None
    labels = np.frombuffer(_read(files, f"{split}_y.bin"), np.uint8)
    texts = _read(files, "class_names.txt").decode("utf-8", "replace").split()
    if len(labels) != count or not (labels >= 1).all():
        raise errors.InputError(
            f"{where}: {split}_y.bin has {len(labels):,} labels from"
            f" {labels.min(initial=255)}, expected {count:,} from 1; get it again"
        )
    every = [np.frombuffer(_read(files, f"{name}_y.bin"), np.uint8)
             for name in ("train", "test")]  # fmt: skip
    if not texts:
        return array_labels.read(labels, every)
    return array_labels.read(labels - 1, [part - 1 for part in every], np.array(texts))


def _read(files: _Files, name: str) -> bytes:
    """Return a small file's content; nothing if it is not there."""
    if name not in files:
        return b""
    path, offset, size = files[name]
    with path.open("rb") as stream:
        stream.seek(offset)
        return stream.read(
            min(size, MAX_ROWS if name.endswith(".bin") else _MAX_NAMES_BYTES)
        )


def _fingerprint(path: Path) -> str:
    if has_suffix(path, *archives.TAR_SUFFIXES) or path.is_dir():
        return data_files.fingerprint(data_files.find(path, _is_one), path)
    beside = sorted(file for file in path.parent.iterdir() if _is_one(file))
    return data_files.fingerprint(beside, path.parent)


KIND = Kind(
    words="",
    holds=_holds,
    open=_open,
    fingerprint=lambda path, split: _fingerprint(path),
    fingerprints_before=lambda path, split: [],
)
