"""DiffAugment, of images that show where each pixel and channel comes from."""

import dataclasses
import functools
import typing

import jax
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.config import DiffAugment
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import augment, steps
from dcgan_jax.gan.nets import make_nets

BATCH, SIDE = 64, 16
KEY = jax.random.key(0)
POLICIES = [name for name in typing.get_args(DiffAugment) if name != "none"]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (BATCH, SIDE, SIDE, 3)).astype(np.float32)


def find_shift(image, moved, most):
    """Return the shifts by which zeros and the image's own pixels make up another."""
    padded = np.pad(image, ((most, most), (most, most), (0, 0)))
    return [
        (down, right)
        for down in range(-most, most + 1)
        for right in range(-most, most + 1)
        if np.array_equal(
            padded[most - down :, most - right :][:SIDE, :SIDE], moved
        )
    ]  # fmt: skip


def test_translation_moves_pixels_by_whole_places_and_bares_zeros(images):
    moved = np.asarray(augment.translate(images, KEY))
    shifts = [find_shift(a, b, SIDE // 8) for a, b in zip(images, moved, strict=True)]
    assert all(len(found) == 1 for found in shifts)
    # Of 64 draws of 5 × 5 shifts all five are seen in either direction.
    for axis in (0, 1):
        assert {found[0][axis] for found in shifts} == {-2, -1, 0, 1, 2}


def test_cutout_clears_a_square_of_half_the_side_and_nothing_else(images):
    cut = np.asarray(augment.cut_out(images, KEY))
    cleared = (cut == 0).all(-1)
    np.testing.assert_array_equal(cut[~cleared], images[~cleared])
    for mask in cleared:
        rows, columns = mask.any(1), mask.any(0)
        np.testing.assert_array_equal(mask, np.outer(rows, columns))
        for line in (rows, columns):
            # Half of the square at least lies inside.
            assert SIDE // 4 <= line.sum() <= SIDE // 2
            assert np.abs(np.diff(np.pad(line.astype(int), 1))).sum() == 2
    assert (cleared.sum((1, 2)) == (SIDE // 2) ** 2).any()


def test_colour_is_a_shift_a_saturation_and_a_contrast_of_each_image(images):
    changed = np.asarray(augment.recolour(images, KEY), np.float64)
    for image, found in zip(images.astype(np.float64), changed, strict=True):
        grey, found_grey = image.mean(-1), found.mean(-1)
        # Greys change by contrast and shift: a straight line through all pixels.
        contrast, shift = np.polyfit(grey.ravel(), found_grey.ravel(), 1)
        np.testing.assert_allclose(found_grey, contrast * grey + shift, atol=1e-5)
        assert 0.5 <= contrast <= 1.5
        brightness = found.mean() - image.mean()
        assert abs(brightness) <= 0.5
        # What differs between channels, by contrast times saturation.
        colour, found_colour = (x - x.mean(-1, keepdims=True) for x in (image, found))
        factor = (colour * found_colour).sum() / (colour**2).sum()
        np.testing.assert_allclose(found_colour, factor * colour, atol=1e-5)
        assert 0 <= factor / contrast <= 2


def test_the_factors_of_colour_fill_their_ranges(images):
    changed = np.asarray(augment.recolour(images, KEY), np.float64)
    brightness = changed.mean((1, 2, 3)) - images.mean((1, 2, 3))
    assert brightness.min() < -0.4
    assert brightness.max() > 0.4


@pytest.mark.parametrize("policy", POLICIES)
def test_a_generated_image_s_gradient_passes(policy, images):
    change = augment.make_augment(policy)
    # Each change is linear in the image: the gradient of a sum is its transpose of 1.
    gradient = jax.grad(lambda x: change(x, KEY).sum())(images)
    rest = np.random.default_rng(1).normal(size=images.shape).astype(np.float32)
    slope = (change(images + rest, KEY) - change(images, KEY)).sum()
    assert float(slope) == pytest.approx(float((gradient * rest).sum()), abs=0.05)
    assert (np.asarray(gradient) != 0).any((1, 2, 3)).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_other_keys_change_images_otherwise(policy, images):
    change = augment.make_augment(policy)
    first, second = (np.asarray(change(images, jax.random.key(n))) for n in (0, 1))
    assert (first != second).any()
    np.testing.assert_array_equal(first, change(images, KEY))


def test_none_returns_the_very_images(images):
    assert augment.make_augment("none")(images, KEY) is images


SMALL = dataclasses.replace(presets.MNIST, width_multiplier=1 / 16)
SHAPE = (28, 28, 1)


def step_with(change, draw_state, *, seeds):
    """Return the metrics of steps of D and G whose images are changed by a function."""
    nets = make_nets(SMALL, num_steps=10)._replace(augment=change)
    state = draw_state(nets, image_shape=SHAPE)
    rng = np.random.default_rng(0)
    batch = Batch(rng.integers(0, 256, (4, *SHAPE), np.uint8), None)

    @functools.partial(
        jax.jit, compiler_options={"xla_backend_optimization_level": "0"}
    )
    def run(state, key):
        _, of_d = steps.d_step(nets, state, batch, key)
        _, of_g = steps.g_step(nets, state, batch, key)
        return of_d | of_g

    return [run(state, jax.random.key(seed)) for seed in seeds]


def test_d_sees_real_and_generated_images_changed_in_both_steps(draw_state):
    pattern = np.random.default_rng(1).normal(size=(4, *SHAPE)).astype(np.float32)
    first, second = step_with(lambda x, key: pattern + 0 * x, draw_state, seeds=(0, 1))
    # Whatever they were: nothing of it is left.
    assert first["d_real"] == first["d_fake"] == second["d_fake"]
    assert first["g_loss"] == second["g_loss"]
    assert first["d_real"] == pytest.approx(np.exp(-first["g_loss"]), rel=0.2)


def test_real_and_generated_images_are_changed_by_draws_of_their_own(draw_state):
    def draw(images, key):
        return jax.random.normal(key, images.shape) + 0 * images

    first, second = step_with(draw, draw_state, seeds=(0, 1))
    found = {float(m[name]) for m in (first, second) for name in ("d_real", "d_fake")}
    assert len(found) == 4
    assert first["g_loss"] != second["g_loss"]
