"""Ctrl-C and SIGTERM as something to look at between two chunks of steps."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def heed() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list in place of dying of the first one.

    A second SIGINT interrupts at once. Outside the main thread, where Python hears no
    signals, the list stays empty.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def note(number: int, frame: object) -> None:
        del frame
        if heard and number == signal.SIGINT:
            raise KeyboardInterrupt
        heard.append(number)

    before = {
        number: signal.signal(number, note)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield heard
    finally:
        for number, handler in before.items():
            # None stands for one that is not Python's.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
