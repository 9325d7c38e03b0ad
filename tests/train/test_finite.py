"""What is not finite ends a run in an error that names it."""

import dataclasses

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.train import finite
from dcgan_jax.train.start import Run

FINITE = {"d_loss": np.array([1.0, 2.0, 3.0]), "g_loss": np.array([4.0, 5.0, 6.0])}
NO_CHECKPOINT = "last finite checkpoint is none."


@pytest.fixture
def run(tmp_path):
    """A run before its first checkpoint."""
    config = dataclasses.replace(presets.DIGITS, workdir=tmp_path)
    return Run(config, store=None, nets=None, num_steps=20)


def test_finite_values_pass():
    assert finite.find_in_metrics(100, FINITE) is None


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "nan"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
def test_what_is_not_finite_is_named_with_the_steps_between(value, word):
    metrics = {**FINITE, "g_loss": np.array([4.0, value, 6.0])}
    told = finite.find_in_metrics(100, metrics)
    assert told == f"g_loss became {word} between steps 101 and 102"


def test_the_first_of_several_steps_is_named():
    metrics = {
        "d_loss": np.array([1.0, 1.0, np.nan]),
        "g_loss": np.array([1.0, np.inf, np.nan]),
    }
    told = finite.find_in_metrics(0, metrics)
    assert told == "g_loss became infinite between steps 1 and 2"


def test_all_quantities_of_the_first_step_are_named():
    metrics = {"d_loss": np.array([np.nan]), "g_loss": np.array([np.inf])}
    told = finite.find_in_metrics(7, metrics)
    assert told == "d_loss became nan, g_loss became infinite between steps 7 and 8"


def test_the_error_names_the_last_finite_checkpoint(run):
    error = finite.make_error(run, "d_loss became nan between steps 7 and 8")
    assert str(error) == f"d_loss became nan between steps 7 and 8; {NO_CHECKPOINT}"
    (run.checkpoints / "step_00000004").mkdir(parents=True)
    assert str(finite.make_error(run, "x")) == "x; last finite checkpoint is step 4."


def test_the_array_that_is_not_finite_is_named():
    marks = {"gen/a": np.array(True), "disc/b": np.array(False)}
    assert finite.find_in_state(9, marks) == "disc/b became nan or infinite by step 9"
    assert finite.find_in_state(9, {"gen/a": np.array(True)}) is None
