import numpy as np
import pytest

from dcgan_jax.features import blocked_rows, line_search, squared_hinge
from dcgan_jax.system import backend

pytestmark = pytest.mark.gpu


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 9)).astype(np.float32) * 3 + 1
    targets = np.where(features[:, :2] + rng.normal(size=(60, 2)) > 1, 1.0, -1.0)
    return features, targets


def with_constant(features, constant):
    ones = np.full((len(features), 1), constant)
    return np.concatenate([features.astype(np.float64), ones], axis=1)


def value(features, targets, weights, cost):
    slack = np.maximum(0, 1 - targets * (features @ weights))
    return 0.5 * (weights**2).sum(0) + cost * (slack**2).sum(0)


@pytest.mark.parametrize("block_bytes", [1, 200, 1 << 20])
@pytest.mark.parametrize("kept", [True, False])
def test_products_are_those_of_the_whole_matrix(
    problem, monkeypatch, block_bytes, kept
):
    features, targets = problem
    monkeypatch.setattr(blocked_rows, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(blocked_rows, "RESIDENT_BYTES", 1 << 20 if kept else 0)
    rows = blocked_rows.BlockedRows(features, constant=2.0)
    whole = with_constant(features, 2.0)
    rng = np.random.default_rng(1)
    weights, mask = rng.normal(size=(10, 2)), (targets > 0).astype(np.float32)
    np.testing.assert_allclose(rows.times(weights), whole @ weights, rtol=1e-4)
    np.testing.assert_allclose(
        rows.transposed_times(targets), whole.T @ targets, rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(
        rows.curve(weights, mask), whole.T @ (mask * (whole @ weights)), rtol=1e-4
    )
    np.testing.assert_allclose(rows.gram(), whole @ whole.T, rtol=1e-12)
    assert rows.mean_square() == pytest.approx((whole**2).sum(1).mean())


def test_a_fit_is_the_same_to_the_bit_where_the_matrix_streams(problem, monkeypatch):
    features, targets = problem
    monkeypatch.setattr(blocked_rows, "BLOCK_BYTES", 200)
    found = []
    for most in (1 << 20, 0):
        monkeypatch.setattr(blocked_rows, "RESIDENT_BYTES", most)
        rows = blocked_rows.BlockedRows(features, constant=1.0)
        assert bool(rows._kept) == (most > 0)
        solution = squared_hinge.minimise(
            rows, targets, cost=1e-2, tolerance=1e-8, max_newton_steps=50, start=None
        )
        found.append(solution.weights)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(("free", "stays"), [(2.1, True), (1.9, False)])
def test_a_matrix_stays_where_it_takes_half_of_the_free_memory(
    free, stays, monkeypatch
):
    size = blocked_rows.RESIDENT_BYTES + 1
    monkeypatch.setattr(backend, "free_memory", lambda: int(free * size))
    assert not blocked_rows._fits_device(size)  # the memory is the machine's
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    assert blocked_rows._fits_device(size) == stays


@pytest.mark.parametrize("by_gram", [True, False])
@pytest.mark.parametrize("cost", [1e-4, 1e-2, 1.0, 100.0])
def test_the_minimum_is_where_general_optimisers_find_it(
    problem, monkeypatch, cost, by_gram
):
    import scipy.optimize

    monkeypatch.setattr(squared_hinge, "STIFF", 0.0 if by_gram else np.inf)
    features, targets = problem
    solution = squared_hinge.minimise(
        blocked_rows.BlockedRows(features, constant=1.0),
        targets,
        cost=cost,
        tolerance=1e-8,
        max_newton_steps=100,
        start=None,
    )
    assert solution.converged
    whole = with_constant(features, 1.0)
    np.testing.assert_allclose(
        solution.objective, value(whole, targets, solution.weights, cost), rtol=1e-5
    )
    for k in range(2):

        def slope(w, k=k):
            slack = np.maximum(0, 1 - targets[:, k] * (whole @ w))
            return w - 2 * cost * whole.T @ (targets[:, k] * slack)

        found = scipy.optimize.minimize(
            lambda w, k=k: value(whole, targets[:, [k]], w[:, None], cost)[0],
            np.zeros(10),
            jac=slope,
            method="BFGS",
            options={"gtol": 1e-10},
        )
        assert solution.objective[k] <= found.fun * (1 + 1e-6)


def test_main_axes_are_the_first_eigenvectors_where_a_few_stand_out():
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((40, 40)))
    lengths = np.concatenate([[100.0, 50.0, 25.0], np.full(37, 0.1)])
    features = (rng.standard_normal((500, 40)) * lengths) @ turn.T
    rows = blocked_rows.BlockedRows(features.astype(np.float32), constant=None)
    axes = squared_hinge.find_main_axes(rows)
    values, vectors = np.linalg.eigh(features.T @ features)
    np.testing.assert_allclose(axes.squares[:3], values[::-1][:3], rtol=1e-3)
    along = np.abs((axes.directions[:, :3] * vectors[:, ::-1][:, :3]).sum(0))
    np.testing.assert_allclose(along, 1.0, atol=1e-3)
    gram = axes.directions.T @ axes.directions
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-3)


def test_a_line_search_ends_where_the_slope_is_zero(problem):
    features, targets = problem
    rng = np.random.default_rng(2)
    weights, direction = rng.normal(size=(2, 9, 2))
    scores, change = features @ weights, features @ direction
    slope = (weights * direction).sum(0) - 2 * 0.1 * (
        np.maximum(0, 1 - targets * scores) * targets * change
    ).sum(0)
    direction = direction * -np.sign(slope)  # downhill
    change = features @ direction
    ray = line_search.Ray(
        linear=(weights * direction).sum(0),
        quadratic=(direction**2).sum(0),
        margins=targets * scores,
        changes=targets * change,
    )
    length = line_search.minimise_along(ray, cost=0.1)
    assert (length > 0).all()
    slack = np.maximum(0, 1 - targets * (scores + length * change))
    end = ((weights + length * direction) * direction).sum(0)
    end -= 2 * 0.1 * (slack * targets * change).sum(0)
    np.testing.assert_allclose(end, 0, atol=1e-6)


def test_the_gap_bounds_the_distance_from_the_minimum(problem):
    features, targets = problem
    rows = blocked_rows.BlockedRows(features, constant=1.0)
    settings = {"cost": 0.1, "start": None}
    best = squared_hinge.minimise(
        rows, targets, tolerance=1e-10, max_newton_steps=100, **settings
    )
    for steps in range(4):
        early = squared_hinge.minimise(
            rows, targets, tolerance=1e-10, max_newton_steps=steps, **settings
        )
        assert (early.objective - best.objective <= early.gap * (1 + 1e-6)).all()


def test_a_start_at_the_solution_ends_at_once(problem):
    features, targets = problem
    rows = blocked_rows.BlockedRows(features, constant=None)
    settings = {"cost": 0.1, "tolerance": 1e-6, "max_newton_steps": 50}
    first = squared_hinge.minimise(rows, targets, start=None, **settings)
    again = squared_hinge.minimise(rows, targets, start=first.weights, **settings)
    assert again.num_newton_steps == 0
    np.testing.assert_array_equal(again.weights, first.weights)
