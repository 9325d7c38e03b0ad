"""When a run logs, draws and saves."""

import dataclasses
import itertools

import pytest

from dcgan_jax import presets
from dcgan_jax.system import backend
from dcgan_jax.train import timetable as timetables
from dcgan_jax.train.timetable import Timetable, find_next_grid


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs a timetable and lists the steps of each event."""

    def list_steps(*, seconds, num_steps, chunk=1, first=0, **settings):
        clock = [0.0]
        monkeypatch.setattr(timetables.time, "monotonic", lambda: clock[0])
        config = dataclasses.replace(presets.DIGITS, **settings)
        timetable = Timetable(config, step=first, num_steps=num_steps)
        events, step = {"log": [], "sample": [], "save": []}, first
        while step < num_steps:
            length = min(chunk, timetable.distance(step) or chunk, num_steps - step)
            step, clock[0] = step + length, clock[0] + length * seconds
            for name, is_due in timetable.find_due(step)._asdict().items():
                if is_due:
                    events[name].append(step)
        return events

    return list_steps


EVERY = {
    "log_every_steps": 5, "sample_every_steps": 10, "checkpoint_every_steps": 15,
}  # fmt: skip


@pytest.mark.parametrize("seconds", [1e-6, 100.0])
@pytest.mark.parametrize("chunk", [1, 64])
def test_steps_that_were_asked_for_are_kept_whatever_the_time(seconds, chunk, run):
    events = run(seconds=seconds, chunk=chunk, num_steps=32, **EVERY)
    assert events["log"] == [5, 10, 15, 20, 25, 30, 32]
    assert events["sample"] == [10, 20, 30]
    assert events["save"] == [15, 30]


def test_the_first_step_and_the_last_are_logged_and_a_second_lies_between_others(run):
    events = run(seconds=0.3, num_steps=10)
    assert events["log"] == [1, 5, 9, 10]


def test_the_first_grids_come_at_planned_steps_however_fast_steps_are(run):
    events = run(seconds=1e-6, chunk=64, num_steps=3000)
    assert events["sample"] == [1, 50, 100, 200, 500]


def test_later_grids_are_as_far_apart_as_the_flag_says(run):
    events = run(seconds=0.01, num_steps=10_000)
    later = events["sample"][5:]
    gaps = [b - a for a, b in itertools.pairwise(later)]
    assert min(gaps) >= 1500  # 15 s
    assert len(later) >= 4


def test_planned_steps_grow_by_a_tenth_to_a_fifth():
    steps = [0]
    while steps[-1] < 1_000_000:
        steps.append(find_next_grid(steps[-1]))
    assert steps[:9] == [0, 1, 50, 100, 200, 500, 600, 700, 800]
    assert {1000, 1200, 3000, 6000, 20_000} <= set(steps)
    ratios = [b / a for a, b in itertools.pairwise(steps[6:])]
    assert min(ratios) > 1.05
    assert max(ratios) <= 1.21
    assert len(steps) < 80


def test_checkpoints_come_after_a_minute_two_four_and_then_every_ten(run):
    events = run(seconds=1.0, num_steps=3500)
    assert events["save"] == [60, 120, 240, 480, 960, 1560, 2160, 2760, 3360]


def test_checkpoints_come_as_often_as_the_flag_says(run):
    events = run(seconds=1.0, num_steps=100, checkpoint_every_seconds=30)
    assert events["save"] == [30, 60, 90]


def test_checkpoints_that_are_to_be_kept_are_saved(run):
    events = run(seconds=1e-6, chunk=64, num_steps=100, keep_every_steps=40)
    assert events["save"] == [40, 80]


def test_where_a_length_is_compiled_in_grids_wait_for_the_end_of_a_chunk(
    run, monkeypatch
):
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    events = run(seconds=1e-6, chunk=64, num_steps=1000)
    assert events["sample"] == [64, 128, 256, 512]


def test_a_run_that_goes_on_waits_for_its_next_event(run):
    events = run(seconds=0.3, first=700, num_steps=720)
    assert events == {"log": [704, 708, 712, 716, 720], "sample": [], "save": []}
