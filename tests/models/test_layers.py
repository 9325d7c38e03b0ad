"""Batch norm's written-out gradient against the automatic one of its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.models import layers


def by_definition(x, gain, offset):
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes, keepdims=True)
    var = jnp.square(x - mean).mean(axes, keepdims=True)
    shape = (1,) * (x.ndim - 1) + gain.shape
    scaled = (x - mean) / jnp.sqrt(var + layers.BN_EPSILON) * gain.reshape(shape)
    return scaled + offset.reshape(shape)


def by_layer(x, gain, offset):
    variables = {
        "params": {"gain": gain, "offset": offset},
        "batch_stats": {"mean": jnp.zeros_like(gain), "var": jnp.ones_like(gain)},
    }
    layer = layers.BatchNorm()
    return layer.apply(variables, x, train=True, mutable=["batch_stats"])[0]


@pytest.fixture(params=[(6, 5), (3, 4, 4, 5)], ids=["dense", "map"])
def inputs(request):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(2.0, 3.0, request.param), jnp.float32)
    gain, offset = (jnp.asarray(rng.normal(1, 0.3, 5), jnp.float32) for _ in range(2))
    weights = jnp.asarray(rng.normal(size=request.param), jnp.float32)
    return (x, gain, offset), weights


def assert_close(found, exact):
    for one, other in zip(found, exact, strict=True):
        assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max()


def test_the_gradient_is_the_automatic_one(inputs):
    arguments, weights = inputs

    def gradients(normalise):
        return jax.grad(lambda *a: (normalise(*a) * weights).sum(), (0, 1, 2))

    exact = gradients(by_definition)(*arguments)
    assert_close(gradients(by_layer)(*arguments), exact)


def test_the_gradient_of_the_gradient_is_the_automatic_one(inputs):
    arguments, weights = inputs

    def penalty(normalise):
        def loss(*a):
            slope = jax.grad(lambda x: (normalise(x, *a[1:]) ** 2 * weights).sum())
            return jnp.square(slope(a[0])).sum()

        return jax.grad(loss, (0, 1, 2))

    exact = penalty(by_definition)(*arguments)
    assert_close(penalty(by_layer)(*arguments), exact)
