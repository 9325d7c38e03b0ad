"""Files that are whole or absent, locks between processes, and room on the disk."""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dcgan_jax.system import errors, locks

_FILE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".json", ".npz", ".safetensors", ".onnx"}
)
_MOST_NAME_BYTES = 240  # of 255, with room for the endings of partial files
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(path: Path, content: bytes | memoryview) -> str:
    """Write a file so that a crash leaves either all of it or nothing under its name.

    Of two processes that write the same file, the second waits for the first.

    Returns:
        The sha256 of the content.
    """
    path = _follow(path)
    temporary = path.with_name(path.name + ".tmp")
    with _hold_new(temporary) as file:
        try:
            file.write(content)
            file.flush()
            sync(temporary)
            _rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync(path.parent)
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield another name to write a file under, which becomes `path` if that succeeds.

    The name ends as `path` does, for libraries that go by it. A crash of the system may
    cost such a file, for example a picture; `write_whole` is for files that must
    outlast one.
    """
    path = _follow(path)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    with _hold_new(partial) as file:
        mode = os.fstat(file.fileno()).st_mode
        try:
            yield partial
            # Some libraries put a file of their own there that only its owner can read.
            with contextlib.suppress(OSError):
                partial.chmod(stat.S_IMODE(mode))
            _rename(partial, path)
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
            locks.hold(file)
            if not locks.is_at(path, file.fileno()):
                continue  # the other process has given it its final name
            file.truncate(0)
            yield file
            return


def _follow(path: Path) -> Path:
    """Return where a link leads, so that what it leads to is written, not the link."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


def _rename(temporary: Path, path: Path) -> None:
    """Give a file its final name, or where that is mounted, its content."""
    try:
        temporary.replace(path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV) or not path.is_file():
            raise
        shutil.copyfile(temporary, path)
        temporary.unlink()


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, survive a power cut.

    Some disks cannot do so for folders; nothing happens there.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)


def hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_full(error: OSError) -> bool:
    """Tell whether an error means that the disk or the quota has no room left."""
    return error.errno in _FULL


def require_writable(path: Path, *, name: str) -> None:
    """Raise an error unless a file or folder can be made or changed; write nothing.

    Args:
        path: the file or folder to write, whose parents need not be there.
        name: the flag's name.

    Raises:
        InputError: if it cannot; the message says what is in the way.
    """
    given, path = path, _follow(path)
    try:
        there = next(one for one in (path, *path.absolute().parents) if _exists(one))
    except OSError as error:
        raise errors.InputError(
            f"{name}={path} cannot be written: {error.strerror}; give another path."
        ) from None
    problem = None
    if there != path and not there.is_dir():
        problem = f"{there} is a file, not a folder"
    elif there == path and path.is_dir() and given.suffix.lower() in _FILE_SUFFIXES:
        problem = "it is a folder"
    elif given is not path and not path.parent.is_dir():
        problem = f"the link {given} leads to a folder that is not there"
    elif len(os.fsencode(path.name)) > _MOST_NAME_BYTES:
        problem = "its name is too long"
    elif not os.access(there, os.W_OK):
        problem = f"nothing can be written to {there}"
    if problem is not None:
        raise errors.InputError(
            f"{name}={path} cannot be written: {problem}; give another path."
        )


def _exists(path: Path) -> bool:
    """Tell whether there is anything at a path.

    Raises:
        OSError: if it is too long, or a circle of links.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def find_free(folder: Path) -> int | None:
    """Return the free bytes of a folder's disk; None if it does not tell."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free if usage.total else None


def require_free(folder: Path, num_bytes: int, *, purpose: str) -> None:
    """Raise an error unless the disk of `folder` has room for `num_bytes`.

    Args:
        folder: an existing folder on the disk.
        num_bytes: the room needed.
        purpose: what the room is for, a plural such as "the prepared images".

    Raises:
        InputError: if there is less room; the message names both sizes.
    """
    free = find_free(folder)
    if free is not None and free < num_bytes:
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
                locks.hold(file, wait=False)
            except BlockingIOError:
                print(f"waiting for another process that holds {path}", file=sys.stderr)
                locks.hold(file)
            if not locks.is_at(path, file.fileno()):
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
            locks.hold(file, wait=False)
            held = locks.is_at(path, file.fileno())
        except BlockingIOError:
            held = False
        try:
            yield held
        finally:
            if held:
                path.unlink(missing_ok=True)
