"""What the names of a folder's or archive's files say: splits, classes, images."""

import os
from collections.abc import Iterable
from typing import NamedTuple

from dcgan_jax.system import errors

IMAGE_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".apng",
        ".webp",
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".jp2",
        ".j2k",
        ".tga",
    }
)
_VALIDATION = ("val", "valid", "validation")
_SPLITS = ("train", "test", *_VALIDATION)


class Member(NamedTuple):
    """One image file."""

    path: str
    """Relative to the folder or archive, with forward slashes."""
    size: int
    """Bytes."""


class Selection(NamedTuple):
    """The images of one split."""

    members: list[Member]
    labels: list[int] | None
    class_names: tuple[str, ...] | None


def is_image(path: str) -> bool:
    """Tell by its name whether a file is an image and not hidden or a system's own."""
    *folders, name = _split(path)
    hidden = name.startswith(".") or any(
        part.startswith(".") or part == "__MACOSX" for part in folders
    )
    return not hidden and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def select(members: Iterable[Member], split: str, *, where: object) -> Selection:
    """Choose the images of a split, and their labels from the class sub-folders.

    One folder that wraps everything is skipped. Top folders named train, test, val
    (valid, validation) are splits if all of them are, or if train has another beside
    it; without them everything is train. What is then the top folder of an image is its
    class; images outside any folder make the whole set unlabelled, as does a single
    class. Labels count the sorted class names of all splits: train and test agree.

    Args:
        members: the files; what is not an image is ignored.
        split: the part asked for.
        where: the folder or archive, for messages.

    Returns:
        The split's images in sorted order.

    Raises:
        InputError: if there is no image, or no such split.
    """
    images = sorted(member for member in members if is_image(member.path))
    if not images:
        raise errors.InputError(
            f"{where} holds no images; expected files named"
            " *.jpg, *.png, *.webp, *.bmp, *.gif, *.tif, *.ppm or *.avif"
        )
    depth = _wrapping_depth([_folders(image.path) for image in images])
    by_split = _group_by_split(images, depth)
    name = _find_split(split, list(by_split), where=where)
    depth += name != ""
    all_classes = [
        [_folders(image.path)[depth:][:1] for image in group]
        for group_name, group in by_split.items()
        if group_name != "" or name == ""
    ]
    names = sorted({part for group in all_classes for parts in group for part in parts})
    if len(names) < 2 or any(not parts for group in all_classes for parts in group):
        return Selection(by_split[name], None, None)
    numbers = {class_name: number for number, class_name in enumerate(names)}
    labels = [numbers[_folders(image.path)[depth]] for image in by_split[name]]
    return Selection(by_split[name], labels, tuple(names))


def _folders(path: str) -> tuple[str, ...]:
    return tuple(_split(path)[:-1])


def _split(path: str) -> list[str]:
    # By hand: pathlib takes seconds for the names of a large archive.
    parts = path.split("/")
    return [part for part in parts if part not in ("", ".")] or [path]


def _wrapping_depth(folders: list[tuple[str, ...]]) -> int:
    """Count the folders that hold everything and are not a split themselves."""
    depth = 0
    while True:
        tops = {parts[depth : depth + 1] for parts in folders}
        if len(tops) > 1 or tops == {()} or _is_split("".join(*tops)):
            return depth
        depth += 1


def _is_split(name: str) -> bool:
    return name.lower() in _SPLITS


def _group_by_split(images: list[Member], depth: int) -> dict[str, list[Member]]:
    """Group images by split folder; the key '' takes what lies in none."""
    groups: dict[str, list[Member]] = {}
    for image in images:
        top = "".join(_folders(image.path)[depth : depth + 1])
        groups.setdefault(top, []).append(image)
    splits = [name for name in groups if _is_split(name)]
    has_train = any(name.lower() == "train" for name in splits)
    if splits and (len(splits) == len(groups) or (has_train and len(splits) > 1)):
        return groups
    return {"": images}


def _find_split(split: str, found: list[str], *, where: object) -> str:
    """Return the name of the group that a split asks for."""
    if found == [""]:
        if split == "train":
            return ""
        raise errors.InputError(
            f"{where} has no split {split!r}: it has no folders train, test or val,"
            " so that all of it is 'train'"
        )
    wanted = _VALIDATION if split in _VALIDATION else (split,)
    for name in found:
        if name != "" and (name == split or name.lower() in wanted):
            return name
    known = ", ".join(sorted(name for name in found if name != ""))
    raise errors.InputError(f"{where} has no split {split!r}; it has: {known}")
