import os
import signal

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
