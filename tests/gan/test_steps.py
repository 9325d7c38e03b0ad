import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax import presets
from dcgan_jax.architectures import CONDITIONAL
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.train import chunk

BATCH = 4
# Two blocks, which compile fast.
SMALL = dataclasses.replace(
    presets.SVHN,
    image_size=28,
    channels=1,
    width_multiplier=1 / 16,
    convolution="lax",
)
SHAPE = (28, 28, 1)
QUICK = {"xla_backend_optimization_level": "0"}


def jit(step, nets, **bound):
    """Compile a step quickly, since it runs only a few times."""
    return jax.jit(functools.partial(step, nets, **bound), compiler_options=QUICK)


def draw_images(seed, *lead, shape=SHAPE):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*lead, *shape), np.uint8)


def assert_same(a, b):
    """Compare trees to the bit."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def differ(a, b):
    """Tell for each leaf whether it differs."""
    return jax.tree.leaves(jax.tree.map(lambda x, y: bool((x != y).any()), a, b))


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


def softplus(x):
    return np.logaddexp(0.0, x)


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


@pytest.mark.parametrize("simultaneous", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_g_s_update_sees_the_last_of_d_unless_they_are_simultaneous(
    k, simultaneous, nets, state
):
    key = jax.random.key(0)
    batches = batches_of(k)
    step_key = jax.random.fold_in(jax.random.fold_in(key, 0), 0)
    states = [state]
    for index in range(k):
        own = Batch(batches.images[index], None)
        d_key = jax.random.fold_in(step_key, index)
        states.append(jit(steps.d_step, nets)(states[-1], own, d_key)[0])
    g_key = jax.random.fold_in(step_key, k)
    against = states[-2] if simultaneous else states[-1]
    moved, _ = jit(steps.g_step, nets)(against, own, g_key)
    chosen = nets._replace(simultaneous=simultaneous)
    after, _ = jit(steps.train_step, chosen)(state, batches, key)
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


@pytest.fixture(scope="module")
def looped(nets, state):
    """The same four steps by one dispatch and by four."""
    run_steps = chunk.make_steps(nets, static_count=False)
    images = draw_images(0, 4, 1, BATCH)
    key = jax.random.key(0)
    copy = functools.partial(jax.tree.map, jnp.array)
    at_once = run_steps(copy(state), Batch(images, None), key, 4)
    after, histories = copy(state), []
    for index in range(4):
        rest = np.concatenate([images[index:], np.zeros_like(images[:index])])
        after, metrics = run_steps(after, Batch(rest, None), key, 1)
        histories.append(metrics)
    return at_once, (after, histories)


def test_a_loop_of_n_steps_equals_n_loops_of_one_to_the_bit(looped):
    (at_once, _), (one_by_one, _) = looped
    assert int(at_once.step) == 4
    assert_same(at_once, one_by_one)


def test_a_loop_returns_each_step_s_metrics(looped):
    (_, metrics), (_, histories) = looped
    assert set(metrics) == set(steps.METRICS)
    for name, values in metrics.items():
        np.testing.assert_array_equal(values, [one[name][0] for one in histories])


@pytest.fixture(scope="module")
def padded(nets, state):
    """Two steps of a chunk whose other two are blank, the count an argument or not."""

    def run(*, static_count):
        run_steps = chunk.make_steps(nets, static_count=static_count)
        images = draw_images(0, 4, 1, BATCH)
        images[2:] = 0
        copy = jax.tree.map(jnp.array, state)
        return run_steps(copy, Batch(images, None), jax.random.key(0), 2)

    return {static_count: run(static_count=static_count) for static_count in (0, 1)}


def test_a_loop_runs_no_step_beyond_its_count(padded, looped):
    (_, metrics), _ = looped
    after, first_two = padded[False]
    assert int(after.step) == 2
    for name, values in first_two.items():
        np.testing.assert_array_equal(values[:2], metrics[name][:2])


def test_a_compiled_in_count_gives_the_same_bits(padded):
    assert_same(padded[False], padded[True])


def test_a_loop_on_the_device_computes_what_the_plain_step_does(looped, state, nets):
    (at_once, _), _ = looped
    after, key = state, jax.random.key(0)
    step = jit(steps.train_step, nets)
    for images in draw_images(0, 4, 1, BATCH):
        after, _ = step(after, Batch(images, None), key)
    # Adam divides by the gradient's size, so that rounding may move a weight by a rate.
    for ours, plain in zip(
        jax.tree.leaves((at_once.gen.params, at_once.disc.params)),
        jax.tree.leaves((after.gen.params, after.disc.params)),
        strict=True,
    ):
        assert np.mean(np.abs(ours - plain)) < 0.05 * SMALL.adam.learning_rate


PRESETS = {
    **presets.PRESETS,
    **presets.RECIPES,
    "tfds": presets.find("tfds:x", None, image_size=None),
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_builds_and_takes_one_step(name, draw_state):
    classes = 3 if PRESETS[name].architecture in CONDITIONAL else None
    config = dataclasses.replace(
        PRESETS[name], width_multiplier=1 / 32, num_classes=classes
    )
    shape = (config.image_size, config.image_size, config.channels)
    nets = make_nets(config, num_steps=10, num_rows=1000)
    state = draw_state(nets, image_shape=shape)
    step = jit(steps.train_step, nets)
    images = draw_images(0, config.num_d_steps, BATCH, shape=shape)
    labels = np.arange(config.num_d_steps * BATCH, dtype=np.int32) % 3
    batches = Batch(images, labels.reshape(images.shape[:2]))
    after, metrics = step(state, batches, jax.random.key(0))
    assert int(after.step) == 1
    assert all(np.isfinite(value) for value in metrics.values())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
    assert all(differ(after.gen.params, state.gen.params))
    assert all(differ(after.disc.params, state.disc.params))
