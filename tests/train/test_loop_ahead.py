"""The loop dispatches the next chunk before it reads the last, and writes beside it."""

import dataclasses
import errno
import threading

import numpy as np
import pytest

from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from dcgan_jax.train import chunk, loop, recorder
from long_run import assert_same_arrays, read_arrays


@pytest.fixture
def events(monkeypatch):
    """The order in which chunks are begun, read and saved."""
    noted = []
    make_chunks, read, save = chunk.make_chunks, chunk.read, checkpoints.save

    def make_noting(nets):
        run_steps = make_chunks(nets)

        def run(state, batches, key, count):
            noted.append("begin")
            return run_steps(state, batches, key, count)

        return run

    def read_noting(metrics, count):
        noted.append("read")
        return read(metrics, count)

    def save_noting(*arguments, **more):
        noted.append(f"save in {threading.current_thread().name.split('_')[0]}")
        return save(*arguments, **more)

    monkeypatch.setattr(chunk, "make_chunks", make_noting)
    monkeypatch.setattr(chunk, "read", read_noting)
    monkeypatch.setattr(checkpoints, "save", save_noting)
    return noted


def test_a_chunk_is_begun_before_the_one_before_it_is_read(
    events, tiny_config, tmp_path
):
    loop.run(dataclasses.replace(tiny_config, workdir=tmp_path / "run", num_steps=40))
    order = [event for event in events if not event.startswith("save")]
    assert order.count("begin") == order.count("read") >= 4
    assert order[0] == "begin"
    for number in range(1, order.count("begin")):
        begins = [place for place, event in enumerate(order) if event == "begin"]
        reads = [place for place, event in enumerate(order) if event == "read"]
        assert begins[number] < reads[number - 1]
    assert set(events) - set(order) == {"save in recorder"}


def assert_same_state(one, other, *, step):
    """Compare the checkpoints of a step of two runs to the bit."""
    first, second = (read_arrays(config.workdir, step) for config in (one, other))
    assert_same_arrays(first, second)


def test_what_is_saved_beside_the_steps_is_the_state_of_its_own_step(
    tiny_run, tiny_config, tmp_path
):
    # A run of 10 steps ends with a state that no chunk took the memory of.
    config = dataclasses.replace(tiny_config, workdir=tmp_path / "run", num_steps=10)
    loop.run(config)
    assert_same_state(tiny_run, config, step=10)


def test_when_a_run_writes_changes_no_bit_of_it(tiny_run, tiny_config, tmp_path):
    by_time = dict.fromkeys(
        ("log_every_steps", "sample_every_steps", "checkpoint_every_steps")
    )
    config = dataclasses.replace(tiny_config, workdir=tmp_path / "run", **by_time)
    loop.run(config)
    assert_same_state(tiny_run, config, step=20)
    assert checkpoints.list_steps(config.workdir / run_dir.CHECKPOINTS) == [20]
    names = {path.name for path in (config.workdir / run_dir.SAMPLES).iterdir()}
    assert names == {"real.png", "step_00000001.png", "step_00000020.png"}
    logged = [row["step"] for row in run_dir.read_metrics(config.workdir)]
    assert (logged[0], logged[-1]) == (1, 20)


def test_what_fails_beside_the_steps_ends_the_run_with_its_own_error(
    tiny_config, tmp_path, monkeypatch
):
    def fail(*arguments, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder.checkpoints, "save", fail)
    config = dataclasses.replace(tiny_config, workdir=tmp_path / "run", num_steps=60)
    with pytest.raises(OSError, match="No space left"):
        loop.run(config)
    last = run_dir.read_metrics(config.workdir)[-1]["step"]
    assert last < 60


def test_a_nan_waits_for_the_checkpoints_that_were_due_before_it(
    tiny_config, tmp_path, monkeypatch
):
    read, begun, gate = chunk.read, threading.Event(), threading.Event()
    save = checkpoints.save

    def save_late(*arguments, **more):
        begun.set()
        gate.wait(timeout=60)
        return save(*arguments, **more)

    def spoil(metrics, count):
        values = read(metrics, count)
        if begun.is_set():
            threading.Timer(0.3, gate.set).start()
            values["d_loss"] = values["d_loss"] * np.nan
        return values

    monkeypatch.setattr(recorder.checkpoints, "save", save_late)
    monkeypatch.setattr(chunk, "read", spoil)
    config = dataclasses.replace(
        tiny_config, workdir=tmp_path / "run", num_steps=60, log_every_steps=5,
        sample_every_steps=60,
    )  # fmt: skip
    with pytest.raises(errors.NonFiniteError) as caught:
        loop.run(config)
    saved = checkpoints.list_steps(config.workdir / run_dir.CHECKPOINTS)
    assert saved
    assert str(caught.value).endswith(f"last finite checkpoint is step {saved[-1]}.")
