import jax
import jax.numpy as jnp
import numpy as np
import pytest
from experiments.rivals.m1_m2 import M2
from experiments.rivals.variational import M1, Gaussian

from experiments.rivals import m1_m2, variational

KEY = jax.random.key(0)


def set_to_zero(params, name):
    """Let a network's outputs be 0 whatever it is given."""
    silent = jax.tree.map(jnp.zeros_like, params["params"][name])
    return {"params": {**params["params"], name: silent}}


def test_densities_and_divergences_are_those_of_normal_distributions():
    wide = Gaussian(jnp.array([[1.0, 0.0]]), jnp.log(jnp.array([[4.0, 0.25]])))
    # By hand: ½ (σ² + μ² − 1 − ln σ²), summed.
    expected = 0.5 * (4 + 1 - 1 - np.log(4) + 0.25 - 1 - np.log(0.25))
    assert wide.divergence()[0] == pytest.approx(expected, rel=1e-5)
    # ln of 1/(2π·2·½) e^(−½ (4/4 + 1/0.25))
    density = wide.log_density(jnp.array([[3.0, 1.0]]))[0]
    assert density == pytest.approx(-np.log(2 * np.pi) - 2.5, rel=1e-5)


def test_the_bound_is_the_likelihood_where_latents_say_nothing():
    pixels = jnp.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    network = M1(3, 2, (4,), "bernoulli")
    params = network.init(KEY, pixels, KEY)
    for name in ("encoder", "decoder"):
        params = set_to_zero(params, name)
    np.testing.assert_allclose(
        network.apply(params, pixels, KEY), 3 * np.log(0.5), rtol=1e-5
    )


@pytest.mark.long
def test_without_a_label_the_bound_is_the_sum_over_labels():
    vectors = jax.random.normal(KEY, (5, 3))
    network = M2(3, 2, 4)
    params = network.init(KEY, vectors, jnp.eye(4)[jnp.zeros(5, int)], KEY)
    params = set_to_zero(params, "decoder")  # so that no draw of latents matters
    found = network.apply(params, vectors, KEY, method=M2.bound_unlabelled)
    shares = jax.nn.softmax(network.apply(params, vectors, method=M2.classify))
    expected = 0.0
    for label in range(4):
        one_hot = jnp.eye(4)[jnp.full(5, label)]
        bound = network.apply(params, vectors, one_hot, KEY, method=M2.bound)
        expected += shares[:, label] * (bound - jnp.log(shares[:, label]))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.long
def test_where_labels_say_nothing_they_cost_nothing():
    vectors = jax.random.normal(KEY, (5, 3))
    network = M2(3, 2, 4)
    params = network.init(KEY, vectors, jnp.eye(4)[jnp.zeros(5, int)], KEY)
    for name in ("classifier", "encoder", "decoder"):
        params = set_to_zero(params, name)
    found = network.apply(params, vectors, KEY, method=M2.bound_unlabelled)
    expected = Gaussian(0 * vectors, 0 * vectors).log_density(vectors)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_standardised_latents_have_unit_spread():
    rng = np.random.default_rng(0)
    codes = Gaussian(jnp.array(rng.normal(3, 2, (9000, 1))), jnp.zeros((9000, 1)))
    drawn = m1_m2.standardise(codes)[0].sample(KEY)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.long
def test_the_script_learns_digits_from_ten_labels_a_class(run_command, read_numbers):
    ended = run_command(
        m1_m2.main, "--num_hidden=50", "--num_latents=10", "--num_m1_steps=600",
        "--num_steps=400", "--draws=1",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_m1_m2_digits")
    assert numbers["error_mean"] < 0.65  # 0.9 by guessing
    assert numbers["m1_bound"] > -64 * np.log(2)
    assert len(numbers["errors"]) == 1
    assert variational.choose_likelihood(3) == "gaussian"
