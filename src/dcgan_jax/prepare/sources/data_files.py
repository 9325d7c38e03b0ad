"""Files that hold many images each: one of them, or a folder of them by splits."""

import hashlib
import itertools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dcgan_jax.prepare.sources import names
from dcgan_jax.prepare.sources.base import (
    WHOLE_UP_TO_BYTES,
    fingerprint_file,
    fingerprint_files,
)
from dcgan_jax.system import errors

_MAX_ENTRIES = 20_000  # more files in a folder are those of images
_MAX_DEPTH, _FIRST = 3, 1000
_SAMPLE_BYTES = 1 << 16
# As data hubs name them: train-00000-of-00002.parquet, perhaps with a hash.
_SHARD = re.compile(r"(.*?)[-_.]?(\d+)-of-(\d+)(?:-[0-9a-f]{8,})?", re.IGNORECASE)
_TRAIN = "train"


class Chosen(NamedTuple):
    """The files of one split."""

    files: list[Path]
    """The files of the split that is asked for, sorted."""
    others: list[Path]
    """The files of the other splits."""
    splits: tuple[str, ...]
    """The names of all splits; none where there is one alone."""


class _Name(NamedTuple):
    """What the path of a file says."""

    split: str | None
    rest: tuple[str, str]
    """The folder and the words besides: files of one set have the same."""
    number: int | None
    total: int | None


def find(path: Path, is_one: Callable[[Path], bool]) -> list[Path]:
    """Return the files of a kind: the path itself, or all in a folder without images.

    Args:
        path: a file or folder.
        is_one: tells by a look whether a file is of the kind.
    """
    if not path.is_dir():
        return [path] if is_one(path) else []
    found: list[Path] = []
    num_entries = 0
    with os.scandir(path) as entries:  # seen before all of a large folder is listed
        if any(names.is_image(e.name) for e in itertools.islice(entries, _FIRST)):
            return []
    for root, folders, files in os.walk(path):
        inside = Path(root).relative_to(path)
        num_entries += len(files) + len(folders)
        shown = [name for name in files if not name.startswith(".")]
        if num_entries > _MAX_ENTRIES or any(map(names.is_image, shown)):
            return []
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(inside.parts) > _MAX_DEPTH:
            continue  # looked at for images alone
        candidates = [Path(root, name) for name in sorted(shown)]
        found += [file for file in candidates if file.is_file() and is_one(file)]
    return found


def list_others(path: Path, files: Sequence[Path]) -> tuple[tuple[str, str], ...]:
    """List what a folder holds besides its data files, each with its kind."""
    if not path.is_dir():
        return ()
    taken, found = set(files), []
    for root, folders, beside in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(beside):
            file = Path(root, name)
            if file not in taken:
                kind = "hidden" if name.startswith(".") else file.suffix.lower()
                found.append((file.relative_to(path).as_posix(), kind))
    return tuple((name, kind or "without suffix") for name, kind in found)


def choose(
    files: Sequence[Path],
    split: str,
    *,
    where: Path,
    spell: Callable[[str], str] = lambda name: name,
) -> Chosen:
    """Choose the files of a split by their names, or else by those of their folders.

    A single file is all 'train', and the split that its name says.

    Args:
        files: of one kind, at least one.
        split: the part asked for.
        where: the file, or the folder that holds them.
        spell: changes a file's name into one that says the split in common words.

    Raises:
        InputError: if there is no such split, it lacks a part, or several sets of files
            lie there.
    """
    by_split: dict[str, list[tuple[Path, _Name]]] = {}
    parsed = [(file, _parse(file, where, spell)) for file in sorted(files)]
    is_split = any(name.split is not None for _, name in parsed)
    for file, name in parsed:
        alone = _first_word(file) if is_split else _TRAIN
        by_split.setdefault(name.split or alone, []).append((file, name))
    asked = names.parse_split(split)
    key = split if split in by_split or asked is None else asked.split
    if key not in by_split and not where.is_dir() and split == _TRAIN:
        (key,) = by_split
    if key not in by_split:
        raise errors.InputError(
            f"{where} has no split {split!r}; it has: {', '.join(sorted(by_split))}"
        )
    found = by_split.pop(key)
    _require_one_set(found, where)
    if where.is_dir():
        _require_all_parts([name for _, name in found], where)
    others = [file for rest in by_split.values() for file, _ in rest]
    splits = tuple(sorted([key, *by_split])) if by_split else ()
    return Chosen([file for file, _ in found], others, splits)


def fingerprint(files: Sequence[Path], where: Path) -> str:
    """Digest a single file, or several.

    Args:
        files: at least one.
        where: the folder that they lie in, or the only file.
    """
    if not where.is_dir():
        return fingerprint_file(where)
    entries = []
    for file in files:
        status = file.stat()
        name = file.relative_to(where).as_posix()
        entries.append((name, status.st_size, status.st_mtime_ns))
    entries.sort()
    is_small = sum(size for _, size, _ in entries) <= WHOLE_UP_TO_BYTES
    return fingerprint_files(entries, lambda name: _read(where / name, whole=is_small))


def name_unpacked(files: Sequence[Path]) -> str:
    """Return a name for what is made of some files, which changes with them."""
    digests = " ".join(map(fingerprint_file, files))
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


def _read(file: Path, *, whole: bool) -> bytes:
    with file.open("rb") as stream:
        if whole:
            return stream.read(WHOLE_UP_TO_BYTES)
        head = stream.read(_SAMPLE_BYTES)
        stream.seek(max(0, file.stat().st_size - _SAMPLE_BYTES))
        return head + stream.read(_SAMPLE_BYTES)


def _parse(file: Path, where: Path, spell: Callable[[str], str]) -> _Name:
    folders = file.relative_to(where).parts[:-1] if where.is_dir() else ()
    stem = spell(_stem(file))
    number = total = None
    if match := _SHARD.fullmatch(stem):
        stem, number, total = match[1], int(match[2]), int(match[3])
    if parsed := names.parse_split(stem):
        return _Name(parsed.split, ("/".join(folders), parsed.rest), number, total)
    for depth in reversed(range(len(folders))):
        if parsed := names.parse_split(folders[depth]):
            others = "/".join(folders[:depth] + folders[depth + 1 :])
            return _Name(parsed.split, (others, parsed.rest), number, total)
    return _Name(None, ("/".join(folders), _words(stem)), number, total)


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]


def _first_word(file: Path) -> str:
    match = re.match(r"[^\W\d_]+", _stem(file))
    return match[0] if match else _stem(file)


def _words(stem: str) -> str:
    """Return a name without its numbers."""
    return re.sub(r"[\W_]*[0-9]+[\W_]*", " ", stem).strip()


def _require_one_set(found: list[tuple[Path, _Name]], where: Path) -> None:
    by_set = {name.rest: file for file, name in reversed(found)}
    if len(by_set) > 1:
        shown = ", ".join(
            sorted(str(f.relative_to(where)) for f in by_set.values())[:4]
        )
        raise errors.InputError(
            f"{where} holds several data sets ({shown}); give the file, or a folder"
            " that holds one of them, as --source"
        )


def _require_all_parts(found: list[_Name], where: Path) -> None:
    totals = {name.total for name in found if name.total is not None}
    numbers = {name.number for name in found}
    for total in totals:
        missing = next(
            (n for n in range(min(total, len(numbers) + 1)) if n not in numbers), None
        )
        if missing is not None and len(numbers) < total:
            raise errors.InputError(
                f"{where} has {len(numbers):,} of {total:,} parts, by their names; the"
                f" first that is missing is number {missing}. Get the others, or give"
                " one file as --source"
            )
