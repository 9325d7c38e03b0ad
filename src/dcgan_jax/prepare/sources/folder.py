"""A folder of images."""

import os
from collections.abc import Iterator
from pathlib import Path

from dcgan_jax.prepare.sources import layout
from dcgan_jax.prepare.sources.base import Kind, Record, fingerprint_listing
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage


class FolderSource:
    """Images in a folder and its sub-folders; `layout.select` finds labels."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        chosen = layout.select(_list_files(folder), split, where=folder)
        self._members, self._labels, self.class_names = chosen
        self.fingerprint = fingerprint_listing(self._members)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._members)

    def __getitem__(self, index: int) -> Record:
        """Read one file.

        Raises:
            BrokenImage: if the file cannot be read.
        """
        name = self._members[index].path
        try:
            content = (self._folder / name).read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise BrokenImage(reason, name=name) from error
        label = None if self._labels is None else self._labels[index]
        return Record(name, content, label)

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _list_files(folder: Path) -> Iterator[layout.Member]:
    """List all files with their sizes, following links but never in a circle."""
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        inside = Path(root).relative_to(folder)
        for name in files:
            path = (inside / name).as_posix()
            if not layout.is_image(path):
                continue
            try:
                size = os.stat(os.path.join(root, name)).st_size
            except OSError:
                size = -1  # a dangling link: broken when it is read
            yield layout.Member(path, size)


def _refuse(error: OSError) -> None:
    raise errors.InputError(
        f"{error.filename} cannot be read ({error.strerror}); make it readable"
    )


KIND = Kind(
    words="a folder",
    holds=Path.is_dir,
    open=lambda path, split, work_dir: FolderSource(path, split),
    fingerprint=lambda path, split: FolderSource(path, split).fingerprint,
)
