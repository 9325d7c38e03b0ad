import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.features import classifier

SHAPE = (28, 28, 1)
# Two blocks, which compile fast.
NETWORK = dataclasses.replace(
    presets.SVHN, image_size=28, channels=1, width_multiplier=1 / 16, convolution="lax"
)
RATES = classifier.Rates(*map(jnp.float32, (1e-3, 0.5, 1e-4)))
QUICK = {"xla_backend_optimization_level": "0"}


def make_plan(dropout=0.0):
    net = classifier.Classifier(models.make_discriminator(NETWORK), 3, dropout)
    return classifier.Plan(
        net, b2=0.999, epsilon=1e-8, decay_fraction=0.0, num_updates=10
    )


def draw_batch(seed, *lead):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (*lead, *SHAPE), np.uint8)
    return Batch(images, rng.integers(0, 3, lead, np.int32))


@pytest.fixture(scope="module")
def state():
    draw = functools.partial(
        classifier.draw_variables, make_plan().net, image_shape=SHAPE
    )
    variables = jax.jit(draw, compiler_options=QUICK)(jax.random.key(0))
    return classifier.make_state(make_plan(), RATES, variables)


def step(plan, state, batch, key):
    run = jax.jit(functools.partial(classifier.fit_step, plan), compiler_options=QUICK)
    return run(RATES, state, batch, key)


@pytest.fixture(scope="module")
def after(state):
    """The state and the loss after one update."""
    return step(make_plan(), state, draw_batch(0, 4), jax.random.key(1))


def score(state, images):
    """Return logits by the batch's own statistics, in float64."""
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    scaled = images.astype(np.float32) / 127.5 - 1.0
    logits, _ = make_plan().net.apply(
        variables, scaled, train=True, mutable=["batch_stats"]
    )
    return np.asarray(logits, np.float64)


def test_the_last_activation_is_all_that_the_classes_are_told_from(state):
    assert state.params["classes"]["kernel"].shape == (7 * 7 * 8, 3)
    moved = jax.tree.map(lambda leaf: leaf, state)
    moved.params["discriminator"]["logit"]["dense"]["kernel"] += 1.0
    images = draw_batch(0, 2).images
    np.testing.assert_array_equal(score(moved, images), score(state, images))


def test_the_loss_is_the_mean_cross_entropy(state, after):
    batch = draw_batch(0, 4)
    logits = score(state, batch.images)
    chosen = logits[np.arange(4), batch.labels]
    expected = np.log(np.exp(logits).sum(1)) - chosen
    np.testing.assert_allclose(after[1], expected.mean(), rtol=1e-5)


def test_a_step_moves_weights_and_running_statistics(state, after):
    moved = jax.tree.map(
        lambda x, y: bool((x != y).any()),
        (state.params, state.batch_stats),
        (after[0].params, after[0].batch_stats),
    )
    assert all(jax.tree.leaves(moved))


def test_dropout_follows_the_key(state):
    plan, batch = make_plan(0.5), draw_batch(0, 4)
    losses = [
        float(step(plan, state, batch, jax.random.key(key))[1]) for key in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_every_update_of_an_epoch_drops_other_units(state):
    still = RATES._replace(learning_rate=jnp.float32(0.0))
    run = jax.jit(
        functools.partial(classifier.train_epoch, make_plan(0.5)),
        compiler_options=QUICK,
    )
    once = np.array([[0, 1, 2, 3]], np.int32)
    losses = [
        float(run(still, state, draw_batch(0, 4), rows, jax.random.key(0))[1])
        for rows in (once, np.repeat(once, 2, axis=0))
    ]
    assert abs(losses[0] - losses[1]) > 1e-4


def test_an_epoch_is_its_updates_one_after_another(state):
    plan, data = make_plan(), draw_batch(1, 12)
    rows = np.array([[3, 1, 4], [5, 9, 2], [6, 0, 7]], np.int32)
    run = jax.jit(
        functools.partial(classifier.train_epoch, plan), compiler_options=QUICK
    )
    found, loss = run(RATES, state, data, rows, jax.random.key(0))
    losses = []
    for own in rows:
        batch = Batch(data.images[own], data.labels[own])
        state, own_loss = step(plan, state, batch, jax.random.key(0))
        losses.append(float(own_loss))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    for x, y in zip(
        jax.tree.leaves(found.params), jax.tree.leaves(state.params), strict=True
    ):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_errors_are_counted_without_dropout_and_without_filling_rows(state):
    blocks = draw_batch(2, 3, 4)
    blocks.labels[2, 1:] = -1
    wrong = 0
    for image, label in zip(
        blocks.images.reshape(-1, *SHAPE), blocks.labels.ravel(), strict=True
    ):
        logits = make_plan().net.apply(
            {"params": state.params, "batch_stats": state.batch_stats},
            image[None].astype(np.float32) / 127.5 - 1.0,
            train=False,
        )
        wrong += label >= 0 and int(logits.argmax()) != label
    count = jax.jit(
        functools.partial(classifier.count_wrong, make_plan(0.5).net),
        compiler_options=QUICK,
    )
    assert 0 < wrong < 9
    assert int(count(state, blocks)) == wrong
