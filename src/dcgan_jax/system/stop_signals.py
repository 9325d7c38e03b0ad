"""The signals that ask a process to end, and what hears them."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Ctrl-C; the system or a scheduler; a terminal that is gone, as after a dropped ssh.
ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def handled(handlers: Mapping[Any, Callable[[int, Any], None]]) -> Iterator[None]:
    """Have signals call functions within a block.

    A SIGHUP that is ignored stays so: that is what nohup asks for. Outside the main
    thread, where Python hears no signals, nothing changes.

    Args:
        handlers: number → function of the number and the frame.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for number, handler in handlers.items():
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, former in before.items():
            # None stands for one that is not Python's.
            signal.signal(number, signal.SIG_DFL if former is None else former)
