"""Write the shards of a store one by one, each whole or absent."""

import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dcgan_jax.data import manifest
from dcgan_jax.data.manifest import Shard
from dcgan_jax.prepare import decode
from dcgan_jax.system import disk, json_values, progress


@dataclasses.dataclass(frozen=True)
class Finished:
    """A finished shard and the broken images that it leaves out."""

    shard: Shard | None
    """None if all its images were broken."""
    left_out: list[tuple[str, str]]
    remarks: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Names of images and what is odd about them."""
    further_pages: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    """Names of files that hold more than one picture, and how many were not taken."""
    brightest: int = 0
    """The largest value of all pixels."""


class ShardRows:
    """The rows of one shard while they are being decoded."""

    def __init__(self, num_rows: int, image_shape: tuple[int, int, int]) -> None:
        self._images = np.empty((num_rows, *image_shape), np.uint8)
        self._labels = np.empty(num_rows, np.int32)
        self._is_there = np.zeros(num_rows, bool)
        self._num_rows = num_rows
        self.left_out: list[tuple[str, str]] = []
        self.remarks: list[tuple[str, str]] = []
        self.further_pages: list[tuple[str, int]] = []

    def fill(
        self, decoded: Iterator[decode.Decoded], advance: progress.Advance
    ) -> None:
        """Take runs until every row is read or known to be broken."""
        num_read = 0
        while num_read < self._num_rows:
            part = next(decoded)
            self._images[part.positions] = part.images
            self._labels[part.positions] = part.labels
            self._is_there[part.positions] = True
            self.left_out += part.broken
            self.remarks += part.remarks
            self.further_pages += part.further_pages
            num_read += part.num_records
            advance(part.num_records)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels, closed up where an image was broken."""
        if self._is_there.all():
            return self._images, self._labels
        return self._images[self._is_there], self._labels[self._is_there]


def write(notes: Path, number: int, rows: ShardRows, *, labelled: bool) -> Finished:
    """Write a shard's files beside the folder `notes`, and last a note in it.

    Args:
        notes: the folder of the notes that say which shards are finished.
        number: of the shard, from 0.
        rows: its content.
        labelled: whether there are labels to write.
    """
    images, labels = rows.arrays()
    shard = None
    if len(images):
        images_name, labels_name = f"images-{number:05}.npy", f"labels-{number:05}.npy"
        folder = notes.parent
        shard = Shard(
            images=images_name,
            images_sha256=_write_array(folder / images_name, images),
            labels=labels_name if labelled else None,
            labels_sha256=(
                _write_array(folder / labels_name, labels) if labelled else None
            ),
            rows=len(images),
        )
    brightest = int(images.max(initial=0))
    finished = Finished(
        shard, rows.left_out, rows.remarks, rows.further_pages, brightest
    )
    text = json.dumps(dataclasses.asdict(finished))
    disk.write_whole(_note(notes, number), text.encode())
    return finished


def read(notes: Path, number: int) -> Finished | None:
    """Return a shard that was finished before; None if it is still to be made.

    One whose note is damaged is to be made anew.
    """
    note = _note(notes, number)
    if not note.is_file():
        return None
    try:
        values = json_values.parse(note.read_bytes())
        finished: Finished = json_values.build(Finished, values, "the note")
        shard = finished.shard
        if shard is not None:
            manifest.make_shard(values["shard"])
    except ValueError:
        return None
    if shard is not None and not (notes.parent / shard.images).is_file():
        return None
    return finished


def clear(notes: Path) -> None:
    """Remove the shards and notes of another plan."""
    for old in (*notes.parent.glob("*.npy"), *notes.glob("shard-*.json")):
        old.unlink()


def _note(notes: Path, number: int) -> Path:
    return notes / f"shard-{number:05}.json"


def _write_array(file: Path, array: np.ndarray) -> str:
    # Through memory: numpy's own writer reports a full disk without its error number.
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return disk.write_whole(file, buffer.getbuffer())
