"""A small pair of networks, and what compares the steps that it takes."""

import dataclasses
import functools

import jax
import numpy as np

from dcgan_jax import presets

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


def softplus(x):
    return np.logaddexp(0.0, x)
