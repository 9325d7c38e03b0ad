"""Arithmetic that a GPU may do otherwise than a CPU; `make gpu` runs it on one."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.system import backend, precision, surroundings
from small_steps import BATCH, SHAPE, SMALL, draw_images

pytestmark = pytest.mark.gpu
AUTO = dataclasses.replace(SMALL, convolution="auto")


@pytest.fixture
def cpu():
    """The CPU beside a GPU; without a GPU there is nothing to compare."""
    if not backend.is_gpu():
        pytest.skip("needs a GPU")
    return jax.devices("cpu")[0]


def take_step(draw_state, asked, *, device=None):
    """Return the state and the metrics after a step from the same weights."""
    nets = make_nets(dataclasses.replace(AUTO, precision=asked), num_steps=10)
    state = draw_state(nets, image_shape=SHAPE)
    batches, key = Batch(draw_images(0, 1, BATCH), None), jax.random.key(0)
    step = jax.jit(functools.partial(steps.train_step, nets))
    given = jax.device_put((state, batches, key), device)
    with precision.full_products(asked):
        return jax.device_get(step(*given))


def test_a_step_is_a_cpu_s_to_float_tolerance(cpu, draw_state):
    state, metrics = take_step(draw_state, "float32_full")
    expected, expected_metrics = take_step(draw_state, "float32_full", device=cpu)
    for name in steps.METRICS:
        np.testing.assert_allclose(metrics[name], expected_metrics[name], rtol=1e-4)
    for network in ("gen", "disc"):
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5),
            getattr(state, network).batch_stats,
            getattr(expected, network).batch_stats,
        )


@pytest.mark.long
def test_bfloat16_and_float32_differ_by_rounding(draw_state):
    _, rounded = take_step(draw_state, "bfloat16")
    _, full = take_step(draw_state, "float32_full")
    assert any(rounded[name] != full[name] for name in steps.METRICS)
    for name in ("d_loss", "g_loss", "d_real", "d_fake"):
        np.testing.assert_allclose(rounded[name], full[name], rtol=0.1, atol=0.02)


@pytest.mark.parametrize("size", [64, 500])
def test_products_that_ask_for_it_are_float64_s_to_float32(size):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, size, size)).astype(np.float32)
    found = jax.jit(functools.partial(jnp.matmul, precision="highest"))(left, right)
    exact = left.astype(np.float64) @ right.astype(np.float64)
    assert np.abs(found - exact).max() < 1e-6 * np.abs(left).max() * size


def test_a_full_device_is_one_line_with_advice():
    with pytest.raises(RuntimeError) as caught:
        jnp.zeros(1 << 50).block_until_ready()
    told = surroundings.explain_full_device(caught.value)
    assert "memory is full" in told
    assert "--batch_size" in told
    assert "\n" not in told
    assert surroundings.explain_full_device(RuntimeError("another")) is None
