import itertools

import jax
import numpy as np
import pytest
from experiments.rivals.deep_belief_net import Rbm

from experiments.rivals import deep_belief_net as dbn

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def rbm():
    rng = np.random.default_rng(0)
    return Rbm(*(np.float32(rng.normal(size=size)) for size in ((3, 2), 3, 2)))


def find_shares(rbm):
    """The probability of every state (v, h), by enumeration."""
    states = np.array(list(itertools.product((0.0, 1.0), repeat=5)))
    v, h = states[:, :3], states[:, 3:]
    energy = -((v @ rbm.weights) * h).sum(1) - v @ rbm.visible - h @ rbm.hidden
    return v, h, np.exp(-energy) / np.exp(-energy).sum()


def test_free_energy_is_that_of_the_sum_over_hidden_units(rbm):
    v, _, shares = find_shares(rbm)
    visible = np.float32(v[::4])
    by_sum = shares.reshape(8, 4).sum(1)
    weights = np.exp(-np.asarray(dbn.free_energy(rbm, visible), np.float64))
    np.testing.assert_allclose(weights / weights.sum(), by_sum, rtol=1e-5)


def test_gibbs_sampling_draws_as_often_as_the_machine_says(rbm):
    v, _, shares = find_shares(rbm)
    half = np.full((1, 3), 0.5, np.float32)
    drawn = dbn.draw_samples([rbm], half, KEY, count=20_000, num_rounds=30)
    # One more round up and down, in means, leaves the mean as it is.
    np.testing.assert_allclose(drawn.mean(0), shares @ v, atol=0.02)


def test_at_the_data_of_the_machine_divergence_is_near_zero(rbm):
    v, _, shares = find_shares(rbm)
    rows = np.random.default_rng(0).choice(len(v), 40_000, p=shares)
    slope = dbn.diverge(rbm, np.float32(v[rows]), KEY)
    for part in slope:
        np.testing.assert_allclose(part, 0.0, atol=0.02)


@pytest.mark.long
def test_the_script_measures_samples_of_two_layers(run_command, read_numbers):
    ended = run_command(
        dbn.main, "--num_hidden", "40", "40", "--num_steps=300", "--num_samples=300",
        "--num_rounds=20",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_deep_belief_net_digits")
    # A window of sigma 1 around one grey image has −59 − 3 nats.
    assert numbers["log_likelihood"] > -40
    assert numbers["standard_error"] > 0
