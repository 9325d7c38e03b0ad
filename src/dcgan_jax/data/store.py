"""The prepared data on disk: uint8 shards, mapped into memory, gathered by row."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from dcgan_jax import disk, errors
from dcgan_jax.config import DataConfig
from dcgan_jax.data import manifest, transforms
from dcgan_jax.data.batches import Batch
from dcgan_jax.data.manifest import Manifest, Shard

# Below this total every opening hashes all shards: a few seconds at most.
_HASH_UP_TO_BYTES = 4 << 30
_AGAIN = "delete the folder and run prepare again"


def store_path(config: DataConfig) -> Path:
    """Return the folder of a config's store; other settings, another folder."""
    source = None if config.source is None else str(config.source.resolve())
    settings = transforms.from_config(config).settings()
    identity = json.dumps([config.dataset, source, config.split, settings])
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = f"{config.split}-{config.image_size}x{config.channels}-{digest}"
    return config.data_dir / _as_file_name(config.dataset) / _as_file_name(name)


def is_complete(path: Path) -> bool:
    """Tell whether a store's folder was finished; the manifest is written last."""
    return (path / manifest.FILE_NAME).is_file()


class Store:
    """Rows of images and labels; `open_store` makes it."""

    def __init__(self, path: Path, description: Manifest) -> None:
        self.path = path
        self.manifest = description
        self._images = [_map(path / shard.images) for shard in description.shards]
        self._labels = [
            _map(path / shard.labels) for shard in description.shards if shard.labels
        ]
        self._starts = np.cumsum([0] + [shard.rows for shard in description.shards])

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._starts[-1])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        height, width, channels = self._images[0].shape[1:]
        return height, width, channels

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the labels; None where there are none."""
        return self.manifest.class_names

    @property
    def labelled(self) -> bool:
        """Whether every row has a label."""
        return self.manifest.class_names is not None

    @property
    def fingerprint(self) -> str:
        """A digest of all pixels and labels in their order."""
        digest = hashlib.sha256()
        for shard in self.manifest.shards:
            digest.update(f"{shard.images_sha256} {shard.labels_sha256}\n".encode())
        return digest.hexdigest()

    def rows(self, indices: np.ndarray) -> Batch:
        """Gather rows into new arrays.

        Args:
            indices: row numbers, (n,), each in 0 … len − 1.

        Returns:
            images (n, H, W, C) and labels (n,) or None.

        Raises:
            IndexError: if a row number is out of range.
        """
        indices = np.asarray(indices, np.int64)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"row outside of 0 … {len(self) - 1}")
        images = np.empty((len(indices), *self.image_shape), np.uint8)
        labels = np.empty(len(indices), np.int32) if self._labels else None
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        by_shard = np.argsort(shards, kind="stable")
        numbers, firsts = np.unique(shards[by_shard], return_index=True)
        for number, targets in zip(
            numbers, np.split(by_shard, firsts[1:]), strict=False
        ):
            local = indices[targets] - self._starts[number]
            images[targets] = self._images[number][local]
            if labels is not None:
                labels[targets] = self._labels[number][local]
        return Batch(images, labels)


def open_store(path: Path, *, hash_all: bool = False) -> Store:
    """Open a prepared store after checking that it is whole.

    Args:
        path: its folder, as `store_path` gives it.
        hash_all: compare the sha256 of every shard also beyond 4 GiB in total.

    Raises:
        MissingInputError: if there is none.
        InputError: naming the file that is damaged or foreign.
    """
    description = manifest.read(path)
    for shard in description.shards:
        _check_shape(path, shard, description)
    total = sum((path / shard.images).stat().st_size for shard in description.shards)
    if hash_all or total < _HASH_UP_TO_BYTES:
        for shard in description.shards:
            _check_hash(path / shard.images, shard.images_sha256)
            if shard.labels:
                _check_hash(path / shard.labels, shard.labels_sha256)
    num_rows = sum(shard.rows for shard in description.shards)
    if num_rows != description.num_images or num_rows == 0:
        raise errors.InputError(
            f"{path / manifest.FILE_NAME} counts {description.num_images} images, its"
            f" shards {num_rows}; {_AGAIN}"
        )
    return Store(path, description)


def _check_shape(path: Path, shard: Shard, description: Manifest) -> None:
    settings = description.transform
    side = settings["image_size"]
    shape = (shard.rows, side, side, settings["channels"])
    _check_array(path / shard.images, shape, np.dtype(np.uint8))
    if shard.labels is not None:
        _check_array(path / shard.labels, (shard.rows,), np.dtype(np.int32))
    elif description.class_names is not None:
        raise errors.InputError(
            f"{path / shard.images} has no labels, although the data set has classes;"
            f" {_AGAIN}"
        )


def _check_array(file: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if not file.is_file():
        raise errors.InputError(f"{file} is missing; {_AGAIN}")
    try:
        array = _map(file)
    except (ValueError, OSError, EOFError) as error:
        raise errors.InputError(f"{file} is damaged ({error}); {_AGAIN}") from error
    if array.shape != shape or array.dtype != dtype:
        raise errors.InputError(
            f"{file} holds {array.dtype} {array.shape}, expected {dtype} {shape};"
            f" {_AGAIN}"
        )


def _check_hash(file: Path, expected: str | None) -> None:
    found = disk.hash_file(file)
    if found != expected:
        raise errors.InputError(
            f"{file} is damaged: its sha256 is {found}, expected {expected}; {_AGAIN}"
        )


def _map(file: Path) -> np.ndarray:
    # As a plain array: each indexing of numpy's memmap class costs microseconds.
    return np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray)


def _as_file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name)
