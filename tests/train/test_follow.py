"""`--follow_metric`: a run measures itself, keeps its best, and learns the same."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from dcgan_jax.config import data_config
from dcgan_jax.evaluate import __main__ as evaluate, parzen
from dcgan_jax.info import __main__ as info
from dcgan_jax.prepare import build
from dcgan_jax.runs import folder as run_dir, load as loading
from dcgan_jax.runs.quality_log import QualityLog, read_rows
from dcgan_jax.system import disk, errors
from dcgan_jax.train import __main__ as train, follow, loop
from long_run import assert_same_arrays, learnt, read_arrays

NAME = "validation_log_likelihood"
BEST = f"best_{NAME}.safetensors"


@pytest.fixture(scope="module")
def config(tiny_config, tmp_path_factory):
    """A run of 20 steps on noise that has a test split."""
    folder = tmp_path_factory.mktemp("followed")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 64, 32, 32), np.uint8)
    np.savez(folder / "noise.npz", x_train=images[0], x_test=images[1])
    config = dataclasses.replace(
        tiny_config,
        dataset="arrays",
        source=folder / "noise.npz",
        data_dir=folder / "data",
        num_workers=1,
        follow_metric="parzen",
        follow_every=8,
        follow_num_samples=20,
    )
    for split in ("train", "test"):
        data = dataclasses.replace(data_config(config), split=split)
        build.prepare(data, show_progress=False)
    return config


@pytest.fixture(scope="module")
def followed(config, tmp_path_factory):
    """The folder of a finished run that has measured itself."""
    workdir = tmp_path_factory.mktemp("runs") / "followed"
    loop.run(dataclasses.replace(config, workdir=workdir))
    return workdir


def test_a_followed_run_learns_the_same_to_the_bit(config, followed, tmp_path):
    plain = dataclasses.replace(config, follow_metric=None, workdir=tmp_path / "plain")
    loop.run(plain)
    assert_same_arrays(read_arrays(followed), read_arrays(plain.workdir))
    rows = [map(learnt, run_dir.read_metrics(w)) for w in (followed, plain.workdir)]
    assert list(rows[0]) == list(rows[1])
    assert read_rows(plain.workdir) == []


def test_its_rows_are_those_of_evaluate_which_measures_nothing_again(
    followed, tmp_path, run_command, monkeypatch
):
    run = shutil.copytree(followed, tmp_path / "run")
    rows = read_rows(run)
    assert [row["step"] for row in rows] == [8, 16, 20]
    flags = (run, "--metric=parzen", "--num_samples=20", "--every=20")
    (run / "quality.jsonl").unlink()
    ended = run_command(evaluate.main, *flags)
    assert ended.code == 0, ended.err
    (again,) = read_rows(run)
    assert {**again, "date": ""} == {**rows[-1], "date": ""}
    monkeypatch.setattr(parzen, "estimate_likelihood", None)
    assert run_command(evaluate.main, *flags).code == 0


def test_the_best_is_kept_and_told(followed, run_command):
    rows = read_rows(followed)
    best = max(rows, key=lambda row: row["numbers"][NAME])
    kept = loading.load_generator(str(followed / BEST))
    assert kept.step == best["step"]
    assert kept.digest == best["generator"]
    told = run_command(info.main, followed).out
    value = f"{best['numbers'][NAME]:.4f}"
    assert f"best         {NAME} {value} at step {kept.step}" in told
    assert str(followed / BEST) in told


@pytest.mark.long
def test_a_run_that_goes_on_remembers_its_best(config, tmp_path, monkeypatch):
    numbers = iter([3.0, 6.5])

    def measure(flags, trained, store, num_rows):
        from dcgan_jax.evaluate.metrics import Ruler

        settings = {"metric": "parzen"}
        return Ruler(settings, lambda loaded: {"fid": next(numbers)}, "", [])

    from dcgan_jax.evaluate.metrics import parzen as metric

    own = metric.METRIC._replace(make_ruler=measure)
    monkeypatch.setattr(metric, "METRIC", own)
    config = dataclasses.replace(config, workdir=tmp_path / "run", follow_every=10)
    said = []
    monkeypatch.setattr(follow.Follower, "measure", spy(follow.Follower.measure, said))
    loop.run(dataclasses.replace(config, num_steps=10))
    loop.run(config)
    assert loading.load_generator(str(tmp_path / "run/best_fid.safetensors")).step == 10
    assert [row["step"] for row in read_rows(tmp_path / "run")] == [10, 20]
    assert said[0] == []
    (warning,) = said[1]
    assert warning.startswith("warning: fid has doubled since step 10: it was 3 there")
    assert warning.endswith("best_fid.safetensors is of the best")


def spy(measure, said):
    def measured(follower, state):
        row, (_, *warnings) = measure(follower, state)
        said.append(warnings)
        return row, warnings

    return measured


@pytest.mark.long
def test_with_an_average_it_is_the_average_that_is_measured(config, tmp_path):
    config = dataclasses.replace(
        config, workdir=tmp_path / "run", ema_decay=0.5, num_steps=8
    )
    loop.run(config)
    (row,) = read_rows(config.workdir)
    average = loading.load_generator(str(config.workdir), ema=True)
    assert row["generator"] == average.digest
    kept = loading.load_generator(str(config.workdir / f"ema_{BEST}"))
    assert kept.digest == average.digest


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--follow_metric=memorisation", "got --follow_metric=memorisation"),
        ("--follow_metric=fidd", "did you mean 'fid'"),
        ("--follow_num_samples=5", "--follow_num_samples=5, expected 10 to"),
        ("--follow_extractor=nowhere", "nowhere is neither a run's folder"),
    ],
)
def test_what_cannot_follow_is_refused_before_anything_is_made(
    flag, told, make_flags, one_error, tmp_path
):
    flags = make_flags("digits", "--follow_metric=fid", flag)
    assert told in one_error(train.main, *flags, f"--workdir={tmp_path / 'run'}")
    assert list(tmp_path.iterdir()) == []


def test_two_do_not_measure_one_run(config, tmp_path):
    config = dataclasses.replace(config, workdir=tmp_path / "run")
    with (
        disk.exclusive(tmp_path / "run" / ".quality.lock"),
        pytest.raises(errors.InputError, match="another process measures"),
    ):
        loop.run(config)


def test_the_log_is_read_whatever_somebody_wrote_into_it(followed, tmp_path):
    run = shutil.copytree(followed, tmp_path / "run")
    rows = read_rows(run)
    for change in ({"step": "x"}, {"numbers": [1]}, {"settings": 3}):
        with (run / "quality.jsonl").open("a") as file:
            file.write(json.dumps({**rows[0], **change}) + "\n")
    assert read_rows(run) == rows
    assert QualityLog(run, rows[0]["settings"]).find_best(NAME) in rows
