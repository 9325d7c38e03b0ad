import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation, Slerp

from dcgan_jax.latent import paths

QUARTERS = np.linspace(0, 1, 5)


def points(count, size=100, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)


def test_a_linear_way_is_the_weighted_mean_of_its_ends():
    path = paths.interpolate_linear(
        np.array([0.0, 8.0]), np.array([4.0, 0.0]), QUARTERS
    )
    assert path.tolist() == [[0, 8], [1, 6], [2, 4], [3, 2], [4, 0]]


def test_a_spherical_way_between_axes_is_a_quarter_circle():
    path = paths.interpolate_spherical(np.array([2.0, 0]), np.array([0, 2.0]), QUARTERS)
    angles = np.deg2rad([0, 22.5, 45, 67.5, 90])
    expected = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(path, expected, atol=1e-6)


def test_a_spherical_way_is_scipy_s_rotation():
    turns = Rotation.from_euler("z", [[10], [130]], degrees=True)
    axis = np.array([1.0, 0, 0])
    expected = Slerp([0, 1], turns)(QUARTERS).apply(axis)
    path = paths.interpolate_spherical(*turns.apply(axis), QUARTERS)
    np.testing.assert_allclose(path, expected, atol=1e-6)


def test_on_a_spherical_way_the_length_changes_evenly():
    path = paths.interpolate_spherical(np.array([1.0, 0]), np.array([0, 5.0]), QUARTERS)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), [1, 2, 3, 4, 5], rtol=1e-6)


def test_a_spherical_way_between_parallel_ends_is_straight():
    start = points(1)[0]
    path = paths.interpolate_spherical(start, 3 * start, QUARTERS)
    np.testing.assert_allclose(path, np.outer([1, 1.5, 2, 2.5, 3], start), rtol=1e-6)


def test_a_spherical_way_between_opposite_ends_goes_round_zero_evenly():
    start = points(1)[0]
    path = paths.interpolate_spherical(start, -start, QUARTERS).astype(np.float64)
    lengths = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-6)
    cosines = (path[1:] * path[:-1]).sum(axis=1) / lengths[0] ** 2
    np.testing.assert_allclose(cosines, np.cos(np.pi / 4), atol=1e-6)
    np.testing.assert_allclose(path[-1], -start, atol=1e-6)


@pytest.mark.parametrize("size", [1, 3])
def test_a_spherical_way_without_a_direction_is_straight(size):
    start = -np.ones(size) if size == 1 else np.zeros(size)
    path = paths.interpolate_spherical(start, np.ones(size), QUARTERS)
    straight = paths.interpolate_linear(start, np.ones(size), QUARTERS)
    np.testing.assert_array_equal(path, straight)


@settings(deadline=None)
@given(arrays(np.float32, (2, 4), elements=st.floats(-1, 1, width=32)))
def test_ways_begin_and_end_at_their_ends_and_stay_finite(ends):
    for move in (paths.interpolate_linear, paths.interpolate_spherical):
        path = move(*ends, QUARTERS)
        assert np.isfinite(path).all()
        np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-5)


@pytest.mark.parametrize(("closed", "segments"), [(False, 8), (True, 9)])
def test_nine_points_have_a_segment_from_each_to_the_next(closed, segments):
    ends = points(9)
    found = paths.walk(ends, num_steps=4, interpolation="linear", closed=closed)
    assert found.shape == (segments, 5, 100)
    np.testing.assert_array_equal(found[:, 0], ends[:segments])
    np.testing.assert_array_equal(found[:-1, -1], found[1:, 0])
    np.testing.assert_array_equal(found[-1, -1], ends[0 if closed else 8])


def test_one_point_is_no_walk():
    with pytest.raises(ValueError, match="1 points make no walk"):
        paths.walk(points(1), num_steps=4, interpolation="linear", closed=False)


def test_a_film_shows_each_point_once():
    segments = np.array([[0, 1, 2], [2, 3, 4]])[..., None]
    assert paths.join_segments(segments, closed=False)[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert paths.join_segments(segments, closed=True)[:, 0].tolist() == [0, 1, 2, 3]


def of_levels(rows):
    """Images of one pixel of these grey levels."""
    return np.array(rows, np.uint8)[..., None, None, None]


def test_transitions_are_multiples_of_the_median_step():
    found = paths.measure_transitions(of_levels([[0, 1, 3, 7], [7, 8, 9, 10]]))
    assert found.steps.tolist() == [[1, 2, 4], [1, 1, 1]]
    assert found.by_row.tolist() == [2, 1]
    assert (found.median, found.overall) == (1, 4)


def test_a_step_is_the_root_mean_square_over_pixels():
    images = np.zeros((1, 2, 1, 2, 1), np.uint8)
    images[0, 1, 0, :, 0] = [30, 40]
    found = paths.measure_transitions(images)
    assert found.steps.item() == pytest.approx(np.sqrt((30**2 + 40**2) / 2))


def test_levels_do_not_wrap_around():
    assert paths.measure_transitions(of_levels([[255, 0]])).steps.item() == 255


def test_a_jump_is_told_from_an_even_change_by_taking_more_steps():
    def overall(generate, num_steps):
        path = np.linspace(0, 1, num_steps + 1)
        return paths.measure_transitions(of_levels([generate(path)])).overall

    even, jump = lambda t: 200 * t, lambda t: 100 * t + 100 * (t > 0.45)
    assert overall(even, 10) == overall(even, 20) == 1
    assert overall(jump, 10) == 11  # 110 / 10
    assert overall(jump, 20) == 21  # 105 / 5


def test_still_images_with_one_jump_are_infinitely_sharp():
    found = paths.measure_transitions(of_levels([[9, 9, 9, 50, 50]]))
    assert found.overall == np.inf


def test_images_that_never_change_have_no_sharpness():
    assert np.isnan(paths.measure_transitions(of_levels([[9, 9, 9]])).overall)
