"""Nearest neighbours against scikit-learn and against integer arithmetic."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from dcgan_jax.evaluate import nearest
from dcgan_jax.evaluate.nearest import BLOCK

pytestmark = pytest.mark.gpu


def draw(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def search(images, candidates):
    """Compare with all candidates, block by block."""
    queries = nearest.make_queries(images)
    found = nearest.begin_search(len(images))
    for first in range(0, len(candidates), BLOCK):
        block = candidates[first : first + BLOCK]
        padded = np.resize(block, (BLOCK, *block.shape[1:]))
        found = nearest.search_block(
            found, queries, block=padded, first_row=first, count=len(block)
        )
    return np.asarray(found.distances), np.asarray(found.rows)


def measure_exactly(images, candidates, rows):
    own, other = (part.reshape(len(images), -1) for part in (images, candidates[rows]))
    return ((own.astype(np.int64) - other) ** 2).sum(1)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)], ids=["1 part", "3 parts"])
def test_neighbours_are_those_of_scikit_learn(shape):
    images, candidates = draw(700, *shape), draw(2500, *shape, seed=1)
    distances, rows = search(images, candidates)
    model = NearestNeighbors(n_neighbors=1, algorithm="brute")
    flat = candidates.reshape(len(candidates), -1).astype(np.float64)
    model.fit(flat)
    expected, indices = model.kneighbors(images.reshape(len(images), -1))
    np.testing.assert_array_equal(rows, indices[:, 0])
    np.testing.assert_array_equal(distances, np.rint(expected[:, 0] ** 2))


@pytest.mark.parametrize("side", [28, 64, 128])
def test_distances_are_exact_to_the_last_grey_level(side):
    images, candidates = draw(3, side, side, 3), draw(40, side, side, 3, seed=1)
    images[0], candidates[:] = 0, np.maximum(candidates, 200)
    candidates[7] = 255
    images[1] = candidates[9]
    images[1, 0, 0, 0] -= 1
    distances, rows = search(images, candidates)
    np.testing.assert_array_equal(distances, measure_exactly(images, candidates, rows))
    assert distances[1] == 1
    assert rows[1] == 9


def test_black_and_white_are_as_far_apart_as_images_can_be():
    white = np.full((1, 128, 128, 3), 255, np.uint8)
    distances, _ = search(np.zeros_like(white), white)
    assert distances.tolist() == [128 * 128 * 3 * 255**2]


def test_the_earlier_of_equals_wins_within_and_between_blocks():
    images = draw(5, 28, 28, 1)
    candidates = np.concatenate([draw(BLOCK, 28, 28, 1, seed=1), images, images])
    assert search(images, candidates)[1].tolist() == [BLOCK + n for n in range(5)]


def test_candidates_beyond_the_count_are_not_compared():
    images = draw(5, 28, 28, 1)
    block = np.resize(draw(9, 28, 28, 1, seed=1), (BLOCK, 28, 28, 1))
    block[3:8] = images
    queries = nearest.make_queries(images)
    found = nearest.search_block(
        nearest.begin_search(5), queries, block=block, first_row=0, count=3
    )
    assert np.asarray(found.rows).max() < 3


def test_no_candidate_is_no_neighbour():
    assert nearest.begin_search(2).rows.tolist() == [-1, -1]


def test_more_pixels_than_integers_hold_are_refused():
    with pytest.raises(ValueError, match="expected at most"):
        nearest.make_queries(np.zeros((1, 160, 160, 3), np.uint8))
