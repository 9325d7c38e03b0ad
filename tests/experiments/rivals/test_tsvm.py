import numpy as np
import pytest
from sklearn.svm import LinearSVC

from experiments.rivals import m1_knn, tsvm


def test_landmarks_give_the_gaussian_kernel_between_them():
    points = np.float32(np.random.default_rng(0).normal(size=(12, 3)))
    features = np.asarray(tsvm.map_by_landmarks([points], points)[0], np.float64)
    squares = ((points[:, None] - points) ** 2).sum(-1)
    width = np.median(squares[~np.eye(12, dtype=bool)])
    np.testing.assert_allclose(
        features @ features.T, np.exp(-squares / (2 * width)), atol=1e-4
    )


@pytest.fixture(scope="module")
def clusters():
    """Two long clusters on either side of a gap at x = 0, and a label in each.

    The labels lie so that a machine that sees them alone cuts across both clusters.
    """
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 2)) * [0.2, 1.0] + np.repeat(
        [[-1, 0], [1, 0]], 100, 0
    )
    labelled = np.float32([[-1.0, 1.0], [1.0, -1.0]])
    return np.float32(points), np.repeat([0, 1], 100), labelled


@pytest.mark.long
def test_unlabelled_points_move_the_boundary_into_the_gap(clusters):
    points, labels, labelled = clusters
    few = np.array([0, 1])
    wrong = {}
    for name, others in (("svm", points[:0]), ("tsvm", points)):
        machine = tsvm.fit_machine(labelled, few, others, cost=10.0)
        found = np.asarray(machine.score(points)).argmax(1)
        wrong[name] = int((found != labels).sum())
    assert wrong["tsvm"] <= 2
    assert wrong["svm"] > 20
    # The mean score of the unlabelled is the mean label, which is 0 for either class.
    np.testing.assert_allclose(machine.score(points).mean(0), 0.0, atol=1e-3)


def test_without_unlabelled_points_it_is_an_svm():
    rng = np.random.default_rng(0)
    points = np.float32(rng.normal(size=(60, 3)))
    labels = (points[:, 0] + 0.5 * rng.normal(size=60) > 0).astype(int)
    machine = tsvm.fit_machine(points, labels, points[:0], cost=0.5)
    # scikit-learn penalises the offset too, unless the constant feature is large.
    other = LinearSVC(C=0.5, tol=1e-8, intercept_scaling=300, max_iter=100_000)
    other.fit(points, labels)
    np.testing.assert_allclose(machine.weights[:, 1], other.coef_[0], atol=2e-2)
    np.testing.assert_allclose(machine.offsets[1], other.intercept_[0], atol=2e-2)


FEW = ("--num_train=500", "--draws=1")
SMALL_M1 = ("--num_hidden=40", "--num_latents=8", "--num_m1_steps=300")


@pytest.mark.long
def test_the_script_learns_from_ten_labels_a_class(
    run_command, read_numbers, monkeypatch
):
    monkeypatch.setattr(tsvm, "STEPS_A_STAGE", 15)
    ended = run_command(tsvm.main, *FEW, "--num_landmarks=100")
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_tsvm_digits")
    assert numbers["tsvm"]["error_mean"] < 0.25
    assert numbers["svm"]["error_mean"] < 0.3


@pytest.mark.long
def test_neighbours_are_found_among_latents(run_command, read_numbers):
    ended = run_command(m1_knn.main, *FEW, *SMALL_M1)
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_m1_knn_digits")
    assert numbers["pixels"]["error_mean"] < 0.2
    assert numbers["m1"]["error_mean"] < 0.6
