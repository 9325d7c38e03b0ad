"""A GPU's form of a step against a CPU's: D once over both halves, latents ahead."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.train import chunk
from small_steps import jit

BATCH = 24
SMALL = {"width_multiplier": 1 / 16, "batch_size": BATCH, "precision": "float32"}
CONFIGS = {
    "plain": dataclasses.replace(presets.MNIST, **SMALL),
    "labels": dataclasses.replace(presets.MNIST_CONDITIONAL, num_classes=4, **SMALL),
    "augmented": dataclasses.replace(
        presets.MNIST, diffaugment="color,translation", r1_gamma=1.0, **SMALL
    ),
    "batch norm everywhere": dataclasses.replace(
        presets.MNIST, batch_norm="all", **SMALL
    ),
}


@pytest.fixture
def on_gpu(monkeypatch):
    """Trace as on a machine with one GPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "device_count", lambda: 1)


def draw_batch(config, num_steps=1):
    rng = np.random.default_rng(0)
    shape = (num_steps, BATCH, config.image_size, config.image_size, config.channels)
    labels = rng.integers(0, 4, shape[:2]).astype(np.int32)
    images = rng.integers(0, 256, shape, np.uint8)
    return Batch(images, labels if config.num_classes else None)


@pytest.fixture
def begin(draw_state):
    def begin(config):
        nets = make_nets(config, num_steps=10)
        shape = (config.image_size, config.image_size, config.channels)
        return nets, draw_state(nets, image_shape=shape)

    return begin


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "plain" else pytest.mark.long)
        for name in CONFIGS
    ],
)
def test_a_step_on_a_gpu_is_that_on_a_cpu_to_float_tolerance(name, begin, monkeypatch):
    config = dataclasses.replace(CONFIGS[name], convolution="lax")
    nets, state = begin(config)
    batches, key = draw_batch(config), jax.random.key(2)
    expected = jit(steps.train_step, nets)(state, batches, key)
    with monkeypatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        patch.setattr(jax, "device_count", lambda: 1)
        own = make_nets(dataclasses.replace(config, convolution="auto"), num_steps=10)
        assert own.at_once
        found = jit(steps.train_step, own)(state, batches, key)
    assert not nets.at_once
    for metric in steps.METRICS:
        ours, theirs = found[1][metric], expected[1][metric]
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, err_msg=metric)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=5e-4),
        (found[0].disc.batch_stats, found[0].gen.batch_stats),
        (expected[0].disc.batch_stats, expected[0].gen.batch_stats),
    )


@pytest.mark.parametrize(
    "changes",
    [{"spectral_norm": True}, {"architecture": "mlp_gan", "num_classes": 4}],
    ids=str,
)
def test_discriminators_that_a_pass_changes_or_that_have_no_statistics_pass_twice(
    changes, on_gpu
):
    base = "labels" if "architecture" in changes else "plain"
    config = dataclasses.replace(CONFIGS[base], **changes)
    assert not make_nets(config, num_steps=10).at_once


def test_on_several_devices_or_a_cpu_minibatches_pass_apart(monkeypatch):
    discriminator = make_nets(CONFIGS["plain"], num_steps=10).discriminator
    found = []
    for backend, count in (("cpu", 1), ("gpu", 2), ("gpu", 1)):
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        monkeypatch.setattr(jax, "device_count", lambda count=count: count)
        found.append(models.can_judge_at_once(discriminator))
    assert found == [False, False, True]


def test_latents_drawn_ahead_are_the_steps_own_to_the_bit(begin):
    config = dataclasses.replace(CONFIGS["plain"], num_d_steps=2)
    nets, state = begin(config)
    state = state.replace(rollbacks=state.rollbacks + 1, step=state.step + 7)
    key, batches = jax.random.key(3), draw_batch(config, 2)
    ahead = chunk.draw_latents_ahead(nets, state, key, shape=(3, *batches.images.shape))
    assert ahead.shape == (3, 3, BATCH, config.latent_size)

    @jax.jit
    def record(state):
        drawn = []

        def draw(key, count):
            drawn.append(nets.draw_latents(key, count))
            return drawn[-1]

        steps.train_step(nets._replace(draw_latents=draw), state, batches, key)
        return jnp.stack(drawn)

    for step in range(3):
        drawn = record(state.replace(step=state.step + step))
        np.testing.assert_array_equal(drawn, ahead[step])
