"""Labels of a WebDataset: a tar in which 7.jpg, 7.cls and 7.json are one sample."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from dcgan_jax.prepare.sources import array_labels
from dcgan_jax.prepare.sources.base import ListedFile
from dcgan_jax.system import json_values

_MAX_BYTES = 1 << 20  # of one label; a .json may hold the image's whole description
_KEYS = ("label", "cls", "class", "class_id", "class_name", "label_name")
_MAX_TEXT = 200
_NO_FILE = ""  # no label is an empty text


class Sample(ListedFile, Protocol):
    """A file of a sample, which lies in one archive."""

    @property
    def archive(self) -> int:
        """Return the archive's number."""


F = TypeVar("F", bound=Sample)


class Found(NamedTuple):
    """What the files beside the images say."""

    labels: array_labels.ArrayLabels
    suffix: str
    """The suffix of the files that were read."""


def read_samples(
    images: Sequence[F],
    others: Sequence[F],
    read: Callable[[F], bytes],
    elsewhere: tuple[Sequence[F], Sequence[F]] = ((), ()),
) -> Found | None:
    """Read a label for each image from the file of its name that ends in .cls or .json.

    Args:
        images: those of one or several tars.
        others: their other files.
        read: returns the content of one.
        elsewhere: the same two of other splits, whose labels have the same numbers.

    Returns:
        None if hardly any image has such a file, or it says nothing of a class.
    """
    for suffix in (".cls", ".json"):
        values = _read_values(images, others, read, suffix)
        if 2 * sum(value is not _NO_FILE for value in values) <= len(images):
            continue
        known = [None if value is _NO_FILE else value for value in values]
        if any(value is not None for value in known):
            return Found(_number(known, _read_values(*elsewhere, read, suffix)), suffix)
    return None


def _read_values(
    images: Sequence[F], others: Sequence[F], read: Callable[[F], bytes], suffix: str
) -> list[str | None]:
    """Read each image's label; None if its file says none, _NO_FILE without a file."""
    beside = {_key(f): f for f in others if _suffix(f.path) == suffix}
    values: list[str | None] = []
    for image in images:
        member = beside.get(_key(image))
        is_small = member is not None and member.size <= _MAX_BYTES
        content = read(member) if member is not None and is_small else b""
        values.append(_NO_FILE if member is None else _parse(content, suffix))
    return values


def _key(file: Sample) -> tuple[int, str]:
    """Return what the files of one sample share: all before the first dot of a name."""
    folder, slash, name = file.path.rpartition("/")
    return file.archive, folder + slash + name.partition(".")[0]


def _suffix(path: str) -> str:
    return "." + path.rpartition("/")[2].partition(".")[2].lower()


def _parse(content: bytes, suffix: str) -> str | None:
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
            return str(value)[:_MAX_TEXT] or None
    return None


def _number(
    values: Sequence[str | None], elsewhere: Sequence[str | None]
) -> array_labels.ArrayLabels:
    lacking = Counter(value is None for value in values)[True]
    if lacking:
        reason = f"{lacking:,} of {len(values):,} images have no label beside them"
        return array_labels.ArrayLabels(None, None, reason)
    texts = np.array([str(value) for value in values])
    rest = np.array([value for value in elsewhere if value], str)
    try:
        numbers = texts.astype(np.int64), rest.astype(np.int64)
    except (ValueError, OverflowError):
        return array_labels.read(texts, [rest])
    return array_labels.read(numbers[0], [numbers[1]])
