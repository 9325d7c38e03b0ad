import os
import signal
import threading

import pytest

from dcgan_jax.system.signals import STOPPING
from dcgan_jax.train import signals


@pytest.mark.parametrize("number", STOPPING)
def test_a_run_hears_the_first_signal_and_goes_on(number):
    with signals.heed() as heard:
        os.kill(os.getpid(), number)
    assert heard == [number]


def test_a_hangup_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with signals.heed() as heard:
            os.kill(os.getpid(), signal.SIGHUP)
        assert heard == []
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_as_before_behind_the_block():
    before = [signal.getsignal(number) for number in STOPPING]
    with signals.heed():
        pass
    assert [signal.getsignal(number) for number in STOPPING] == before


def test_outside_the_main_thread_nothing_is_heard_and_nothing_breaks():
    found = []

    def look():
        with signals.heed() as heard:
            found.append(list(heard))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [[]]
