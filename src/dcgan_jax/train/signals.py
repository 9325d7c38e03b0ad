"""Ctrl-C, SIGTERM and SIGHUP as something to look at between two chunks of steps."""

import contextlib
import signal
from collections.abc import Iterator

from dcgan_jax.system import signals


@contextlib.contextmanager
def heed() -> Iterator[list[int]]:
    """Collect the signals that stop a run in a list in place of dying of the first.

    A second SIGINT interrupts at once. Outside the main thread, where Python hears no
    signals, the list stays empty.
    """
    heard: list[int] = []

    def note(number: int, frame: object) -> None:
        del frame
        if heard and number == signal.SIGINT:
            raise KeyboardInterrupt
        heard.append(number)

    with signals.answering(dict.fromkeys(signals.STOPPING, note)):
        yield heard
