"""Labels that lie in an array beside the images, in the forms that people save."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dcgan_jax.prepare.sources.base import sort_classes
from dcgan_jax.system import errors, json_values

# So many different labels, and for more than half of the images, are identifiers.
_FEW = 20


class ArrayLabels(NamedTuple):
    """What an array of labels says."""

    numbers: np.ndarray | None
    """int32, (N,), −1 for an image without a label; None: there are no classes."""
    class_names: tuple[str, ...] | None
    unlabelled: str | None
    """Why some or all images have no class."""


class _NoClassesError(ValueError):
    """Say why an array holds no classes."""


def read(
    labels: np.ndarray,
    others: Sequence[np.ndarray] = (),
    names: np.ndarray | None = None,
) -> ArrayLabels:
    """Read labels: numbers, texts, whole floats, truth values or one-hot rows.

    Only the classes that occur are numbered, in the order of their numbers or names.
    −1 stands for no label, unless 1 is the only other value.

    Args:
        labels: (N,), (N, 1) or (N, classes); N is the number of images.
        others: the labels of other splits, which shall have the same numbers.
        names: texts, (classes,), by the number of the class; None: the numbers.
    """
    try:
        values = _to_values(labels)
    except _NoClassesError as error:
        return ArrayLabels(None, None, str(error))
    every = [values]
    for other in others:
        try:
            found = _to_values(other)
        except _NoClassesError:
            continue
        if found.dtype.kind == values.dtype.kind:
            every.append(found)
    distinct = np.unique(np.concatenate([np.unique(part) for part in every]))
    is_lacking = np.zeros(len(values), bool)
    unlabelled = None
    if values.dtype.kind == "i" and distinct[0] == -1 and distinct.tolist() != [-1, 1]:
        is_lacking = values == -1
        distinct = distinct[1:]
        if is_lacking.any():
            unlabelled = (
                f"{is_lacking.sum():,} of {len(values):,} images have the label −1,"
                f" which stands for none (as row {is_lacking.argmax()})"
            )
    if len(distinct) == 0:
        return ArrayLabels(None, None, unlabelled)
    if len(distinct) > _FEW and 2 * len(np.unique(values)) > len(values):
        return ArrayLabels(
            None,
            None,
            f"{len(np.unique(values)):,} different labels for {len(values):,} images,"
            f" as identifiers are (from {distinct[0]} to {distinct[-1]})",
        )
    by_value = _name(distinct, names)
    class_names = sort_classes(by_value)
    places = {name: number for number, name in enumerate(class_names)}
    table = np.array([places[name] for name in by_value], np.int32)
    numbers = table[np.searchsorted(distinct, values).clip(max=len(distinct) - 1)]
    numbers[is_lacking] = -1
    return ArrayLabels(numbers, class_names, unlabelled)


def _name(distinct: np.ndarray, names: np.ndarray | None) -> list[str]:
    """Return the names of classes; their numbers where none fit."""
    numbers = [str(value) for value in distinct.tolist()]
    if names is None or names.ndim != 1 or names.dtype.kind not in "US":
        return numbers
    if distinct.dtype.kind != "i" or not 0 <= distinct[0] <= distinct[-1] < len(names):
        return numbers
    found = [_as_text(name) for name in names[distinct].tolist()]
    name, count = Counter(found).most_common(1)[0]
    if count > 1:
        print(
            f"{count} classes are called {errors.one_line(name)}, so that all classes"
            " are called by their numbers",
            file=sys.stderr,
        )
        return numbers
    return found


def _to_values(labels: np.ndarray) -> np.ndarray:
    """Return one value for each row, int64 or str.

    Raises:
        _NoClassesError: naming the first value that is none of a class.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "iufb":
        is_set = labels != 0
        odd = np.flatnonzero((is_set.sum(1) != 1) | ((labels != 1) & is_set).any(1))
        if len(odd):
            raise _NoClassesError(
                f"the labels have shape {labels.shape} and row {odd[0]} of them is"
                f" {json_values.shorten(labels[odd[0]].tolist())}, expected one number"
                " or one 1 among zeros"
            )
        return is_set.argmax(1).astype(np.int64)
    if labels.ndim != 1:
        raise _NoClassesError(
            f"the labels have shape {labels.shape}, expected one for each image"
        )
    kind = labels.dtype.kind
    if kind in "US":
        return np.array([_as_text(value) for value in labels.tolist()])
    if kind == "f":
        odd = np.flatnonzero(~(np.isfinite(labels) & (labels == np.rint(labels))))
        if len(odd):
            raise _NoClassesError(
                f"row {odd[0]} of the labels is {labels[odd[0]]}, expected whole"
                " numbers"
            )
    elif kind not in "iub":
        raise _NoClassesError(f"the labels are {labels.dtype}, expected numbers")
    large = np.flatnonzero(np.abs(labels.astype(np.float64)) >= 2.0**63)
    if len(large):
        raise _NoClassesError(f"row {large[0]} of the labels is {labels[large[0]]}")
    return labels.astype(np.int64)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
