import dataclasses
import hashlib
import os
import signal
import threading
import time

import pytest

from dcgan_jax.system.signals import STOPPING
from dcgan_jax.train import signals, start


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


def test_a_signal_is_answered_while_python_cannot_answer_it(monkeypatch):
    said = []
    monkeypatch.setattr(
        signals.tqdm, "write", lambda text, file: said.append((time.monotonic(), text))
    )
    with signals.heed() as heard:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        # Without the lock of Python, and deaf to signals, as XLA is while it compiles.
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000)
        ended = time.monotonic()
        assert heard == [signal.SIGINT]
    ((when, text),) = said
    assert when < ended - 0.1
    assert text.startswith("stopping after this chunk of steps, then saving")
    assert "Ctrl-C again stops without saving" in text


def test_a_second_ctrl_c_interrupts():
    with signals.heed() as heard:
        os.kill(os.getpid(), signal.SIGINT)
        assert heard == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_what_a_stop_without_a_save_costs_is_said(tiny_run, tmp_path):
    run = start.settle_run(tiny_run)
    with (
        pytest.raises(KeyboardInterrupt, match="the steps after step 20 are lost"),
        start.hold_run(run),
    ):
        raise KeyboardInterrupt
    fresh = run._replace(config=dataclasses.replace(run.config, workdir=tmp_path / "x"))
    with (
        pytest.raises(KeyboardInterrupt, match="nothing had been saved"),
        start.hold_run(fresh),
    ):
        raise KeyboardInterrupt
