"""Batch norm as a GPU and a CPU compute it: against float64, and two against apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.models import layers, normalisation

BACKENDS = ("cpu", "gpu")


@pytest.fixture(params=BACKENDS)
def backend_name(request, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: request.param)
    return request.param


def draw(*shape, mean=0.0, seed=0):
    values = np.random.default_rng(seed).normal(mean, 1.0, shape)
    return values.astype(np.float32)


@pytest.mark.parametrize("mean", [0.0, 3.0, 30.0])
def test_moments_are_float64_s_also_where_the_mean_is_far_from_zero(mean, backend_name):
    x = draw(64, 8, 8, 5, mean=mean)
    gain, offset = draw(5, mean=1.0, seed=1), draw(5, seed=2)
    y, found_mean, found_var = normalisation.normalise_batches(x, gain, offset, 1)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(found_mean, exact.mean((0, 1, 2)), rtol=5e-6, atol=1e-5)
    # A CPU adds the pair of sums in a row; the digits that a GPU keeps are more.
    lost = 5e-6 * (1 + mean**2)
    np.testing.assert_allclose(found_var, exact.var((0, 1, 2)), rtol=lost)
    deviation = np.sqrt(exact.var((0, 1, 2)) + normalisation.EPSILON)
    normal = (exact - exact.mean((0, 1, 2))) / deviation * gain + offset
    assert np.abs(y - normal).max() < 1e-4 + 10 * lost


def test_a_channel_that_does_not_vary_has_no_variance(backend_name):
    x = np.full((8, 4, 4, 3), 7.25, np.float32)
    _, mean, var = normalisation.normalise_batches(x, np.ones(3), np.zeros(3), 1)
    np.testing.assert_array_equal(mean, np.full(3, 7.25))
    np.testing.assert_array_equal(var, np.zeros(3))


def test_the_gradient_is_the_automatic_one_s(backend_name):
    x, gain, offset = draw(16, 4, 4, 3), draw(3, mean=1, seed=1), draw(3, seed=2)
    weights = draw(16, 4, 4, 3, seed=3)

    def plain(x, gain, offset):
        mean, var = x.mean((0, 1, 2), keepdims=True), x.var((0, 1, 2), keepdims=True)
        spread = [vector.reshape(1, 1, 1, 3) for vector in (gain, offset)]
        normal = (x - mean) / jnp.sqrt(var + normalisation.EPSILON)
        return ((normal * spread[0] + spread[1]) * weights).sum()

    def ours(x, gain, offset):
        return (normalisation.normalise_batches(x, gain, offset, 1)[0] * weights).sum()

    expected = jax.grad(plain, argnums=(0, 1, 2))(x, gain, offset)
    found = jax.grad(ours, argnums=(0, 1, 2))(x, gain, offset)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_a_gradient_of_a_gradient_exists_on_a_gpu(backend_name):
    # The penalty R1 takes one.
    x, ones, zeros = draw(8, 2, 2, 3), np.ones(3, np.float32), np.zeros(3, np.float32)

    def energy(x):
        y = normalisation.normalise_batches(x, ones, zeros, 1)[0]
        return (jnp.sin(y) * jnp.arange(3.0).reshape(1, 1, 1, 3)).sum()

    def penalty(x):
        return jnp.square(jax.grad(energy)(x)).sum()

    step, way = 1e-3, draw(8, 2, 2, 3, seed=4)
    slope = (penalty(x + step * way) - penalty(x - step * way)) / (2 * step)
    np.testing.assert_allclose((jax.grad(penalty)(x) * way).sum(), slope, rtol=2e-2)


@pytest.mark.parametrize("shape", [(6, 4, 4, 3), (6, 5)], ids=str)
def test_two_batches_at_once_are_as_two_apart(shape, backend_name):
    halves = draw(*shape, mean=2.0), draw(*shape, mean=-1.0, seed=1)
    weights = draw(2 * shape[0], *shape[1:], seed=2)
    one, two = layers.BatchNorm(), layers.BatchNorm(num_batches=2)
    start = one.init(jax.random.key(0), halves[0], train=True)

    def apart(params):
        stats, outputs = start["batch_stats"], []
        for half in halves:
            variables = {"params": params, "batch_stats": stats}
            y, moved = one.apply(variables, half, train=True, mutable=["batch_stats"])
            stats = moved["batch_stats"]
            outputs.append(y)
        return (jnp.concatenate(outputs) * weights).sum(), stats

    def at_once(params):
        variables = {"params": params, "batch_stats": start["batch_stats"]}
        x = np.concatenate(halves)
        y, moved = two.apply(variables, x, train=True, mutable=["batch_stats"])
        return (y * weights).sum(), moved["batch_stats"]

    expected = jax.value_and_grad(apart, has_aux=True)(start["params"])
    found = jax.value_and_grad(at_once, has_aux=True)(start["params"])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5),
        found,
        expected,
    )
