"""CIFAR's binary files, in their folder or tar, or a single one."""

import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import archives, array_labels, data_files, unpack
from dcgan_jax.prepare.sources.base import Kind, Understood, has_suffix
from dcgan_jax.prepare.sources.raw_rows import MAX_ROWS, Part, RawRows, RowForm
from dcgan_jax.system import errors

_BINARY = re.compile(r"(data_batch_[0-9]+|test_batch|train|test)\.bin")
# With those, the files that say what the classes are called.
NAME = re.compile(rf"{_BINARY.pattern}|batches\.meta\.txt|fine_label_names\.txt")
# The other form of the same data, which holds Python objects.
_PICKLES = re.compile(r"data_batch_[0-9]+|test_batch|batches\.meta")
_FOLDERS = re.compile(r"cifar-100?-(batches-bin|batches-py|binary|python)")
_PIXEL_BYTES = 3 * 32 * 32
# One label of ten classes; or a coarse and a fine one, of a hundred classes.
_NAMES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}
_MAX_NAMES_BYTES = 1 << 16
_NUM_BATCHES = 5
_LOOKED_AT = 4


class _File(NamedTuple):
    """A file in a folder or in a tar."""

    name: str
    path: Path
    offset: int
    size: int


def _open(path: Path, config: DataConfig, work_dir: Path) -> RawRows:
    found = _list_files(path, work_dir)
    by_name = {file.name: file for file in found}
    batches = [file for file in found if _BINARY.fullmatch(file.name)]
    if not batches:
        raise errors.InputError(
            f"{path} holds Python pickles, which can run any code when they are read;"
            " get the binary version, cifar-10-binary.tar.gz or cifar-100-binary.tar.gz"
            " from https://www.cs.toronto.edu/~kriz/cifar.html, and give that tar"
        )
    if len(by_name) < len(found):
        raise errors.InputError(f"{path} holds several files of one name; give one set")
    by_split = {_split_of(file): file for file in batches}
    split = config.split
    if len(batches) == 1 and path.is_file() and split == "train":
        (split,) = by_split
    if split not in by_split:
        known = ", ".join(sorted(by_split))
        raise errors.InputError(f"{path} has no split {split!r}; it has: {known}")
    chosen = sorted(file for file in batches if _split_of(file) == split)
    lead = _find_lead(batches, where=path)
    form = RowForm((3, 32, 32), (1, 2, 0), lead)
    parts = [_check(file, form) for file in chosen]
    names = _read_names(by_name.get(_NAMES[lead]))
    others = [_check(file, form) for file in batches if file not in chosen]
    each = [_read_labels(part, form, names, where=path) for part in (*parts, *others)]
    labels = array_labels.read(
        np.concatenate(each[: len(parts)]), each[len(parts) :], names
    )
    notes: tuple[str, ...] = ()
    if lead == 1 and split == "train" and path.is_dir() and len(chosen) < _NUM_BATCHES:
        notes = (f"{len(chosen)} of the {_NUM_BATCHES} files data_batch_N.bin",)
    splits = tuple(sorted(by_split)) if len(by_split) > 1 else ()
    return RawRows(
        parts,
        form,
        labels,
        fingerprint=_fingerprint(path),
        understood=Understood(
            data_files.list_others(path, [file.path for file in found]), splits, notes
        ),
    )


def _is_one(file: Path) -> bool:
    if _BINARY.fullmatch(file.name):
        size = file.stat().st_size
        is_known = _FOLDERS.fullmatch(file.parent.name) or "batch" in file.name
        return bool(is_known) or size % (_PIXEL_BYTES + 2) == 0
    is_table = file.name in _NAMES.values()
    return is_table or _PICKLES.fullmatch(file.name) is not None


def _holds(path: Path) -> bool:
    if has_suffix(path, *archives.TAR_SUFFIXES):
        return any(
            _FOLDERS.fullmatch(name.split("/")[0])
            or _BINARY.fullmatch(name.rpartition("/")[2])
            for name in _peek(path)
        )
    found = [file.name for file in data_files.find(path, _is_one)]
    if path.is_dir() and _FOLDERS.fullmatch(path.name):
        return True
    return any(name not in _NAMES.values() for name in found)


def _peek(path: Path) -> list[str]:
    """Return the first names in a tar; none if it cannot be read."""
    found = []
    try:
        with tarfile.open(path, "r|*") as archive:
            for info in archive:
                found.append(info.name.removeprefix("./"))
                if info.isfile() or len(found) == _LOOKED_AT:
                    break
    except Exception:  # whatever is wrong, the reader of tars tells it
        return []
    return found


def _list_files(path: Path, work_dir: Path) -> list[_File]:
    if path.is_file() and has_suffix(path, *archives.TAR_SUFFIXES):
        plain = unpack.decompress(path, work_dir=work_dir)
        members = archives.index_tar(plain, where=path)
        return [
            _File(member.path.rpartition("/")[2], plain, member.place, member.size)
            for member in members
        ]
    files = data_files.find(path, _is_one)
    if path.is_file():
        files += [path.with_name(name) for name in _NAMES.values()]
    return [
        _File(file.name, file, 0, file.stat().st_size)
        for file in files
        if file.is_file()
    ]


def _split_of(file: _File) -> str:
    return "test" if file.name.startswith("test") else "train"


def _find_lead(batches: Sequence[_File], *, where: Path) -> int:
    """Tell how many labels precede the pixels of an image, by the files' sizes."""
    for lead in _NAMES:
        if all(file.size % (_PIXEL_BYTES + lead) == 0 for file in batches):
            return lead
    sizes = ", ".join(f"{file.name} {file.size:,}" for file in batches)
    raise errors.InputError(
        f"{where} is cut short or is none of CIFAR's: expected files of N times"
        f" {_PIXEL_BYTES + 1:,} bytes, or N times {_PIXEL_BYTES + 2:,}; found {sizes}."
        " Get it again"
    )


def _check(file: _File, form: RowForm) -> Part:
    count = file.size // form.row_bytes
    if not 0 < count <= MAX_ROWS:
        raise errors.InputError(f"{file.name} holds {count:,} images, expected some")
    return Part(file.path, file.offset, count)


def _read_labels(
    part: Part, form: RowForm, names: np.ndarray | None, *, where: Path
) -> np.ndarray:
    shape = (part.num_rows, form.row_bytes)
    labels = np.memmap(part.path, np.uint8, "r", part.offset, shape)[:, form.lead - 1]
    if names is not None and (labels >= len(names)).any():
        row = int((labels >= len(names)).argmax())
        raise errors.InputError(
            f"{where} is damaged: row {row} of a file has the label {labels[row]}, but"
            f" there are {len(names)} classes; get it again"
        )
    return np.array(labels)


def _read_names(file: _File | None) -> np.ndarray | None:
    """Read the names of the classes, one a line; None without them."""
    if file is None or file.size > _MAX_NAMES_BYTES:
        return None
    with file.path.open("rb") as stream:
        stream.seek(file.offset)
        text = stream.read(file.size).decode("utf-8", "replace")
    names = [line.strip() for line in text.splitlines() if line.strip()]
    return np.array(names) if names else None


def _fingerprint(path: Path) -> str:
    return data_files.fingerprint(data_files.find(path, _is_one), path)


KIND = Kind(
    words="CIFAR's binary files or their tar",
    holds=_holds,
    open=_open,
    fingerprint=lambda path, split: _fingerprint(path),
    fingerprints_before=lambda path, split: [],
)
