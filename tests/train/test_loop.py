"""The driver as a user meets it: what a run says and leaves, and going on with it."""

import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.gan import steps
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.train import __main__ as train
from long_run import EVERY, NUM_STEPS, digest_of


def test_a_run_ends_with_exit_code_0_and_says_where_everything_lies(reference):
    workdir, ended = reference
    assert ended.code == 0, ended.err
    told = dict(line.split() for line in ended.out.splitlines())
    assert told == {
        "samples": str(workdir / "samples" / f"step_{NUM_STEPS:08d}.png"),
        "curves": str(workdir / "curves.png"),
        "checkpoint": str(workdir / "checkpoints" / f"step_{NUM_STEPS:08d}"),
    }


def test_a_run_without_a_terminal_tells_its_progress_in_plain_lines(reference):
    lines = [line for line in reference[1].err.splitlines() if line.startswith("step ")]
    assert len(lines) == NUM_STEPS // 20
    assert lines[-1].startswith(f"step {NUM_STEPS}/{NUM_STEPS}  d_loss ")
    assert "images/s" in lines[-1]
    assert "\r" not in reference[1].err


def test_the_log_has_a_row_for_every_interval(reference):
    rows = run_dir.read_metrics(reference[0])
    assert [row["step"] for row in rows] == list(range(20, NUM_STEPS + 1, 20))
    assert all(
        set(row) == {"step", *steps.METRICS, "images_per_second", "data_wait_seconds"}
        for row in rows
    )


def test_the_log_holds_finite_numbers_and_probabilities(reference):
    for row in run_dir.read_metrics(reference[0]):
        assert all(np.isfinite(value) for value in row.values())
        assert 0 <= row["d_real"] <= 1
        assert 0 <= row["d_fake"] <= 1
        assert row["images_per_second"] > 0


def test_the_checkpoints_follow_the_policy(reference):
    saved = checkpoints.list_steps(reference[0] / "checkpoints")
    assert saved == [NUM_STEPS - 2 * EVERY, NUM_STEPS - EVERY, NUM_STEPS]


def test_the_pictures_and_the_tensorboard_events_are_there(reference):
    workdir = reference[0]
    assert {path.name for path in (workdir / "samples").iterdir()} == {
        "real.png",
        "step_00000120.png",
        "step_00000240.png",
    }
    with Image.open(workdir / "samples" / "step_00000240.png") as picture:
        assert picture.size == (2 * (10 * 34 - 2), 2 * (10 * 34 - 2))
    with Image.open(workdir / "curves.png") as picture:
        assert picture.width > 500
    (events,) = (workdir / "tensorboard").iterdir()
    content = events.read_bytes()
    assert all(name.encode() in content for name in (*steps.METRICS, "samples"))


def test_the_config_beside_a_run_is_resolved(reference):
    config = run_dir.read_config(reference[0])
    assert (config.batch_size, config.num_steps) == (16, NUM_STEPS)
    assert (config.architecture, config.adam.b1) == ("small", 0.5)


def test_a_second_command_is_refused_in_one_line(flags, reference, tmp_path, one_error):
    workdir = shutil.copytree(reference[0], tmp_path / "run")
    with run_dir.lock(workdir):
        message = one_error(train.main, *flags, f"--workdir={workdir}")
    assert "is in use by another run" in message


def test_running_a_finished_run_again_changes_nothing(flags, copied, run_command):
    argv = [*flags, f"--workdir={copied}"]
    assert run_command(train.main, *argv).code == 0
    before = digest_of(copied)
    ended = run_command(train.main, *argv)
    assert ended.code == 0, ended.err
    assert digest_of(copied) == before
    assert "is finished" in ended.err


def test_a_longer_run_goes_on_from_a_finished_one(flags, copied, run_command):
    argv = [*flags, f"--workdir={copied}", f"--num_steps={NUM_STEPS + 20}"]
    ended = run_command(train.main, *argv)
    assert ended.code == 0, ended.err
    assert f"going on from step {NUM_STEPS}" in ended.err
    assert checkpoints.list_steps(copied / "checkpoints")[-1] == NUM_STEPS + 20


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--batch_size=32", ("batch_size=16", "batch_size=32")),
        ("--architecture=dcgan64", ("architecture=small", "architecture=dcgan64")),
        ("--seed=1", ("seed=0", "seed=1")),
        ("--adam.b1=0.9", ("adam.b1=0.5", "adam.b1=0.9")),
    ],
)
def test_another_run_in_the_folder_is_refused_naming_both_values(
    flag, told, flags, copied, one_error
):
    before = digest_of(copied)
    message = one_error(train.main, *flags, f"--workdir={copied}", flag)
    assert all(part in message for part in told)
    assert digest_of(copied) == before


def test_another_model_is_refused_even_where_changes_are_allowed(
    flags, copied, one_error
):
    argv = [*flags, f"--workdir={copied}", "--width_multiplier=0.125"]
    message = one_error(train.main, *argv, "--allow_changes")
    assert "does not fit" in message
    assert "on disk, expected" in message


def test_a_batch_larger_than_the_data_is_refused(flags, tmp_path, one_error):
    argv = [*flags, "--batch_size=1798", f"--workdir={tmp_path / 'run'}"]
    message = one_error(train.main, *argv)
    assert "1798" in message
    assert "1797" in message
    assert not (tmp_path / "run").exists()


def test_a_run_trains_after_preparing_the_data_by_itself(flags, tmp_path, run_command):
    own = [f"--data_dir={tmp_path / 'data'}", f"--workdir={tmp_path / 'run'}"]
    ended = run_command(train.main, *flags, *own, "--num_steps=2")
    assert ended.code == 0, ended.err
    assert checkpoints.list_steps(tmp_path / "run" / "checkpoints") == [2]
