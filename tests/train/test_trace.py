import dataclasses

import pytest

from dcgan_jax.system import errors
from dcgan_jax.train import feed, loop, trace as profiling


def make_trace(tmp_path, first, count=3, num_steps=100):
    return profiling.Trace(tmp_path, first=first, count=count, num_steps=num_steps)


@pytest.mark.parametrize(
    ("step", "distance"),
    [(0, 7), (7, 3), (9, 1), (10, 3), (12, 1), (13, None), (90, None)],
)
def test_chunks_end_where_the_trace_does_and_one_trace_s_length_before(
    step, distance, tmp_path
):
    assert make_trace(tmp_path, 10).distance(step) == distance


def test_without_a_first_step_chunks_are_as_long_as_ever(tmp_path):
    assert make_trace(tmp_path, None).distance(0) is None


def test_only_the_chosen_steps_are_traced(tmp_path, monkeypatch):
    calls, at = [], 0
    profiler = profiling.jax.profiler
    monkeypatch.setattr(profiler, "start_trace", lambda _: calls.append(("start", at)))
    monkeypatch.setattr(profiler, "stop_trace", lambda: calls.append(("stop", at)))
    trace = make_trace(tmp_path, 5, count=4)
    for at in range(0, 20, 2):
        trace.start(at + 1)
        trace.stop(at + 3)
    trace.close()
    assert calls == [("start", 4), ("stop", 6)]


def test_a_run_that_ends_early_writes_what_it_has_traced(tmp_path):
    trace = make_trace(tmp_path, 0)
    trace.start(0)
    trace.close()
    assert list(tmp_path.rglob("*.xplane.pb"))


def test_steps_beyond_the_run_cannot_be_traced(tmp_path):
    with pytest.raises(errors.InputError, match=r"profile_first_step is 100.*0 … 99"):
        make_trace(tmp_path, 100)


@pytest.fixture(scope="module")
def traced(tiny_config, tmp_path_factory):
    """A run of which steps 4 and 5 are traced."""
    workdir = tmp_path_factory.mktemp("traced")
    config = dataclasses.replace(
        tiny_config,
        workdir=workdir,
        num_steps=8,
        profile_first_step=4,
        profile_num_steps=2,
    )
    lengths = []
    take = feed.Feed.take

    def note(self):
        chunk = take(self)
        lengths.append((chunk.first_step, chunk.num_steps))
        return chunk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed.Feed, "take", note)
        loop.run(config)
    return workdir, lengths


def test_a_run_writes_the_trace_into_its_folder(traced):
    workdir, _ = traced
    (trace,) = (workdir / "profile").rglob("*.xplane.pb")
    assert trace.stat().st_size > 10_000


def test_a_run_s_chunks_end_at_the_limits_of_the_trace(traced):
    _, lengths = traced
    ends = {first + count for first, count in lengths}
    assert {4, 6, 8} <= ends
