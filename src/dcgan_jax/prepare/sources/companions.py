"""Labels that lie in a file beside the images."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from dcgan_jax.prepare.sources import names
from dcgan_jax.prepare.sources.base import ListedFile, sort_classes
from dcgan_jax.system import json_values

_NAME = "dataset.json"
_MAX_BYTES = 256 << 20


F = TypeVar("F", bound=ListedFile)


class Labels(NamedTuple):
    """What a companion file says."""

    numbers: list[int] | None
    """The label of every image, in the order given; None: there are no labels."""
    class_names: tuple[str, ...] | None
    note: str | None
    """A clause that tells the user about it, besides why there are no labels."""
    unlabelled: str | None
    """Why there are no labels, where something like labels was found."""


def find(others: Sequence[F]) -> F | None:
    """Return StyleGAN's dataset.json, the outermost; None if there is none."""
    found = [
        member
        for member in others
        if names.split_path(member.path)[-1] == _NAME and member.size <= _MAX_BYTES
    ]
    return min(found, key=lambda member: len(member.path), default=None)


def read_labels(
    content: bytes, companion: ListedFile, images: Sequence[ListedFile]
) -> Labels | None:
    """Read the labels in StyleGAN's format: {"labels": [["0/img0.png", 3], …]} or null.

    Returns:
        None if the file is none of this format.
    """
    try:
        entries = json_values.parse(content).get("labels", ())
    except ValueError:
        return None
    if entries is None:
        return Labels(None, None, f"{companion.path} has no labels", None)
    if not isinstance(entries, list) or not entries:
        return None
    by_path: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or type(entry[0]) is not str:
            return None
        by_path[entry[0].replace("\\", "/")] = entry[1]
    start = len(companion.path) - len(_NAME)
    inside = [image.path[start:] for image in images]
    lacking = [path for path in inside if path not in by_path]
    odd = next((v for v in by_path.values() if type(v) not in (int, str)), None)
    reason = None
    if lacking:
        reason = (
            f"{companion.path} says nothing of {len(lacking):,} of {len(images):,}"
            f" images ({lacking[0]})"
        )
    elif odd is not None:
        reason = (
            f"{companion.path} has the label {json_values.shorten(odd)}, expected the"
            " number or the name of a class"
        )
    if reason is not None:
        return Labels(None, None, None, reason)
    class_names = sort_classes(str(by_path[path]) for path in inside)
    numbers = {name: number for number, name in enumerate(class_names)}
    absent = len(by_path.keys() - set(inside))
    note = f"labels of {companion.path}"
    if absent:
        note += f", which names {absent:,} images that are not there"
    return Labels(
        [numbers[str(by_path[path])] for path in inside], class_names, note, None
    )
