"""Mirroring, of images whose every row shows on which side its pixels were."""

import dataclasses

import jax
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import augment, steps
from dcgan_jax.gan.nets import make_nets
from small_steps import SHAPE, SMALL, draw_images, jit

BATCH = 1000
KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (BATCH, 3, 4, 3)).astype(np.float32)


def find_mirrored(images, seen):
    """Return which images are mirrored; every other one must be as it was."""
    own = (seen == images).all((1, 2, 3))
    mirrored = (seen == images[:, :, ::-1]).all((1, 2, 3))
    np.testing.assert_array_equal(own, ~mirrored)
    return mirrored


def test_every_image_is_itself_or_its_mirror_image_about_half_of_each():
    mirrored = find_mirrored(IMAGES, np.asarray(augment.mirror_half(IMAGES, KEY)))
    # A share of 1,000 fair coins: 5 standard deviations are 0.08.
    assert 0.42 < mirrored.mean() < 0.58


def test_the_draw_follows_from_the_key_and_the_image_s_place_alone():
    seen = [
        find_mirrored(images, np.asarray(augment.mirror_half(images, key)))
        for images, key in (
            (IMAGES, KEY),
            (IMAGES[::-1], KEY),
            (IMAGES, jax.random.key(1)),
        )
    ]
    np.testing.assert_array_equal(seen[0], seen[1])
    # Two series of fair coins agree in half of the places.
    assert 0.42 < (seen[0] == seen[2]).mean() < 0.58


def test_the_recipes_that_are_not_the_paper_s_alone_mirror():
    recipes = {**presets.PRESETS, **presets.RECIPES}
    mirroring = {name for name, recipe in recipes.items() if recipe.mirror}
    assert mirroring == {"modern64", "modern32"}


def test_without_the_setting_the_very_images_are_returned():
    assert augment.make_mirror(False)(IMAGES, KEY) is IMAGES


@pytest.fixture(scope="module")
def spied(draw_state):
    """Return what D's step has mirrored, and its metrics, of two different minibatches.

    In place of the images that it was given, D sees a pattern as the real images.
    """
    pattern = np.random.default_rng(1).normal(size=(4, *SHAPE)).astype(np.float32)
    config = dataclasses.replace(SMALL, mirror=True)
    nets = make_nets(config, num_steps=10)._replace(
        mirror=lambda x, key: 0 * x + pattern
    )
    state = draw_state(nets, image_shape=SHAPE)
    run = jit(steps.d_step, nets)
    return [run(state, Batch(draw_images(seed, 4), None), KEY)[1] for seed in (0, 1)]


def test_what_is_mirrored_is_what_d_sees_as_real_images_and_nothing_else(spied):
    first, second = spied
    assert first["d_real"] == second["d_real"]
    assert first["d_fake"] == second["d_fake"] != first["d_real"]
