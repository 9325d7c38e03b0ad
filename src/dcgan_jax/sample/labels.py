"""The labels that a conditional generator is asked to draw."""

from typing import TypeVar

import jax
import numpy as np

from dcgan_jax.config import TrainConfig, class_names_of
from dcgan_jax.system import errors

Numbers = TypeVar("Numbers", np.ndarray, jax.Array)

# A picture of more classes than these shows the first ones.
MAX_GRID_ROWS = 100
_MAX_NAMES = 20


def arrange_labels(num_classes: int, *, columns: int) -> np.ndarray:
    """Return the labels of a picture that shows one class a row, (images,) int32."""
    rows = min(num_classes, MAX_GRID_ROWS)
    return np.arange(rows, dtype=np.int32).repeat(columns)


def find(label: str | None, config: TrainConfig) -> int | None:
    """Return the number of a class that is given by its name or its number.

    If the names are numbers themselves, such as 1 to 10, a name is meant.

    Raises:
        InputError: if the generator knows no such class.
    """
    names = class_names_of(config)
    if label is None or (names is not None and label in names):
        return None if label is None else (names or ()).index(label)
    numbered = names is None or not any(name.lstrip("-").isdecimal() for name in names)
    if label.isdecimal() and (numbered or config.num_classes is None):
        return int(label)
    if config.num_classes is None:
        choose(0, num_classes=None, count=0)
    if names is None:
        most = (config.num_classes or 1) - 1
        raise errors.InputError(f"--label={label}; this generator knows 0 to {most}.")
    shown = ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")
    raise errors.InputError(f"--label={label}; this generator knows {shown}.")


def describe_classes(label: int | None, config: TrainConfig) -> str:
    """Tell which classes are drawn, as in " of class 2 (red fox)"."""
    names = class_names_of(config)
    if names is None:
        return "" if label is None else f" of class {label}"
    if label is not None:
        return f" of class {label} ({names[label]})"
    shown = [f"{number} {name}" for number, name in enumerate(names[:_MAX_NAMES])]
    more = ", …" if len(names) > _MAX_NAMES else ""
    return f" of the classes {', '.join(shown)}{more}"


def choose(
    label: int | None, *, num_classes: int | None, count: int
) -> np.ndarray | None:
    """Return the labels of the first `count` samples.

    Args:
        label: the label that all of them have; None: the classes take turns.
        num_classes: the generator's classes; None for one that is not conditional.
        count: the number of samples.

    Returns:
        (count,) int32, or None for a generator without labels.

    Raises:
        InputError: if the generator knows no such label.
    """
    if num_classes is None:
        if label is not None:
            raise errors.InputError(
                f"--label={label}, but this generator is not conditional and knows no "
                "classes. Leave --label out."
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
