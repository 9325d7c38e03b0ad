"""Bring rows from the disk into memory before minibatches are gathered from them."""

from concurrent.futures import Future, ThreadPoolExecutor

from dcgan_jax.data import batches
from dcgan_jax.data.batches import RowStore, Schedule


class ReadAhead:
    """Ask for the window of rows that is in use and, meanwhile, for the next.

    Args:
        rows: the data that are read.
        schedule: the order in which they are read.
    """

    def __init__(self, rows: RowStore, schedule: Schedule) -> None:
        self._rows = rows
        self._schedule = schedule
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readahead")
        self._asked: dict[int, Future[None]] = {}

    def prepare(self, start: int, *, count: int) -> None:
        """Return once the rows of minibatches have been asked for.

        Args:
            start: the index of the first minibatch, which rises from call to call.
            count: the number of minibatches.
        """
        first = batches.window_of(self._schedule, start)
        last = batches.window_of(self._schedule, start + count - 1)
        for window in range(first, last + 2):
            if window not in self._asked:
                self._asked[window] = self._thread.submit(self._ask, window)
        for window in range(first, last + 1):
            self._asked[window].result()
        for past in [window for window in self._asked if window < first]:
            del self._asked[past]

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _ask(self, window: int) -> None:
        self._rows.will_read(batches.window_rows(self._schedule, window))
