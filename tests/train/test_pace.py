"""How long a chunk of steps is."""

import dataclasses

import pytest

from dcgan_jax import presets
from dcgan_jax.system import backend
from dcgan_jax.train import pace as pacing
from dcgan_jax.train.pace import Pace
from dcgan_jax.train.start import Run
from dcgan_jax.train.trace import Trace

NUM_STEPS = 1000


@pytest.fixture
def make_pace(tmp_path):
    """Return a function that makes the pace of a run, by default of few events."""

    def make(capacity, *, first_traced=None, **intervals):
        due = {f"{name}_every_steps": 1000 for name in ("log", "sample", "checkpoint")}
        due |= {f"{name}_every_steps": steps for name, steps in intervals.items()}
        config = dataclasses.replace(presets.DIGITS, **due)
        run = Run(config, store=None, nets=None, num_steps=NUM_STEPS)
        trace = Trace(tmp_path, first=first_traced, count=3, num_steps=NUM_STEPS)
        return Pace(run, trace, step=0, capacity=capacity)

    return make


@pytest.fixture
def accelerator(monkeypatch):
    """Let this be a machine on which time does not count."""
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)


@pytest.mark.usefixtures("accelerator")
def test_on_an_accelerator_chunks_are_as_long_as_they_can_be(make_pace):
    pace = make_pace(17)
    pace.note(3)
    pace.note(3)
    assert pace.length(0) == 17


@pytest.mark.parametrize(
    ("step_seconds", "expected"), [(0.05, 20), (0.001, 64), (3.0, 1), (0.25, 4)]
)
def test_on_a_cpu_chunks_last_about_a_second(
    step_seconds, expected, make_pace, monkeypatch
):
    clock = iter([100.0, 100.0 + 2 * step_seconds + 1e-9])
    monkeypatch.setattr(pacing.time, "perf_counter", lambda: next(clock))
    pace = make_pace(64)
    assert pace.length(0) == 1
    pace.note(1)
    pace.note(2)
    assert pace.length(0) == pytest.approx(expected, abs=1)


@pytest.mark.usefixtures("accelerator")
@pytest.mark.parametrize("event", ["log", "sample", "checkpoint"])
def test_a_chunk_ends_where_something_is_due(event, make_pace):
    pace = make_pace(64, **{event: 10})
    assert [pace.length(step) for step in (0, 3, 9, 10)] == [10, 7, 1, 10]


@pytest.mark.usefixtures("accelerator")
def test_a_chunk_ends_where_a_trace_begins_or_ends(make_pace):
    pace = make_pace(64, first_traced=10)
    assert [pace.length(step) for step in (7, 10, 13)] == [3, 3, 64]


@pytest.mark.usefixtures("accelerator")
def test_no_chunk_reaches_beyond_the_run(make_pace):
    pace = make_pace(64)
    assert [pace.length(step) for step in (NUM_STEPS - 5, NUM_STEPS)] == [5, 0]


def test_the_first_signal_that_was_heard_stops_the_run(make_pace):
    pace = make_pace(64)
    assert pace.agree(0, []).signal is None
    assert pace.agree(0, [15, 2]).signal == 15


def test_a_chunk_is_begun_before_the_last_has_ended_unless_steps_are_long(make_pace):
    pace = make_pace(64)
    assert not pace.runs_ahead(10)  # before it is known how long they are
    pace.note(1)
    pace.note(1)
    assert pace.runs_ahead(10)


@pytest.mark.usefixtures("accelerator")
def test_no_chunk_is_begun_early_where_a_trace_begins_or_ends(make_pace):
    pace = make_pace(64, first_traced=10)
    ahead = [step for step in range(7, 17) if pace.runs_ahead(step)]
    assert ahead == [7, 8, 9, 11, 12, 14, 15, 16]
