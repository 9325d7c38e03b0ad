"""What every source of images offers."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.system.errors import BrokenImage

# What is read again at every start of a training, and takes a fraction of a second.
WHOLE_UP_TO_BYTES = 64 << 20
_MIB = 1 << 20
_NUM_SAMPLES, _SAMPLE_BYTES = 64, 1 << 16
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]+)?")
_DIGITS = frozenset("0123456789")


class Record(NamedTuple):
    """One image as it lies in its source."""

    name: str
    """Where it came from, for messages."""
    content: bytes | np.ndarray
    """An encoded file, or uint8 pixels, (H, W) or (H, W, C)."""
    label: int | None
    """Index into the source's class names."""


class Understood(NamedTuple):
    """How a source was taken, for the line that tells the user."""

    left_out: tuple[tuple[str, str], ...] = ()
    """Files that are no images of this data set, each with its kind: ".heic"."""
    splits: tuple[str, ...] = ()
    """The folders that were taken as splits; none where all is one split."""
    notes: tuple[str, ...] = ()
    """Further findings, each a clause of its own."""
    unlabelled: str | None = None
    """Why there are no labels, where something like labels was found."""


class Source(Protocol):
    """A sequence of records with random access, which pickles into other processes."""

    fingerprint: str
    """A digest that changes with the content."""
    class_names: tuple[str, ...] | None
    """Names of the labels; None where there are no labels."""

    def __len__(self) -> int:
        """Return the number of records."""

    def __getitem__(self, index: int) -> Record:
        """Read one record.

        Raises:
            BrokenImage: if its bytes cannot be read.
        """

    def close(self) -> None:
        """Close the files that are open."""


class ListedFile(Protocol):
    """A file by its path in a folder or archive, and its size in bytes."""

    @property
    def path(self) -> str:
        """Return its path, with forward slashes."""

    @property
    def size(self) -> int:
        """Return its bytes."""


class LazyFile:
    """A file that each process opens for itself, when it first reads from it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def read(self, start: int, size: int, *, name: str, ends: str = "file") -> bytes:
        """Read a piece.

        Args:
            start: where it begins, in bytes.
            size: its bytes.
            name: what it is called in messages.
            ends: what ends if it is not all there.

        Raises:
            BrokenImage: if it is not.
        """
        if self._file is None:
            self._file = self._path.open("rb")
        self._file.seek(start)
        content = self._file.read(size)
        if len(content) < size:
            raise BrokenImage(f"the {ends} ends within it", name=name)
        return content

    def close(self) -> None:
        """Close the file; the next reading opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def understanding(source: Source) -> Understood:
    """Return how a source was taken; many have nothing to tell."""
    found: Understood = getattr(source, "understood", Understood())
    return found


def fingerprint_file(path: Path) -> str:
    """Digest a file by its content up to 64 MiB; beyond, by its time and samples.

    Of a larger file these are the size, the time of its last change, the first and last
    MiB and 64 pieces between.
    """
    status = path.stat()
    size = status.st_size
    digest = hashlib.sha256(f"file {size}\n".encode())
    with path.open("rb") as file:
        if size <= WHOLE_UP_TO_BYTES:
            digest.update(file.read())
            return f"contents-{digest.hexdigest()}"
        digest.update(f"{status.st_mtime_ns}\n".encode())
        digest.update(file.read(_MIB))
        for number in range(1, _NUM_SAMPLES + 1):
            file.seek(size * number // (_NUM_SAMPLES + 1))
            digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, size - _MIB))
        digest.update(file.read(_MIB))
    return f"times-{digest.hexdigest()}"


def fingerprint_file_before(path: Path) -> str:
    """Digest a file as stores of old have it: its size and its first and last MiB."""
    size = path.stat().st_size
    digest = hashlib.sha256(f"file {size}\n".encode())
    with path.open("rb") as file:
        digest.update(file.read(_MIB))
        file.seek(max(0, size - _MIB), os.SEEK_SET)
        digest.update(file.read(_MIB))
    return digest.hexdigest()


def fingerprint_files(
    entries: Sequence[tuple[str, int, int]], read: Callable[[str], bytes]
) -> str:
    """Digest files by their contents up to 64 MiB; beyond, by times and samples.

    Args:
        entries: name, size and time of the last change of each, sorted.
        read: returns the content of a file by its name.
    """
    digest = hashlib.sha256(b"files\n")
    is_small = sum(size for _, size, _ in entries) <= WHOLE_UP_TO_BYTES
    chosen = range(0, len(entries), 1 if is_small else -(-len(entries) // _NUM_SAMPLES))
    for name, size, time in entries:
        entry = f"{name}\0{size}\n" if is_small else f"{name}\0{size}\0{time}\n"
        digest.update(entry.encode("utf-8", "surrogateescape"))
    for index in chosen:
        try:
            content = read(entries[index][0])
        except BrokenImage as error:
            content = str(error).encode()
        digest.update(hashlib.sha256(content).digest())
    return f"{'contents' if is_small else 'times'}-{digest.hexdigest()}"


def is_of_old(fingerprint: str) -> bool:
    """Tell whether a fingerprint is of the rules that stores of old were made by."""
    return "-" not in fingerprint


def sort_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Sort names of classes: numbers as numbers, also within names, the rest as text.

    >>> sort_classes(["10", "9", "cat 10", "cat 9"])
    ('9', '10', 'cat 9', 'cat 10')
    """
    distinct = sorted(set(names))
    if all(_NUMBER.fullmatch(name) for name in distinct):
        return tuple(sorted(distinct, key=float))
    return tuple(sorted(distinct, key=_natural_key))


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(p), "") if p[0] in _DIGITS else (1, 0, p) for p in parts]


def fingerprint_listing(entries: Iterable[tuple[str, int]]) -> str:
    """Digest relative paths and sizes, in sorted order."""
    digest = hashlib.sha256(b"listing\n")
    for name, size in sorted(entries):
        digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def has_suffix(path: Path, *suffixes: str) -> bool:
    """Tell whether a path is no folder and its name ends so, in whichever case."""
    return not path.is_dir() and path.name.lower().endswith(suffixes)


class Kind(NamedTuple):
    """A kind of file or folder that --source may name; `sources.KINDS` lists them.

    Attributes:
        words: what it is, for messages; empty where they leave it out.
        holds: tells by a look whether a path is of this kind; the path is there, can be
            read, and is no empty file.
        open: (path, config, folder that archives may be unpacked into) → its images.
        fingerprint: (path, split) → that of the opened source, found without unpacking;
            for a source whose fingerprint is `fingerprint_file` of the path, the
            default.
        fingerprints_before: (path, split) → those that a store of old may have.
    """

    words: str
    holds: Callable[[Path], bool]
    open: Callable[[Path, DataConfig, Path], Source]
    fingerprint: Callable[[Path, str], str] = lambda path, split: fingerprint_file(path)
    fingerprints_before: Callable[[Path, str], Sequence[str]] = lambda path, split: [
        fingerprint_file_before(path)
    ]
