"""Decode records, in this process or in several."""

import functools
from collections.abc import Generator, Iterable
from typing import NamedTuple

import numpy as np

from dcgan_jax.data import decoding, transforms
from dcgan_jax.data.transforms import Transform
from dcgan_jax.prepare import workers
from dcgan_jax.prepare.sources.base import Source
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

# Starting processes takes about a second; so many small images are decoded meanwhile.
_IN_PROCESS_UP_TO = 2000
_CHUNK_ROWS = 128
ONE_COLOUR = "of one single colour"


class Decoded(NamedTuple):
    """A run of decoded records."""

    positions: np.ndarray
    """The images' places in the batch, (n,); broken images are left out."""
    images: np.ndarray
    """uint8, (n, H, W, C)."""
    labels: np.ndarray
    """int32, (n,); −1 without a label."""
    broken: list[tuple[str, str]]
    """Names and reasons."""
    remarks: list[tuple[str, str]]
    """Names of images and what is odd about them: `ONE_COLOUR`."""
    further_pages: list[tuple[str, int]]
    """Names of files that hold more than one picture, and how many were not taken."""
    num_records: int
    """Those read, broken ones included."""


class Work(NamedTuple):
    """A run of records to decode."""

    positions: np.ndarray
    indices: np.ndarray


def split_work(indices: np.ndarray) -> list[Work]:
    """Cut records into runs, read in the order of the source: disks like that.

    Args:
        indices: the record of each position.
    """
    order = np.argsort(indices)
    cuts = range(_CHUNK_ROWS, len(order), _CHUNK_ROWS)
    return [Work(part, indices[part]) for part in np.split(order, cuts)]


def decode(source: Source, transform: Transform, work: Work) -> Decoded:
    """Read and transform a run of records.

    Raises:
        InputError: if an image is too small and may not be enlarged.
    """
    positions, images, labels = [], [], []
    broken: list[tuple[str, str]] = []
    remarks: list[tuple[str, str]] = []
    further_pages: list[tuple[str, int]] = []
    for position, index in zip(work.positions, work.indices, strict=True):
        name = f"image {index}"
        try:
            name, content, label = source[int(index)]
            pixels = transforms.apply(content, transform)
        except BrokenImage as error:
            broken.append((error.name or name, str(error)))
            continue
        except transforms.ImageTooSmall as error:
            raise errors.InputError(
                f"{name} has {error}, smaller than --image_size={transform.image_size};"
                " choose a smaller size, or pass --upscale to enlarge such images"
            ) from None
        if (pixels == pixels[0, 0]).all():
            remarks.append((name, ONE_COLOUR))
        if isinstance(content, bytes) and (pages := decoding.count_pages(content)) > 1:
            further_pages.append((name, pages - 1))
        images.append(pixels)
        positions.append(position)
        labels.append(-1 if label is None else label)
    side, channels = transform.image_size, transform.channels
    return Decoded(
        np.array(positions, np.int64),
        np.array(images, np.uint8).reshape(-1, side, side, channels),
        np.array(labels, np.int32),
        broken,
        remarks,
        further_pages,
        len(work.indices),
    )


def decode_all(
    source: Source, transform: Transform, works: Iterable[Work], *, num_workers: int
) -> Generator[Decoded]:
    """Decode runs of records, in the order given.

    Args:
        source: where they come from; pickled into worker processes.
        transform: the target.
        works: the runs; taken a few ahead.
        num_workers: processes; 0 takes one per CPU core, and none for a small source.

    Raises:
        InputError: if an image is too small, or a worker process was killed.
    """
    is_small = num_workers == 0 and len(source) <= _IN_PROCESS_UP_TO
    return workers.share_out(
        functools.partial(decode, source, transform),
        works,
        num_workers=1 if is_small else num_workers,
    )
