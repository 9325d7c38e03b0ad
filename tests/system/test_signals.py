"""Signals are answered in the main thread, and nothing is changed in any other."""

import signal
import threading

from dcgan_jax.system import signals


def test_a_signal_is_answered_and_then_as_before():
    before, heard = signal.getsignal(signal.SIGTERM), []
    with signals.answering({signal.SIGTERM: lambda number, _: heard.append(number)}):
        signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_changes_nothing():
    seen = []

    def look():
        with signals.answering({signal.SIGTERM: lambda *_: None}):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
