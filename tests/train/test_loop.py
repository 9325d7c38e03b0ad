"""The driver as a user meets it: real processes, real signals, real files."""

import contextlib
import dataclasses
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import numpy as np
import pytest
from PIL import Image

from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.system import errors
from dcgan_jax.train import __main__ as train, fixed_samples, loop

NUM_STEPS = 240
EVERY = 40


@pytest.fixture(scope="module")
def flags(data_dir):
    """A run that crosses the end of an epoch (112 steps) twice."""
    return [
        "--dataset=digits",
        f"--data_dir={data_dir}",
        "--width_multiplier=0.0625",
        "--batch_size=16",
        f"--num_steps={NUM_STEPS}",
        "--log_every_steps=20",
        "--sample_every_steps=120",
        f"--checkpoint_every_steps={EVERY}",
    ]


def start(*argv):
    return subprocess.Popen(
        [sys.executable, "-m", "dcgan_jax.train", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def wait(process):
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    return Ended(process.returncode, out, err)


def wait_for_step(process, workdir, step):
    """Return once a running process has logged a step."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ValueError, IndexError):
            if run_dir.read_metrics(workdir)[-1]["step"] >= step:
                return
        time.sleep(0.02)
    assert process.poll() is None, wait(process)


def read_arrays(workdir, step=None):
    newest = checkpoints.find_newest(workdir / "checkpoints", step=step)
    arrays = checkpoints.read_arrays(newest)
    return {name: np.asarray(array) for name, array in arrays.items()}


def assert_same_arrays(a, b):
    """Compare every array of two checkpoints to the bit."""
    assert a.keys() == b.keys()
    unequal = [name for name in a if a[name].tobytes() != b[name].tobytes()]
    assert not unequal


def learnt(row):
    """The part of a log row that does not depend on the clock."""
    return {name: row[name] for name in ("step", *steps.METRICS)}


@pytest.fixture(scope="module")
def reference(flags, tmp_path_factory):
    """A run without interruption, and how it ended."""
    workdir = tmp_path_factory.mktemp("reference") / "run"
    return workdir, wait(start(*flags, f"--workdir={workdir}"))


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
    ends, saved = [], []
    for number, least in ((signal.SIGINT, 20), (signal.SIGTERM, EVERY + 20)):
        process = start(*flags, f"--workdir={workdir}")
        wait_for_step(process, workdir, least)
        if number == signal.SIGTERM:
            with pytest.raises(errors.InputError) as refusal, run_dir.lock(workdir):
                pass
        process.send_signal(number)
        ends.append(wait(process))
        saved.append(checkpoints.list_steps(workdir / "checkpoints"))
    ends.append(wait(start(*flags, f"--workdir={workdir}")))
    return workdir, ends, saved, str(refusal.value)


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
        "step_00000120.png",
        "step_00000240.png",
    }
    with Image.open(workdir / "samples" / "step_00000240.png") as picture:
        assert picture.size == (10 * 34 - 2, 10 * 34 - 2)
    with Image.open(workdir / "curves.png") as picture:
        assert picture.width > 500
    (events,) = (workdir / "tensorboard").iterdir()
    content = events.read_bytes()
    assert all(name.encode() in content for name in (*steps.METRICS, "samples"))


def test_the_config_beside_a_run_is_resolved(reference):
    config = run_dir.read_config(reference[0])
    assert (config.batch_size, config.num_steps) == (16, NUM_STEPS)
    assert (config.architecture, config.adam.b1) == ("small", 0.5)


def test_the_kills_hit_a_run_at_work(killed):
    _, logged, _ = killed
    assert logged
    assert all(EVERY <= step < NUM_STEPS for step in logged)


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


def test_a_resumed_run_says_from_where_it_goes_on(killed):
    assert "going on from step " in killed[2].err


def test_a_killed_run_s_log_is_the_uninterrupted_one_s(reference, killed):
    logs = [run_dir.read_metrics(workdir) for workdir in (reference[0], killed[0])]
    first, second = ([learnt(row) for row in rows] for rows in logs)
    assert second == first


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
    workdir, ends, _, _ = interrupted
    assert ends[2].code == 0, ends[2].err
    assert_same_arrays(read_arrays(workdir), read_arrays(reference[0]))


def test_a_second_process_is_refused_the_same_folder(interrupted):
    assert "is in use by another run" in interrupted[3]


def test_a_second_command_is_refused_in_one_line(flags, reference, tmp_path, one_error):
    workdir = shutil.copytree(reference[0], tmp_path / "run")
    with run_dir.lock(workdir):
        message = one_error(train.main, *flags, f"--workdir={workdir}")
    assert "is in use by another run" in message


@pytest.fixture
def copied(reference, tmp_path):
    return shutil.copytree(reference[0], tmp_path / "run")


def digest_of(folder):
    """Return the sha256 of each file, without those that every start writes anew."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "tensorboard" not in str(path) and path.name != "lock"
    }


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


def test_a_damaged_newest_checkpoint_costs_only_its_steps(
    flags, copied, reference, run_command
):
    (copied / "checkpoints" / f"step_{NUM_STEPS:08d}" / "manifest.json").unlink()
    ended = run_command(train.main, *flags, f"--workdir={copied}")
    assert ended.code == 0, ended.err
    assert f"skipped checkpoint step {NUM_STEPS}" in ended.err
    assert_same_arrays(read_arrays(copied), read_arrays(reference[0]))


def test_a_run_trains_after_preparing_the_data_by_itself(flags, tmp_path, run_command):
    own = [f"--data_dir={tmp_path / 'data'}", f"--workdir={tmp_path / 'run'}"]
    ended = run_command(train.main, *flags, *own, "--num_steps=2")
    assert ended.code == 0, ended.err
    assert checkpoints.list_steps(tmp_path / "run" / "checkpoints") == [2]


@pytest.mark.slow
def test_an_exploding_rate_stops_the_run_before_the_next_checkpoint(
    flags, copied, run_command
):
    ended = run_command(
        train.main, *flags, f"--workdir={copied}", f"--num_steps={2 * NUM_STEPS}",
        "--adam.learning_rate=1e30", "--checkpoint_every_steps=1", "--allow_changes",
    )  # fmt: skip
    assert ended.code == 3, ended.err
    last = ended.err.splitlines()[-1]
    assert "between steps " in last
    newest = checkpoints.find_newest(copied / "checkpoints")
    assert last.endswith(f"last finite checkpoint is step {newest.step}.")
    arrays = read_arrays(copied)
    assert all(np.isfinite(array).all() for array in arrays.values())


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


def test_a_nan_ends_the_command_with_exit_code_3_in_one_line(
    flags, copied, run_command
):
    alter(copied, lambda kernel: kernel * np.nan)
    more = [f"--workdir={copied}", f"--num_steps={NUM_STEPS + 20}"]
    ended = run_command(train.main, *flags, *more)
    assert ended.code == 3
    going_on, message = ended.err.splitlines()
    assert going_on == f"going on from step {NUM_STEPS}"
    assert message.startswith("error: d_fake became nan, ")
    told = f"between steps {NUM_STEPS} and {NUM_STEPS + 1}; last finite checkpoint is"
    assert told in message


def alter(workdir, change):
    """Save the newest checkpoint anew, the generator's last kernel changed."""
    newest = checkpoints.find_newest(workdir / "checkpoints")
    nets = make_nets(run_dir.read_config(workdir), num_steps=1)
    template = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=(32, 32, 1)),
        jax.random.key(0),
    )
    state = checkpoints.restore(newest, template)
    params = dict(state.gen.params)
    params["conv2"] = {"kernel": change(params["conv2"]["kernel"])}
    state = state.replace(gen=state.gen.replace(params=params))
    checkpoints.save(workdir / "checkpoints", state, about={})


@pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "")])
def test_a_number_that_is_not_finite_stops_the_run_naming_quantity_and_steps(
    value, word, tiny_run, tmp_path, run_command
):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    alter(workdir, lambda kernel: kernel.at[0, 0, 0, 0].set(value))
    config = dataclasses.replace(tiny_run, workdir=workdir, num_steps=40)
    with pytest.raises(
        errors.NonFiniteError,
        match=rf"d_loss became {word}.* between steps 20 and 21; last .* is step 20\.",
    ):
        loop.run(config)
    assert checkpoints.list_steps(workdir / "checkpoints") == [10, 20]


@pytest.fixture
def warmed_up(monkeypatch):
    """Let a short run count as past the steps in which all samples are grey."""
    monkeypatch.setattr(fixed_samples, "WARM_UP_STEPS", 20)


def run_one_step(tiny_run, workdir, capsys):
    """Run a step, which moves no weight by more than the rate; return what was said."""
    capsys.readouterr()
    loop.run(dataclasses.replace(tiny_run, workdir=workdir, num_steps=21))
    return capsys.readouterr().err


@pytest.mark.usefixtures("warmed_up")
def test_a_generator_that_draws_one_picture_is_warned_about(tiny_run, tmp_path, capsys):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    alter(workdir, lambda kernel: 0 * kernel)
    said = run_one_step(tiny_run, workdir, capsys)
    assert "may have collapsed at step 21" in said
    assert "differ by 0." in said
    assert said.count("collapsed") == 1


@pytest.mark.usefixtures("warmed_up")
def test_a_generator_that_draws_different_pictures_is_not(tiny_run, tmp_path, capsys):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    alter(workdir, lambda kernel: 1000 * kernel)
    assert "collapsed" not in run_one_step(tiny_run, workdir, capsys)


def test_the_grey_of_the_first_steps_is_no_collapse(tiny_run, tmp_path, capsys):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    alter(workdir, lambda kernel: 0 * kernel)
    assert "collapsed" not in run_one_step(tiny_run, workdir, capsys)


def test_samples_of_a_run_are_uint8_arrays_under_their_key(
    reference, tmp_path, run_command
):
    path = tmp_path / "x.npz"
    ended = run_command(sample.main, reference[0], "--num=5", f"--out={path}")
    assert ended.code == 0, ended.err
    with np.load(path) as file:
        assert list(file) == ["images"]
        assert file["images"].shape == (5, 32, 32, 1)
        assert file["images"].dtype == np.uint8


def test_the_first_samples_are_the_same_however_many_are_drawn(
    reference, tmp_path, run_command
):
    drawn = []
    for num in (3, 70):
        path = tmp_path / f"{num}.npz"
        run_command(sample.main, reference[0], f"--num={num}", f"--out={path}")
        with np.load(path) as file:
            drawn.append(file["images"])
    np.testing.assert_array_equal(drawn[1][:3], drawn[0])


def test_another_seed_draws_other_samples(reference, tmp_path, run_command):
    drawn = []
    for seed in (0, 1):
        path = tmp_path / f"{seed}.npz"
        run_command(
            sample.main, reference[0], "--num=1", f"--seed={seed}", f"--out={path}"
        )
        with np.load(path) as file:
            drawn.append(file["images"])
    assert (drawn[0] != drawn[1]).any()


def test_samples_can_be_a_grid_or_a_folder(reference, tmp_path, run_command):
    for out in ("grid.png", "folder"):
        run_command(sample.main, reference[0], "--num=4", f"--out={tmp_path / out}")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (66, 66)
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "000003.png"]


def test_a_folder_with_files_in_it_is_not_overwritten(reference, one_error):
    message = one_error(sample.main, reference[0], f"--out={reference[0] / 'samples'}")
    assert "files in it" in message
