"""Answers to signals for a while, where Python hears signals at all."""

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
    """Answer signals by functions, then as before.

    Python hears signals in the main thread alone; in any other nothing is changed. A
    SIGHUP that is ignored stays so: that is what nohup asks for.

    Args:
        handlers: signal → what is called with its number and the stack's frame.
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
