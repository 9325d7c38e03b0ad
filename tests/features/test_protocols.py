import numpy as np
import pytest
from sklearn.svm import LinearSVC

from dcgan_jax.features import protocols
from dcgan_jax.features.linear_svm import LinearSVM
from dcgan_jax.features.protocols import LabelledData, Split, Svm
from dcgan_jax.system import errors

NAMES = ("a", "b", "c")


def make_split(count, seed, spread=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    centres = np.eye(3, 5) * 4
    features = centres[labels] + spread * rng.standard_normal((count, 5))
    return Split(features.astype(np.float32), labels)


@pytest.fixture
def data():
    return LabelledData(make_split(300, 0), make_split(200, 1), NAMES)


def few(data, *, labels_per_class=10, **svm):
    return protocols.few_labels(
        data, labels_per_class=labels_per_class, num_draws=4, seed=0, svm=Svm(**svm)
    )


def every(data, **svm):
    return protocols.all_labels(data, svm=Svm(**svm))


def test_separable_classes_are_learnt_from_few_labels(data):
    score = few(data)
    assert len(score.accuracies) == 4
    assert min(score.accuracies) > 0.9
    assert score.cost in protocols.C_GRID


def test_a_draw_has_as_many_rows_of_every_class_and_no_row_twice():
    labels = np.random.default_rng(0).integers(0, 5, 400)
    rows = protocols.draw_rows(labels, 20, seed=(0, 3))
    assert len(set(rows.tolist())) == 100
    assert (np.bincount(labels[rows]) == 20).all()
    assert (np.diff(rows) > 0).all()


def test_draws_are_a_function_of_seed_and_number():
    labels = np.random.default_rng(0).integers(0, 5, 400)
    drawn = [
        protocols.draw_rows(labels, 20, seed=seed).tolist()
        for seed in ((0, 1), (0, 1), (0, 2), (1, 1))
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert drawn[0] != drawn[3]


def test_held_out_rows_are_never_trained_on(data, monkeypatch):
    held = protocols.count_validation(300)
    seen = []

    class Spy(LinearSVC):
        def fit(self, features, labels):
            seen.append(np.asarray(features))
            return super().fit(features, labels)

    monkeypatch.setattr(
        protocols, "make_classifier", lambda name, features, cost, tol=0: Spy(C=cost)
    )
    few(data)
    held_out = {row.tobytes() for row in data.train.features[:held]}
    assert not held_out & {row.tobytes() for part in seen for row in part}


def test_the_cost_is_the_one_with_the_least_validation_error():
    # Wide clusters and an enormous C: the grid's ends differ.
    data = LabelledData(make_split(300, 0, 4.0), make_split(200, 1, 4.0), NAMES)
    score = few(data, grid=(1e-6, 1e-2, 1e2))
    errors_by_cost = score.validation_errors
    assert set(errors_by_cost) == {1e-6, 1e-2, 1e2}
    assert errors_by_cost[score.cost] == min(errors_by_cost.values())


def test_the_search_goes_up_and_ends_where_the_error_has_risen_twice(
    data, monkeypatch, capsys
):
    told = {1e-4: 0.5, 1e-3: 0.2, 1e-2: 0.3, 1e-1: 0.1, 1.0: 0.4, 1e1: 0.6, 1e2: 0.0}
    tried = []

    class Told:
        C = 0.0

        def fit(self, features, labels):
            tried.append(self.C)

    monkeypatch.setattr(protocols, "make_classifier", lambda *a, **b: Told())
    monkeypatch.setattr(
        protocols, "measure_accuracy", lambda model, rows: 1 - told[model.C]
    )
    draws = [make_split(10, 0)] * 3
    found = protocols._validate(
        draws.__getitem__, 3, make_split(10, 1), svm=Svm(grid=[*reversed(told)])
    )
    # One rise in a row does not end it; two do.
    assert found == pytest.approx({cost: told[cost] for cost in list(told)[:-1]})
    assert tried == [cost for cost in found for _ in draws]
    assert "no C above 10 is tried" in capsys.readouterr().err


def test_validation_errors_are_means_over_ten_draws(data):
    score = few(data, grid=(1e-2,), classifier="linear_svc")
    pool, held = protocols.split_train(data.train, protocols.count_validation(300))
    total = 0.0
    for number in range(10):
        rows = protocols.draw_rows(pool.labels, 10, seed=(0, number))
        model = LinearSVC(C=1e-2).fit(pool.features[rows], pool.labels[rows])
        total += (model.predict(held.features) != held.labels).mean()
    assert score.validation_errors[1e-2] == pytest.approx(total / 10)


def test_a_given_cost_holds_nothing_out(data):
    smallest = np.bincount(data.train.labels).min()
    score = few(data, labels_per_class=int(smallest), cost=0.01)
    assert score.validation_errors == {}
    with pytest.raises(errors.InputError, match="give --C so that none are held out"):
        few(data, labels_per_class=int(smallest))


def test_too_few_images_of_a_class_are_told_with_their_number(data):
    with pytest.raises(errors.InputError, match=r"class 'a' has \d+ training images"):
        few(data, labels_per_class=1000, cost=0.01)


def test_a_class_missing_from_train_is_named(data):
    keep = data.train.labels != 1
    train = Split(data.train.features[keep], data.train.labels[keep])
    for protocol in (few, lambda d: every(d, cost=0.1)):
        with pytest.raises(errors.InputError, match="no image of class 'b'"):
            protocol(data._replace(train=train))


def test_all_labels_refits_on_the_held_out_rows_too(data):
    score = every(data, classifier="linear_svm")
    model = LinearSVM(C=score.cost).fit(*data.train)
    expected = (model.predict(data.test.features) == data.test.labels).mean()
    assert score.accuracies == [pytest.approx(expected)]


def test_both_solvers_give_the_same_score(data):
    a, b = (few(data, classifier=name) for name in ("linear_svc", "linear_svm"))
    np.testing.assert_allclose(a.accuracies, b.accuracies, atol=0.011)


def test_a_choice_at_the_edge_of_the_grid_is_said(data, capsys):
    every(data, grid=(1e-9, 2e-9))
    assert "at the edge of the grid" in capsys.readouterr().err


def test_numbers_hold_mean_deviation_and_the_scripts_interval():
    score = protocols.Score([0.5, 0.7], 1e-3, {1e-3: 0.4})
    numbers = score.numbers()
    assert numbers["accuracy_mean"] == pytest.approx(0.6)
    assert numbers["accuracy_std"] == pytest.approx(0.1)
    assert numbers["error_mean"] == pytest.approx(0.4)
    assert numbers["error_half_width_95"] == pytest.approx(0.196)
    assert numbers["C"] == 1e-3


def test_one_fit_has_no_deviation():
    assert protocols.Score([0.5], 1.0, {}).numbers()["accuracy_std"] is None


def test_the_papers_sizes_hold_out_ten_thousand():
    assert protocols.count_validation(73_257) == 10_000
    assert protocols.count_validation(50_000) == 10_000
    assert protocols.count_validation(10_000) == 2_000


@pytest.mark.parametrize(
    ("value", "told"), [(0.25, "all 4 features are constant"), (np.nan, "not finite")]
)
def test_features_that_say_nothing_are_refused(value, told):
    with pytest.raises(errors.InputError, match=told):
        protocols.check_features(np.full((2000, 4), value, np.float16), "net")


def test_one_feature_that_varies_in_one_row_is_enough():
    features = np.zeros((2000, 4), np.float16)
    features[1999, 2] = 65000
    protocols.check_features(features, "net")
