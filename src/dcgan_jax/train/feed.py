"""Minibatches on the device, read and sent by a thread one chunk ahead of the steps."""

import math
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.data import batches
from dcgan_jax.data.batches import Batch, RowStore, Schedule
from dcgan_jax.data.readahead import ReadAhead
from dcgan_jax.data.store import Store
from dcgan_jax.system import backend
from dcgan_jax.train import device_batches, mesh
from dcgan_jax.train.device_batches import DeviceBatches, ResidentBatches
from dcgan_jax.train.timetable import list_intervals

# The most bytes of images that one dispatch carries.
CHUNK_BYTES = 16 << 20
MAX_STEPS = 64
_LEAST_FULL = 8
# Where XLA's CPU backend takes numpy's memory for its own, without a copy.
_ALIGNMENT = 64


class Chunk(NamedTuple):
    """The minibatches of consecutive steps.

    Attributes:
        first_step: the number of steps before it.
        num_steps: the number of steps in it.
        batches: on the device; what follows the first `num_steps` is arbitrary.
    """

    first_step: int
    num_steps: int
    batches: DeviceBatches


class Feed:
    """Reads the chunks that it is asked for in advance.

    Args:
        rows: the data.
        schedule: their order.
        num_d_steps: k, the number of minibatches of a step.
        resident: keep all data on the device, so that only numbers of rows travel.
        ends: numbers of steps at whose multiples chunks end, where that matters.

    Attributes:
        capacity: the largest number of steps that a chunk can hold.
        wait_seconds: the time that `take` has waited for data, since the start.
    """

    def __init__(
        self,
        rows: RowStore,
        schedule: Schedule,
        *,
        num_d_steps: int,
        resident: bool,
        ends: Sequence[int] = (),
    ) -> None:
        self._rows = rows
        self._schedule = schedule
        self._num_d_steps = num_d_steps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._read_ahead = ReadAhead(rows, schedule)
        self._next: Future[Chunk] | None = None
        one = rows.rows(np.array([0])).images
        step_bytes = one.nbytes * schedule.part_size * num_d_steps
        most = int(np.clip(CHUNK_BYTES // step_bytes, 2, MAX_STEPS))
        self.capacity = choose_capacity(most, ends)
        self._shape = (self.capacity, num_d_steps, schedule.part_size)
        self._image_shape = one.shape[1:]
        self._buffers = Buffers(self.capacity * step_bytes)
        self._data = device_batches.upload(rows) if resident else None
        self.wait_seconds = 0.0

    def ask(self, first_step: int, count: int) -> None:
        """Begin to read a chunk, which the next `take` returns; none of 0 steps."""
        if count == 0:
            return
        self._next = self._thread.submit(self._read, first_step, count)

    def take(self) -> Chunk:
        """Return the chunk that was asked for, waiting if it is not there yet."""
        if self._next is None:
            raise RuntimeError("take without ask")
        begin = time.perf_counter()
        chunk = self._next.result()
        self.wait_seconds += time.perf_counter() - begin
        self._next = None
        return chunk

    def close(self) -> None:
        """End the threads."""
        self._thread.shutdown(cancel_futures=True)
        self._read_ahead.close()

    def _read(self, first_step: int, count: int) -> Chunk:
        start, count_batches = first_step * self._num_d_steps, count * self._num_d_steps
        rows = batches.chunk_rows(self._schedule, start, count=count_batches).ravel()
        if self._data is not None:
            own = mesh.join_parts(self._pad(rows), axis=2)
            return Chunk(first_step, count, ResidentBatches(self._data, own))
        self._read_ahead.prepare(start, count=count_batches)
        images = self._buffers.lease().reshape(-1, *self._image_shape)
        _, labels = self._rows.rows(rows, images[: len(rows)])
        own_batches = Batch(
            images.reshape(*self._shape, *self._image_shape),
            None if labels is None else self._pad(labels),
        )
        return Chunk(first_step, count, mesh.join_parts(own_batches, axis=2))

    def _pad(self, values: np.ndarray) -> np.ndarray:
        """Bring chunks of all lengths into one shape."""
        padded = np.zeros(self._shape, np.int32)
        padded.ravel()[: len(values)] = values
        return padded


def open_feed(store: Store, config: TrainConfig) -> Feed:
    """Make the feed of a run; it keeps small data on the device where that helps."""
    shuffle = batches.choose_shuffle(config.shuffle, store.num_bytes)
    num_rows = batches.count_training_rows(len(store), config.held_out)
    ends = []
    if backend.is_accelerator():  # where full chunks have a program of their own
        ends = list_intervals(config)
        ends.append(batches.count_run_steps(config, num_rows))
    return Feed(
        store,
        Schedule(
            num_rows,
            config.batch_size,
            config.seed,
            shuffle,
            part=jax.process_index(),
            num_parts=jax.process_count(),
        ),
        num_d_steps=config.num_d_steps,
        resident=device_batches.fits_device(store.num_bytes),
        ends=ends,
    )


def choose_capacity(most: int, ends: Sequence[int]) -> int:
    """Return how many steps a full chunk holds, so that few chunks are shorter.

    Args:
        most: what there is room for.
        ends: numbers of steps at whose multiples chunks end, the last that of the run.

    Returns:
        The largest number that divides them all, or all but the last; `most` where
        these are tiny.
    """
    for own in (ends, ends[:-1]):
        common = math.gcd(*own)
        fitting = max((n for n in range(1, most + 1) if common % n == 0), default=1)
        if own and fitting >= min(_LEAST_FULL, most):
            return fitting
    return most


class Buffers:
    """Memory of one size that is used again once nothing reads it any more.

    Fresh memory costs as much as filling it, since the system hands it out page by page
    and zeroed.
    """

    def __init__(self, num_bytes: int) -> None:
        self._num_bytes = num_bytes
        self._free: list[np.ndarray] = []

    def lease(self) -> np.ndarray:
        """Return uint8 (num_bytes,), aligned for use by the device in place.

        It comes back by itself: JAX holds an array that it was given until the last
        computation that reads its memory has ended.
        """
        try:
            memory = self._free.pop()
        except IndexError:
            memory = self._allocate()
        # Views name as their base the array that owns the memory. Behind a memoryview
        # there is none, so they name `leased`, which therefore lives as long as they.
        leased = np.frombuffer(memoryview(memory), np.uint8)  # type: ignore[arg-type]
        weakref.finalize(leased, self._free.append, memory).atexit = False
        return leased

    def _allocate(self) -> np.ndarray:
        memory = np.empty(self._num_bytes + _ALIGNMENT, np.uint8)
        begin = -memory.ctypes.data % _ALIGNMENT
        return memory[begin : begin + self._num_bytes]
