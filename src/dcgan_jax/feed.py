"""Minibatches on the device, read and sent by a thread one chunk ahead of the steps."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np

from dcgan_jax import backend
from dcgan_jax.data import batches
from dcgan_jax.data.batches import Batch

# Of images that one dispatch carries.
CHUNK_BYTES = 16 << 20
MAX_STEPS = 64
# A chunk of steps lasts about this long, so that a signal is soon heard.
CHUNK_SECONDS = 2.0


class Chunk(NamedTuple):
    """Consecutive steps' minibatches.

    Attributes:
        first_step: the step before which the chunk begins.
        num_steps: steps in it.
        batch: images (capacity, k, batch, height, width, channels) on the device, zeros
            after the first `num_steps`; labels (capacity, k, batch) or None.
    """

    first_step: int
    num_steps: int
    batch: Batch


class Feed:
    """Reads the chunks that it is asked for in advance.

    Attributes:
        capacity: most steps that a chunk can hold.
        wait_seconds: time that `take` has waited for data, since the start.
    """

    def __init__(
        self, rows: batches.Rows, *, batch_size: int, num_d_steps: int, seed: int
    ) -> None:
        self._rows = rows
        self._batch_size = batch_size
        self._num_d_steps = num_d_steps
        self._seed = seed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._next: Future[Chunk] | None = None
        one = rows.rows(np.array([0])).images
        self._image_shape = one.shape[1:]
        step_bytes = one.nbytes * batch_size * num_d_steps
        self.capacity = int(np.clip(CHUNK_BYTES // step_bytes, 2, MAX_STEPS))
        self.wait_seconds = 0.0

    def ask(self, first_step: int, count: int) -> None:
        """Begin to read a chunk; the next `take` returns it."""
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
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _read(self, first_step: int, count: int) -> Chunk:
        k = self._num_d_steps
        images, labels = batches.read_chunk(
            self._rows,
            first_step * k,
            count=count * k,
            batch_size=self._batch_size,
            seed=self._seed,
        )
        missing = (self.capacity - count, k, self._batch_size)
        batch = Batch(
            _extend(images.reshape(count, k, *images.shape[1:]), missing),
            None if labels is None else _extend(labels.reshape(count, k, -1), missing),
        )
        return Chunk(first_step, count, jax.device_put(batch))


class Pace:
    """How many steps a chunk may hold to last about CHUNK_SECONDS.

    On an accelerator, where the length is compiled in, it is the capacity.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._adaptive = not backend.is_accelerator()
        self.num_steps = 1 if self._adaptive else capacity
        self._last: float | None = None

    def note(self, count: int) -> None:
        """Take notice that `count` steps have just ended."""
        now = time.perf_counter()
        if self._adaptive and self._last is not None:
            step_seconds = (now - self._last) / count
            fitting = int(CHUNK_SECONDS / max(step_seconds, 1e-6))
            self.num_steps = min(max(fitting, 1), self._capacity)
        self._last = now


def _extend(array: np.ndarray, missing: tuple[int, int, int]) -> np.ndarray:
    """Append zeros, so that chunks of all lengths have one shape."""
    zeros = np.zeros((*missing, *array.shape[3:]), array.dtype)
    return np.concatenate([array, zeros]) if len(zeros) else array
