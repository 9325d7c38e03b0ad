import colorsys

import numpy as np
import pytest
from experiments.rivals.exemplar_cnn import Views

from experiments.rivals import exemplar_cnn


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).random((3, 8, 8, 3), np.float32)


def leave(count, channels):
    """Views that change nothing."""
    ones, zeros = np.ones(count, np.float32), np.zeros(count, np.float32)
    pairs = np.ones((count, 2), np.float32)
    return Views(
        zeros, ones, 0 * pairs, np.ones((count, channels), np.float32), pairs, pairs,
        0 * pairs, zeros,
    )  # fmt: skip


def test_a_view_that_changes_nothing_is_the_image(pictures):
    axes = exemplar_cnn.find_axes(np.uint8(255 * pictures))
    same = exemplar_cnn.change(pictures, leave(3, 3), axes)
    np.testing.assert_allclose(same, pictures, atol=1e-5)


def test_images_turn_and_move_by_whole_pixels(pictures):
    image, one, none = pictures[0], np.float32(1), np.zeros(2, np.float32)
    turned = exemplar_cnn.warp(image, np.float32(np.pi / 2), one, none)
    np.testing.assert_allclose(turned, np.rot90(image), atol=1e-5)
    moved = exemplar_cnn.warp(image, 0 * one, one, np.float32([1 / 8, -2 / 8]))
    np.testing.assert_allclose(moved[1:, :-2], image[:-1, 2:], atol=1e-5)


def test_a_ramp_that_is_enlarged_is_flatter():
    ramp = np.float32(np.arange(16)[:, None] * np.ones((1, 16)))[..., None]
    none = np.zeros(2, np.float32)
    large = exemplar_cnn.warp(ramp, np.float32(0), np.float32(2), none)
    np.testing.assert_allclose(np.diff(large[:, 3, 0]), 0.5, atol=1e-5)


def test_colours_convert_as_those_of_the_standard_library(pictures):
    found = np.asarray(exemplar_cnn.to_hsv(pictures)).reshape(-1, 3)
    colours = pictures.reshape(-1, 3)
    expected = [colorsys.rgb_to_hsv(*colour) for colour in colours]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    back = exemplar_cnn.from_hsv(found)
    np.testing.assert_allclose(back, colours, atol=1e-5)


def test_contrast_along_one_axis_leaves_the_others(pictures):
    axes = exemplar_cnn.find_axes(np.uint8(255 * pictures))
    views = leave(3, 3)._replace(principal=np.float32([[0.5, 1, 1]] * 3))
    pale = 0.25 + pictures / 2  # so that no pixel is clipped
    changed = np.asarray(exemplar_cnn.change(pale, views, axes))
    before, after = (
        (part - part.mean((1, 2), keepdims=True)) @ axes for part in (pale, changed)
    )
    halved = before * [0.5, 1, 1]
    np.testing.assert_allclose(after, halved, atol=1e-5)


@pytest.mark.long
def test_the_script_learns_from_a_few_digits(run_command, read_numbers):
    ended = run_command(
        exemplar_cnn.main, "--num_exemplars=60", "--num_steps=50",
        "--width_multiplier=0.0625", "--num_train=400", "--C_grid", "0.001",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_exemplar_cnn_digits")
    # Maps at a sixteenth of the width: 6, 16, 32 in four quadrants, and 64 units.
    assert numbers["feature_size"] == 4 * (6 + 16 + 32) + 64
    assert numbers["all_labels"]["accuracy_mean"] > 0.7
    assert 0 < numbers["last_loss"] < 1.1 * np.log(60)
