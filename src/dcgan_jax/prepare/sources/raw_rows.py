"""Images that lie in files as plain bytes, one behind the other."""

import bisect
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.prepare.sources import array_labels
from dcgan_jax.prepare.sources.base import LazyFile, Record, Understood

_SIDES = range(8, 513)  # of images that lie in flat rows
MAX_ROWS = 10_000_000  # more than any such data set has


class Part(NamedTuple):
    """A run of images in a file."""

    path: Path
    offset: int
    """The place of the first row in the file, in bytes."""
    num_rows: int


class RowForm(NamedTuple):
    """How the bytes of one row are an image."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    """The permutation that brings `shape` to (H, W) or (H, W, C)."""
    lead: int = 0
    """Bytes before the pixels of a row."""

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return self.lead + math.prod(self.shape)


def find_square(num_pixels: int) -> tuple[int, ...] | None:
    """Return the shape of a square image of so many numbers; None if there is none."""
    for channels in ((), (3,)):
        side = math.isqrt(num_pixels // math.prod(channels))
        shape = (side, side, *channels)
        if side in _SIDES and math.prod(shape) == num_pixels:
            return shape
    return None


class RawRows:
    """Rows of one or several files; each process opens them for itself."""

    def __init__(
        self,
        parts: Sequence[Part],
        form: RowForm,
        labels: array_labels.ArrayLabels | None,
        *,
        fingerprint: str,
        understood: Understood,
    ) -> None:
        self._parts, self._form = parts, form
        self._ends = np.cumsum([part.num_rows for part in parts]).tolist()
        self._files = [LazyFile(part.path) for part in parts]
        self._labels = None if labels is None else labels.numbers
        self.class_names = None if labels is None else labels.class_names
        if labels is not None and labels.unlabelled:
            understood = understood._replace(unlabelled=labels.unlabelled)
        self.fingerprint, self.understood = fingerprint, understood

    def __len__(self) -> int:
        """Return the number of images."""
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Record:
        """Read one row.

        Raises:
            BrokenImage: if the file has become shorter.
        """
        number = bisect.bisect_right(self._ends, index)
        part = self._parts[number]
        row = index - self._ends[number] + part.num_rows
        name, size = f"row {index}", self._form.row_bytes
        start = part.offset + row * size
        content = self._files[number].read(start, size, name=name)
        pixels = np.frombuffer(content, np.uint8, offset=self._form.lead)
        image = pixels.reshape(self._form.shape).transpose(self._form.axes)
        label = -1 if self._labels is None else int(self._labels[index])
        return Record(name, np.ascontiguousarray(image), label if label >= 0 else None)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()
