"""A folder of images."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcgan_jax.prepare.sources import layout
from dcgan_jax.prepare.sources.base import (
    Kind,
    Record,
    Understood,
    fingerprint_files,
    fingerprint_listing,
)
from dcgan_jax.system import disk, errors
from dcgan_jax.system.errors import BrokenImage

MAX_FILE_BYTES = 256 << 20
_NOT_PLAIN = "not a plain file"
# What tells the folder of a run, whose grids are no images of a data set, and that of a
# prepared store or its lock.
_RUN_CONFIG, _RUN_FILES = "config.json", ("checkpoints", "lock", "metrics.jsonl")
_STORE = re.compile(r".+-[0-9]+x[13]-[0-9a-f]{8}(\.lock|\.left_out\.txt)?")


class FolderSource:
    """Images in a folder and its sub-folders; `layout.select` finds labels."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        chosen = layout.select(
            _list_files(folder),
            split,
            where=folder,
            read=lambda member: read_file(folder, member.path),
        )
        self._members, self._labels, self.class_names, self.understood = chosen
        self.fingerprint = fingerprint_files(
            [member[:3] for member in self._members],
            lambda name: read_file(folder, name),
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._members)

    def __getitem__(self, index: int) -> Record:
        """Read one file.

        Raises:
            BrokenImage: if the file cannot be read.
        """
        name = self._members[index].path
        label = None if self._labels is None else self._labels[index]
        return Record(name, read_file(self._folder, name), label)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "understood": Understood()}


def fingerprints_before(folder: Path, split: str) -> list[str]:
    """Return what a store of old may have: of this split, or of all images."""
    members = list(_list_files(folder))
    chosen = layout.select(members, split, where=folder).members
    return [
        fingerprint_listing(member[:2] for member in chosen),
        fingerprint_listing(layout.list_as_before(members)),
    ]


def read_file(folder: Path, name: str) -> bytes:
    """Read a plain file of a bounded size, and never wait for one that is a pipe.

    Raises:
        BrokenImage: if it is anything else, or cannot be read.
    """
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BrokenImage(_NOT_PLAIN, name=name)
            if status.st_size > MAX_FILE_BYTES:
                raise BrokenImage(
                    f"it has {disk.format_bytes(status.st_size)}, expected at most"
                    f" {disk.format_bytes(MAX_FILE_BYTES)}",
                    name=name,
                )
            return file.read()
    except OSError as error:
        raise BrokenImage(error.strerror or str(error), name=name) from error


def _list_files(folder: Path) -> Iterator[layout.Member]:
    """List all files with their sizes, following links but never in a circle.

    What this project writes, stores and runs, is left out: the folder may be the one
    that the command is run in.
    """
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        status = os.stat(root)
        is_run = Path(root) != folder and _is_run({*folders, *files})
        if is_run or (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not _is_store(name))
        inside = Path(root).relative_to(folder)
        for name in files:
            if not _is_store(name):
                yield _look_at(os.path.join(root, name), (inside / name).as_posix())


def _look_at(file: str, path: str) -> layout.Member:
    try:
        status = os.stat(file)
    except OSError:
        return layout.Member(path, -1)  # a dangling link: broken when it is read
    is_plain = stat.S_ISREG(status.st_mode)
    problem = None if is_plain else _NOT_PLAIN
    return layout.Member(path, status.st_size, status.st_mtime_ns, problem)


def _is_run(names: set[str]) -> bool:
    return _RUN_CONFIG in names and not names.isdisjoint(_RUN_FILES)


def _is_store(name: str) -> bool:
    return _STORE.fullmatch(name) is not None


def _refuse(error: OSError) -> None:
    raise errors.InputError(
        f"{error.filename} cannot be read ({error.strerror}); make it readable"
    )


KIND = Kind(
    words="a folder",
    holds=Path.is_dir,
    open=lambda path, config, work_dir: FolderSource(path, config.split),
    fingerprint=lambda path, split: FolderSource(path, split).fingerprint,
    fingerprints_before=fingerprints_before,
)
