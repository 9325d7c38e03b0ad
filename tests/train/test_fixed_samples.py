"""Whether samples still vary, while a run is under way."""

import dataclasses
import shutil

import pytest

from dcgan_jax.train import fixed_samples, loop
from long_run import alter


@pytest.fixture
def warmed_up(monkeypatch):
    """Let a short run count as past the steps in which all samples are grey."""
    monkeypatch.setattr(fixed_samples, "WARM_UP_STEPS", 20)


def run_one_step(tiny_run, workdir, capsys):
    """Run a step, which moves no weight by more than the rate; return what was said."""
    capsys.readouterr()
    loop.run(dataclasses.replace(tiny_run, workdir=workdir, num_steps=21))
    return capsys.readouterr().err


@pytest.mark.long
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
