import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dcgan_jax import presets
from dcgan_jax.config import AdamConfig, SgdConfig
from dcgan_jax.gan import optimizers

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


def test_our_adam_is_optax_s_to_the_bit():
    rng = np.random.default_rng(0)
    params = {"kernel": jnp.ones((5, 3)), "bias": jnp.ones(4)}
    theirs = optax.scale_by_adam(b1=CONFIG.b1, b2=CONFIG.b2, eps=CONFIG.epsilon)
    pair = optimizers.scale_by_adam(CONFIG), theirs
    states = [transformation.init(params) for transformation in pair]
    steps = [jax.jit(transformation.update) for transformation in pair]
    for _ in range(5):
        gradients = jax.tree.map(lambda p: rng.normal(size=p.shape), params)
        gradients = jax.tree.map(lambda g: jnp.asarray(g, jnp.float32), gradients)
        found = [step(gradients, s) for step, s in zip(steps, states, strict=True)]
        jax.tree.map(np.testing.assert_array_equal, *found)
        states = [state for _, state in found]


def step_sizes(config, num_updates):
    """Return the length of each update under a constant gradient: the rate itself."""
    config = dataclasses.replace(config, l2=0.0)
    weights = np.zeros(1, np.float32)
    gradients = np.ones((num_updates + 1, 1), np.float32)
    history = run(config, weights, gradients, num_updates=num_updates)
    return -np.diff(np.concatenate([[weights], history])[:, 0])


def test_the_discriminator_moves_by_its_own_rate():
    config = dataclasses.replace(
        presets.DIGITS, adam=dataclasses.replace(CONFIG, l2=0.0, d_learning_rate=0.4)
    )
    pair = optimizers.make_optimizers(config, num_steps=8, num_rows=None)
    params = {"kernel": jnp.zeros(1)}
    moved = [
        optimizer.update({"kernel": jnp.ones(1)}, optimizer.init(params), params)[0]
        for optimizer in pair
    ]
    found = [updates["kernel"][0] for updates in moved]
    np.testing.assert_allclose(found, [-0.1, -0.4], rtol=1e-4)


def test_the_rate_is_constant_without_decay():
    np.testing.assert_allclose(step_sizes(CONFIG, 8), 0.1, rtol=1e-4)


def test_the_rate_falls_linearly_to_0_over_the_last_share_of_the_run():
    config = dataclasses.replace(CONFIG, decay_fraction=0.5)
    expected = [0.1, 0.1, 0.1, 0.1, 0.1, 0.075, 0.05, 0.025, 0.0]
    np.testing.assert_allclose(step_sizes(config, 8), expected, rtol=1e-4, atol=1e-7)


def test_every_preset_s_adam_is_the_paper_s():
    recipes = [*presets.PRESETS.values(), *presets.RECIPES.values()]
    found = {(recipe.adam.b1, recipe.adam.b2) for recipe in recipes if recipe.adam}
    assert found == {(0.5, 0.999)}


SGD = SgdConfig(
    learning_rate=0.1, decay_factor=1.1, min_learning_rate=0.06, momentum=0.5,
    final_momentum=0.7, momentum_epochs=3, disc_gradient_scale=0.5,
    max_column_norm=None,
)  # fmt: skip


def descend(optimizer, params, gradients):
    """Return the parameters after each update by an optimiser."""
    params = {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}
    state, history = optimizer.init(params), []
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        history.append({name: np.asarray(value) for name, value in params.items()})
    return history


def sgd_by_hand(weights, gradients, rates, momenta):
    """Return the weights after each update, in float64 (pylearn2's Momentum)."""
    w, velocity, history = weights.astype(np.float64), 0.0, []
    for gradient, rate, momentum in zip(gradients, rates, momenta, strict=True):
        velocity = momentum * velocity - rate * gradient
        w = w + velocity
        history.append(w)
    return history


def test_sgd_s_updates_are_momentum_s_with_the_rate_inside():
    rng = np.random.default_rng(0)
    weights, gradients = rng.normal(size=5), rng.normal(size=(8, 5))
    # Two updates an epoch: epochs 1, 1, 2, 2, 3, 3, 4, 4.
    momenta = [0.5, 0.5, 0.6, 0.6, 0.7, 0.7, 0.7, 0.7]
    rates = [max(0.1 / 1.1**t, 0.06) for t in range(8)]
    optimizer = optimizers.make_sgd(SGD, batches_per_update=1, batches_per_epoch=2)
    found = descend(optimizer, {"w": weights}, [{"w": g} for g in gradients])
    exact = sgd_by_hand(weights, gradients, rates, momenta)
    for ours, by_hand in zip(found, exact, strict=True):
        np.testing.assert_allclose(ours["w"], by_hand, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 1000, 10**6, 5 * 10**6])
def test_the_2014_rate_is_divided_by_1_000004_an_update_down_to_a_millionth(count):
    exact = max(0.1 / 1.000004**count, 1e-6)
    config = presets.GOODFELLOW_MNIST.sgd
    found = optimizers.rate_at(config, jnp.int32(count))
    assert float(found) == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("epoch", "exact"),
    [
        (1, 0.5),
        (2, 0.5 + 0.2 / 249),
        (125, 0.5 + 0.2 * 124 / 249),
        (250, 0.7),
        (9999, 0.7),
    ],
)
def test_the_2014_momentum_rises_from_epoch_1_to_epoch_250(epoch, exact):
    config = presets.GOODFELLOW_MNIST.sgd
    found = optimizers.momentum_at(config, jnp.int32(epoch - 1))
    assert float(found) == pytest.approx(exact, abs=1e-6)


def test_the_generator_s_momentum_follows_the_epochs_that_d_sees():
    # Six minibatches an epoch, three of them to one update of G: two updates an epoch.
    gradients = [{"w": np.ones(1)}] * 5
    gen = optimizers.make_sgd(SGD, batches_per_update=3, batches_per_epoch=6)
    plain = optimizers.make_sgd(SGD, batches_per_update=1, batches_per_epoch=2)
    weights = {"w": np.zeros(1)}
    for a, b in zip(
        descend(gen, weights, gradients), descend(plain, weights, gradients),
        strict=True,
    ):  # fmt: skip
        assert a["w"] == b["w"]


def make_goodfellow(**changes):
    config = dataclasses.replace(presets.GOODFELLOW_MNIST, sgd=SGD, **changes)
    return optimizers.make_optimizers(config, num_steps=10, num_rows=600)


def test_d_descends_half_as_fast_as_g():
    pair = make_goodfellow()
    gradients = [{"w": np.ones(1)}] * 3
    weights = {"w": np.zeros(1)}
    for a, b in zip(
        descend(pair.gen, weights, gradients), descend(pair.disc, weights, gradients),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(2 * b["w"], a["w"], rtol=1e-6)


def test_columns_of_kernels_are_cut_and_nothing_else():
    config = dataclasses.replace(SGD, max_column_norm=2.0)
    optimizer = optimizers.make_sgd(config, batches_per_update=1, batches_per_epoch=1)
    kernel = np.array([[3.0, 0.6], [4.0, 0.8]])
    params = {"kernel": kernel, "bias": np.array([5.0, 6.0])}
    still = {"kernel": np.zeros((2, 2)), "bias": np.zeros(2)}
    (found,) = descend(optimizer, params, [still])
    exact = np.array([[3.0 * 2 / 5, 0.6], [4.0 * 2 / 5, 0.8]])
    np.testing.assert_allclose(found["kernel"], exact, rtol=1e-6)
    np.testing.assert_array_equal(found["bias"], params["bias"])


def test_columns_are_cut_after_the_update():
    config = dataclasses.replace(SGD, max_column_norm=2.0)
    optimizer = optimizers.make_sgd(config, batches_per_update=1, batches_per_epoch=1)
    gradient = {"w": np.full((4, 3), -100.0)}
    (found,) = descend(optimizer, {"w": np.zeros((4, 3))}, [gradient])
    np.testing.assert_allclose(np.linalg.norm(found["w"], axis=0), 2.0, rtol=1e-5)


def test_sgd_that_is_not_told_the_size_of_the_data_is_not_built():
    with pytest.raises(ValueError, match="num_rows"):
        optimizers.make_optimizers(
            presets.GOODFELLOW_MNIST, num_steps=10, num_rows=None
        )
