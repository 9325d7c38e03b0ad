"""Open the images that a config names: a known data set, or the user's own files."""

import os
from collections.abc import Callable
from pathlib import Path

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare import download
from dcgan_jax.prepare.sources import (
    advice,
    archives,
    arrays,
    cifar,
    digits,
    folder,
    hub,
    idx,
    lmdb,
    matlab,
    parquet,
    pixel_csv,
    stacked,
    stl10,
    tar_shards,
    tfds,
    zipped_files,
)
from dcgan_jax.prepare.sources.base import (
    Kind,
    Record,
    Source,
    Understood,
    is_of_old,
    understanding,
)
from dcgan_jax.system import errors, hub as hubs
from dcgan_jax.system.errors import BrokenImage

__all__ = [
    "BrokenImage",
    "Record",
    "Source",
    "Understood",
    "check",
    "find_kind",
    "fingerprint_source",
    "is_unchanged",
    "open_source",
    "understanding",
]

# What --source may name. A later one is asked first: it is the more particular one.
KINDS = (
    folder.KIND,
    archives.ZIP,
    archives.TAR,
    arrays.KIND,
    idx.KIND,
    cifar.KIND,
    stl10.KIND,
    matlab.KIND,
    pixel_csv.KIND,
    parquet.KIND,
    tar_shards.KIND,
    tfds.KIND,
    zipped_files.KIND,
    lmdb.KIND,
)


def _open_lsun(config: DataConfig, work_dir: Path) -> Source:
    return lmdb.KIND.open(download.fetch_lsun(config), config, work_dir)


# What --dataset knows by name: (config, folder for unpacking) → the images.
NAMED: dict[str, Callable[[DataConfig, Path], Source]] = {
    "digits": lambda config, work_dir: digits.DigitsSource(config.split),
    "lsun_bedroom": _open_lsun,
    **dict.fromkeys(tfds.NAMES, tfds.build),
}


def check(config: DataConfig) -> None:
    """Raise an error at once if a config names nothing that could be opened.

    Raises:
        InputError: if the source is not there or of no known kind, or none is given for
            a data set that has no other.
    """
    if config.dataset.startswith(hubs.PREFIX):
        hubs.parse(config.dataset)
        hubs.require_library()
        if config.source is not None:
            raise errors.InputError(
                f"--dataset={config.dataset} is fetched; with --source={config.source}"
                " it is --dataset=folder."
            )
    elif config.source is not None:
        find_kind(config.source)
    elif config.dataset in ("folder", "arrays"):
        raise errors.InputError(
            f"--dataset={config.dataset} needs --source=PATH: a folder, zip or tar of"
            " images, .npz, .npy, the files of MNIST, CIFAR, STL-10 or SVHN, .parquet,"
            " .csv of pixels, or an LSUN LMDB"
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
    if config.dataset in stacked.NAMES:
        return stacked.open_stacked(config, lambda own: open_source(own, work_dir))
    if config.dataset.startswith(hubs.PREFIX):
        return hub.open_hub(config, lambda own: open_source(own, work_dir))
    if config.source is not None:
        return find_kind(config.source).open(config.source, config, work_dir)
    if config.dataset.startswith("tfds:"):
        return tfds.build(config, work_dir)
    if config.dataset not in NAMED:
        raise errors.InputError(
            f"unknown dataset {config.dataset!r}; known:"
            f" {', '.join([*NAMED, *stacked.NAMES])}, tfds:NAME, hub:OWNER/NAME, and"
            " folder or arrays with --source"
        )
    return NAMED[config.dataset](config, work_dir)


def fingerprint_source(config: DataConfig) -> str | None:
    """Digest the user's own copy without unpacking or reading all of it.

    Returns:
        What `open_source(...).fingerprint` would be; None if the config names no path
        or the path is gone.
    """
    if config.source is None or not config.source.exists():
        return None
    return find_kind(config.source).fingerprint(config.source, config.split)


def is_unchanged(config: DataConfig, stored: str) -> bool:
    """Tell whether the user's own copy is what a store was made of.

    Args:
        config: names the copy.
        stored: the fingerprint of the store, perhaps by the rules of old.

    Returns:
        True also where the config names no path or the path is gone.
    """
    found = fingerprint_source(config)
    if found in (None, stored):
        return True
    if config.source is None or not is_of_old(stored):
        return False
    before = find_kind(config.source).fingerprints_before(config.source, config.split)
    return stored in before


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
    if not path.is_dir() and path.stat().st_size == 0:
        raise errors.InputError(f"--source={path} is empty; get it again")
    for kind in reversed(KINDS):
        if kind.holds(path):
            return kind
    if known := advice.look(path):
        raise errors.InputError(f"--source={path} is of no known kind: it {known}")
    *others, last = [kind.words for kind in KINDS if kind.words]
    raise errors.InputError(
        f"--source={path} is of no known kind; expected {', '.join(others)}, or {last}"
    )
