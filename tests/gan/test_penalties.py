import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax import presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import penalties, steps
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.gan.penalties import Judged

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
    assert penalties.squared_slope(Judged(images, score)) == pytest.approx(exact)


def test_of_a_square_score_the_penalty_is_averaged_over_images_alone():
    # D(x) = |x|²/2, whose gradient is x itself.
    images = jnp.array([[[[3.0]], [[4.0]]], [[[1.0]], [[0.0]]]])
    score = lambda x: jnp.square(x).sum((1, 2, 3)) / 2  # noqa: E731
    assert penalties.squared_slope(Judged(images, score)) == pytest.approx(26 / 2)


def judge_linearly(slope):
    return Judged(jnp.zeros((2, 1, 1, 1)), lambda x: slope * x.sum((1, 2, 3)))


@pytest.mark.parametrize(("r1_gamma", "r2_gamma"), [(3.0, 0.0), (0.0, 5.0), (3.0, 5.0)])
def test_the_loss_grows_by_half_of_each_gamma_times_its_penalty(r1_gamma, r2_gamma):
    penalise = penalties.make_penalty(r1_gamma=r1_gamma, r2_gamma=r2_gamma, every=1)
    loss = jnp.float32(0.5)
    found = penalise(loss, judge_linearly(2.0), judge_linearly(4.0), jnp.int32(7))
    assert found == pytest.approx(0.5 + r1_gamma / 2 * 4 + r2_gamma / 2 * 16)


def test_a_lazy_penalty_comes_every_so_many_steps_with_so_many_times_its_weight():
    penalise = penalties.make_penalty(r1_gamma=1.0, r2_gamma=0.0, every=4)

    def loss_of(slope, step):
        real = Judged(jnp.ones((2, 1, 1, 1)), lambda x: slope * x.sum((1, 2, 3)))
        return penalise(jnp.float32(0.0), real, real, step)

    lazy = jax.jit(jax.value_and_grad(loss_of))
    found = [lazy(jnp.float32(3.0), jnp.int32(step)) for step in range(9)]
    # γ/2 slope² and its derivative, γ slope, each four times.
    assert [float(loss) for loss, _ in found] == [18, 0, 0, 0, 18, 0, 0, 0, 18]
    assert [float(slope) for _, slope in found] == [12, 0, 0, 0, 12, 0, 0, 0, 12]


def test_r2_is_of_the_generated_images_and_their_own_score(draw_state):
    config = dataclasses.replace(
        CONFIG, r1_gamma=0.0, r2_gamma=GAMMA, batch_norm="not_in_discriminator"
    )
    nets = make_nets(config, num_steps=10)
    state = draw_state(nets, image_shape=SHAPE)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *SHAPE), np.uint8)
    key = jax.random.key(1)

    @functools.partial(jax.jit, compiler_options=FAST)
    def measure(state):
        losses = [
            steps.d_step(own, state, Batch(images, None), key)[1]["d_loss"]
            for own in (nets, nets._replace(penalise=penalties.leave_loss))
        ]
        latents = nets.draw_latents(key, BATCH)
        fake, _ = nets.generate(state.gen, state.gen.params, latents, None)

        def score_one(image):
            logits, _ = nets.judge(state.disc.params, {}, image[None], None, key)
            return logits[0]

        slopes = jax.vmap(jax.grad(score_one))(fake)
        return losses[0] - losses[1], jnp.square(slopes).sum((1, 2, 3)).mean()

    grown, exact = measure(state)
    assert grown == pytest.approx(GAMMA / 2 * float(exact), rel=1e-3)
    assert exact > 0


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


@pytest.mark.long
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
