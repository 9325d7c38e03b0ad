"""Every preset builds and takes a step."""

import dataclasses

import jax
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.config import CONDITIONAL
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import make_nets
from small_steps import BATCH, differ, draw_images, jit

PRESETS = {
    **presets.PRESETS,
    **presets.RECIPES,
    "tfds": presets.find("tfds:x", None, image_size=None),
}


# What takes longest to compile; the others are of the same networks.
LONG = {
    "celeb_a", "cifar10", "imagenet32", "lsun_bedroom", "svhn", "mnist",
    "stacked_mnist", "stacked_digits", "mnist_conditional", "modern32", "modern64",
    "goodfellow_cifar10", "goodfellow_cifar10_conv", "goodfellow_faces",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name in LONG else [])
        for name in PRESETS
    ],
)
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
