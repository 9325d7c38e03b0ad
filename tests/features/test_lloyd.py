import numpy as np
import pytest
from sklearn.cluster import KMeans

from dcgan_jax.features import lloyd


def draw_points(count, size, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)


@pytest.mark.parametrize("num_points", [150, 100, 37])
def test_centroids_are_scikit_learn_s_from_the_same_start(num_points, monkeypatch):
    monkeypatch.setattr(lloyd, "_BLOCK_POINTS", 50)  # the last one is not full
    points = draw_points(num_points, 6)
    first = points[:5]  # none is ever empty
    found = lloyd.cluster(points, first)
    oracle = KMeans(5, init=first, n_init=1, max_iter=lloyd.MAX_ITERATIONS, tol=0)
    expected = oracle.fit(points).cluster_centers_
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_centroid_without_points_becomes_zero_and_may_win_some_later():
    points = np.float32([[1, 0], [3, 0], [0.2, 0.1]])
    far = np.float32([[2, 0], [-90, 0]])
    moved = lloyd._average(points, np.array([0, 0, 0]), num_groups=2)
    np.testing.assert_allclose(moved, [[1.4, 0.1 / 3], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(
        lloyd.cluster(points, far), [[3, 0], [0.6, 0.05]], atol=1e-6
    )


def test_it_ends_where_nothing_moves_and_tells_how_far_it_is(capsys, monkeypatch):
    points = np.float32([[0, 1], [0, -1]])
    calls = []
    monkeypatch.setattr(
        lloyd.backend, "jit", lambda f: lambda *a: calls.append(1) or f(*a)
    )
    np.testing.assert_array_equal(lloyd.cluster(points, points.copy()), points)
    assert len(calls) == 1
    told = capsys.readouterr().err
    assert "learning 2 centroids: 50 of 50 iterations" in told
