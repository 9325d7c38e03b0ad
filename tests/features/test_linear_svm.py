import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from dcgan_jax.features.linear_svm import LinearSVM


@parametrize_with_checks([LinearSVM()])
def test_it_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def clusters():
    """Ten overlapping classes of unscaled features with a common mean."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, 40)) * 0.7
    labels = rng.integers(0, 10, 700)
    features = centres[labels] + rng.standard_normal((700, 40)) + 1.5
    features *= np.geomspace(0.1, 3.0, 40)
    features = features.astype(np.float32).astype(np.float64)
    return features[:500], labels[:500], features[500:], labels[500:]


def objective(model, features, labels):
    classes = model.classes_ if len(model.classes_) > 2 else model.classes_[1:]
    targets = np.where(labels[:, None] == classes, 1.0, -1.0)
    scores = features @ model.coef_.T + model.intercept_
    slack = np.maximum(0, 1 - targets * scores)
    scaled = model.intercept_ / model.intercept_scaling
    penalty = (model.coef_**2).sum(1) + scaled**2
    return 0.5 * penalty + model.C * (slack**2).sum(0)


def fit_to_convergence(cost, features, labels, **settings):
    model = LinearSVC(C=cost, dual=False, tol=1e-9, max_iter=100_000, **settings)
    return model.fit(features, labels)


@pytest.fixture(scope="module", params=[1e-4, 1e-3, 1e-2, 1e-1, 1.0])
def exact(request, clusters):
    """LinearSVC's optimum at one C."""
    return fit_to_convergence(request.param, *clusters[:2])


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_reaches_the_optimum_of_linear_svc(clusters, exact, dtype):
    features, labels, new, _ = clusters
    ours = LinearSVM(C=exact.C).fit(features.astype(dtype), labels)
    found, best = (objective(m, features, labels) for m in (ours, exact))
    np.testing.assert_allclose(found, best, rtol=1e-5)
    np.testing.assert_allclose(ours.objective_, best, rtol=1e-5)
    assert (ours.predict(new.astype(dtype)) == exact.predict(new)).mean() >= 0.999


@pytest.mark.parametrize("cost", [1e-4, 1e-2, 1.0])
def test_it_is_never_above_linear_svc_at_its_defaults(clusters, cost):
    features, labels, _, _ = clusters
    ours = LinearSVM(C=cost).fit(features.astype(np.float32), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        default = LinearSVC(C=cost, random_state=0).fit(features, labels)
    found, theirs = (objective(m, features, labels) for m in (ours, default))
    assert (found <= theirs * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    "settings", [{"fit_intercept": False}, {"intercept_scaling": 5.0}]
)
def test_the_intercept_is_linear_svcs(clusters, settings):
    features, labels, _, _ = clusters
    ours = LinearSVM(C=0.01, **settings).fit(features, labels)
    exact = fit_to_convergence(0.01, features, labels, **settings)
    np.testing.assert_allclose(ours.coef_, exact.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, exact.intercept_, atol=1e-4)


def test_two_classes_have_one_row_of_weights(clusters):
    features, labels, new, _ = clusters
    names = np.where(labels < 5, "low", "high")
    ours = LinearSVM(C=0.01).fit(features, names)
    exact = fit_to_convergence(0.01, features, names)
    assert ours.coef_.shape == (1, 40)
    assert ours.decision_function(new).shape == (200,)
    np.testing.assert_allclose(ours.coef_, exact.coef_, atol=1e-4)
    assert (ours.predict(new) == exact.predict(new)).all()


def test_a_warm_start_takes_fewer_steps_to_the_same_place(clusters):
    features, labels, _, _ = clusters
    warm = LinearSVM(C=0.01, warm_start=True).fit(features, labels)
    warm.C = 0.011
    warm.fit(features, labels)
    cold = LinearSVM(C=0.011).fit(features, labels)
    assert warm.n_iter_ < cold.n_iter_
    np.testing.assert_allclose(warm.objective_, cold.objective_, rtol=1e-6)


def test_a_warm_start_for_other_classes_begins_anew(clusters):
    features, labels, _, _ = clusters
    warm = LinearSVM(C=0.01, warm_start=True).fit(features, labels)
    warm.fit(features, labels % 3)
    cold = LinearSVM(C=0.01).fit(features, labels % 3)
    np.testing.assert_array_equal(warm.coef_, cold.coef_)


def test_a_memory_map_gives_what_memory_gives(clusters, tmp_path):
    features, labels, _, _ = clusters
    np.save(tmp_path / "x.npy", features.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    a = LinearSVM(C=0.01).fit(mapped, labels)
    b = LinearSVM(C=0.01).fit(features.astype(np.float32), labels)
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_too_few_steps_warn_with_the_distance_left(clusters):
    features, labels, _, _ = clusters
    with pytest.warns(ConvergenceWarning, match="after 1 Newton steps"):
        LinearSVM(C=1.0, max_iter=1).fit(features, labels)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"C": 0.0}, "C is 0.0"),
        ({"C": np.nan}, "C is nan"),
        ({"tol": -1.0}, "tol is -1.0"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"intercept_scaling": 0.0}, "intercept_scaling is 0.0"),
    ],
)
def test_settings_out_of_range_are_named(clusters, settings, told):
    features, labels, _, _ = clusters
    with pytest.raises(ValueError, match=told):
        clone(LinearSVM(**settings)).fit(features, labels)


def test_one_class_is_refused(clusters):
    features = clusters[0]
    with pytest.raises(ValueError, match="one class"):
        LinearSVM().fit(features, np.zeros(len(features), int))


@pytest.mark.parametrize("scale", [pytest.param(1e7, marks=pytest.mark.long), 1e20])
def test_features_beyond_what_numbers_resolve_are_warned_of_and_never_nan(scale):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 20))
    noise = rng.normal(size=(300, 3))
    labels = (features @ rng.normal(size=(20, 3)) + noise).argmax(1)
    with pytest.warns(ConvergenceWarning, match="not converged"):
        fitted = LinearSVM(max_iter=20).fit(features * scale, labels)
    assert np.isfinite(fitted.coef_).all()
    assert np.isfinite(fitted.intercept_).all()
    assert fitted.score(features * scale, labels) > 0.8
