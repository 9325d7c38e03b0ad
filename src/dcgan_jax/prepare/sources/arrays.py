"""Images in an .npy or .npz file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.data import eight_bits, transforms
from dcgan_jax.prepare.sources import array_labels, unpack, value_ranges
from dcgan_jax.prepare.sources.base import (
    Kind,
    Record,
    Understood,
    fingerprint_file,
    has_suffix,
)
from dcgan_jax.prepare.sources.raw_rows import find_square
from dcgan_jax.system import errors, npy_file
from dcgan_jax.system.errors import BrokenImage

_IMAGE_KEYS = ("images", "x", "data", "arr_0", "image", "imgs", "img", "pixels")
_LABEL_KEYS = (
    "labels", "y", "label", "targets", "arr_1", "target", "class", "classes",
)  # fmt: skip
_NAME_KEYS = ("class_names", "label_names", "target_names", "categories")


class ArraysSource:
    """Rows of one array, mapped into memory, scaled to uint8 row by row.

    The shape is (N, H, W), (N, H, W, C) or, where C can only be the second axis,
    (N, C, H, W), with C of 1 or 3; or (N, H · W) or (N, H · W · 3) of squares.
    `value_ranges` says which values become black and white, `array_labels` what may be
    a label.
    """

    def __init__(
        self,
        path: Path,
        split: str,
        *,
        work_dir: Path,
        value_range: tuple[float, float] | None = None,
    ) -> None:
        found = _locate(path, split, work_dir=work_dir)
        self._path = found.images
        self._array: np.ndarray | None = None
        array = self._open()
        self._square = find_square(array.shape[1]) if array.ndim == 2 else None
        shape = (len(array), *self._square) if self._square else array.shape
        self._axes = _image_axes(shape, where=path)
        self._length = len(array)
        self._range, notes = value_ranges.settle_range(array, value_range, where=path)
        self._labels: np.ndarray | None = None
        self.class_names: tuple[str, ...] | None = None
        unlabelled = None
        if found.labels is not None:
            _check_length(found.labels, self._length, where=path)
            self._labels, self.class_names, unlabelled = array_labels.read(
                found.labels, found.other_labels, found.class_names
            )
        if self._square is not None:
            shown = "×".join(map(str, self._square))
            notes = (*notes, f"rows of {array.shape[1]:,} numbers taken as {shown}")
        if found.unused:
            notes = (*notes, f"not used: the arrays {', '.join(found.unused)}")
        self.understood = Understood((), found.splits, notes, unlabelled)
        self.fingerprint = fingerprint_file(path)

    def __len__(self) -> int:
        """Return the number of images."""
        return self._length

    def __getitem__(self, index: int) -> Record:
        """Read one row.

        Raises:
            BrokenImage: if it holds NaN.
        """
        image = self._open()[index]
        if self._square is not None:
            image = image.reshape(self._square)
        image = image.transpose(self._axes)
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise BrokenImage("holds NaN or infinity", name=f"row {index}")
        if self._range is not None:
            image = eight_bits.scale_to_bytes(image, *self._range)
        label = None if self._labels is None else int(self._labels[index])
        if label is not None and label < 0:
            label = None
        return Record(f"row {index}", np.ascontiguousarray(image), label)

    def _open(self) -> np.ndarray:
        if self._array is None:
            self._array = _load(self._path)
        return self._array

    def close(self) -> None:
        """Unmap the file."""
        self._array = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_array": None}


def _load(path: Path) -> np.ndarray:
    """Map an .npy file into memory, refusing pickled objects."""
    try:
        return npy_file.map_file(path, whole=True)
    except ValueError as error:
        raise errors.InputError(
            f"{path} cannot be read as an array ({error}); expected numbers saved with"
            " numpy.save or numpy.savez, never Python objects"
        ) from error


class _Found(NamedTuple):
    """What a file holds for a split."""

    images: Path
    """An .npy file."""
    labels: np.ndarray | None = None
    other_labels: Sequence[np.ndarray] = ()
    """The labels of the other splits."""
    class_names: np.ndarray | None = None
    splits: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """The names of arrays that do not belong to a data set."""


def _locate(path: Path, split: str, *, work_dir: Path) -> _Found:
    """Find the arrays of a split; those of an .npz are unpacked first."""
    if path.suffix.lower() == ".npy":
        if split != "train":
            raise errors.InputError(
                f"{path} has no split {split!r}; all of an .npy file is 'train'"
            )
        return _Found(path)
    with unpack.open_zip(path) as archive:
        members = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise errors.InputError(f"{path} has two arrays of one name; save it anew")
        keys = _choose_keys(list(members), split, where=path)

        def extract(key: str) -> Path:
            # Mapped into memory from a file of their own, all processes share it.
            info = members[key]
            return unpack.extract(archive, info, work_dir=work_dir, where=path)

        def load(key: str) -> np.ndarray:
            return np.array(_load(extract(key)))

        return _Found(
            extract(keys.images),
            None if keys.labels is None else load(keys.labels),
            [load(key) for key in keys.other_labels],
            None if keys.names is None else load(keys.names),
            keys.splits,
            keys.unused,
        )


class _Keys(NamedTuple):
    """The names of the arrays in an .npz."""

    images: str
    labels: str | None
    other_labels: tuple[str, ...]
    names: str | None
    splits: tuple[str, ...]
    unused: tuple[str, ...]


def _choose_keys(keys: list[str], split: str, *, where: Path) -> _Keys:
    """Choose the images and labels of a split: x_train, train_images, images, …."""
    by_lower = {key.lower(): key for key in keys}

    def find(stems: tuple[str, ...]) -> dict[str, str]:
        """Return the keys of the first stem that any split has, by split; '': plain."""
        for stem in stems:
            found = {
                part.strip("_"): key
                for lower, key in by_lower.items()
                for part in (lower.removeprefix(stem), lower.removesuffix(stem))
                if part != lower and (part == "" or "_" in (part[0], part[-1]))
            }
            if split in found or (split == "train" and "" in found):
                return found
        return {}

    images = find(_IMAGE_KEYS)
    labels = find(_LABEL_KEYS)
    names = [by_lower[name] for name in _NAME_KEYS if name in by_lower]
    rest = [key for key in keys if key not in names and key not in labels.values()]
    if not images and split == "train" and len(rest) == 1:
        images = {"": rest[0]}
    chosen = images.get(split) or (images.get("") if split == "train" else None)
    if chosen is None:
        raise errors.InputError(
            f"{where} has no images of split {split!r}: expected an array named"
            f" x_{split} or, as the only split, 'train', named images; it has:"
            f" {', '.join(sorted(keys)) or 'nothing'}"
        )
    is_plain = split not in images
    used = {*images.values(), *labels.values(), *names}
    return _Keys(
        chosen,
        labels.get("" if is_plain else split),
        tuple(key for part, key in labels.items() if part not in ("", split)),
        names[0] if names else None,
        () if is_plain else tuple(sorted(part for part in images if part)),
        tuple(sorted(set(keys) - used)),
    )


def _image_axes(shape: tuple[int, ...], *, where: Path) -> tuple[int, ...]:
    """Return the permutation that brings one row to (H, W) or (H, W, C)."""
    if len(shape) == 0 or 0 in shape:
        raise errors.InputError(f"{where} holds no images: its shape is {shape}")
    if len(shape) == 3:
        return (0, 1)
    if len(shape) == 4:
        last, first = shape[3] in (1, 3), shape[1] in (1, 3)
        if last and not first:
            return (0, 1, 2)
        if first and not last:
            return (1, 2, 0)
    raise errors.InputError(
        f"{where} has shape {shape}; expected (N, H, W), (N, H, W, C) or (N, C, H, W)"
        " with C of 1 or 3 in one place"
    )


def _check_length(labels: np.ndarray, length: int, *, where: Path) -> None:
    if labels.ndim == 0 or len(labels) != length:
        raise errors.InputError(
            f"{where}: the labels have shape {labels.shape} and dtype {labels.dtype};"
            f" expected ({length},) integers, one for each image"
        )


KIND = Kind(
    words=".npz or .npy",
    holds=lambda path: has_suffix(path, ".npz", ".npy"),
    open=lambda path, config, work_dir: ArraysSource(
        path,
        config.split,
        work_dir=work_dir,
        value_range=transforms.parse_range(config.value_range),
    ),
)
