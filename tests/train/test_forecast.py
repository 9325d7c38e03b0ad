"""How long a run takes, as it is told."""

import dataclasses

import pytest

from dcgan_jax.gan.nets import make_nets
from dcgan_jax.train import forecast, start


@pytest.fixture(scope="module")
def run(tiny_run):
    return start.settle_run(tiny_run)


@pytest.fixture
def wide(run):
    return run._replace(config=dataclasses.replace(run.config, width_multiplier=1.0))


@pytest.fixture
def quick(monkeypatch):
    """Count the square of the width in place of operations."""
    monkeypatch.setattr(
        forecast, "count_operations", lambda run: run.config.width_multiplier**2
    )


def test_of_a_short_run_nothing_is_said(run):
    assert forecast.forecast(run, step=10, step_seconds=300.0) is None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("step_seconds", "told"),
    [
        (600.0, "about 3.2 h left at this rate; a new run with"
         " --width_multiplier=0.5 takes about 50 min"),
        (2160.0, "about 11 h left at this rate; a new run with"
         " --width_multiplier=0.25 takes about 45 min"),
        (40_000.0, "about 9 days left at this rate; a new run with"
         " --width_multiplier=0.125 takes about 3.5 h"),
    ],
)  # fmt: skip
def test_a_long_run_is_told_with_a_width_that_ends_within_the_hour(
    step_seconds, told, wide
):
    assert forecast.forecast(wide, step=1, step_seconds=step_seconds) == told


def test_nothing_narrower_than_an_eighth_is_proposed(run):
    told = forecast.forecast(run, step=1, step_seconds=600.0)
    assert told == "about 3.2 h left at this rate"


def test_operations_are_counted_and_grow_with_the_width(run):
    # D's first layer, 5×5 from 1 to 4 maps of 16×16, runs forward thrice in a step.
    least = 3 * 2 * 16 * (25 * 1 * 4) * 16 * 16
    config = dataclasses.replace(run.config, width_multiplier=0.125)
    wider = run._replace(config=config, nets=make_nets(config, num_steps=20))
    count = forecast.count_operations(run)
    assert count > least
    assert 2 < forecast.count_operations(wider) / count < 4
