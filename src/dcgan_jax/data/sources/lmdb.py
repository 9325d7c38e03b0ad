"""LSUN's LMDB layout: keys of 40 hex digits, values that are encoded images."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax import errors
from dcgan_jax.data.sources import unpack
from dcgan_jax.data.sources.base import BrokenImage, Record, fingerprint_file


class LmdbSource:
    """Values of an LMDB, in the order of their keys; each process opens it for itself.

    The values' format (LSUN mixes JPEG and WebP) is told by their first bytes.
    """

    def __init__(self, data_file: Path, *, where: Path) -> None:
        self._path = data_file
        self._environment: Any = None
        self.class_names: tuple[str, ...] | None = None
        keys = self._list_keys(where)
        # One block of bytes: three million separate keys would take 300 MB more.
        self._keys = b"".join(keys)
        self._ends = np.fromiter(
            itertools.accumulate(len(key) for key in keys), np.int64, len(keys)
        )
        self.fingerprint = fingerprint_file(where)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._ends)

    def __getitem__(self, index: int) -> Record:
        """Read one value.

        Raises:
            BrokenImage: if the database is damaged there.
        """
        import lmdb

        start = self._ends[index - 1] if index else 0
        key = self._keys[start : self._ends[index]]
        name = key.decode("ascii", "backslashreplace")
        try:
            with self._open().begin() as transaction:
                content = transaction.get(key)
        except lmdb.Error as error:
            raise BrokenImage(str(error), name=name) from error
        if content is None:
            raise BrokenImage("its key is gone", name=name)
        return Record(name, content, None)

    def close(self) -> None:
        """Close the database."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_environment": None}

    def _open(self) -> Any:
        import lmdb

        if self._environment is None:
            self._environment = lmdb.open(
                str(self._path),
                subdir=False,
                readonly=True,
                lock=False,
                readahead=False,
            )
        return self._environment

    def _list_keys(self, where: Path) -> list[bytes]:
        import lmdb

        try:
            environment = self._open()
            pages = environment.info()["last_pgno"] + 1
            # Reading a page that is not there would kill the process by a signal.
            if pages * environment.stat()["psize"] > self._path.stat().st_size:
                raise errors.InputError(f"{where} is cut short; get it again")
            with environment.begin() as transaction, transaction.cursor() as cursor:
                keys = list(cursor.iternext(keys=True, values=False))
        except lmdb.Error as error:
            raise errors.InputError(
                f"{where} is not an LMDB or is damaged ({error}); get it again"
            ) from error
        if not keys:
            raise errors.InputError(f"{where} holds no images: the LMDB is empty")
        return keys


def open_lmdb(path: Path, *, work_dir: Path) -> LmdbSource:
    """Open an LSUN LMDB, as its folder or as the zip that LSUN distributes.

    Args:
        path: the folder that holds data.mdb, or the zip.
        work_dir: where data.mdb of a zip is unpacked; it needs a file of its own.

    Raises:
        InputError: if it is damaged, empty, or the disk has no room to unpack it.
    """
    if path.is_dir():
        return LmdbSource(path / "data.mdb", where=path / "data.mdb")
    with unpack.open_zip(path) as archive:
        found = [i for i in archive.infolist() if Path(i.filename).name == "data.mdb"]
        if len(found) > 1:
            raise errors.InputError(
                f"{path} holds {len(found)} files data.mdb, expected one; unpack it and"
                " give one folder as --source"
            )
        if found[0].flag_bits & 1:
            raise errors.InputError(f"{path} is encrypted; unpack it with its password")
        data_file = unpack.extract(archive, found[0], work_dir=work_dir, where=path)
    return LmdbSource(data_file, where=path)
