import jax
import jax.numpy as jnp
import numpy as np
import pytest
from experiments.rivals.contractive import Layer

from experiments.rivals import contractive

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def layer():
    rng = np.random.default_rng(0)
    return Layer(*(jnp.float32(rng.normal(size=size)) for size in ((4, 3), 3, 4)))


@pytest.fixture(scope="module")
def inputs():
    return jnp.float32(np.random.default_rng(1).random((5, 4)))


@pytest.fixture(scope="module")
def jacobians(layer, inputs):
    """∂code/∂input at each row, (5, 3, 4)."""

    def encode_one(row):
        return contractive.encode(layer, row[None])[0]

    return jax.vmap(jax.jacobian(encode_one))(inputs)


def test_contraction_is_the_squared_norm_of_the_jacobian(layer, inputs, jacobians):
    found = contractive.measure_contraction(layer, contractive.encode(layer, inputs))
    np.testing.assert_allclose(found, (jacobians**2).sum((1, 2)), rtol=1e-5)


def test_noise_is_spread_by_the_jacobian_and_its_transpose(layer, inputs, jacobians):
    noise = jax.random.normal(KEY, (5, 3))
    codes = contractive.encode(layer, inputs)
    found = contractive.spread_noise(layer, codes, noise)
    expected = jnp.einsum("nki,nli,nl->nk", jacobians, jacobians, noise)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_cross_entropy_and_the_weighted_contraction(layer, inputs):
    codes = contractive.encode(layer, inputs)
    made = np.asarray(contractive.decode(layer, codes), np.float64)
    misses = -(inputs * np.log(made) + (1 - inputs) * np.log(1 - made)).sum(1)
    contraction = contractive.measure_contraction(layer, codes)
    expected = misses.mean() + 3 * contraction.mean()
    found = contractive.make_loss(layer, inputs, 3.0)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_chains_without_noise_go_down_from_the_units_of_training_codes(layer):
    low = Layer(jnp.ones((2, 4)), jnp.zeros(4), jnp.zeros(2))
    codes = jnp.array([[0.1, 0.9, 0.5]])
    drawn = contractive.draw_samples(
        [low, layer], codes, KEY, count=2, num_rounds=0, noise=1.0
    )
    expected = contractive.decode(low, contractive.decode(layer, codes))
    np.testing.assert_allclose(drawn, jnp.tile(expected, (2, 1)), rtol=1e-6)


def test_the_script_measures_samples_of_two_layers(run_command, read_numbers):
    ended = run_command(
        contractive.main, "--num_hidden", "40", "40", "--num_steps=100",
        "--num_samples=300", "--num_rounds=5",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_contractive_digits")
    # A window of sigma 1 around one grey image has −59 − 3 nats.
    assert numbers["log_likelihood"] > -40
    assert numbers["standard_error"] > 0
