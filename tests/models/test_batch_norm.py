import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.models import layers


@pytest.fixture
def normed():
    """Inputs, gain, offset and running statistics far from where they start."""
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, (5, 4, 4, 6)).astype(np.float32)
    params = {
        "gain": rng.normal(1.0, 0.5, 6).astype(np.float32),
        "offset": rng.normal(0.0, 1.0, 6).astype(np.float32),
    }
    stats = {
        "mean": rng.normal(0.0, 1.0, 6).astype(np.float32),
        "var": rng.uniform(0.5, 2.0, 6).astype(np.float32),
    }
    return x, params, stats


def test_batch_norm_normalises_by_the_batch_while_training(normed):
    x, params, stats = normed
    ours, _ = layers.BatchNorm().apply(
        {"params": params, "batch_stats": stats}, x, train=True, mutable=["batch_stats"]
    )
    exact = x.astype(np.float64)
    exact = (exact - exact.mean((0, 1, 2))) / np.sqrt(exact.var((0, 1, 2)) + 1e-8)
    exact = exact * params["gain"] + params["offset"]
    np.testing.assert_allclose(ours, exact, atol=1e-5)


def test_batch_norm_moves_its_statistics_by_a_tenth_of_biased_moments(normed):
    x, params, stats = normed
    _, moved = layers.BatchNorm().apply(
        {"params": params, "batch_stats": stats}, x, train=True, mutable=["batch_stats"]
    )
    exact = x.astype(np.float64)
    mean = 0.9 * stats["mean"] + 0.1 * exact.mean((0, 1, 2))
    var = 0.9 * stats["var"] + 0.1 * exact.var((0, 1, 2), ddof=0)
    np.testing.assert_allclose(moved["batch_stats"]["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(moved["batch_stats"]["var"], var, rtol=1e-5)


def test_batch_norm_normalises_by_its_statistics_otherwise(normed):
    x, params, stats = normed
    ours = layers.BatchNorm().apply(
        {"params": params, "batch_stats": stats}, x, train=False
    )
    exact = x.astype(np.float64)
    exact = (exact - stats["mean"]) / np.sqrt(stats["var"].astype(np.float64) + 1e-8)
    exact = exact * params["gain"] + params["offset"]
    np.testing.assert_allclose(ours, exact, atol=1e-5)


def test_initialising_moves_no_statistics():
    x = jnp.full((2, 3), 7.0)
    stats = layers.BatchNorm().init(jax.random.key(0), x, train=True)["batch_stats"]
    assert not stats["mean"].any()
    assert (stats["var"] == 1).all()
