"""MNIST's files, and those of the sets made after it: IDX, plain or gzipped."""

import math
import re
from pathlib import Path

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import array_labels, data_files, unpack
from dcgan_jax.prepare.sources.base import Kind, Understood
from dcgan_jax.prepare.sources.raw_rows import MAX_ROWS, Part, RawRows, RowForm
from dcgan_jax.system import errors

# What the third byte of a file says.
_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
NAME = re.compile(r".*(idx[1-4]([-_.]?[a-z]+)?|[-_.]ubyte)(\.gz)?", re.IGNORECASE)
_MAX_AXES = 4
_MAX_SIDE = 1 << 14


class _Array:
    """The header of one file, whose numbers are all there."""

    def __init__(self, file: Path, *, work_dir: Path) -> None:
        self.file = unpack.decompress(file, work_dir=work_dir)
        size = self.file.stat().st_size
        with self.file.open("rb") as stream:
            head = stream.read(4 + 4 * _MAX_AXES)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
            raise errors.InputError(
                f"{file} is no IDX file: it begins with {head[:4].hex(' ')}, expected"
                " 00 00, a type and a number of axes; get it again"
            )
        num_axes = head[3]
        self.offset = 4 + 4 * num_axes
        if not 1 <= num_axes <= _MAX_AXES or len(head) < self.offset:
            raise errors.InputError(
                f"{file} is no IDX file or is damaged: it has {num_axes} axes, expected"
                f" 1 … {_MAX_AXES}; get it again"
            )
        self.dtype = np.dtype(_TYPES[head[2]])
        self.shape = tuple(np.frombuffer(head, ">u4", num_axes, 4).tolist())
        expected = self.offset + math.prod(self.shape) * self.dtype.itemsize
        if size != expected:
            word = "is cut short" if size < expected else "has more behind its end"
            raise errors.InputError(
                f"{file} {word}: it has {size:,} bytes, expected {expected:,} for"
                f" {self.shape} {self.dtype.name}; get it again"
            )

    def read(self) -> np.ndarray:
        """Return the numbers."""
        found = np.fromfile(self.file, self.dtype, offset=self.offset)
        return found.astype(self.dtype.newbyteorder("=")).reshape(self.shape)


def _open(path: Path, config: DataConfig, work_dir: Path) -> RawRows:
    file, others, splits = _choose(path, config.split)
    images = _open_images(file, work_dir=work_dir)
    count, *shape = images.shape
    axes, notes = tuple(range(len(shape))), []
    if file.name.lower().startswith("emnist"):  # its pictures lie on their side
        axes = (1, 0, *axes[2:])
        notes.append("rows and columns are exchanged, as EMNIST's files have them")
    labels = _open_labels(file, work_dir=work_dir)
    if labels is None:
        notes.append(f"no labels: {_labels_name(file)} is not beside it")
    elif labels.shape != (count,):
        raise errors.InputError(
            f"{file} has {count:,} images, but its labels have shape {labels.shape};"
            " get both again"
        )
    found = [_open_labels(other, work_dir=work_dir) for other in others]
    return RawRows(
        [Part(images.file, images.offset, count)],
        RowForm(tuple(shape), axes),
        None
        if labels is None
        else array_labels.read(
            labels.read(),
            [o.read() for o in found if o is not None and o.dtype == labels.dtype],
        ),
        fingerprint=_fingerprint(path),
        understood=Understood(
            data_files.list_others(path, _find(path)), splits, tuple(notes)
        ),
    )


def _choose(path: Path, split: str) -> tuple[Path, list[Path], tuple[str, ...]]:
    """Return the file of a split's images, those of other splits, and all splits.

    Raises:
        InputError: if there is none, or several.
    """
    files = [file for file in _find(path) if not _is_labels(file)]
    if not files:
        raise errors.InputError(
            f"{path} has labels, expected images: give the file of the images, named as"
            " train-images-idx3-ubyte, or the folder that holds both"
        )
    chosen = data_files.choose(
        files, split, where=path, spell=lambda name: name.replace("t10k", "test")
    )
    if len(chosen.files) > 1:
        shown = ", ".join(file.name for file in chosen.files)
        raise errors.InputError(
            f"{path} has several files of split {split!r} ({shown}); give one"
        )
    return chosen.files[0], chosen.others, chosen.splits


def _open_images(file: Path, *, work_dir: Path) -> _Array:
    """Open a file of images, (N, H, W) or (N, H, W, C).

    Raises:
        InputError: if it holds anything else.
    """
    images = _Array(file, work_dir=work_dir)
    shape = images.shape[1:]
    is_image = len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3))
    is_bounded = is_image and 0 < min(shape) <= max(shape) <= _MAX_SIDE
    if not is_bounded or images.dtype != np.uint8:
        raise errors.InputError(
            f"{file} holds {images.dtype.name} numbers of shape {images.shape};"
            " expected bytes of shape (N, H, W) or (N, H, W, 3)"
        )
    if not 0 < images.shape[0] <= MAX_ROWS:
        raise errors.InputError(
            f"{file} holds {images.shape[0]:,} images; expected 1 … {MAX_ROWS:,}"
        )
    return images


def _find(path: Path) -> list[Path]:
    """Return the files; of one that lies there packed and unpacked, the latter."""
    found = data_files.find(path, lambda file: NAME.fullmatch(file.name) is not None)
    plain = set(found)
    return [f for f in found if f.suffix != ".gz" or f.with_suffix("") not in plain]


def _is_labels(file: Path) -> bool:
    return "label" in file.name.lower() or "idx1" in file.name.lower()


def _labels_name(file: Path) -> str:
    name = re.sub(r"images?", "labels", file.name).replace("idx3", "idx1")
    return name.replace("idx4", "idx1").removesuffix(".gz")


def _find_labels(file: Path) -> Path | None:
    """Find the labels that lie beside a file of images."""
    for suffix in ("", ".gz"):
        beside = file.with_name(_labels_name(file) + suffix)
        if beside.name not in (file.name, f"{file.name}.gz") and beside.is_file():
            return beside
    return None


def _open_labels(file: Path, *, work_dir: Path) -> _Array | None:
    labels = _find_labels(file)
    return None if labels is None else _Array(labels, work_dir=work_dir)


def _fingerprint(path: Path) -> str:
    if path.is_dir():
        return data_files.fingerprint(_find(path), path)
    labels = _find_labels(path)
    if labels is None:
        return data_files.fingerprint([path], path)
    return data_files.fingerprint([path, labels], path.parent)


KIND = Kind(
    words="MNIST's IDX files",
    holds=lambda path: bool(_find(path)),
    open=_open,
    fingerprint=lambda path, split: _fingerprint(path),
    fingerprints_before=lambda path, split: [],
)
