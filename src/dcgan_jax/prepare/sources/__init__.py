"""Open the images that a config names: a known data set, or the user's own files."""

import functools
import os
from pathlib import Path
from typing import Literal

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources.base import Record, Source, fingerprint_file
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

__all__ = [
    "BrokenImage",
    "Record",
    "Source",
    "check",
    "find_kind",
    "fingerprint_source",
    "open_source",
]

Kind = Literal["folder", "lmdb", "lmdb_zip", "tfds", "zip", "tar", "arrays"]
_TAR_SUFFIXES = (
    ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz",
)  # fmt: skip
_TFDS_NAMES = {
    "mnist": "mnist",
    "fashion_mnist": "fashion_mnist",
    "cifar10": "cifar10",
    "svhn": "svhn_cropped",
    "celeb_a": "celeb_a",
    "imagenet32": "imagenet2012",
}


def check(config: DataConfig) -> None:
    """Raise an error at once if a config names nothing that could be opened.

    Raises:
        InputError: if the source is not there or of no known kind, or none is given for
            a data set that has no other.
    """
    if config.source is not None:
        find_kind(config.source)
    elif config.dataset in ("folder", "arrays"):
        raise errors.InputError(
            f"--dataset={config.dataset} needs --source=PATH: a folder, zip or tar of"
            " images, an .npz or .npy file, or an LSUN LMDB"
        )


def open_source(config: DataConfig, work_dir: Path) -> Source:
    """Open the images of a config.

    Args:
        config: names the data set, the user's own copy if any, and the split.
        work_dir: where an archive may be unpacked; it need not exist.

    Raises:
        InputError: if the source is not there, empty, damaged or of no known kind.
    """
    check(config)
    if config.source is not None:
        return _open_path(config.source, config, work_dir=work_dir)
    if config.dataset == "digits":
        from dcgan_jax.prepare.sources import digits

        return digits.DigitsSource(config.split)
    if config.dataset == "lsun_bedroom":
        from dcgan_jax.prepare import download

        return _open_path(download.fetch_lsun(config), config, work_dir=work_dir)
    if config.dataset in _TFDS_NAMES or config.dataset.startswith("tfds:"):
        from dcgan_jax.prepare.sources import tfds

        name = config.dataset.removeprefix("tfds:")
        return tfds.build(_TFDS_NAMES.get(name, name), config, work_dir=work_dir)
    raise errors.InputError(
        f"unknown dataset {config.dataset!r}; known: digits, lsun_bedroom,"
        f" {', '.join(_TFDS_NAMES)}, tfds:NAME, and folder or arrays with --source"
    )


def fingerprint_source(config: DataConfig) -> str | None:
    """Digest the user's own copy without unpacking or reading all of it.

    Returns:
        What `open_source(...).fingerprint` would be; None if the config names no path
        or the path is gone.
    """
    if config.source is None or not config.source.exists():
        return None
    kind = find_kind(config.source)
    if kind == "folder":
        from dcgan_jax.prepare.sources import folder

        return folder.FolderSource(
            config.source, config.split, data_dir=config.data_dir
        ).fingerprint
    if kind == "lmdb":
        return fingerprint_file(config.source / "data.mdb")
    if kind == "tfds":
        from dcgan_jax.prepare.sources import tfds

        return tfds.fingerprint_folder(config.source)
    return fingerprint_file(config.source)


def find_kind(path: Path) -> Kind:
    """Tell what a path holds, by a look at it.

    Raises:
        MissingInputError: if there is nothing.
        InputError: if it is of no known kind.
    """
    if not path.exists():
        raise errors.MissingInputError(
            f"--source={path} is not there; expected a folder, archive or array file"
        )
    if not os.access(path, os.R_OK):
        raise errors.InputError(
            f"--source={path} cannot be read: permission denied; make it readable"
        )
    if not (path.is_dir() or path.is_file()):
        raise errors.InputError(
            f"--source={path} is a pipe, socket or device; expected a folder or a file"
        )
    if path.is_dir():
        if (path / "data.mdb").is_file():
            return "lmdb"
        return "tfds" if (path / "dataset_info.json").is_file() else "folder"
    name = path.name.lower()
    if path.stat().st_size == 0:
        raise errors.InputError(f"--source={path} is empty; get it again")
    if name.endswith((".npz", ".npy")):
        return "arrays"
    if name.endswith(".zip"):
        return _zip_kind(path)
    if name.endswith(_TAR_SUFFIXES):
        return "tar"
    raise errors.InputError(
        f"--source={path} is of no known kind; expected a folder, .zip, .tar, .tar.gz,"
        " .tar.bz2, .tar.xz, .npz or .npy, or an LSUN LMDB"
    )


def _zip_kind(path: Path) -> Kind:
    status = path.stat()
    return _look_into_zip(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=8)  # reading the list of a large zip takes its time
def _look_into_zip(path: Path, size: int, changed: int) -> Kind:
    from dcgan_jax.prepare.sources import unpack

    del size, changed  # a file that was replaced is another one
    with unpack.open_zip(path) as archive:
        names = archive.namelist()
    is_lmdb = any(name.rpartition("/")[2] == "data.mdb" for name in names)
    return "lmdb_zip" if is_lmdb else "zip"


def _open_path(path: Path, config: DataConfig, *, work_dir: Path) -> Source:
    kind, split = find_kind(path), config.split
    if kind in ("lmdb", "lmdb_zip"):
        from dcgan_jax.prepare.sources import lmdb

        return lmdb.open_lmdb(path, work_dir=work_dir)
    if kind == "tfds":
        from dcgan_jax.prepare.sources import tfds

        return tfds.read(path, split)
    if kind == "arrays":
        from dcgan_jax.prepare.sources import arrays

        return arrays.ArraysSource(path, split, work_dir=work_dir)
    if kind == "folder":
        from dcgan_jax.prepare.sources import folder

        return folder.FolderSource(path, split, data_dir=config.data_dir)
    from dcgan_jax.prepare.sources import archives

    if kind == "zip":
        return archives.ZipSource(path, split)
    return archives.TarSource(path, split, work_dir=work_dir)
