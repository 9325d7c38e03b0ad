"""1-nearest-neighbour error on generated samples (§8.1, Table 3).

Test images are classified by their nearest neighbour among labelled samples: the better
a conditional generator, the better its samples stand in for training images.
"""

import functools
import hashlib
import io
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import nearest
from dcgan_jax.evaluate.nearest import BLOCK, Nearest
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import disk, errors, npy_file, progress

_LOG = logging.getLogger(__name__)

# The numbers of samples at which the error is told; Table 3 has 50K and 10M.
MARKS = (1_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000)
_BLOCKS_BETWEEN_SAVES = 100


class Identity(NamedTuple):
    """All that a count depends on besides its length: two digests and the seed."""

    generator: str
    seed: int
    test_images: str

    @property
    def digest(self) -> str:
        """A name for files."""
        text = json.dumps(self._asdict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class _Count(NamedTuple):
    """A count that may go on.

    Attributes:
        done: the number of samples compared, in whole blocks.
        nearest: the nearest sample of each test image so far.
        errors: the errors in %, by number of samples.
    """

    done: int
    nearest: Nearest
    errors: dict[int, float]


def count_errors(
    samples: SampleStream,
    test: Store,
    *,
    num_samples: int,
    identity: Identity,
    folder: Path,
    former: Sequence[Identity] = (),
) -> dict[int, float]:
    """Classify the test images by their nearest neighbours among samples.

    The count is kept in `folder` every hundred blocks. The same call goes on from
    there, and so does a call for more samples.

    Args:
        samples: the generator's samples.
        test: the labelled images.
        num_samples: the number of samples to compare with, at most 2³¹ − 1.
        identity: what this count depends on.
        folder: where the count is kept.
        former: identities of this count in files of earlier versions.

    Returns:
        The error in % by number of samples: at `MARKS` and at the end.

    Raises:
        InputError: if another process counts the same, or the kept file is damaged.
    """
    names = [f"nearest_neighbour-{one.digest}.npz" for one in (identity, *former)]
    there = [folder / name for name in names if (folder / name).is_file()]
    file = there[0] if there else folder / names[0]
    with disk.try_exclusive(file.with_suffix(".lock")) as held:
        if not held:
            raise errors.InputError(f"{file} is being written by another process.")
        return _count_errors(samples, test, num_samples, file)


def find_real_error(train: Store, test: Store, *, num_rows: int) -> float:
    """Classify the test images by training images, for the row "real data".

    Returns:
        The error in %.
    """
    found = find_in_store(_images(test), train, num_rows=num_rows)
    return _error(np.asarray(train.labels())[np.asarray(found.rows)], test)


def find_in_store(images: np.ndarray, store: Store, *, num_rows: int) -> Nearest:
    """Find the nearest of a store's first rows for each image.

    Args:
        images: uint8 (n, height, width, channels).
        store: the images that are searched.
        num_rows: the number of rows that are searched.
    """
    queries = nearest.make_queries(images)
    found = nearest.begin_search(len(images))
    with progress.track("comparing", num_rows, unit="images") as advance:
        for first in range(0, num_rows, BLOCK):
            count = min(BLOCK, num_rows - first)
            # The last block is filled up with rows that are not compared.
            rows = np.minimum(np.arange(first, first + BLOCK), num_rows - 1)
            store.will_read(rows)
            block = store.rows(rows).images
            found = nearest.search_block(
                found, queries, block=block, first_row=first, count=count
            )
            advance(count)
    return found


def _count_errors(
    samples: SampleStream, test: Store, num_samples: int, file: Path
) -> dict[int, float]:
    marks = sorted({*MARKS, num_samples})
    wanted = [mark for mark in marks if mark <= num_samples]
    none = _Count(0, nearest.begin_search(len(test)), {})
    kept = read_count(file, len(test)) or none
    # A count cannot go back to a number that it has passed untold.
    count = kept if all(m > kept.done or m in kept.errors for m in wanted) else none
    if count.done:
        _LOG.info("%s: going on after %d samples", file, count.done)
    queries = nearest.make_queries(_images(test))
    try:
        with progress.track(
            "comparing", num_samples, unit="samples", done=min(count.done, num_samples)
        ) as advance:
            while count.done < num_samples:
                advance(min(BLOCK, num_samples - count.done))
                count = _count_block(count, queries, samples, test=test, marks=marks)
                if count.done // BLOCK % _BLOCKS_BETWEEN_SAVES == 0:
                    _keep(file, count, beyond=kept.done)
    finally:
        _keep(file, count, beyond=kept.done)
    return {mark: count.errors[mark] for mark in wanted}


def _count_block(
    count: _Count,
    queries: nearest.Queries,
    samples: SampleStream,
    *,
    test: Store,
    marks: Sequence[int],
) -> _Count:
    """Compare one more block, and tell the errors at the marks within it."""
    compare = functools.partial(
        nearest.search_block,
        count.nearest,
        queries,
        block=samples.block(count.done, BLOCK),
        first_row=count.done,
    )
    errors_so_far = dict(count.errors)
    for mark in marks:
        if count.done < mark <= count.done + BLOCK:
            rows = np.asarray(compare(count=mark - count.done).rows)
            errors_so_far[mark] = _error(samples.labels(rows), test)
            _LOG.info(
                "%s samples: %.2f %% test error", f"{mark:,}", errors_so_far[mark]
            )
    return _Count(count.done + BLOCK, compare(count=BLOCK), errors_so_far)


def _images(store: Store) -> np.ndarray:
    return store.rows(np.arange(len(store))).images


def _error(labels: np.ndarray, test: Store) -> float:
    return float(100.0 * (labels != test.labels()).mean())


def _keep(file: Path, count: _Count, *, beyond: int) -> None:
    """Write a count unless the file holds a longer one, of `beyond` samples."""
    if count.done <= beyond:
        return
    buffer = io.BytesIO()
    np.savez(
        buffer,
        done=count.done,
        distances=np.asarray(count.nearest.distances),
        rows=np.asarray(count.nearest.rows),
        marks=np.array(list(count.errors), np.int64),
        errors=np.array(list(count.errors.values()), np.float64),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(file, buffer.getvalue())


def read_count(file: Path, num_queries: int) -> _Count | None:
    """Read how far a count has come; None if it was not begun.

    Raises:
        InputError: if the file is damaged or of other test images.
    """
    if not file.is_file():
        return None
    try:
        kept = npy_file.read_npz(file)
        found = Nearest(kept["distances"], kept["rows"])
        kinds = [(part.shape, part.dtype) for part in found]
        expected = ((num_queries,), np.uint32), ((num_queries,), np.int32)
        if kinds != list(expected):
            raise ValueError("it is of other test images")
        marks = kept["marks"].tolist()
        return _Count(
            int(kept["done"]),
            found,
            dict(zip(marks, kept["errors"].tolist(), strict=True)),
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise errors.InputError(
            f"{file} is damaged ({error}); delete it to count anew."
        ) from error
