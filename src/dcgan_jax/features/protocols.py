"""The paper's protocols of scoring features, each a function of labelled rows."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from dcgan_jax.system import errors, progress

# svhn/svhn_semisup_analysis.py:135
C_GRID = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
NUM_VALIDATION = 10_000  # svhn/svhn_semisup_analysis.py:120
# Smaller sets than the paper's keep most of their rows for training.
MAX_VALIDATION_SHARE = 0.2
NUM_DRAWS_FOR_C = 10  # svhn/svhn_semisup_analysis.py:137
# Up to so many numbers scikit-learn's own solver is the faster one.
SMALL_PROBLEM = 1_000_000
ClassifierName = Literal["auto", "linear_svc", "linear_svm"]


class SklearnClassifier(Protocol):
    """The methods of scikit-learn's classifiers that are needed here."""

    C: float

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        """Learn from (samples, features) and (samples,)."""

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return (samples,) labels."""


class Svm(NamedTuple):
    """Settings of the linear SVM.

    Attributes:
        cost: C; None chooses it on held-out rows.
        grid: the values of C to choose from.
        classifier: the solver.
    """

    cost: float | None = None
    grid: Sequence[float] = C_GRID
    classifier: ClassifierName = "auto"


class Split(NamedTuple):
    """Rows and their labels, (n, features) and (n,)."""

    features: np.ndarray
    labels: np.ndarray


class LabelledData(NamedTuple):
    """A data set as vectors; the rows of `train` are in random order."""

    train: Split
    test: Split
    class_names: tuple[str, ...]


class Score(NamedTuple):
    """The outcome of a protocol.

    Attributes:
        accuracies: shares of the test set, 0 to 1, one for each draw of the labels.
        cost: C.
        validation_errors: the error for each C tried; empty if C was given.
    """

    accuracies: list[float]
    cost: float
    validation_errors: dict[float, float]

    def numbers(self) -> dict[str, Any]:
        """Return the numbers of a result file, where shares are from 0 to 1."""
        accuracies = np.array(self.accuracies)
        several = len(accuracies) > 1
        std = float(accuracies.std()) if several else None
        return {
            "accuracy_mean": float(accuracies.mean()),
            "accuracy_std": std,
            "error_mean": float(1.0 - accuracies.mean()),
            "error_half_width_95": None if std is None else 1.96 * std,
            "C": self.cost,
            "num_draws": len(accuracies),
            "accuracies": self.accuracies,
            "validation_errors": {
                f"{cost:g}": error for cost, error in self.validation_errors.items()
            },
        }


def few_labels(
    data: LabelledData,
    *,
    labels_per_class: int,
    num_draws: int,
    seed: int,
    svm: Svm,
) -> Score:
    """Train on small random draws of the labels; test on the whole test set.

    §5.2: "we split off a validation set of 10,000 examples from the non-extra set and
    use it for all hyperparameter and model selection. 1000 uniformly class distributed
    training examples are randomly selected and used to train a regularized linear
    L2-SVM classifier"; Table 1 has a column of 400 a class. The authors' script
    (svhn/svhn_semisup_analysis.py:117-170) shuffles the training set, keeps the first
    10,000 rows for validation, chooses C by the mean validation error of 10 draws, and
    reports the mean ± 1.96 standard deviations of 100 draws.

    Args:
        data: the rows of `train` in random order.
        labels_per_class: the number of labels that a draw takes of each class.
        num_draws: the number of draws of the labels for the test.
        seed: the seed of the draws.
        svm: the SVM's settings; if C is given, no rows are held out.

    Differs from the script: where 10,000 rows are more than a fifth of the training
    set, a fifth is held out.

    Raises:
        InputError: if a class has too few rows.
    """
    held_out = 0 if svm.cost is not None else count_validation(len(data.train.labels))
    pool, validation = split_train(data.train, held_out)
    check_classes(data.train.labels, data.class_names)
    check_counts(pool.labels, data.class_names, labels_per_class, held_out=held_out)

    def draw(number: int) -> Split:
        rows = draw_rows(pool.labels, labels_per_class, seed=(seed, number))
        return Split(pool.features[rows], pool.labels[rows])

    cost, errors_by_cost = svm.cost, dict[float, float]()
    if cost is None:
        errors_by_cost = _validate(draw, NUM_DRAWS_FOR_C, validation, svm=svm)
        cost = _choose(errors_by_cost)
    accuracies = []
    with progress.track("testing", num_draws, unit="draws") as advance:
        for number in range(num_draws):
            drawn = draw(NUM_DRAWS_FOR_C + number)
            model = make_classifier(svm.classifier, drawn.features, cost)
            model.fit(drawn.features, drawn.labels)
            accuracies.append(measure_accuracy(model, data.test))
            advance(1)
    return Score(accuracies, cost, errors_by_cost)


def all_labels(data: LabelledData, *, svm: Svm) -> Score:
    """Train on all labels; test on the whole test set.

    §5.1: "we train on Imagenet-1k and then use the discriminator's convolutional
    features from all layers, maxpooling each layers representation to produce a 4 × 4
    spatial grid. These features are then flattened and concatenated to form a 28672
    dimensional vector and a regularized linear L2-SVM classifier is trained on top of
    them." How C was chosen is not said: here by the error on up to 10,000 held-out
    training rows, after which all rows are used.

    Args:
        data: the rows of `train` in random order.
        svm: the SVM's settings.
    """
    check_classes(data.train.labels, data.class_names)
    cost, errors_by_cost = svm.cost, dict[float, float]()
    if cost is None:
        held_out = count_validation(len(data.train.labels))
        pool, validation = split_train(data.train, held_out)
        errors_by_cost = _validate(lambda _: pool, 1, validation, svm=svm)
        cost = _choose(errors_by_cost)
    with progress.track("training on all labels", 1, unit="fits") as advance:
        model = make_classifier(svm.classifier, data.train.features, cost)
        model.fit(*data.train)
        accuracy = measure_accuracy(model, data.test)
        advance(1)
    return Score([accuracy], cost, errors_by_cost)


def make_classifier(
    name: ClassifierName, features: np.ndarray, cost: float, *, tol: float = 1e-6
) -> SklearnClassifier:
    """Return the solver of the linear L2-SVM for a matrix of features.

    Both minimise the same objective; scikit-learn's copies the features into nodes of
    16 bytes.

    Args:
        name: the solver's name.
        features: the rows that it will be fitted to.
        cost: C.
        tol: our solver's tolerance; scikit-learn's keeps its default.
    """
    if name == "linear_svc" or (name == "auto" and features.size <= SMALL_PROBLEM):
        from sklearn.svm import LinearSVC

        return LinearSVC(C=cost)
    from dcgan_jax.features.linear_svm import LinearSVM

    return LinearSVM(C=cost, tol=tol, warm_start=True)


def measure_accuracy(model: SklearnClassifier, rows: Split) -> float:
    """Return the share of rows whose label is predicted."""
    return float((model.predict(rows.features) == rows.labels).mean())


def count_validation(num_train: int) -> int:
    """Return how many training rows are held out while a setting is chosen."""
    return min(NUM_VALIDATION, int(num_train * MAX_VALIDATION_SHARE))


def split_train(train: Split, num_validation: int) -> tuple[Split, Split]:
    """Return the rows to train on and the held-out ones, which come first."""
    pool = Split(train.features[num_validation:], train.labels[num_validation:])
    held = Split(train.features[:num_validation], train.labels[:num_validation])
    return pool, held


def draw_rows(
    labels: np.ndarray, labels_per_class: int, *, seed: tuple[int, int]
) -> np.ndarray:
    """Choose rows, as many of every class, in ascending order."""
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(np.flatnonzero(labels == label), labels_per_class, replace=False)
        for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(chosen))


def check_classes(labels: np.ndarray, class_names: tuple[str, ...]) -> None:
    """Raise an error if a class has no training image.

    Raises:
        InputError: if one has none; the message names the first.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    missing = [name for name, n in zip(class_names, counts, strict=True) if n == 0]
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise errors.InputError(
            f"the training set has no image of class {missing[0]!r}{others}; every"
            " class needs some"
        )


def check_counts(
    pool: np.ndarray,
    class_names: tuple[str, ...],
    labels_per_class: int,
    *,
    held_out: int,
) -> None:
    """Raise an error if a class has fewer rows than a draw takes.

    Args:
        pool: labels of the rows to draw from.
        class_names: the names of all classes.
        labels_per_class: the number of labels that a draw takes of each class.
        held_out: the number of training rows that are not in the pool.

    Raises:
        InputError: if one has; the message names the smallest class and its size.
    """
    counts = np.bincount(pool, minlength=len(class_names))
    least = int(counts.argmin())
    if counts[least] < labels_per_class:
        kept = f" besides {held_out:,} held-out ones" if held_out else ""
        way = ", give --C so that none are held out" if held_out else ""
        raise errors.InputError(
            f"class {class_names[least]!r} has {counts[least]:,} training images"
            f"{kept}, fewer than --labels_per_class={labels_per_class}; ask for fewer"
            f"{way}, or use --labels_per_class=all"
        )


def check_features(features: np.ndarray, what: str) -> None:
    """Raise an error if features say nothing, being constant or not finite.

    Raises:
        InputError: if they are; the message begins with `what`.
    """
    varies = False
    for start in range(0, len(features), 1024):
        block = features[start : start + 1024]
        if not np.isfinite(block).all():
            raise errors.InputError(
                f"{what}: a feature is not finite; its network's weights are broken"
            )
        varies = varies or bool((block != features[0]).any())
    if not varies:
        raise errors.InputError(
            f"{what}: all {features.shape[1]:,} features are constant over all"
            f" {len(features):,} images; expected features that differ, so look at the"
            " weights and the images"
        )


def _validate(
    draw: Callable[[int], Split], num_draws: int, validation: Split, *, svm: Svm
) -> dict[float, float]:
    """Return the mean validation error for each C, from the smallest on.

    Solvers go on along the grid. Larger C take longer, so that the search ends where
    the error has risen twice in a row.

    Args:
        draw: returns the rows to train on, by the number of the draw.
        num_draws: the number of draws.
        validation: the rows to test on.
        svm: its settings.
    """
    costs, errors_by_cost = sorted(svm.grid), dict[float, float]()
    models = dict[int, SklearnClassifier]()
    with progress.track("choosing C", num_draws * len(costs), unit="fits") as advance:
        for cost in costs:
            total = 0.0
            for number in range(num_draws):
                drawn = draw(number)
                # No error rate turns on less than a ten-thousandth of the objective.
                model = models.setdefault(
                    number, make_classifier(svm.classifier, drawn.features, 1, tol=1e-4)
                )
                model.C = cost
                model.fit(drawn.features, drawn.labels)
                total += 1.0 - measure_accuracy(model, validation)
                advance(1)
            errors_by_cost[cost] = total / num_draws
            if _has_risen_twice(list(errors_by_cost.values())) and cost < costs[-1]:
                print(
                    f"the validation error has risen twice: no C above {cost:g} is"
                    " tried",
                    file=sys.stderr,
                )
                break
    return errors_by_cost


def _has_risen_twice(found: Sequence[float]) -> bool:
    return len(found) >= 3 and found[-3] < found[-2] < found[-1]


def _choose(errors_by_cost: dict[float, float]) -> float:
    best = min(errors_by_cost, key=lambda cost: (errors_by_cost[cost], cost))
    if best in (min(errors_by_cost), max(errors_by_cost)) and len(errors_by_cost) > 1:
        print(
            f"C={best:g} is at the edge of the grid"
            f" {min(errors_by_cost):g} … {max(errors_by_cost):g}; a wider one"
            " (--C_grid) may do better",
            file=sys.stderr,
        )
    return best
