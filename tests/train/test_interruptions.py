"""Kills, signals, damage, a full disk: none costs more than steps, or changes a bit."""

import contextlib
import random
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from dcgan_jax.train import __main__ as train, loop
from long_run import (
    EVERY,
    NUM_STEPS,
    assert_same_arrays,
    learnt,
    read_arrays,
    start,
    wait,
    wait_for_step,
)


def kill_and_resume(flags, workdir, moments):
    """Start a run, kill it at random moments after some steps; let it end then.

    Returns:
        The folder, the steps that had been logged when it was killed, and its end.
    """
    chance = random.Random(time.time_ns())
    logged = []
    for least in moments:
        process = start(*flags, f"--workdir={workdir}")
        wait_for_step(process, workdir, least)
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        wait(process)
        with contextlib.suppress(ValueError):  # it may have died within a row
            logged.append(run_dir.read_metrics(workdir)[-1]["step"])
    return workdir, logged, wait(start(*flags, f"--workdir={workdir}"))


@pytest.fixture(scope="module")
def killed(flags, tmp_path_factory, reference):
    """A run that was killed twice, and what `kill_and_resume` tells of it."""
    workdir = tmp_path_factory.mktemp("killed") / "run"
    return kill_and_resume(flags, workdir, (EVERY, 2 * EVERY))


@pytest.fixture(scope="module")
def interrupted(flags, tmp_path_factory, reference):
    """A run stopped by Ctrl-C, then by SIGTERM, then left to its end.

    Returns:
        The folder; for each start how it ended and the steps then saved; and the answer
        to a second process that wanted the folder meanwhile.
    """
    workdir = tmp_path_factory.mktemp("interrupted") / "run"
    ends, saved = [], [[0]]
    for number in (signal.SIGINT, signal.SIGTERM):
        process = start(*flags, f"--workdir={workdir}")
        wait_for_step(process, workdir, saved[-1][-1] + 20)
        if number == signal.SIGTERM:
            with pytest.raises(errors.InputError) as refusal, run_dir.lock(workdir):
                pass
        process.send_signal(number)
        ends.append(wait(process))
        saved.append(checkpoints.list_steps(workdir / "checkpoints"))
    # To its end here: only a process that gets a signal need be one of its own.
    loop.run(cli.parse_run([*flags, f"--workdir={workdir}"]))
    return workdir, ends, saved[1:], str(refusal.value)


@pytest.mark.long
def test_the_kills_hit_a_run_at_work(killed):
    _, logged, _ = killed
    assert logged
    assert all(EVERY <= step < NUM_STEPS for step in logged)


@pytest.mark.gpu
@pytest.mark.long
def test_2n_steps_equal_n_kill_and_resume_to_the_bit(reference, killed):
    assert killed[2].code == 0, killed[2].err
    assert_same_arrays(read_arrays(killed[0]), read_arrays(reference[0]))


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(5))
def test_many_kills_at_any_moment_change_no_bit(attempt, flags, reference, tmp_path):
    moments = range(0, NUM_STEPS - 2 * EVERY, 20)
    workdir, _, ended = kill_and_resume(flags, tmp_path / "run", moments)
    assert ended.code == 0, ended.err
    assert_same_arrays(read_arrays(workdir), read_arrays(reference[0]))


@pytest.mark.long
def test_a_resumed_run_says_from_where_it_goes_on(killed):
    assert "going on from step " in killed[2].err


@pytest.mark.long
def test_a_killed_run_s_log_is_the_uninterrupted_one_s(reference, killed):
    logs = [run_dir.read_metrics(workdir) for workdir in (reference[0], killed[0])]
    first, second = ([learnt(row) for row in rows] for rows in logs)
    assert second == first


@pytest.mark.long
def test_a_killed_run_s_last_grid_is_the_uninterrupted_one_s(reference, killed):
    name = f"samples/step_{NUM_STEPS:08d}.png"
    first, second = (workdir / name for workdir in (reference[0], killed[0]))
    with Image.open(first) as one, Image.open(second) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize(("start_number", "code"), [(0, 130), (1, 143)])
def test_a_signal_has_an_exit_code_of_its_own(start_number, code, interrupted):
    ended = interrupted[1][start_number]
    assert ended.code == code, ended.err
    assert "stopped at step " in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("start_number", [0, 1])
def test_a_signal_leaves_a_checkpoint_of_the_last_step(start_number, interrupted):
    _, ends, saved, _ = interrupted
    assert f"stopped at step {saved[start_number][-1]} and saved" in (
        ends[start_number].err
    )


def test_a_run_that_was_stopped_resumes_to_the_same_bits(reference, interrupted):
    assert_same_arrays(read_arrays(interrupted[0]), read_arrays(reference[0]))


def test_a_second_process_is_refused_the_same_folder(interrupted):
    assert "is in use by another run" in interrupted[3]


def test_a_damaged_newest_checkpoint_costs_only_its_steps(
    flags, copied, reference, run_command
):
    (copied / "checkpoints" / f"step_{NUM_STEPS:08d}" / "manifest.json").unlink()
    ended = run_command(train.main, *flags, f"--workdir={copied}")
    assert ended.code == 0, ended.err
    assert f"skipped checkpoint step {NUM_STEPS}" in ended.err
    assert_same_arrays(read_arrays(copied), read_arrays(reference[0]))


def test_a_full_disk_costs_only_the_steps_since_the_last_checkpoint(
    flags, reference, small_disk, run_command
):
    workdir = shutil.copytree(reference[0], small_disk / "run")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - (1 << 19)))
    argv = [*flags, f"--workdir={workdir}", f"--num_steps={NUM_STEPS + EVERY}"]
    ended = run_command(train.main, *argv)
    assert ended.code == 2
    message = ended.err.splitlines()[-1]
    assert message.startswith("error: [Errno 28] No space left on device")
    assert message.endswith("free some space and run the command again")
    assert "Traceback" not in ended.err
    assert_same_arrays(read_arrays(workdir), read_arrays(reference[0]))
    filler.unlink()
    assert run_command(train.main, *argv).code == 0
