"""Unpack what cannot be read in place, within bounds and under names of our own."""

import bz2
import errno
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import IO, Any

from dcgan_jax.prepare.sources.base import fingerprint_file
from dcgan_jax.system import disk, errors, progress

# An archive may hold this many times its own size, and a GiB besides: images hardly
# compress, an archive bomb does by a factor of 1000.
MAX_RATIO = 200
_SLACK_BYTES = 1 << 30
_COPY_BYTES = 1 << 20


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip.

    Raises:
        InputError: if it is damaged or no zip.
    """
    try:
        return zipfile.ZipFile(path)
    except (PermissionError, FileNotFoundError):
        raise
    except Exception as error:  # of names, numbers and places in its list
        raise errors.InputError(
            f"{path} is not a zip or is damaged ({errors.first_line(error)}); get it"
            " again"
        ) from error


def check_expansion(num_bytes: int, *, where: Path) -> None:
    """Raise an error if an archive holds far more than its size makes plausible.

    Raises:
        InputError: naming both sizes.
    """
    size = where.stat().st_size
    if num_bytes > MAX_RATIO * size + _SLACK_BYTES:
        raise errors.InputError(
            f"{where} ({disk.format_bytes(size)}) would expand to"
            f" {disk.format_bytes(num_bytes)} or more, expected at most {MAX_RATIO}"
            " times its size and a GiB; it looks like an archive bomb"
        )


def extract(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, work_dir: Path, where: Path
) -> Path:
    """Unpack one member to a file named by its checksum, after checking for room.

    The file may be there from an earlier, killed process: then it is kept.

    Raises:
        InputError: if the member is damaged or the disk has no room.
    """
    target = work_dir / f"{info.CRC:08x}-{info.file_size}"
    if target.is_file():
        return target
    check_expansion(info.file_size, where=where)
    work_dir.mkdir(parents=True, exist_ok=True)
    disk.require_free(work_dir, info.file_size, purpose="the unpacked images")
    temporary = target.with_name(target.name + ".tmp")
    label = f"unpacking {where.name}"
    try:
        with (
            archive.open(info) as packed,
            temporary.open("wb") as unpacked,
            progress.track(label, info.file_size, unit="B") as advance,
        ):
            while block := packed.read(_COPY_BYTES):
                unpacked.write(block)
                advance(len(block))
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if _is_damage(error):
            raise _damaged(where, error) from error
        raise
    return temporary.rename(target)


def decompress(path: Path, *, work_dir: Path) -> Path:
    """Return a plain tar: the path itself, or an unpacked copy in `work_dir`.

    Raises:
        InputError: if the archive is damaged or expands beyond its bound.
    """
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        opener: Any = gzip.open
    elif head.startswith(b"BZh"):
        opener = bz2.open
    elif head.startswith(b"\xfd7zXZ"):
        opener = lzma.open
    else:
        return path
    work_dir.mkdir(parents=True, exist_ok=True)
    plain = work_dir / f"{fingerprint_file(path)[-16:]}.tar"
    if plain.is_file():  # from an earlier, killed process
        return plain
    temporary = plain.with_suffix(".tmp")
    try:
        with path.open("rb") as raw, temporary.open("wb") as unpacked:
            _unpack_bounded(raw, opener(raw, "rb"), unpacked, where=path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if _is_damage(error):
            raise _damaged(path, error) from error
        raise
    temporary.rename(plain)
    return plain


def _unpack_bounded(
    raw: IO[bytes], packed: IO[bytes], unpacked: IO[bytes], *, where: Path
) -> None:
    unpacked_bytes = read_bytes = 0
    size = where.stat().st_size
    with progress.track(f"unpacking {where.name}", size, unit="B") as advance:
        while block := packed.read(_COPY_BYTES):
            unpacked_bytes += len(block)
            check_expansion(unpacked_bytes, where=where)
            unpacked.write(block)
            advance(raw.tell() - read_bytes)
            read_bytes = raw.tell()


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, OSError):
        # bz2 reports damage as an error without a number; those of the disk have one. A
        # wrong place in a zip's list is an invalid argument to seek.
        return error.errno in (None, errno.EINVAL)
    # Else what is no Ctrl-C is damage: names, numbers and packers fail each in their
    # own way, as do encrypted members.
    return isinstance(error, Exception) and not isinstance(error, errors.InputError)


def _damaged(where: Path, error: BaseException) -> errors.InputError:
    return errors.InputError(f"{where} cannot be unpacked ({error}); get it again")
