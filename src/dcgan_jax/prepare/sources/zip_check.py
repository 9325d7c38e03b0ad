"""Whether a zip's list names all that the zip holds.

A zip is read by the list at its end. Where that is one of several (two zips joined) or
shorter than it says, Python reads what it names and says nothing of the rest.
"""

import struct
import zipfile
from pathlib import Path
from typing import IO

from dcgan_jax.system import errors

_FILE_HEADER = b"PK\x03\x04"
_HEADER_BYTES = 30
# An entry that the list has lost takes more; sizes written behind it, and what only its
# own header holds, less.
_MAX_SLACK = 100
_MAX_DESCRIPTOR = 24


def require_whole(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise an error if a zip holds files that its list does not name.

    Raises:
        InputError: saying how many were read and where an unnamed one begins.
    """
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    end = int(archive.start_dir)
    starts = [info.header_offset for info in infos]
    if any(not 0 <= start < end for start in starts):
        return  # that file is found to be broken when it is read
    with path.open("rb") as file:
        lost = None
        if (starts or [end])[0] > 0 and _is_header(file, 0):
            lost = 0
        for info, following in zip(infos, [*starts[1:], end], strict=True):
            least = info.header_offset + _HEADER_BYTES + info.compress_size
            if lost is not None or following - least <= _MAX_SLACK + len(info.filename):
                continue
            lost = _find_lost(file, info, following)
    if lost is not None:
        raise errors.InputError(
            f"{path} is damaged: its list names {len(infos):,} files, but not the one"
            f" at byte {lost:,}. Get it again, or give each by itself where several"
            " zips were joined"
        )


def _find_lost(file: IO[bytes], info: zipfile.ZipInfo, following: int) -> int | None:
    """Return where a file begins that follows another before the next one named."""
    file.seek(info.header_offset)
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(_FILE_HEADER):
        return None  # found out when it is read
    name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
    end = info.header_offset + _HEADER_BYTES + name_bytes + extra_bytes
    end += info.compress_size
    file.seek(end)
    found = file.read(_MAX_DESCRIPTOR + len(_FILE_HEADER)).find(_FILE_HEADER)
    is_lost = found >= 0 and end + found < following
    return end + found if is_lost else None


def _is_header(file: IO[bytes], place: int) -> bool:
    file.seek(place)
    return file.read(len(_FILE_HEADER)) == _FILE_HEADER
