"""Decode records, in this process or in several, which must start fast."""

import collections
import concurrent.futures
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable
from typing import NamedTuple

import numpy as np

from dcgan_jax import errors
from dcgan_jax.data import transforms
from dcgan_jax.data.sources.base import BrokenImage, Source
from dcgan_jax.data.transforms import Transform

# Starting processes takes about a second; so many small images are decoded meanwhile.
_IN_PROCESS_UP_TO = 2000
_CHUNK_ROWS = 128
# The parent takes nothing while it writes a shard; decoding goes on meanwhile.
_CHUNKS_AHEAD_PER_WORKER = 6
# From SIGTERM to a worker's end.
_GRACE_SECONDS = 2.0


class Decoded(NamedTuple):
    """A run of decoded records."""

    positions: np.ndarray
    """Where they belong, (n,); images that are broken have none."""
    images: np.ndarray
    """uint8, (n, H, W, C)."""
    labels: np.ndarray
    """int32, (n,); −1 without a label."""
    broken: list[tuple[str, str]]
    """Names and reasons."""
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
    for position, index in zip(work.positions, work.indices, strict=True):
        name = f"image {index}"
        try:
            name, content, label = source[int(index)]
            images.append(transforms.apply(content, transform))
        except BrokenImage as error:
            broken.append((error.name or name, str(error)))
            continue
        except transforms.ImageTooSmall as error:
            raise errors.InputError(
                f"{name} has {error}, smaller than --image_size={transform.image_size};"
                " choose a smaller size, or pass --upscale to enlarge such images"
            ) from None
        positions.append(position)
        labels.append(-1 if label is None else label)
    side, channels = transform.image_size, transform.channels
    return Decoded(
        np.array(positions, np.int64),
        np.array(images, np.uint8).reshape(-1, side, side, channels),
        np.array(labels, np.int32),
        broken,
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
    if num_workers < 0:
        raise errors.InputError(f"--num_workers={num_workers}, expected 0 or more")
    count = num_workers or _count_cores()
    if count == 1 or (num_workers == 0 and len(source) <= _IN_PROCESS_UP_TO):
        yield from map(functools.partial(decode, source, transform), works)
        return
    executor = concurrent.futures.ProcessPoolExecutor(
        count,
        # spawn: the threads of TensorFlow, if it built the data set, survive no fork.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(source, transform),
    )
    try:
        pending: collections.deque[concurrent.futures.Future[Decoded]]
        pending = collections.deque()
        for work in works:
            pending.append(executor.submit(_decode_in_worker, work))
            if len(pending) > count * _CHUNKS_AHEAD_PER_WORKER:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise errors.InputError(
            "a decoding process was killed, perhaps for want of memory; run the command"
            f" again with fewer than --num_workers={count}"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: the cores that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_worker_state: tuple[Source, Transform] | None = None


def _start_worker(source: Source, transform: Transform) -> None:
    global _worker_state  # noqa: PLW0603 - a process pool offers no other place
    _worker_state = source, transform
    # Ctrl-C reaches the whole group; the parent alone decides and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So does SIGTERM. A worker that it ended halfway through sending would leave the
    # pool reading for the other half forever; the pool itself uses it to end the rest.
    signal.signal(signal.SIGTERM, lambda *_: _end_later())
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_later() -> None:
    timer = threading.Timer(_GRACE_SECONDS, os._exit, [1])
    timer.daemon = True
    timer.start()


def _end_with_parent() -> None:
    """End this process when its parent is gone, however that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _decode_in_worker(work: Work) -> Decoded:
    if _worker_state is None:
        raise RuntimeError("the worker was not started with a source")
    source, transform = _worker_state
    return decode(source, transform, work)
