"""Work shared out among processes, which end when they are told to or left alone."""

import collections
import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from dcgan_jax import errors

W = TypeVar("W")
R = TypeVar("R")
# The parent takes nothing while it writes to disk; work goes on meanwhile.
_AHEAD_PER_WORKER = 6
# From SIGTERM to a worker's end.
_GRACE_SECONDS = 2.0


def map_in_order(
    task: Callable[[W], R], works: Iterable[W], *, num_workers: int
) -> Generator[R]:
    """Call a function on each piece of work; yield what it returns, in their order.

    Args:
        task: pickled into each worker process once.
        works: the pieces; taken a few ahead.
        num_workers: processes; 0 takes one per CPU core, 1 none but this one.

    Raises:
        InputError: if num_workers is negative or a worker process was killed.
    """
    if num_workers < 0:
        raise errors.InputError(f"--num_workers={num_workers}, expected 0 or more")
    count = num_workers or _count_cores()
    if count == 1:
        yield from map(task, works)
        return
    executor = concurrent.futures.ProcessPoolExecutor(
        count,
        # spawn: the threads of TensorFlow, if it built the data set, survive no fork.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(task,),
    )
    try:
        pending: collections.deque[concurrent.futures.Future[R]]
        pending = collections.deque()
        for work in works:
            pending.append(executor.submit(_run_in_worker, work))
            if len(pending) > count * _AHEAD_PER_WORKER:
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


_worker_task: Callable[[Any], Any] | None = None


def _start_worker(task: Callable[[Any], Any]) -> None:
    global _worker_task  # noqa: PLW0603 - a process pool offers no other place
    _worker_task = task
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


def _run_in_worker(work: Any) -> Any:
    if _worker_task is None:
        raise RuntimeError("the worker was not started with a task")
    return _worker_task(work)
