"""The labels that a conditional generator is asked to draw."""

from typing import TypeVar

import jax
import numpy as np

from dcgan_jax.system import errors

Numbers = TypeVar("Numbers", np.ndarray, jax.Array)

# A picture of more classes than these shows the first ones.
MAX_GRID_ROWS = 100


def arrange_labels(num_classes: int, *, columns: int) -> np.ndarray:
    """Return the labels of a picture that shows one class a row, (images,) int32."""
    rows = min(num_classes, MAX_GRID_ROWS)
    return np.arange(rows, dtype=np.int32).repeat(columns)


def choose(
    label: int | None, *, num_classes: int | None, count: int
) -> np.ndarray | None:
    """Return the labels of the first `count` samples.

    Args:
        label: that all of them have; None: the classes take turns.
        num_classes: of the generator; None for one that is not conditional.
        count: number of samples.

    Returns:
        (count,) int32, or None for a generator without labels.

    Raises:
        InputError: if the generator knows no such label.
    """
    if num_classes is None:
        if label is not None:
            raise errors.InputError(
                f"--label={label}, but this generator is not conditional: it draws "
                "what it likes. Leave --label out."
            )
        return None
    if label is None:
        return take_turns(np.arange(count, dtype=np.int32), num_classes)
    if not 0 <= label < num_classes:
        raise errors.InputError(
            f"--label={label}; this generator knows 0 to {num_classes - 1}."
        )
    return np.full(count, label, np.int32)


def take_turns(numbers: Numbers, num_classes: int) -> Numbers:
    """Return the labels of samples by their numbers where the classes take turns."""
    return numbers % num_classes
