import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import optimizers, presets
from dcgan_jax.config import AdamConfig

CONFIG = AdamConfig(
    learning_rate=0.1, b1=0.5, b2=0.999, epsilon=1e-8, l2=0.03, decay_fraction=0.0
)


def run(config, weights, gradients, *, num_updates):
    """Return the weights after each update by the optimiser under test."""
    optimizer = optimizers.make_adam(config, num_updates=num_updates)
    params = {"kernel": jnp.asarray(weights, jnp.float32)}
    state, history = optimizer.init(params), []
    for gradient in gradients:
        updates, state = optimizer.update(
            {"kernel": jnp.asarray(gradient)}, state, params
        )
        params = {"kernel": params["kernel"] + updates["kernel"]}
        history.append(np.asarray(params["kernel"]))
    return history


def adam_by_hand(config, weights, gradients):
    """Return the weights after each update, in float64 (Kingma & Ba, Algorithm 1)."""
    w, m, v, history = weights.astype(np.float64), 0.0, 0.0, []
    for t, gradient in enumerate(gradients, start=1):
        g = gradient.astype(np.float64) + config.l2 * w
        m = config.b1 * m + (1 - config.b1) * g
        v = config.b2 * v + (1 - config.b2) * g * g
        mean, square = m / (1 - config.b1**t), v / (1 - config.b2**t)
        w = w - config.learning_rate * mean / (np.sqrt(square) + config.epsilon)
        history.append(w)
    return history


@pytest.mark.parametrize("l2", [0.0, 0.03])
@pytest.mark.parametrize("epsilon", [1e-8, 0.1])
def test_updates_are_adam_s_after_l2(l2, epsilon):
    config = dataclasses.replace(CONFIG, l2=l2, epsilon=epsilon)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=7).astype(np.float32)
    gradients = rng.normal(size=(6, 7)).astype(np.float32)
    ours = run(config, weights, gradients, num_updates=6)
    for found, exact in zip(
        ours, adam_by_hand(config, weights, gradients), strict=True
    ):
        np.testing.assert_allclose(found, exact, atol=1e-5)


def step_sizes(config, num_updates):
    """Return the length of each update under a constant gradient: the rate itself."""
    config = dataclasses.replace(config, l2=0.0)
    weights = np.zeros(1, np.float32)
    gradients = np.ones((num_updates + 1, 1), np.float32)
    history = run(config, weights, gradients, num_updates=num_updates)
    return -np.diff(np.concatenate([[weights], history])[:, 0])


def test_the_rate_is_constant_without_decay():
    np.testing.assert_allclose(step_sizes(CONFIG, 8), 0.1, rtol=1e-4)


def test_the_rate_falls_linearly_to_0_over_the_last_share_of_the_run():
    config = dataclasses.replace(CONFIG, decay_fraction=0.5)
    expected = [0.1, 0.1, 0.1, 0.1, 0.1, 0.075, 0.05, 0.025, 0.0]
    np.testing.assert_allclose(step_sizes(config, 8), expected, rtol=1e-4, atol=1e-7)


def test_every_preset_s_adam_is_the_paper_s():
    found = {(preset.adam.b1, preset.adam.b2) for preset in presets.PRESETS.values()}
    assert found == {(0.5, 0.999)}
