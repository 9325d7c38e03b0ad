"""Labels of a WebDataset: a tar in which 7.jpg, 7.cls and 7.json are one sample."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from dcgan_jax.prepare.sources import array_labels
from dcgan_jax.system import json_values

_MAX_BYTES = 1 << 20  # of one label; a .json may hold the image's whole description
_KEYS = ("label", "cls", "class", "class_id", "class_name", "label_name")
_MAX_TEXT = 200


class _File(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...


F = TypeVar("F", bound=_File)


class Found(NamedTuple):
    """What the files beside the images say."""

    labels: array_labels.ArrayLabels
    suffix: str
    """The suffix of the files that were read."""


def read_samples(
    images: Sequence[F], others: Sequence[F], read: Callable[[F], bytes]
) -> Found | None:
    """Read a label for each image from the file of its name that ends in .cls or .json.

    Args:
        images: those of a tar.
        others: its other files.
        read: returns the content of one.

    Returns:
        None if hardly any image has such a file, or it says nothing of a class.
    """
    for suffix in (".cls", ".json"):
        beside = {_key(f.path): f for f in others if _suffix(f.path) == suffix}
        with_label = [_key(image.path) in beside for image in images]
        if 2 * sum(with_label) <= len(images):
            continue
        values = []
        for image in images:
            member = beside.get(_key(image.path))
            is_small = member is not None and member.size <= _MAX_BYTES
            content = read(member) if member is not None and is_small else b""
            values.append(_parse(content, suffix))
        if any(value is not None for value in values):
            return Found(_number(values), suffix)
    return None


def _key(path: str) -> str:
    """Return what the files of one sample share: all before the first dot of a name."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _suffix(path: str) -> str:
    return "." + path.rpartition("/")[2].partition(".")[2].lower()


def _parse(content: bytes, suffix: str) -> int | str | None:
    """Read one label; None if there is none."""
    if suffix == ".cls":
        text = content.decode("utf-8", "replace").strip()
        return text[:_MAX_TEXT] or None
    try:
        found = json_values.parse(content)
    except ValueError:
        return None
    for key in _KEYS:
        if type(value := found.get(key)) in (int, str):
            return str(value)[:_MAX_TEXT]
    return None


def _number(values: Sequence[int | str | None]) -> array_labels.ArrayLabels:
    lacking = Counter(value is None for value in values)[True]
    if lacking:
        reason = f"{lacking:,} of {len(values):,} images have no label beside them"
        return array_labels.ArrayLabels(None, None, reason)
    texts = np.array([str(value) for value in values])
    try:
        return array_labels.read(texts.astype(np.int64))
    except (ValueError, OverflowError):
        return array_labels.read(texts)
