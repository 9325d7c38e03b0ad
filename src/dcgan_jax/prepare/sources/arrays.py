"""Images in an .npy or .npz file."""

from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax.prepare.sources import unpack
from dcgan_jax.prepare.sources.base import (
    Kind,
    Record,
    fingerprint_file,
    has_suffix,
)
from dcgan_jax.system import errors, npy_file
from dcgan_jax.system.errors import BrokenImage

_IMAGE_KEYS = ("images", "x", "data", "arr_0")
_LABEL_KEYS = ("labels", "y", "label", "targets", "arr_1")
_BLOCK_ROWS = 1024
_MAX_CLASSES = 1_000_000


class ArraysSource:
    """Rows of one array, mapped into memory, scaled to uint8 row by row.

    The shape is (N, H, W), (N, H, W, C) or, where C can only be the second axis,
    (N, C, H, W), with C of 1 or 3. uint8 is taken as it is; uint16 from 0 … 65535; bool
    from 0 … 1; other integers must lie in 0 … 255. Floats in [0, 1] are stretched from
    there; if any is negative and all are in [-1, 1], from [-1, 1].
    """

    def __init__(self, path: Path, split: str, *, work_dir: Path) -> None:
        self._path, self._labels = _locate(path, split, work_dir=work_dir)
        self._array: np.ndarray | None = None
        array = self._open()
        self._axes = _image_axes(array.shape, where=path)
        self._length = len(array)
        self._low, self._high = _value_range(array, where=path)
        self.class_names: tuple[str, ...] | None = None
        if self._labels is not None:
            self._labels = _check_labels(self._labels, self._length, where=path)
            self.class_names = tuple(str(n) for n in range(self._labels.max() + 1))
        self.fingerprint = fingerprint_file(path)

    def __len__(self) -> int:
        """Return the number of images."""
        return self._length

    def __getitem__(self, index: int) -> Record:
        """Read one row.

        Raises:
            BrokenImage: if it holds NaN.
        """
        image = self._open()[index].transpose(self._axes)
        if image.dtype != np.uint8:
            scale = 255.0 / (self._high - self._low)
            scaled = np.rint((image.astype(np.float64) - self._low) * scale)
            if not np.isfinite(scaled).all():
                raise BrokenImage("holds NaN or infinity", name=f"row {index}")
            image = scaled.astype(np.uint8)
        label = None if self._labels is None else int(self._labels[index])
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


def _locate(
    path: Path, split: str, *, work_dir: Path
) -> tuple[Path, np.ndarray | None]:
    """Return an .npy file with the images, and the labels."""
    if path.suffix.lower() == ".npy":
        if split != "train":
            raise errors.InputError(
                f"{path} has no split {split!r}; all of an .npy file is 'train'"
            )
        return path, None
    with unpack.open_zip(path) as archive:
        members = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
        images_key, labels_key = _choose_keys(list(members), split, where=path)
        # Mapped into memory from a file of their own, all processes share the pixels.
        images = unpack.extract(
            archive, members[images_key], work_dir=work_dir, where=path
        )
        if labels_key is None:
            return images, None
        labels = unpack.extract(
            archive, members[labels_key], work_dir=work_dir, where=path
        )
    return images, np.array(_load(labels))


def _choose_keys(keys: list[str], split: str, *, where: Path) -> tuple[str, str | None]:
    """Choose the images and labels of a split: x_train, train_images, images, …."""

    def first(stems: tuple[str, ...], *, plain: bool) -> str | None:
        for stem in stems:
            names = [stem] if plain else [f"{stem}_{split}", f"{split}_{stem}"]
            for name in names:
                if name in keys:
                    return name
        return None

    images = first(_IMAGE_KEYS, plain=False)
    if images is not None:
        return images, first(_LABEL_KEYS, plain=False)
    images = first(_IMAGE_KEYS, plain=True) or (keys[0] if len(keys) == 1 else None)
    if images is None or split != "train":
        raise errors.InputError(
            f"{where} has no images of split {split!r}: expected an array named"
            f" x_{split} or, as the only split, 'train', named images; it has:"
            f" {', '.join(sorted(keys)) or 'nothing'}"
        )
    return images, first(_LABEL_KEYS, plain=True)


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


def _value_range(array: np.ndarray, *, where: Path) -> tuple[float, float]:
    """Return the values that become 0 and 255."""
    if array.dtype == np.uint8:
        return 0.0, 255.0
    if array.dtype == np.uint16:
        return 0.0, 65535.0
    if array.dtype == np.bool_:
        return 0.0, 1.0
    if array.dtype.kind not in "iuf":
        raise errors.InputError(
            f"{where} holds {array.dtype} values; expected uint8, uint16 or floats"
        )
    blocks = [array[i : i + _BLOCK_ROWS] for i in range(0, len(array), _BLOCK_ROWS)]
    low = min(float(np.nanmin(block)) for block in blocks)
    high = max(float(np.nanmax(block)) for block in blocks)
    if array.dtype.kind in "iu" and low >= 0 and high <= 255:
        return 0.0, 255.0
    if array.dtype.kind == "f" and low >= -1 and high <= 1:
        return (0.0, 1.0) if low >= 0 else (-1.0, 1.0)
    raise errors.InputError(
        f"{where} holds {array.dtype} values from {low:g} to {high:g}; expected floats"
        " in [0, 1] or [-1, 1], or integers in 0 … 255. Convert the array to uint8"
    )


def _check_labels(labels: np.ndarray, length: int, *, where: Path) -> np.ndarray:
    if labels.shape == (length, 1):
        labels = labels[:, 0]
    if labels.shape != (length,) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise errors.InputError(
            f"{where}: the labels have shape {labels.shape} and dtype {labels.dtype};"
            f" expected ({length},) integers from 0"
        )
    if (most := labels.max()) >= _MAX_CLASSES:
        raise errors.InputError(
            f"{where} has the label {most}; expected class numbers below"
            f" {_MAX_CLASSES:,}"
        )
    return labels.astype(np.int32)


KIND = Kind(
    words=".npz or .npy",
    holds=lambda path: has_suffix(path, ".npz", ".npy"),
    open=lambda path, config, work_dir: ArraysSource(
        path, config.split, work_dir=work_dir
    ),
)
