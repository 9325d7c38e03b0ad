"""Jobs beside the steps."""

import contextlib
import threading

import pytest

from dcgan_jax.train.background import Background


@pytest.fixture
def background():
    made = Background("test", contextlib.nullcontext)
    yield made
    made.close()


def test_jobs_are_done_in_order_beside_the_caller(background):
    gate, done = threading.Event(), []
    background.give(gate.wait)
    for number in range(5):
        background.give(lambda number=number: done.append(number))
    assert done == []
    gate.set()
    background.wait()
    assert done == [0, 1, 2, 3, 4]


def fail():
    raise OSError("the disk is full")


def test_an_error_comes_back_with_the_next_job(background):
    background.give(fail)
    background._thread.submit(lambda: None).result()  # until the job has ended
    with pytest.raises(OSError, match="the disk is full"):
        background.give(lambda: None)


def test_an_error_comes_back_to_who_waits_and_no_other_job_is_done(background):
    gate, done = threading.Event(), []
    background.give(gate.wait)
    background.give(fail)
    background.give(lambda: done.append(1))
    gate.set()
    with pytest.raises(OSError, match="the disk is full"):
        background.wait()
    background.wait()
    assert done == []


def test_each_job_runs_within_the_settings(background):
    inside = []

    @contextlib.contextmanager
    def settings():
        inside.append("begin")
        yield
        inside.append("end")

    background._settings = settings
    background.give(lambda: inside.append("job"))
    background.wait()
    assert inside == ["begin", "job", "end"]


def test_a_job_that_has_begun_is_finished_and_others_are_dropped():
    background = Background("test", contextlib.nullcontext)
    begun, gate, done = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        gate.wait()
        done.append("begun")

    background.give(work)
    background.give(lambda: done.append("other"))
    begun.wait()
    threading.Timer(0.05, gate.set).start()
    background.close()
    assert done == ["begun"]
