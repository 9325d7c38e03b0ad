"""SVHN's files of MATLAB: the images in X, (H, W, 3, N), and their labels in y."""

import io
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import array_labels, data_files, mat5, unpack
from dcgan_jax.prepare.sources.base import Kind, Understood, has_suffix
from dcgan_jax.prepare.sources.raw_rows import MAX_ROWS, Part, RawRows, RowForm
from dcgan_jax.system import disk, errors

_IMAGES, _LABELS = "X", "y"
_DIGITS = 10  # SVHN's label of the digit 0
_MAX_SIDE = 1 << 14


def _open(path: Path, config: DataConfig, work_dir: Path) -> RawRows:
    files = _find(path)
    chosen = data_files.choose(files, config.split, where=path)
    if len(chosen.files) > 1:
        raise errors.InputError(
            f"{path} has {len(chosen.files)} files .mat of split {config.split!r}; give"
            " one of them as --source"
        )
    (file,) = chosen.files
    images, labels = _find_variables(file)
    height, width, channels, count = images.shape
    target = work_dir / f"{data_files.name_unpacked([file])}.pixels"
    if not target.is_file():
        _unpack(file, images, target)
    others = [_read_labels(other, _find_variables(other)[1]) for other in chosen.others]
    return RawRows(
        [Part(target, 0, count)],
        # MATLAB's first axis is that of neighbours.
        RowForm((channels, width, height), (2, 1, 0)),
        array_labels.read(_read_labels(file, labels), others),
        fingerprint=data_files.fingerprint(files, path),
        understood=Understood(data_files.list_others(path, files), chosen.splits),
    )


def _find_variables(file: Path) -> tuple[mat5.Variable, mat5.Variable]:
    """Return the variables of images and labels, as the file's headers describe them.

    Raises:
        InputError: if the file is of another version, lacks one, or they do not fit.
    """
    if mat5.is_mat73(file):
        raise errors.InputError(
            f"{file} is of MATLAB's version 7.3, which is HDF5; in MATLAB load it and"
            f" save it again with: save('{file.name}', 'X', 'y', '-v7')"
        )
    try:
        found = {variable.name: variable for variable in mat5.list_variables(file)}
    except mat5.DamagedMatError as error:
        raise _damaged(file, error) from error
    shapes = ", ".join(f"{name} {found[name].shape}" for name in sorted(found))
    images, labels = found.get(_IMAGES), found.get(_LABELS)
    if (
        images is None
        or labels is None
        or not (images.is_numeric and labels.is_numeric)
    ):
        raise errors.InputError(
            f"{file} holds {shapes or 'nothing'}; expected images X (H, W, 3, N) and"
            " labels y (N, 1), as SVHN's train_32x32.mat has them"
        )
    is_images = (
        len(images.shape) == 4
        and images.shape[2] in (1, 3)
        and all(0 < side <= _MAX_SIDE for side in images.shape[:2])
        and 0 < images.shape[3] <= MAX_ROWS
    )
    if not is_images or sorted(labels.shape) != sorted((1, images.shape[-1])):
        raise errors.InputError(
            f"{file} holds {shapes}; expected images X (H, W, 3, N) and labels y (N, 1)"
        )
    return images, labels


def _unpack(file: Path, images: mat5.Variable, target: Path) -> None:
    """Write the pixels to a file that all processes can read from anywhere."""
    num_bytes = int(np.prod(images.shape, dtype=np.int64))
    unpack.check_expansion(num_bytes, where=file)
    target.parent.mkdir(parents=True, exist_ok=True)
    disk.require_free(target.parent, num_bytes, purpose="the unpacked images")
    with disk.replacing(target) as temporary, temporary.open("wb") as unpacked:
        try:
            dtype = mat5.copy_numbers(file, images, unpacked)
        except mat5.DamagedMatError as error:
            raise _damaged(file, error) from error
        if dtype != np.uint8:
            raise errors.InputError(
                f"{file}: X holds {dtype.name} numbers, expected bytes (uint8)"
            )


def _read_labels(file: Path, labels: mat5.Variable) -> np.ndarray:
    buffer = io.BytesIO()
    try:
        dtype = mat5.copy_numbers(file, labels, buffer)
    except mat5.DamagedMatError as error:
        raise _damaged(file, error) from error
    found = np.frombuffer(buffer.getvalue(), dtype)
    found = found.astype(dtype.newbyteorder("="))
    if found.min() >= 1 and found.max() == _DIGITS:
        return np.where(found == _DIGITS, 0, found)
    return found


def _damaged(file: Path, error: mat5.DamagedMatError) -> errors.InputError:
    return errors.InputError(
        f"{file} is damaged or no MATLAB file ({error}); get it again"
    )


def _find(path: Path) -> list[Path]:
    return data_files.find(path, lambda file: has_suffix(file, ".mat"))


KIND = Kind(
    words="SVHN's .mat files",
    holds=lambda path: bool(_find(path)),
    open=_open,
    fingerprint=lambda path, split: data_files.fingerprint(_find(path), path),
    fingerprints_before=lambda path, split: [],
)
