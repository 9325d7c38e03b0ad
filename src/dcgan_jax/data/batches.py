"""Which rows make up the n-th minibatch: a pure function of a number."""

import functools
from typing import NamedTuple, Protocol

import numpy as np

from dcgan_jax import errors


class Batch(NamedTuple):
    """Images with their labels."""

    images: np.ndarray
    """uint8, (..., H, W, C)."""
    labels: np.ndarray | None
    """int32, (...); None where the data set has none."""


class Rows(Protocol):
    """What a chunk of minibatches is read from: a store, or arrays in a test."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def rows(self, indices: np.ndarray) -> Batch:
        """Gather rows."""


@functools.lru_cache(maxsize=2)  # a chunk of minibatches may reach into the next epoch
def epoch_order(num_rows: int, seed: int, *, epoch: int) -> np.ndarray:
    """Shuffle the rows for one epoch.

    The raw stream of Philox is specified, unlike numpy's `permutation`, so the order is
    the same with every version of numpy.

    Args:
        num_rows: size of the data set.
        seed: the run's seed.
        epoch: counted from 0.

    Returns:
        A read-only permutation of 0 … num_rows − 1, int64.
    """
    key = np.array([seed % 2**64, epoch], np.uint64)
    order = np.argsort(np.random.Philox(key=key).random_raw(num_rows), kind="stable")
    order.setflags(write=False)
    return order


def batches_per_epoch(num_rows: int, batch_size: int) -> int:
    """Count the whole minibatches of an epoch; a last partial one is dropped.

    Raises:
        InputError: if there are fewer rows than one minibatch takes.
    """
    if batch_size < 1:
        raise errors.InputError(f"batch_size is {batch_size}, expected at least 1")
    if num_rows < batch_size:
        raise errors.InputError(
            f"batch_size {batch_size} is larger than the data set, which has"
            f" {num_rows} images; choose a --batch_size of at most {num_rows}"
        )
    return num_rows // batch_size


def batch_rows(num_rows: int, batch_size: int, *, seed: int, index: int) -> np.ndarray:
    """Return the rows of a minibatch.

    Args:
        num_rows: size of the data set.
        batch_size: rows per minibatch.
        seed: the run's seed.
        index: minibatches since the start of the run, across epochs.

    Returns:
        Row numbers, (batch_size,).

    Raises:
        InputError: if there are fewer rows than one minibatch takes.
    """
    epoch, position = divmod(index, batches_per_epoch(num_rows, batch_size))
    order = epoch_order(num_rows, seed, epoch=epoch)
    return order[position * batch_size : (position + 1) * batch_size]


def read_chunk(
    store: Rows, start: int, *, count: int, batch_size: int, seed: int
) -> Batch:
    """Read consecutive minibatches in one go, for a scanned run of steps.

    Args:
        store: the prepared data.
        start: index of the first minibatch since the start of the run.
        count: number of minibatches.
        batch_size: rows per minibatch.
        seed: the run's seed.

    Returns:
        images (count, batch_size, H, W, C) and labels (count, batch_size) or None.

    Raises:
        InputError: if there are fewer rows than one minibatch takes.
    """
    indices = np.concatenate(
        [
            batch_rows(len(store), batch_size, seed=seed, index=index)
            for index in range(start, start + count)
        ]
    )
    images, labels = store.rows(indices)
    lead = (count, batch_size)
    return Batch(
        images.reshape(lead + images.shape[1:]),
        None if labels is None else labels.reshape(lead),
    )
