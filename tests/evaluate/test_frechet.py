import numpy as np
import pytest

from dcgan_jax.evaluate import frechet
from dcgan_jax.evaluate.frechet import Moments


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_along_common_axes_the_distance_is_that_of_means_and_deviations(rng):
    # W₂² of normal distributions whose covariances commute: Σ (m - n)² + (s - t)².
    axes = rotation(0.7)
    means, deviations = rng.normal(size=(2, 2)), rng.uniform(0.5, 3, (2, 2))
    sets = [
        Moments(mean, axes * deviation**2 @ axes.T)
        for mean, deviation in zip(means, deviations, strict=True)
    ]
    exact = np.square(means[0] - means[1]).sum()
    exact += np.square(deviations[0] - deviations[1]).sum()
    assert frechet.frechet_distance(*sets) == pytest.approx(exact, rel=1e-12)


def test_of_two_by_two_covariances_the_root_s_trace_is_the_closed_form(rng):
    # tr √M = √(tr M + 2 √det M) for 2×2; C and D do not commute here.
    ours, theirs = (
        axes @ np.diag(values) @ axes.T
        for axes, values in ((rotation(0.3), [4, 1]), (rotation(1.5), [9, 0.25]))
    )
    product = ours @ theirs
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    exact = np.trace(ours) + np.trace(theirs) - 2 * root
    zero = np.zeros(2)
    found = frechet.frechet_distance(Moments(zero, ours), Moments(zero, theirs))
    assert found == pytest.approx(exact, rel=1e-10)


def test_a_set_is_at_distance_0_from_itself_even_where_it_spans_no_volume(rng):
    moments = frechet.measure_moments(rng.normal(size=(5, 20)))
    assert frechet.frechet_distance(moments, moments) == pytest.approx(0, abs=1e-6)


def test_a_shifted_set_is_at_the_square_of_the_shift(rng):
    features = rng.normal(size=(50, 3))
    ours = frechet.measure_moments(features)
    theirs = frechet.measure_moments(features + np.array([3.0, 0.0, 4.0]))
    assert frechet.frechet_distance(ours, theirs) == pytest.approx(25, rel=1e-9)


def test_moments_are_numpy_s_in_float64(rng):
    features = (1e4 + rng.normal(size=(100, 4))).astype(np.float32)
    mean, covariance = frechet.measure_moments(features)
    exact = features.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-12)
    centred = exact - exact.mean(0)
    np.testing.assert_allclose(covariance, centred.T @ centred / 99, rtol=1e-9)
