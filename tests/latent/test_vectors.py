import jax
import numpy as np
import pytest

from dcgan_jax.latent import vectors


def test_the_average_is_of_rows_in_float32():
    found = vectors.average(np.array([[1, 2], [2, 4], [6, 0]], np.uint8))
    assert found.dtype == np.float32
    assert found.tolist() == [3, 2]


def test_no_exemplars_have_no_average():
    with pytest.raises(ValueError, match="at least one"):
        vectors.average(np.zeros((0, 2)))


def test_a_concept_is_taken_away_and_another_added():
    smiling_woman, woman, man = np.eye(3)[0] + np.eye(3)[1], np.eye(3)[1], np.eye(3)[2]
    found = vectors.combine(smiling_woman, woman, man)
    assert found.tolist() == [1, 0, 1]  # smiling man


def test_neighbours_lie_within_the_noise_around_the_centre():
    centre = np.full(1000, 7, np.float32)
    found = vectors.surround(centre, jax.random.key(0), scale=0.25)
    assert found.shape == (9, 1000)
    np.testing.assert_array_equal(found[4], centre)
    noise = np.delete(found, 4, axis=0) - centre
    assert np.abs(noise).max() <= 0.25
    assert noise.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.02)
    assert len(np.unique(noise[:, 0])) == 8


def test_pixels_are_clipped_not_wrapped():
    values = np.array([-80.0, 0.4, 254.6, 300.0])
    assert vectors.to_pixels(values).tolist() == [0, 0, 255, 255]


def test_a_turn_leads_from_one_mean_to_the_other():
    source, target = np.array([1.0, 2.0]), np.array([4.0, 0.0])
    turn = vectors.make_turn(source, target)
    np.testing.assert_array_equal(source + turn, target)


def test_positions_on_the_axis_are_columns():
    latents = np.array([[0.0, 0.0], [10.0, 5.0]])
    found = vectors.move_along(latents, np.array([2.0, -4.0]), np.array([-1, 0, 0.5]))
    assert found.tolist() == [[[-2, 4], [0, 0], [1, -2]], [[8, 9], [10, 5], [11, 3]]]


@pytest.mark.parametrize(("count", "expected"), [(1, np.sqrt(3)), (3, 1.0)])
def test_a_sum_of_means_of_three_is_as_long_as_a_sample(count, expected):
    latents = np.random.default_rng(0).uniform(-1, 1, (3 * count, 100_000))
    means = [vectors.average(rows) for rows in np.split(latents, 3)]
    length = vectors.compare_length(vectors.combine(*means), latents)
    assert length == pytest.approx(expected, rel=0.02)
    assert vectors.expect_length([count] * 3) == pytest.approx(expected)
