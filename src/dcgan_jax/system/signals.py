"""Handlers of signals that are in place for a while."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

# Ctrl-C; the system or a scheduler; a terminal that is gone, as after a dropped ssh.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]


@contextlib.contextmanager
def answering(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Answer signals by functions within a block, and afterwards as before.

    Python hears signals in the main thread alone, so nothing changes in another one. A
    SIGHUP that is ignored stays ignored, which is what nohup asks for.

    Args:
        handlers: signal → the function that is called with its number and the frame.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for one that is not Python's.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
