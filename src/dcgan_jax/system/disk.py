"""Files that are whole or absent, locks between processes, and room on the disk."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dcgan_jax.system import errors

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(path: Path, content: bytes | memoryview) -> str:
    """Write a file so that a crash leaves either all of it or nothing under its name.

    Of two processes that write the same file, the second waits for the first.

    Returns:
        The sha256 of the content.
    """
    temporary = path.with_name(path.name + ".tmp")
    with _hold_new(temporary) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync(path.parent)
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield another name to write a file under, which becomes `path` if that succeeds.

    The name ends as `path` does, for libraries that go by it. Pictures and other files
    are written so that a crash of the system may cost; `write_whole` is for those that
    must outlast one.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    with _hold_new(partial):
        try:
            yield partial
            partial.replace(path)
        except BaseException:  # not `finally`: the name may then be another process's
            partial.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _hold_new(path: Path) -> Iterator[BinaryIO]:
    """Open an empty file to write; wait while another process writes one of this name.

    A file that a killed process has left there is emptied.
    """
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(path, file.fileno()):
                continue  # the other process has given it its final name
            file.truncate(0)
            yield file
            return


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_full(error: OSError) -> bool:
    """Tell whether an error means that the disk or the quota has no room left."""
    return error.errno in _FULL


def require_free(folder: Path, num_bytes: int, *, purpose: str) -> None:
    """Raise an error unless the disk of `folder` has room for `num_bytes`.

    Args:
        folder: an existing folder on the disk.
        num_bytes: the room needed.
        purpose: what the room is for, a plural such as "the prepared images".

    Raises:
        InputError: if there is less room; the message names both sizes.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise errors.InputError(
            f"{folder} has {format_bytes(free)} free, but {purpose} need"
            f" {format_bytes(num_bytes)}; free some space or choose another --data_dir"
        )


def format_bytes(num_bytes: float) -> str:
    """Write a size with a decimal unit: 45922737680 → '45.9 GB'."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.1f} {unit}"
    return f"{num_bytes:.0f} bytes"


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file; wait, and say so, while another process holds it.

    The kernel drops the lock with the process, so that a kill blocks nobody.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting for another process that holds {path}", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(path, file.fileno()):
                continue  # the former holder has removed it: nobody else sees this lock
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


@contextlib.contextmanager
def try_exclusive(path: Path) -> Iterator[bool]:
    """Hold a lock file as `exclusive` does, but do not wait for another process.

    Yields:
        Whether this process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = _is_at(path, file.fileno())
        except BlockingIOError:
            held = False
        try:
            yield held
        finally:
            if held:
                path.unlink(missing_ok=True)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
