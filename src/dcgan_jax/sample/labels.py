"""The labels that a conditional generator is asked to draw."""

from collections.abc import Sequence
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


def find(
    label: str | int | None, config: TrainConfig, *, flag: str = "--label"
) -> int | None:
    """Return the number of the class that is meant.

    Args:
        label: what a user wrote, which is a class's name or its number. If the names
            are numbers themselves, such as 1 to 10, a name is meant. An int is the
            class's number, as files hold it.
        config: the generator's config.
        flag: where the user wrote it, for the message.

    Raises:
        InputError: if the generator knows no such class.
    """
    if label is None:
        return None
    if config.num_classes is None:
        raise errors.InputError(
            f"{flag}={label}, but this generator is not conditional and knows no "
            f"classes. Leave {flag} out."
        )
    names = own_names(config)
    if names is not None and label in names:
        places = [n for n, name in enumerate(names) if name == label]
        if len(places) > 1:
            raise errors.InputError(
                f"{flag}={label}; {len(places)} classes are called so, of the numbers"
                f" {', '.join(map(str, places))}. Call the class by its number."
            )
        return places[0]
    # Among classes that are called 1 to 10, a text such as "0" is not a place.
    is_number = isinstance(label, int) or not any(map(_looks_numbered, names or ()))
    if is_number and str(label) in map(str, range(config.num_classes)):
        return int(label)
    raise errors.InputError(
        f"{flag}={label}; this generator knows {list_known(config)}."
    )


def own_names(config: TrainConfig) -> tuple[str, ...] | None:
    """Return the classes' names; None if they are no more than their numbers."""
    names = class_names_of(config)
    if names is None or names == tuple(map(str, range(len(names)))):
        return None
    return names


def name(number: int, config: TrainConfig) -> str:
    """Return a class's name as `find` takes it, or its number if it has none."""
    names = own_names(config)
    return str(number) if names is None else names[number]


def list_choices(config: TrainConfig) -> list[tuple[str, int]]:
    """Return what a person is shown of each class, and its number.

    Without classes it is "0" alone.
    """
    numbers = range(config.num_classes or 1)
    return [(errors.one_line(name(number, config)), number) for number in numbers]


def describe_classes(label: int | None, config: TrainConfig) -> str:
    """Tell which classes are drawn, as in " of class 2 (red fox)"."""
    names = own_names(config)
    if names is None:
        return "" if label is None else f" of class {label}"
    if label is not None:
        return f" of class {label} ({errors.one_line(names[label])})"
    pairs = [f"{number} {name}" for number, name in enumerate(names)]
    return f" of the classes {_shorten(pairs)}"


def list_known(config: TrainConfig) -> str:
    """Return what a user may call the classes: "cat, dog" or "0 to 9"."""
    names = own_names(config)
    most = (config.num_classes or 1) - 1
    return f"0 to {most}" if names is None else _shorten(names)


def _shorten(names: Sequence[str]) -> str:
    shown = map(errors.one_line, names[:_MAX_NAMES])
    return ", ".join([*shown, *["…"] * (len(names) > _MAX_NAMES)])


def _looks_numbered(name: str) -> bool:
    return name.lstrip("-").isdecimal()


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
