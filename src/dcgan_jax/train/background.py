"""Jobs that one thread does in order beside the steps, with errors that come back."""

import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

Settings = Callable[[], contextlib.AbstractContextManager[object]]


class Background:
    """Does jobs one after the other in a thread of its own.

    After a job that fails, no other is done; its error is raised where the next job is
    given, or where the jobs are waited for.

    Args:
        name: of the thread.
        settings: opens a context for each job, since settings of JAX are a thread's.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._settings = settings
        self._waiting: deque[Future[None]] = deque()
        self._has_failed = False

    def give(self, job: Callable[[], None]) -> None:
        """Have a job done when those before it are."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._do, job))

    def wait(self) -> None:
        """Return once all jobs are done."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """End the thread; a job that has begun is finished, the others are dropped."""
        self._thread.shutdown(cancel_futures=True)

    def _do(self, job: Callable[[], None]) -> None:
        if self._has_failed:
            return
        try:
            with self._settings():
                job()
        except BaseException:
            self._has_failed = True
            raise
