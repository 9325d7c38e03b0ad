"""K nearest neighbours on pixels, a row of Table 2 (77.93 % error with 1000 labels)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.data.batches import Batch
from dcgan_jax.system import errors

NUM_NEIGHBOURS = (1, 3, 5, 7, 9, 15, 21)  # ours: the paper names no choice
_BLOCK_ROWS = 1000


class NeighbourErrors(NamedTuple):
    """The choice of k and its errors.

    Attributes:
        num_neighbours: k, the smallest of those with the least validation error.
        valid_errors: the error of every k, a share of the validation rows.
        test_error: the error of the chosen k, a share of the test rows.
    """

    num_neighbours: int
    valid_errors: dict[int, float]
    test_error: float


def classify(
    train: Batch,
    valid: Batch,
    test: Batch,
    *,
    choices: Sequence[int] = NUM_NEIGHBOURS,
) -> NeighbourErrors:
    """Choose k on validation rows and measure its error on test rows.

    Distances are Euclidean, between pixels as they are stored; the neighbours have one
    vote each, and the smallest of the winning labels is taken.

    Args:
        train: the labelled images that others are compared with.
        valid: the rows that k is chosen by.
        test: the rows that nothing is chosen by.
        choices: the values of k; those above the number of training rows are left out.

    Raises:
        InputError: if a part has no rows or no labels, or no k is left.
    """
    for name, part in (("training", train), ("validation", valid), ("test", test)):
        if part.labels is None or len(part.labels) == 0:
            raise errors.InputError(
                f"the {name} rows have no labels; nearest neighbours need some."
            )
    possible = sorted(k for k in choices if 1 <= k <= len(train.images))
    if not possible:
        raise errors.InputError(
            f"no k of {list(choices)} lies within 1 … {len(train.images)}, the number"
            " of training rows."
        )
    valid_errors = {k: _measure_error(_fit(train, k), valid) for k in possible}
    best = min(possible, key=lambda k: (valid_errors[k], k))
    return NeighbourErrors(best, valid_errors, _measure_error(_fit(train, best), test))


def _fit(train: Batch, num_neighbours: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(num_neighbours, algorithm="brute")
    return model.fit(_as_rows(train.images), train.labels)


def _measure_error(model: Any, rows: Batch) -> float:
    wrong = 0
    for start in range(0, len(rows.images), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        labels = np.asarray(rows.labels)[block]
        wrong += int((model.predict(_as_rows(rows.images[block])) != labels).sum())
    return wrong / len(rows.images)


def _as_rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32)
