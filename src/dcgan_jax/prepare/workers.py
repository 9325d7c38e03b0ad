"""Call a function in several processes; a killed one is noticed, never waited for.

Each process has a connection of its own, of which it alone holds the other end. So its
death ends the connection, also halfway through a message. In the pools of the standard
library all share a pipe: they wait forever for the rest of such a message.
"""

import collections
import concurrent.futures
import contextlib
import queue
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from dcgan_jax.system import errors, signals, surroundings

Item = TypeVar("Item")
Result = TypeVar("Result")

# A fresh interpreter: the threads of TensorFlow, if it built the data set, survive no
# fork. Not by `multiprocessing`, which would run the user's script in it once more: one
# that prepares data outside of `if __name__ == "__main__"` would wait for itself.
_START = (
    "import sys; sys.path[:] = {path!r};"
    "from dcgan_jax.prepare import workers; workers.serve_parent({number})"
)
# The parent takes nothing while it writes to disk; work goes on meanwhile.
_AHEAD_PER_WORKER = 6


class WorkerKilledError(RuntimeError):
    """Report a process that ended before it answered."""


def share_out(
    function: Callable[[Item], Result], items: Iterable[Item], *, num_workers: int
) -> Generator[Result]:
    """Call a function on each item as --num_workers says; yield in the items' order.

    Args:
        function: pickled, and sent to each process once.
        items: taken a few ahead.
        num_workers: processes; 0 takes one per CPU core, 1 none but this one.

    Raises:
        InputError: if num_workers is negative or a worker process was killed.
    """
    if num_workers < 0:
        raise errors.InputError(f"--num_workers={num_workers}, expected 0 or more")
    count = num_workers or surroundings.count_cores()
    if count == 1:
        yield from map(function, items)
        return
    try:
        yield from map_in_order(
            function, items, num_workers=count, num_ahead=count * _AHEAD_PER_WORKER
        )
    except WorkerKilledError as error:
        raise errors.InputError(
            "a worker process was killed, perhaps for want of memory; run the command"
            f" again with fewer than --num_workers={count}"
        ) from error


def map_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    num_workers: int,
    num_ahead: int,
) -> Generator[Result]:
    """Call a function on each item in worker processes; yield in the items' order.

    Args:
        function: pickled, and sent to each process once.
        items: taken as they are needed.
        num_workers: processes.
        num_ahead: items taken before the first result is.

    Raises:
        WorkerKilledError: if a process ended before it answered.
        Exception: what the function raises.
    """
    workers = [_Worker() for _ in range(num_workers)]
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def call(item: Item) -> Result:
        worker = idle.get()
        try:
            return worker.call(function, item)  # type: ignore[no-any-return]
        finally:
            idle.put(worker)

    threads = concurrent.futures.ThreadPoolExecutor(num_workers)
    pending: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    try:
        for item in items:
            pending.append(threads.submit(call, item))
            if len(pending) > num_ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        # Before the threads, which wait for them.
        for worker in workers:
            worker.end()
        threads.shutdown()


class _Worker:
    """A process that answers calls, one at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:  # closed here, else its end would not be noticed
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=sys.path, number=number)],
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
            )
        self._has_function = False

    def call(self, function: Callable[[Any], Any], item: Any) -> Any:
        try:
            if not self._has_function:
                self._connection.send(function)
                self._has_function = True
            self._connection.send(item)
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerKilledError("a process ended before it answered") from error
        if not succeeded:
            raise answer
        return answer

    def end(self) -> None:
        self._process.kill()  # it holds nothing that others wait for
        self._process.wait()
        self._connection.close()


def serve_parent(descriptor: int) -> None:
    """Answer the calls that come through a socket, until its other end is closed."""
    connection = Connection(descriptor)
    # Signals that stop may reach the whole group; the parent alone decides, and ends
    # the workers.
    for number in signals.STOPPING:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        function = connection.recv()
        while True:
            connection.send(_answer(function, connection.recv()))


def _answer(function: Callable[[Any], Any], item: Any) -> tuple[bool, Any]:
    try:
        return True, function(item)
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return False, error
