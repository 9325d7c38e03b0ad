import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax import presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import penalties, steps
from dcgan_jax.gan.nets import make_nets

GAMMA = 3.0
# Two blocks; the phases' own gradients are those that CPUs train by.
CONFIG = dataclasses.replace(
    presets.SVHN,
    image_size=28,
    channels=1,
    width_multiplier=1 / 16,
    convolution="phase",
    r1_gamma=GAMMA,
)
SHAPE, BATCH = (28, 28, 1), 4
FAST = {"xla_backend_optimization_level": "0"}


def test_of_a_linear_score_the_penalty_is_the_weights_squared_length():
    weights = np.array([[1.0, 2.0], [-2.0, 0.5]])
    exact = 1 + 4 + 4 + 0.25

    def score(images):
        return (images[..., 0] * weights[None]).sum((1, 2))

    images = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 2, 1)))
    assert penalties.r1(score, images) == pytest.approx(exact)


def test_of_a_square_score_the_penalty_is_averaged_over_images_alone():
    # D(x) = |x|²/2, whose gradient is x itself.
    images = jnp.array([[[[3.0]], [[4.0]]], [[[1.0]], [[0.0]]]])
    score = lambda x: jnp.square(x).sum((1, 2, 3)) / 2  # noqa: E731
    assert penalties.r1(score, images) == pytest.approx((25 + 1) / 2)


def test_the_loss_grows_by_half_gamma_times_the_penalty():
    penalise = penalties.make_penalty(r1_gamma=GAMMA)
    score = lambda x: 2 * x.sum((1, 2, 3))  # noqa: E731
    found = penalise(jnp.float32(0.5), score, jnp.zeros((2, 1, 1, 1)))
    assert found == pytest.approx(0.5 + GAMMA / 2 * 4)


def plain_logits(params, images):
    """The same network of lax operations, whose gradients are JAX's own."""
    x = images
    for index in range(2):
        kernel = params[f"conv{index}"]["kernel"]
        x = lax.conv_general_dilated(
            x, kernel, (2, 2), [(2, 2)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        if index > 0:
            bn = params[f"bn{index}"]
            mean, var = (
                x.mean((0, 1, 2), keepdims=True),
                x.var((0, 1, 2), keepdims=True),
            )
            gain, offset = (bn[name][None, None, None] for name in ("gain", "offset"))
            x = (x - mean) / jnp.sqrt(var + 1e-8) * gain + offset
        x = jnp.where(x > 0, x, 0.2 * x)
    return (x.reshape(len(x), -1) @ params["logit"]["dense"]["kernel"])[:, 0]


def test_d_s_gradient_is_that_of_the_plain_network_s_penalised_loss(draw_state):
    nets = make_nets(CONFIG, num_steps=10)
    state = draw_state(nets, image_shape=SHAPE)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *SHAPE), np.uint8)
    key = jax.random.key(1)
    step = jax.jit(
        lambda s: steps.d_step(nets, s, Batch(images, None), key), compiler_options=FAST
    )
    _, metrics = step(state)
    real = images / np.float32(127.5) - 1
    fake, _ = nets.generator.apply(
        {"params": state.gen.params, "batch_stats": state.gen.batch_stats},
        nets.draw_latents(key, BATCH),
        train=True,
        mutable=["batch_stats"],
    )

    def loss_of(params, gamma):
        total = lambda x: plain_logits(params, x).sum()  # noqa: E731
        gradients = jax.grad(total)(jnp.asarray(real))
        penalty = (gradients**2).sum() / BATCH
        cross_entropy = (
            jnp.logaddexp(0, -plain_logits(params, real)).mean()
            + jnp.logaddexp(0, plain_logits(params, fake)).mean()
        )
        return cross_entropy + gamma / 2 * penalty

    plain = jax.jit(jax.value_and_grad(loss_of), compiler_options=FAST)
    exact, slope = plain(state.disc.params, GAMMA)
    unpenalised, _ = plain(state.disc.params, 0.0)
    norm = np.sqrt(sum(np.square(leaf).sum() for leaf in jax.tree.leaves(slope)))
    assert metrics["d_loss"] == pytest.approx(float(exact), rel=1e-4)
    assert metrics["d_grad_norm"] == pytest.approx(float(norm), rel=1e-3)
    assert exact > 1.01 * unpenalised
