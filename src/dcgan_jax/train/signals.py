"""Ctrl-C, SIGTERM and SIGHUP as something to look at between two chunks of steps."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from tqdm import tqdm

from dcgan_jax.system import signals

_END = 0


@contextlib.contextmanager
def heed() -> Iterator[list[int]]:
    """Collect the signals that stop a run in a list in place of dying of the first.

    The first is answered by a line at once. A second SIGINT interrupts as soon as
    Python has its turn. Outside the main thread, where Python hears no signals, the
    list stays empty.
    """
    heard: list[int] = []

    def note(number: int, frame: object) -> None:
        del frame
        if heard and number == signal.SIGINT:
            raise KeyboardInterrupt
        heard.append(number)

    handlers = dict.fromkeys(signals.STOPPING, note)
    with signals.answering(handlers), _answered_at_once():
        yield heard


@contextlib.contextmanager
def _answered_at_once() -> Iterator[None]:
    """Have a thread say that a signal has come, also while XLA compiles for a minute.

    Python calls handlers between two of its own instructions alone, but writes the
    number of a signal into a pipe as it comes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_answer, args=(reader,), name="signals")
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.write(writer, bytes([_END]))
        thread.join()
        os.close(reader)
        os.close(writer)


def _answer(reader: int) -> None:
    count = 0
    while (number := os.read(reader, 1)[0]) != _END:
        if number not in signals.STOPPING:
            continue
        count += 1
        if count == 1:
            told = "stopping after this chunk of steps, then saving …"
            if number == signal.SIGINT:
                told += " (Ctrl-C again stops without saving)"
            tqdm.write(told, file=sys.stderr)
