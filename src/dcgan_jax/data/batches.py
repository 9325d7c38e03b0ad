"""Which rows make up the n-th minibatch: a pure function of a number."""

import dataclasses
import functools
import logging
import math
from typing import NamedTuple, Protocol

import numpy as np

from dcgan_jax.config import Shuffle, TrainConfig
from dcgan_jax.system import errors, marks

# In a block shuffle this many rows that follow each other on the disk stay together,
BLOCK_ROWS = 256
# until this many rows, brought into memory together, are shuffled one by one.
POOL_ROWS = 64 * BLOCK_ROWS
# Beyond this size of all pixels "auto" shuffles blocks. It does not depend on the free
# memory: a run that goes on, perhaps on another machine, must find its order again.
BLOCKS_FROM_BYTES = 8 << 30


_LOG = logging.getLogger(__name__)


class Batch(NamedTuple):
    """Images with their labels: a minibatch, or several along the first axes."""

    images: np.ndarray
    """uint8, (..., H, W, C)."""
    labels: np.ndarray | None
    """int32, (...); None where the data set has none."""


class RowStore(Protocol):
    """The rows that minibatches are read from: a store's, or arrays in memory."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def rows(self, indices: np.ndarray, out: np.ndarray | None = None) -> Batch:
        """Gather rows, the images into `out` (n, H, W, C) where it is given."""

    def will_read(self, indices: np.ndarray) -> None:
        """Take notice that rows will be gathered soon."""


class Schedule(NamedTuple):
    """All that the order of a run's minibatches depends on."""

    num_rows: int
    """The size of the data set."""
    batch_size: int
    """The number of rows in a minibatch."""
    seed: int
    """The run's seed."""
    shuffle: Shuffle
    """`rows` for `epoch_order`, `blocks` for `block_order`; never `auto`."""
    part: int = 0
    """The part of every minibatch that this process takes; the first is 0."""
    num_parts: int = 1
    """The number of equal parts of a minibatch, one for each process of the run."""

    @property
    def part_size(self) -> int:
        """The number of a minibatch's rows that this process takes."""
        return self.batch_size // self.num_parts


def choose_shuffle(shuffle: Shuffle, num_bytes: int) -> Shuffle:
    """Settle "auto" by the size of the data alone.

    Args:
        shuffle: the shuffle that is asked for.
        num_bytes: the size of all pixels.

    Returns:
        `rows` or `blocks`.
    """
    if shuffle != "auto":
        return shuffle
    return "blocks" if num_bytes > BLOCKS_FROM_BYTES else "rows"


def count_training_rows(num_rows: int, held_out: int) -> int:
    """Return how many of a store's first rows are trained on.

    Raises:
        InputError: if no row is left.
    """
    if held_out >= num_rows:
        raise errors.InputError(
            f"--held_out={held_out} leaves nothing of the data set, which has"
            f" {num_rows} images; hold out fewer of them"
        )
    return num_rows - held_out


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
    order = np.argsort(_draw_words(num_rows, seed, epoch), kind="stable")
    order.setflags(write=False)
    return order


@functools.lru_cache(maxsize=2)
def block_order(num_rows: int, seed: int, *, epoch: int) -> np.ndarray:
    """Shuffle blocks of consecutive rows for one epoch, then rows within pools of them.

    A disk reads a block in one go, and only two pools need to fit into memory. The rows
    are shuffled in the store already, so that neighbours have nothing else in common.

    Args:
        num_rows: size of the data set.
        seed: the run's seed.
        epoch: counted from 0.

    Returns:
        A read-only permutation of 0 … num_rows − 1, int64, whose every stretch of
        POOL_ROWS from the start is made of whole blocks; the rows that fill no block
        are in the last.
    """
    num_blocks = num_rows // BLOCK_ROWS
    words = _draw_words(1 + num_blocks + num_rows, seed, epoch)
    # Blocks begin elsewhere in every epoch, so that no row is always among the last.
    first = int(words[0] % np.uint64(num_rows))
    blocks = np.argsort(words[1 : 1 + num_blocks], kind="stable")
    order = np.arange(num_rows)
    in_blocks = order[: num_blocks * BLOCK_ROWS].reshape(num_blocks, BLOCK_ROWS)
    in_blocks[:] = in_blocks[blocks]
    row_words = words[1 + num_blocks :]
    for start in range(0, num_rows, POOL_ROWS):
        pool = order[start : start + POOL_ROWS]
        pool[:] = pool[np.argsort(row_words[start : start + POOL_ROWS], kind="stable")]
    order += first
    order %= num_rows
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


def settle_batch_size(
    config: TrainConfig, num_rows: int, *, num_devices: int
) -> TrainConfig:
    """Take smaller minibatches where a user's own images are too few for the recipe's.

    Args:
        config: the run's config.
        num_rows: images that it is trained on.
        num_devices: each takes an equal part of a minibatch.

    Returns:
        The config, with the largest size that the images allow.

    Raises:
        InputError: if there are too few images for any.
    """
    if config.dataset not in ("folder", "arrays") or config.batch_size <= num_rows:
        return config
    fitting = num_rows // num_devices * num_devices
    if fitting < 2:
        least = max(2, num_devices)
        count = "1 image" if num_rows == 1 else f"{num_rows} images"
        raise errors.InputError(
            f"there is {count} to train on, and a minibatch takes at least {least}; add"
            " images to the data set"
        )
    _LOG.info(
        "%d images: minibatches of %d in place of %d", num_rows, fitting,
        config.batch_size,
    )  # fmt: skip
    return dataclasses.replace(config, batch_size=fitting)


def count_run_steps(config: TrainConfig, num_rows: int) -> int:
    """Return the length of a run over `num_rows` images, in steps.

    Raises:
        InputError: if a minibatch is larger than the data, or steps cannot be counted.
    """
    per_epoch = batches_per_epoch(num_rows, config.batch_size)
    if config.num_steps is not None:
        return config.num_steps
    num_steps = config.num_epochs * per_epoch / config.num_d_steps
    if num_steps > marks.MOST:
        raise errors.InputError(
            f"--num_epochs={config.num_epochs:g} are {num_steps:.3g} steps; a run has"
            f" at most {marks.MOST:,}. Ask for fewer."
        )
    return math.ceil(num_steps)


def batch_rows(schedule: Schedule, index: int) -> np.ndarray:
    """Return the rows of this process's part of a minibatch.

    Args:
        schedule: what the order depends on.
        index: the number of minibatches before it since the start of the run.

    Returns:
        Row numbers, (part_size,).

    Raises:
        InputError: if there are fewer rows than one minibatch takes.
    """
    epoch, place = _locate(schedule, index)
    place += schedule.part * schedule.part_size
    return _order(schedule, epoch)[place : place + schedule.part_size]


def chunk_rows(schedule: Schedule, start: int, *, count: int) -> np.ndarray:
    """Return the rows of `count` minibatches, the first of index `start`.

    Returns:
        Row numbers, (count, part_size).
    """
    return np.stack(
        [batch_rows(schedule, index) for index in range(start, start + count)]
    )


def window_of(schedule: Schedule, index: int) -> int:
    """Return the last window that a minibatch takes rows from.

    A window is a stretch of POOL_ROWS places of an epoch's order, of which the last may
    be shorter. It is what is read ahead at once. Windows are counted across epochs.
    """
    epoch, place = _locate(schedule, index)
    last_place = place + schedule.batch_size - 1
    return epoch * _windows_per_epoch(schedule) + last_place // POOL_ROWS


def window_rows(schedule: Schedule, window: int) -> np.ndarray:
    """Return this process's rows of a window, in their order."""
    epoch, position = divmod(window, _windows_per_epoch(schedule))
    start = position * POOL_ROWS
    rows = _order(schedule, epoch)[start : start + POOL_ROWS]
    if schedule.num_parts == 1:
        return rows
    places = np.arange(start, start + len(rows)) % schedule.batch_size
    return rows[places // schedule.part_size == schedule.part]


def _draw_words(count: int, seed: int, epoch: int) -> np.ndarray:
    key = np.array([seed % 2**64, epoch], np.uint64)
    return np.random.Philox(key=key).random_raw(count)


def _order(schedule: Schedule, epoch: int) -> np.ndarray:
    shuffle = {"rows": epoch_order, "blocks": block_order}[schedule.shuffle]
    return shuffle(schedule.num_rows, schedule.seed, epoch=epoch)


def _locate(schedule: Schedule, index: int) -> tuple[int, int]:
    """Return the epoch of a minibatch and where in its order it begins."""
    per_epoch = batches_per_epoch(schedule.num_rows, schedule.batch_size)
    epoch, position = divmod(index, per_epoch)
    return epoch, position * schedule.batch_size


def _windows_per_epoch(schedule: Schedule) -> int:
    return -(-schedule.num_rows // POOL_ROWS)
