"""What an update of D, an update of G and a step of both do, and what they leave."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets
from small_steps import (
    BATCH,
    QUICK,
    SHAPE,
    SMALL,
    assert_same,
    differ,
    draw_images,
    jit,
    softplus,
)


@pytest.fixture(scope="module")
def nets():
    return make_nets(SMALL, num_steps=10)


@pytest.fixture(scope="module")
def state(nets, draw_state):
    return draw_state(nets, image_shape=SHAPE)


@pytest.fixture(scope="module")
def d_step(nets):
    return jit(steps.d_step, nets)


@pytest.fixture(scope="module")
def g_step(nets):
    return jit(steps.g_step, nets)


@pytest.fixture(scope="module")
def train_step(nets):
    return jit(steps.train_step, nets)


@pytest.fixture(scope="module")
def after_d(d_step, state):
    """The state and metrics after one update of D."""
    return d_step(state, Batch(draw_images(0, BATCH), None), jax.random.key(1))


@pytest.fixture(scope="module")
def after_g(g_step, state):
    """The state and metrics after one update of G."""
    return g_step(state, Batch(draw_images(0, BATCH), None), jax.random.key(1))


def generate(nets, state, key):
    """Return the images that a step generates from a key."""
    images, _ = nets.generator.apply(
        {"params": state.gen.params, "batch_stats": state.gen.batch_stats},
        nets.draw_latents(key, BATCH),
        train=True,
        mutable=["batch_stats"],
    )
    return images


def score(nets, state, images):
    """Return the logits of a batch under its own statistics, in float64."""
    (logits, _), _ = nets.discriminator.apply(
        {"params": state.disc.params, "batch_stats": state.disc.batch_stats},
        images,
        train=True,
        mutable=["batch_stats"],
    )
    return np.asarray(logits, np.float64)


def test_d_step_leaves_the_generator_alone(state, after_d):
    assert_same(after_d[0].gen, state.gen)


def test_d_step_moves_every_parameter_of_the_discriminator(state, after_d):
    assert all(differ(after_d[0].disc.params, state.disc.params))


def test_g_step_leaves_the_discriminator_alone(state, after_g):
    assert_same(after_g[0].disc, state.disc)


def test_g_step_moves_every_parameter_of_the_generator(state, after_g):
    assert all(differ(after_g[0].gen.params, state.gen.params))


def test_g_step_moves_the_generator_s_statistics(state, after_g):
    assert all(differ(after_g[0].gen.batch_stats, state.gen.batch_stats))


def test_d_loss_is_the_cross_entropy_of_real_and_fake(nets, state, after_d):
    real = score(nets, state, draw_images(0, BATCH) / np.float32(127.5) - 1)
    fake = score(nets, state, generate(nets, state, jax.random.key(1)))
    exact = softplus(-real).mean() + softplus(fake).mean()
    assert after_d[1]["d_loss"] == pytest.approx(exact, rel=1e-4)


def test_other_fakes_do_not_change_how_real_images_are_judged(d_step, state):
    real = Batch(draw_images(0, BATCH), None)
    _, first = d_step(state, real, jax.random.key(1))
    _, second = d_step(state, real, jax.random.key(2))
    assert first["d_fake"] != second["d_fake"]
    assert first["d_real"] == second["d_real"]


def test_other_real_images_do_not_change_how_fakes_are_judged(d_step, state):
    key = jax.random.key(1)
    _, first = d_step(state, Batch(draw_images(0, BATCH), None), key)
    _, second = d_step(state, Batch(draw_images(1, BATCH), None), key)
    assert first["d_real"] != second["d_real"]
    assert first["d_fake"] == second["d_fake"]


def test_d_s_statistics_follow_the_real_batch_then_the_fake(nets, state, after_d):
    def moments(images):
        """Of the first normalised layer's input: convolve, leak, convolve."""
        x = images
        for name in ("conv0", "conv1"):
            x = jnp.where(x > 0, x, 0.2 * x) if name == "conv1" else x
            x = lax.conv_general_dilated(
                x, state.disc.params[name]["kernel"], (2, 2), [(2, 2), (2, 2)],
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )  # fmt: skip
        x = np.asarray(x, np.float64)
        return {"mean": x.mean((0, 1, 2)), "var": x.var((0, 1, 2))}

    real = moments(draw_images(0, BATCH) / np.float32(127.5) - 1)
    fake = moments(generate(nets, state, jax.random.key(1)))
    for name in ("mean", "var"):
        before = state.disc.batch_stats["bn1"][name]
        expected = 0.9 * (0.9 * before + 0.1 * real[name]) + 0.1 * fake[name]
        found = after_d[0].disc.batch_stats["bn1"][name]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "exact"),
    [
        ("non_saturating", lambda logits: softplus(-logits).mean()),
        ("minimax", lambda logits: -softplus(logits).mean()),
    ],
)
def test_g_loss_is_the_objective_that_was_asked_for(loss, exact, state):
    nets = make_nets(dataclasses.replace(SMALL, loss=loss), num_steps=10)
    batch = Batch(draw_images(0, BATCH), None)
    _, metrics = jit(steps.g_step, nets)(state, batch, jax.random.key(1))
    logits = score(nets, state, generate(nets, state, jax.random.key(1)))
    assert metrics["g_loss"] == pytest.approx(exact(logits), rel=1e-4)


def test_a_loss_of_g_is_given_the_logits_of_the_real_batch_too(nets, state):
    relativistic = nets._replace(
        generator_loss=lambda real, fake: jax.nn.softplus(real - fake).mean()
    )
    batch = Batch(draw_images(0, BATCH), None)
    _, metrics = jit(steps.g_step, relativistic)(state, batch, jax.random.key(1))
    real = score(nets, state, batch.images / np.float32(127.5) - 1)
    fake = score(nets, state, generate(nets, state, jax.random.key(1)))
    assert metrics["g_loss"] == pytest.approx(softplus(real - fake).mean(), rel=1e-4)


def batches_of(k, seed=0):
    return Batch(draw_images(seed, k, BATCH), None)


def test_a_step_counts_one(train_step, state):
    after, _ = train_step(state, batches_of(1), jax.random.key(0))
    assert int(after.step) == int(state.step) + 1


@pytest.mark.parametrize("k", [1, 2])
def test_a_step_updates_d_k_times_and_g_once(k, train_step, state):
    after, _ = train_step(state, batches_of(k), jax.random.key(0))
    assert int(after.disc.opt_state[1].count) == k
    assert int(after.gen.opt_state[1].count) == 1


@pytest.mark.parametrize("index", range(2))
def test_each_of_the_k_updates_has_a_minibatch_of_its_own(index, train_step, state):
    before = batches_of(2)
    images = before.images.copy()
    images[index] = 255 - images[index]
    first, _ = train_step(state, before, jax.random.key(0))
    second, _ = train_step(state, Batch(images, None), jax.random.key(0))
    assert all(differ(first.disc.params, second.disc.params))


@pytest.fixture(scope="module", params=[False, True], ids=["in_turn", "simultaneous"])
def order(request, nets):
    """Whether updates are simultaneous, and the step of such a run."""
    simultaneous = request.param
    return simultaneous, jit(steps.train_step, nets._replace(simultaneous=simultaneous))


@pytest.mark.parametrize("k", [1, 2])
def test_g_s_update_sees_the_last_of_d_unless_they_are_simultaneous(
    k, order, d_step, g_step, state
):
    simultaneous, train_step = order
    key = jax.random.key(0)
    batches = batches_of(k)
    step_key = jax.random.fold_in(jax.random.fold_in(key, 0), 0)
    states = [state]
    for index in range(k):
        own = Batch(batches.images[index], None)
        d_key = jax.random.fold_in(step_key, index)
        states.append(d_step(states[-1], own, d_key)[0])
    g_key = jax.random.fold_in(step_key, k)
    against = states[-2] if simultaneous else states[-1]
    moved, _ = g_step(against, own, g_key)
    after, _ = train_step(state, batches, key)
    for found, expected in (
        (after.disc.params, states[-1].disc.params),
        (after.gen.params, moved.gen.params),
    ):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
            found,
            expected,
        )


def test_every_metric_is_there_and_finite(train_step, state):
    _, metrics = train_step(state, batches_of(1), jax.random.key(0))
    assert set(metrics) == set(steps.METRICS)
    assert all(np.isfinite(value) and value.shape == () for value in metrics.values())


def test_the_same_key_gives_the_same_state_to_the_bit(train_step, state):
    first, _ = train_step(state, batches_of(1), jax.random.key(0))
    second, _ = train_step(state, batches_of(1), jax.random.key(0))
    assert_same(first, second)


def test_latents_change_with_the_run_s_key_the_step_and_the_rollbacks(
    train_step, state
):
    cases = [
        (state, 0),
        (state, 1),
        (state.replace(step=state.step + 1), 0),
        (state.replace(rollbacks=state.rollbacks + 1), 0),
    ]
    losses = [
        float(train_step(before, batches_of(1), jax.random.key(seed))[1]["d_fake"])
        for before, seed in cases
    ]
    assert len(set(losses)) == len(cases)


def test_d_and_g_draw_latents_of_their_own(state):
    # With a rate of 0 nothing moves: were the latents the same, the minimax loss would
    # cancel the fake half of D's.
    still = dataclasses.replace(SMALL.adam, learning_rate=0.0)
    config = dataclasses.replace(SMALL, adam=still, loss="minimax")
    nets = make_nets(config, num_steps=10)
    _, metrics = jit(steps.train_step, nets)(state, batches_of(1), jax.random.key(0))
    real = score(nets, state, batches_of(1).images[0] / np.float32(127.5) - 1)
    rest = metrics["d_loss"] + metrics["g_loss"] - softplus(-real).mean()
    assert abs(rest) > 1e-3


def init(config, seed):
    nets = make_nets(config, num_steps=10)
    make = lambda key: init_state(nets, key, image_shape=SHAPE)  # noqa: E731
    return jax.jit(make, compiler_options=QUICK)(jax.random.key(seed))


def test_the_same_seed_draws_the_same_weights_to_the_bit():
    assert_same(init(SMALL, 3), init(SMALL, 3))


def test_another_seed_draws_other_weights():
    first, second = init(SMALL, 3), init(SMALL, 4)
    kernels = [state.gen.params["conv0"]["kernel"] for state in (first, second)]
    assert all(differ(*kernels))
