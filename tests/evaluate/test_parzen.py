"""The log-likelihood under windows against closed forms and scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity

from dcgan_jax.evaluate import parzen

pytestmark = pytest.mark.gpu


def draw(count, size=20, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (count, size))


@pytest.mark.parametrize("sigma", [0.05, 0.2, 1.0])
def test_log_densities_are_those_of_scikit_learn(sigma):
    samples, queries = draw(300), draw(1200, seed=1)
    found = parzen.log_likelihoods(queries, samples, sigmas=[sigma])[0]
    # A tree of one leaf: with more, its bounds lose all digits where densities are 0.
    model = KernelDensity(bandwidth=sigma, rtol=0, atol=0, leaf_size=300).fit(samples)
    np.testing.assert_allclose(found, model.score_samples(queries), rtol=1e-9)


def test_one_sample_is_a_gaussian():
    sample, query = draw(1, 784), draw(1, 784, seed=1)
    found = parzen.log_likelihoods(query, sample, sigmas=[0.3])[0, 0]
    square = ((sample - query) ** 2).sum()
    expected = -square / (2 * 0.09) - 392 * math.log(2 * math.pi * 0.09)
    assert found == pytest.approx(expected, rel=1e-12)


def test_images_far_from_all_samples_have_finite_likelihoods():
    samples, queries = np.zeros((10, 784)), np.ones((3, 784))
    found = parzen.log_likelihoods(queries, samples, sigmas=[0.01])
    assert np.isfinite(found).all()
    assert (found < -1e6).all()


def test_a_sample_repeated_changes_nothing():
    samples, queries = draw(50), draw(7, seed=1)
    once, twice = (
        parzen.log_likelihoods(queries, part, sigmas=[0.2])
        for part in (samples, np.repeat(samples, 2, axis=0))
    )
    np.testing.assert_allclose(once, twice, rtol=1e-12)


def test_the_width_is_the_validation_images_choice():
    # Windows around draws of N(0, 1) that are as wide as it best explain N(0, 2).
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 1, (4000, 2))
    valid, test = (rng.normal(0, math.sqrt(2), (4000, 2)) for _ in range(2))
    outcome = parzen.estimate_likelihood(
        samples, valid=valid, test=test, sigmas=[0.25, 0.5, 1.0, 2.0, 4.0]
    )
    assert outcome.sigma == 1.0
    assert not outcome.at_edge
    entropy = 1 + math.log(2 * math.pi * 2)
    assert outcome.log_likelihood == pytest.approx(-entropy, abs=0.05)
    assert outcome.validation[1.0] == max(outcome.validation.values())


def test_the_standard_error_is_that_of_the_mean():
    samples, test = draw(100), draw(400, seed=1)
    outcome = parzen.estimate_likelihood(samples, valid=test, test=test, sigmas=[0.2])
    values = parzen.log_likelihoods(test, samples, sigmas=[0.2])[0]
    assert outcome.log_likelihood == pytest.approx(values.mean())
    assert outcome.standard_error == pytest.approx(values.std() / 20)


@pytest.mark.parametrize(
    ("sigmas", "at_edge"),
    [([1e-3, 2e-3], True), ([50.0, 90.0], True), ([0.3], False)],
    ids=["largest", "smallest", "no choice"],
)
def test_a_width_at_the_grids_edge_is_told(sigmas, at_edge):
    outcome = parzen.estimate_likelihood(
        draw(50), valid=draw(50, seed=1), test=draw(9), sigmas=sigmas
    )
    assert outcome.at_edge is at_edge


def test_the_grid_is_the_2014_code_s():
    assert len(parzen.SIGMAS) == 10
    assert parzen.SIGMAS[0] == pytest.approx(0.1)
    assert parzen.SIGMAS[-1] == pytest.approx(1.0)
