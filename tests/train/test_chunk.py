"""The jitted loop of steps against the steps one by one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.train import chunk
from small_steps import BATCH, SHAPE, SMALL, assert_same, draw_images, jit

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def nets():
    return make_nets(SMALL, num_steps=10)


@pytest.fixture(scope="module")
def state(nets, draw_state):
    return draw_state(nets, image_shape=SHAPE)


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
