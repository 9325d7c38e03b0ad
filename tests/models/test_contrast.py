"""What D sees of a whole batch's contrast, without and with a bias, in closed form.

A batch scaled by s gives the first convolution s (w·x) + b = s (w·x + b / s). LeakyReLU
passes the factor on and batch norm removes it: D of s·x with a bias b is D of x with
b / s. Without a bias s is gone.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.gan.nets import make_nets

FACTOR = 0.05
IMAGES = jax.random.uniform(jax.random.key(1), (4, 32, 32, 3), minval=-1.0)


@pytest.fixture(scope="module", params=["svhn", "imagenet32"])
def disc(request, draw_state):
    """Return a function of parameters and images, and the parameters with a bias."""
    config = dataclasses.replace(
        presets.PRESETS[request.param], width_multiplier=1 / 16, input_bias=True
    )
    nets = make_nets(config, num_steps=1)
    state = draw_state(nets, image_shape=(32, 32, 3))

    @jax.jit
    def judge(params, images):
        (logits, _), _ = nets.discriminator.apply(
            {"params": params, "batch_stats": state.disc.batch_stats}, images,
            train=True, mutable=["batch_stats"],
        )  # fmt: skip
        return logits

    return judge, state.disc.params


def with_bias(params, bias):
    return {**params, "conv0": {**params["conv0"], "bias": bias}}


def assert_same(ours, expected):
    np.testing.assert_allclose(ours, expected, atol=1e-3 * np.abs(expected).max())


def test_without_a_bias_a_batch_of_a_twentieth_of_the_contrast_gives_the_same(disc):
    judge, params = disc
    blind = with_bias(params, jnp.zeros_like(params["conv0"]["bias"]))
    assert_same(judge(blind, FACTOR * IMAGES), judge(blind, IMAGES))


def test_with_a_bias_scaling_the_batch_is_dividing_the_bias(disc):
    judge, params = disc
    scaled = judge(params, FACTOR * IMAGES)
    divided = with_bias(params, params["conv0"]["bias"] / FACTOR)
    assert_same(scaled, judge(divided, IMAGES))
    seen = judge(params, IMAGES)
    assert np.abs(scaled - seen).max() > 0.1 * np.abs(seen).max()


def test_the_contrast_s_gradient_is_minus_the_bias_times_its_own(disc):
    # d/ds D(s·x; b) at s = 1, by the identity above; with b = 0 nothing moves G.
    judge, params = disc
    bias = params["conv0"]["bias"]

    weights = jnp.array([1.0, -0.5, 2.0, 0.25])  # of four logits

    @jax.jit
    def differentiate(bias, scale):
        return jax.grad(
            lambda own, by: weights @ judge(with_bias(params, own), by * IMAGES),
            argnums=(0, 1),
        )(bias, scale)

    by_bias, by_scale = differentiate(bias, jnp.ones(()))
    expected = -(bias * by_bias).sum()
    np.testing.assert_allclose(by_scale, expected, rtol=1e-2)
    _, of_blind = differentiate(0 * bias, jnp.ones(()))
    assert abs(of_blind) < 1e-3 * abs(expected)


@pytest.mark.parametrize("name", ["lsun_bedroom", "imagenet32", "svhn"])
def test_the_paper_s_recipes_have_no_bias(name):
    assert not presets.PRESETS[name].input_bias


def test_every_recipe_of_ours_has_the_bias():
    of_the_paper = {"lsun_bedroom", "imagenet32", "svhn"}
    ours = presets.PRESETS.keys() - of_the_paper
    assert {"celeb_a", "cifar10"} <= ours
    assert {name for name in ours if not presets.PRESETS[name].input_bias} == set()
