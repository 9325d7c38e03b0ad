"""The arguments of the library's users, checked and turned into arrays."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.sample import labels as label_rules
from dcgan_jax.system import errors, marks

# Users name classes by their numbers or names, one for all images or one for each.
Labels = int | str | Sequence[int] | Sequence[str] | np.ndarray


def check_whole(name: str, value: Any, *, least: int, most: int = marks.MOST) -> int:
    """Return a value that is a whole number of Python or NumPy.

    Raises:
        InputError: if it is anything else, below `least` or above `most`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise errors.InputError(
            f"{name} is {value!r}, expected a whole number from {least} to {most:,}."
        )
    return number


def check_latents(latents: Any, size: int) -> np.ndarray:
    """Return latents as float32 (count, size).

    Raises:
        InputError: if they have another shape, or are no finite numbers.
    """
    try:
        rows = np.asarray(latents, np.float32)
    except (TypeError, ValueError):
        raise errors.InputError(
            f"latents are no array of numbers; expected (count, {size})."
        ) from None
    if rows.ndim != 2 or rows.shape[1] != size or not len(rows):
        raise errors.InputError(
            f"latents are {rows.shape}, expected (count, {size}) with a count of at "
            "least 1."
        )
    if not np.isfinite(rows).all():
        raise errors.InputError("latents hold NaN or infinity; expected numbers.")
    return rows


def check_labels(
    labels: Labels | None, config: TrainConfig, count: int
) -> np.ndarray | None:
    """Return the labels of images.

    Args:
        labels: one class for all, or (count,): numbers from 0, or texts that `--label`
            would take. None lets the classes take turns.
        config: the pair's config.
        count: the number of images.

    Returns:
        (count,) int32; None for a pair that is not conditional.

    Raises:
        InputError: if the pair knows no such labels, or there are too many or too few.
    """
    num_classes = config.num_classes
    if labels is None:
        return label_rules.choose(None, num_classes=num_classes, count=count)
    if num_classes is None:
        raise errors.InputError(
            "labels are given, but this pair is not conditional; leave them out."
        )
    given = _number_names(labels, config)
    if given.dtype.kind not in "iu" or given.shape not in ((), (count,)):
        raise errors.InputError(
            f"labels are {given.dtype} {given.shape}, expected a whole number, the "
            f"name of a class, or ({count},) of them."
        )
    if not ((given >= 0) & (given < num_classes)).all():
        raise errors.InputError(
            f"labels reach from {given.min()} to {given.max()}; this pair knows 0 to"
            f" {num_classes - 1}."
        )
    return np.broadcast_to(given, count).astype(np.int32)


def _number_names(labels: Labels, config: TrainConfig) -> np.ndarray:
    """Return the classes' numbers where all labels are texts, else labels as given."""
    given = np.asarray(labels, object)
    if not given.size or not all(isinstance(label, str) for label in given.flat):
        return np.asarray(labels)
    known = {
        label: label_rules.find(label, config, flag="labels") for label in given.flat
    }
    return np.vectorize(known.__getitem__, otypes=[int])(given)


def check_images(
    images: Any, config: TrainConfig, *, what: str = "images"
) -> np.ndarray:
    """Return uint8 images (count, size, size, channels) of a pair's size and channels.

    Args:
        images: the images to check.
        config: the pair's config.
        what: what the message calls them.

    Raises:
        InputError: if they have another type or shape.
    """
    side, channels = config.image_size, config.channels
    rows = np.asarray(images)
    if (
        rows.dtype != np.uint8
        or rows.shape[1:] != (side, side, channels)
        or not len(rows)
    ):
        raise errors.InputError(
            f"{what} are {rows.dtype} {rows.shape}, expected uint8 (count, {side},"
            f" {side}, {channels}) with a count of at least 1."
        )
    return rows
