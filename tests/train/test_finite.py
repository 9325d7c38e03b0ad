"""What is not finite ends a run in an error that names it."""

import dataclasses

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.system import errors
from dcgan_jax.train import finite
from dcgan_jax.train.start import Run

FINITE = {"d_loss": np.array([1.0, 2.0, 3.0]), "g_loss": np.array([4.0, 5.0, 6.0])}
NO_CHECKPOINT = "last finite checkpoint is none."


@pytest.fixture
def run(tmp_path):
    """A run before its first checkpoint."""
    config = dataclasses.replace(presets.DIGITS, workdir=tmp_path)
    return Run(config, store=None, nets=None, num_steps=20)


def test_finite_values_pass(run):
    finite.check_metrics(run, 100, FINITE)


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "nan"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
def test_what_is_not_finite_is_named_with_the_steps_between(value, word, run):
    metrics = {**FINITE, "g_loss": np.array([4.0, value, 6.0])}
    with pytest.raises(
        errors.NonFiniteError, match=f"g_loss became {word} between steps 101 and 102"
    ):
        finite.check_metrics(run, 100, metrics)


def test_the_first_of_several_steps_is_named(run):
    metrics = {
        "d_loss": np.array([1.0, 1.0, np.nan]),
        "g_loss": np.array([1.0, np.inf, np.nan]),
    }
    with pytest.raises(errors.NonFiniteError) as caught:
        finite.check_metrics(run, 0, metrics)
    assert (
        str(caught.value)
        == f"g_loss became infinite between steps 1 and 2; {NO_CHECKPOINT}"
    )


def test_all_quantities_of_the_first_step_are_named(run):
    metrics = {"d_loss": np.array([np.nan]), "g_loss": np.array([np.inf])}
    with pytest.raises(errors.NonFiniteError) as caught:
        finite.check_metrics(run, 7, metrics)
    told = "d_loss became nan, g_loss became infinite between steps 7 and 8"
    assert str(caught.value) == f"{told}; {NO_CHECKPOINT}"
