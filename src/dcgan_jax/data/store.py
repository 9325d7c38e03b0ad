"""The prepared data on disk: uint8 shards, mapped into memory, gathered by row."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import manifest, transforms
from dcgan_jax.data.batches import Batch
from dcgan_jax.data.manifest import Manifest, Shard
from dcgan_jax.system import disk, errors, npy_file

# Below this total every opening hashes all shards: a few seconds at most.
_HASH_UP_TO_BYTES = 4 << 30
# Linux cuts longer requests to the disk's read-ahead, commonly this much.
_PIECE_BYTES = 128 << 10
# Asking for pages that are in memory already costs as much as copying them, and so does
# looking whether they are; so not every piece is looked at.
_PIECES_PER_PROBE = 16
_AGAIN = "delete the folder and run prepare again"


def store_path(config: DataConfig) -> Path:
    """Return the folder of a config's store; other settings have another folder."""
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
    """Rows of images and labels; `open_store` makes it.

    Args:
        path: its folder.
        description: its manifest.
        selected: the rows on disk that it shows, int64, ascending; None for all.
    """

    def __init__(
        self, path: Path, description: Manifest, selected: np.ndarray | None = None
    ) -> None:
        self.path = path
        self.manifest = description
        self._selected = selected
        files = description.shards
        self._images = [npy_file.map_file(path / shard.images) for shard in files]
        self._labels = [
            npy_file.map_file(path / shard.labels) for shard in files if shard.labels
        ]
        self._starts = np.cumsum([0] + [shard.rows for shard in description.shards])

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._starts[-1] if self._selected is None else len(self._selected))

    def select(self, rows: np.ndarray) -> "Store":
        """Return a store of some of the rows alone, numbered anew in their order.

        Args:
            rows: int64, ascending, each in 0 … len − 1.
        """
        return Store(self.path, self.manifest, self._on_disk(rows))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        height, width, channels = self._images[0].shape[1:]
        return height, width, channels

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes; None if there are no labels."""
        return self.manifest.class_names

    @property
    def labelled(self) -> bool:
        """Whether every row has a label; −1, as in a secret test set, is no label."""
        labels = self.labels()
        return labels is not None and bool((labels >= 0).all())

    @property
    def fingerprint(self) -> str:
        """A digest of all pixels and labels in their order, and of what is selected."""
        digest = hashlib.sha256()
        for shard in self.manifest.shards:
            digest.update(f"{shard.images_sha256} {shard.labels_sha256}\n".encode())
        if self._selected is not None:
            digest.update(self._selected.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def num_bytes(self) -> int:
        """The size of all pixels."""
        return len(self) * self._images[0][0].nbytes

    def labels(self) -> np.ndarray | None:
        """Return the labels of all rows, (len,) int32; None where there are none."""
        if not self._labels:
            return None
        labels = np.concatenate(self._labels)
        return labels if self._selected is None else labels[self._selected]

    def rows(self, indices: np.ndarray, out: np.ndarray | None = None) -> Batch:
        """Gather rows into new arrays.

        Args:
            indices: row numbers, (n,), each in 0 … len − 1.
            out: an array uint8 (n, H, W, C) to put the images into.

        Returns:
            The images (n, H, W, C), and the labels (n,) or None.

        Raises:
            IndexError: if a row number is out of range.
        """
        indices = self._on_disk(indices)
        shape = (len(indices), *self.image_shape)
        images = np.empty(shape, np.uint8) if out is None else out
        labels = np.empty(len(indices), np.int32) if self._labels else None
        for number, targets in self._by_shard(indices):
            local = indices[targets] - self._starts[number]
            images[targets] = self._images[number][local]
            if labels is not None:
                labels[targets] = self._labels[number][local]
        return Batch(images, labels)

    def will_read(self, indices: np.ndarray) -> None:
        """Ask the system to bring rows from the disk into memory, without waiting.

        A page that nobody has asked for costs a wait when it is gathered, whereas a
        disk answers many requests at once quickly.

        Args:
            indices: row numbers in any order.
        """
        if not hasattr(os, "RWF_NOWAIT"):  # elsewhere than on Linux
            return
        indices = np.sort(self._on_disk(indices))
        for number, targets in self._by_shard(indices):
            local = indices[targets] - self._starts[number]
            path = self.path / self.manifest.shards[number].images
            # A mapped file can be read even when it has lost its name.
            with contextlib.suppress(OSError), path.open("rb") as file:
                _request(file.fileno(), _cut(self._images[number], path, local))

    def _on_disk(self, indices: np.ndarray) -> np.ndarray:
        """Return the numbers that rows have in the shards."""
        indices = np.asarray(indices, np.int64)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"row outside of 0 … {len(self) - 1}")
        return indices if self._selected is None else self._selected[indices]

    def _by_shard(self, indices: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the shards that rows lie in, each with the places of its rows."""
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        by_shard = np.argsort(shards, kind="stable")
        numbers, firsts = np.unique(shards[by_shard], return_index=True)
        # Without rows there is one part but no shard.
        yield from zip(numbers.tolist(), np.split(by_shard, firsts[1:]), strict=False)


def open_store(path: Path, *, hash_all: bool = False) -> Store:
    """Open a prepared store after checking that it is whole.

    Args:
        path: its folder, as `store_path` gives it.
        hash_all: whether every shard's sha256 is compared beyond 4 GiB in total too.

    Raises:
        MissingInputError: if there is no store.
        InputError: if a file is damaged or foreign; the message names it.
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
        array = npy_file.map_file(file)
    except (ValueError, OSError) as error:
        raise errors.InputError(
            f"{file} is damaged ({errors.first_line(error)}); {_AGAIN}"
        ) from error
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


def _cut(images: np.ndarray, path: Path, rows: np.ndarray) -> np.ndarray:
    """Return the pieces of the file that ascending rows lie in, (n, [start, size]).

    Rows that follow each other are taken together.
    """
    row_bytes = images[0].nbytes
    header = path.stat().st_size - images.nbytes
    breaks = np.flatnonzero(np.diff(rows) > 1)
    begins = header + rows[np.concatenate([[0], breaks + 1])] * row_bytes
    ends = header + (rows[np.concatenate([breaks, [-1]])] + 1) * row_bytes
    counts = -(-(ends - begins) // _PIECE_BYTES)
    number = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    starts = np.repeat(begins, counts) + number * _PIECE_BYTES
    sizes = np.minimum(_PIECE_BYTES, np.repeat(ends, counts) - starts)
    return np.stack([starts, sizes], axis=1)


def _request(descriptor: int, pieces: np.ndarray) -> None:
    """Ask the system to read pieces of a file, unless some of them are in memory."""
    probe = bytearray(1)
    try:
        for start in pieces[::_PIECES_PER_PROBE, 0].tolist():
            os.preadv(descriptor, [probe], start, os.RWF_NOWAIT)
    except OSError:  # it is on the disk, or the file system cannot tell
        for start, size in pieces.tolist():
            os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_WILLNEED)


def _as_file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name)
