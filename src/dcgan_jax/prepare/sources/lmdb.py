"""LSUN's LMDB layout: keys of 40 hex digits, values that are encoded images."""

import array
import functools
from pathlib import Path

import numpy as np

from dcgan_jax.prepare.sources import lmdb_pages, unpack
from dcgan_jax.prepare.sources.archives import MAX_MEMBER_BYTES
from dcgan_jax.prepare.sources.base import (
    Kind,
    LazyFile,
    Record,
    Understood,
    fingerprint_file,
    fingerprint_file_before,
    has_suffix,
)
from dcgan_jax.system import disk, errors
from dcgan_jax.system.errors import BrokenImage

_DATA_FILE = "data.mdb"


# Entries that scripts write beside the images.
_KEYS_OF_LENGTHS = frozenset(
    {b"length", b"__len__", b"__keys__", b"num-samples", b"num_samples"}
)


class LmdbSource:
    """Values of an LMDB, in the order of their keys; each process opens it for itself.

    The values' format (LSUN mixes JPEG and WebP) is told by their first bytes.
    """

    def __init__(self, data_file: Path, *, where: Path) -> None:
        self._file = LazyFile(data_file)
        self.class_names: tuple[str, ...] | None = None
        self._keys, self._places, num_others = _list_values(data_file, where)
        if num_others:
            note = f"{num_others:,} entries of the LMDB are lengths or texts, no images"
            self.understood = Understood(notes=(note,))
        self.fingerprint = fingerprint_file(where)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._places)

    def __getitem__(self, index: int) -> Record:
        """Read one value.

        Raises:
            BrokenImage: if it is too large, or the file has become shorter.
        """
        key_end, offset, size = self._places[index].tolist()
        key = self._keys[self._places[index - 1, 0] if index else 0 : key_end]
        name = key.decode("ascii", "backslashreplace")
        if size > MAX_MEMBER_BYTES:
            raise BrokenImage(f"it has {disk.format_bytes(size)}", name=name)
        return Record(name, self._file.read(offset, size, name=name), None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_lmdb(path: Path, *, work_dir: Path) -> LmdbSource:
    """Open an LSUN LMDB, as its folder or as the zip that LSUN distributes.

    Args:
        path: the folder that holds data.mdb, or the zip.
        work_dir: where data.mdb of a zip is unpacked; it needs a file of its own.

    Raises:
        InputError: if it is damaged, empty, or the disk has no room to unpack it.
    """
    if path.is_dir():
        return LmdbSource(path / _DATA_FILE, where=path / _DATA_FILE)
    with unpack.open_zip(path) as archive:
        found = [i for i in archive.infolist() if Path(i.filename).name == _DATA_FILE]
        if len(found) > 1:
            raise errors.InputError(
                f"{path} holds {len(found)} files data.mdb, expected one; unpack it and"
                " give one folder as --source"
            )
        if found[0].flag_bits & 1:
            raise errors.InputError(f"{path} is encrypted; unpack it with its password")
        data_file = unpack.extract(archive, found[0], work_dir=work_dir, where=path)
    return LmdbSource(data_file, where=path)


def _list_values(data_file: Path, where: Path) -> tuple[bytes, np.ndarray, int]:
    """Return all images' keys in one piece, and of each its end there, offset and size.

    Three million separate keys would take 300 MB more. The last value returned is the
    number of entries that tell of the others, as `num-samples` does.
    """
    keys, places, num_others = bytearray(), array.array("q"), 0
    has_numbered = False  # image-000000001 comes before label-000000001
    try:
        with data_file.open("rb") as file:
            size = data_file.stat().st_size
            for value in lmdb_pages.list_values(file, size):
                has_numbered |= value.key.startswith(b"image-")
                is_text = has_numbered and value.key.startswith(b"label-")
                if is_text or value.key in _KEYS_OF_LENGTHS:
                    num_others += 1
                    continue
                keys += value.key
                places.extend((len(keys), value.offset, value.size))
    except lmdb_pages.CutShortError:
        raise errors.InputError(f"{where} is cut short; get it again") from None
    except lmdb_pages.DamagedError as error:
        raise errors.InputError(
            f"{where} is not an LMDB or is damaged ({error}); get it again"
        ) from error
    if not places:
        raise errors.InputError(f"{where} holds no images: the LMDB is empty")
    return bytes(keys), np.array(places, np.int64).reshape(-1, 3), num_others


def _is_lmdb(path: Path) -> bool:
    if path.is_dir():
        return (path / _DATA_FILE).is_file()
    if not has_suffix(path, ".zip"):
        return False
    status = path.stat()
    return _look_into_zip(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=8)  # reading the list of a large zip takes its time
def _look_into_zip(path: Path, size: int, changed: int) -> bool:
    del size, changed  # a file that was replaced is another one
    with unpack.open_zip(path) as archive:
        names = archive.namelist()
    return any(name.rpartition("/")[2] == _DATA_FILE for name in names)


def _fingerprint(path: Path, split: str) -> str:
    del split
    return fingerprint_file(_data_file(path))


def _data_file(path: Path) -> Path:
    return path / _DATA_FILE if path.is_dir() else path


KIND = Kind(
    words="an LSUN LMDB",
    holds=_is_lmdb,
    open=lambda path, config, work_dir: open_lmdb(path, work_dir=work_dir),
    fingerprint=_fingerprint,
    fingerprints_before=lambda path, split: [fingerprint_file_before(_data_file(path))],
)
