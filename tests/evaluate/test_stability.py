import numpy as np
import pytest

from dcgan_jax.evaluate import stability


def checks_of(*checks):
    """Samples of one pixel: a row of grey values for each check."""
    return np.array(checks, np.uint8)[:, :, None, None, None]


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([[10, 30], [10, 30]], 0.0),  # they stand still
        ([[10, 30], [30, 10]], 1.0),  # they change places
        ([[10, 30], [15, 35]], 5 / 20),
        ([[10, 30], [20, 20]], 10 / 10),  # spread: 20, then 0
        ([[0, 255], [255, 0]], 1.0),  # no overflow of uint8
        ([[7, 7], [7, 7]], 0.0),
        ([[7, 7], [9, 9]], np.inf),  # a point that moves
    ],
)
def test_oscillation_is_the_change_in_time_by_the_difference_of_samples(
    checks, expected
):
    assert stability.measure_oscillation(checks_of(*checks)) == pytest.approx(expected)


def test_the_distance_is_of_means_and_deviations_in_the_reference_s_deviations():
    reference = np.array([[-2.0, 0.0], [2.0, 10.0]])  # deviations 2 and 5
    features = np.array([[1.0, 5.0], [7.0, 5.0]])  # means 4 and 5, deviations 3 and 0
    expected = ((4.0**2 + 1.0**2) / 2.0**2 + (0.0**2 + 5.0**2) / 5.0**2) / 2
    assert stability.measure_distance(features, reference) == pytest.approx(expected)


def test_a_set_is_at_distance_0_from_itself():
    features = np.random.default_rng(0).normal(size=(20, 3))
    assert stability.measure_distance(features, features) == 0


def test_features_that_never_change_in_the_reference_do_not_count():
    reference = np.array([[-1.0, 3.0], [1.0, 3.0]])
    features = np.array([[-1.0, 12.0], [1.0, 12.0]])
    assert stability.measure_distance(features, reference) == 0


def test_contrast_and_brightness_are_matched_channel_by_channel():
    images = np.array([[[[10, 100]]], [[[20, 100]]]], np.uint8)
    like = np.array([[[[50, 0]]], [[[90, 30]]]], np.uint8)
    # Means 70 and 15; the first channel's deviation grows from 5 to 20, the second has
    # none that could.
    matched = stability.match_contrast(images, like)
    assert matched.tolist() == [[[[50, 15]]], [[[90, 15]]]]


def test_what_no_pixel_can_hold_is_clipped():
    images = np.array([0] * 9 + [10], np.uint8)[:, None, None, None]
    like = np.array([0, 255], np.uint8)[:, None, None, None]
    assert stability.match_contrast(images, like).max() == 255


@pytest.mark.parametrize(
    ("target", "expected"), [(9.0, 50), (3.0, 100), (2.5, 150), (1.0, None)]
)
def test_the_first_step_at_the_target_counts_even_if_it_is_lost_again(target, expected):
    steps, distances = [50, 100, 150, 200], [8.0, 3.0, 2.0, 4.0]
    assert stability.find_first_below(steps, distances, target) == expected
