"""The linear L2-SVM of §5 as a scikit-learn estimator that is solved by JAX."""

import warnings
from typing import Any, Self

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from dcgan_jax.features import blocked_rows, squared_hinge

# Up to so many numbers, features are computed with in float64, as in scikit-learn.
_SMALL = 4_000_000


class LinearSVM(ClassifierMixin, BaseEstimator):
    """Classify by a linear SVM: squared hinge, L2 penalty, one class against the rest.

    The objective is that of `sklearn.svm.LinearSVC` with its default loss and penalty,
    ½‖(w, b)‖² + C Σ max(0, 1 − y (w·x + b))² for each class. The intercept is the
    weight of a constant feature and penalised like the others. All classes are solved
    at once. The features may be a memory map far larger than memory; they are never
    copied as a whole.

    Args:
        C: the weight of the samples' losses, above 0.
        tol: the largest distance of the objective from its minimum, as a share of it.
        max_iter: the most Newton steps.
        fit_intercept: whether there is an intercept.
        intercept_scaling: the value of the constant feature.
        warm_start: whether to begin at the former solution, as along a grid of C.

    Attributes:
        classes_: (classes,) labels, sorted.
        coef_: (classes, features), or (1, features) for two classes.
        intercept_: (classes,), or (1,).
        objective_: (classes,), or (1,); the primal objective that was reached.
        n_iter_: the number of Newton steps taken.
        n_features_in_: the number of features.

    Differs from LinearSVC: `tol` bounds the objective; large float32 features are
    computed with in float32, and summed over blocks of rows in float64; nothing is
    random; there are no sample or class weights and no sparse input.
    """

    def __init__(
        self,
        C: float = 1.0,  # noqa: N803 (scikit-learn's name)
        *,
        tol: float = 1e-9,
        max_iter: int = 100,
        fit_intercept: bool = True,
        intercept_scaling: float = 1.0,
        warm_start: bool = False,
    ) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Fit to features (samples, features) and labels (samples,).

        Raises:
            ValueError: if a setting is out of range, a feature is not finite, or there
                are fewer than two classes.
        """
        self._check_settings()
        before = self._former_weights()
        features, labels = validate_data(
            self, X, y, dtype=[np.float64, np.float32], order="C"
        )
        check_classification_targets(labels)
        self.classes_, encoded = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"the labels hold one class, {self.classes_[0]!r}; expected two or more"
            )
        targets = _one_against_rest(encoded, len(self.classes_))
        if features.size <= _SMALL:
            features = features.astype(np.float64)
        with jax.enable_x64(features.dtype == np.float64):
            rows = blocked_rows.BlockedRows(
                features,
                constant=self.intercept_scaling if self.fit_intercept else None,
            )
            shape = (rows.num_features, targets.shape[1])
            solution = squared_hinge.minimise(
                rows,
                targets,
                cost=self.C,
                tolerance=self.tol,
                max_newton_steps=self.max_iter,
                start=before if before is not None and before.shape == shape else None,
            )
        self._keep(solution)
        return self

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return scores: (samples, classes), for two classes (samples,)."""
        check_is_fitted(self)
        features = validate_data(
            self, X, dtype=[np.float64, np.float32], order="C", reset=False
        )
        with jax.enable_x64(features.dtype == np.float64):
            rows = blocked_rows.BlockedRows(features, constant=None)
            scores = rows.times(self.coef_.T) + self.intercept_
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the labels (samples,) with the highest scores."""
        scores = self.decision_function(X)
        winners = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(1)
        return self.classes_[winners]

    def _check_settings(self) -> None:
        for name, least in (("C", 0), ("tol", 0), ("intercept_scaling", 0)):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > least):
                raise ValueError(f"{name} is {value!r}; expected a number above 0")
        if self.max_iter < 1:
            raise ValueError(f"max_iter is {self.max_iter!r}; expected at least 1")

    def _former_weights(self) -> np.ndarray | None:
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        if not self.fit_intercept:
            return self.coef_.T
        scaled = self.intercept_ / self.intercept_scaling
        return np.concatenate([self.coef_.T, scaled[None]])

    def _keep(self, solution: squared_hinge.Solution) -> None:
        weights = solution.weights
        if self.fit_intercept:
            self.intercept_ = self.intercept_scaling * weights[-1]
            weights = weights[:-1]
        else:
            self.intercept_ = np.zeros(weights.shape[1])
        self.coef_ = np.ascontiguousarray(weights.T)
        self.objective_ = solution.objective
        self.n_iter_ = solution.num_newton_steps
        if not solution.converged:
            warnings.warn(
                f"not converged after {solution.num_newton_steps} Newton steps: the"
                f" objective may lie {np.max(solution.gap / solution.objective):.1e}"
                " of itself above its minimum; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )


def _one_against_rest(encoded: np.ndarray, num_classes: int) -> np.ndarray:
    """Return ±1 (samples, classes); two classes share the column of the second."""
    if num_classes == 2:
        return np.where(encoded == 1, 1.0, -1.0)[:, None]
    return np.where(encoded[:, None] == np.arange(num_classes), 1.0, -1.0)
