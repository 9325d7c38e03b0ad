"""What the names of files and folders say: images, splits, masks, systems' own."""

import os
import re
from typing import NamedTuple

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
ARCHIVE_SUFFIXES = frozenset(
    {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".txz", ".tbz2", ".7z", ".rar"}
)
VALIDATION = "val"
_SPLIT_WORDS = {
    "train": "train", "training": "train", "trainset": "train", "trn": "train",
    "test": "test", "testing": "test", "testset": "test", "tst": "test",
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION,
    "valset": VALIDATION, "dev": VALIDATION,
}  # fmt: skip
_IMAGE_WORDS = frozenset(
    {
        "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos",
        "jpegimages", "jpeg", "jpg", "png", "frames", "rgb",
    }
)  # fmt: skip
# Words that a split's name may hold besides: train_set, val2017, images-test.
_NEUTRAL_WORDS = _IMAGE_WORDS | {"set", "data", "dataset", "split", "folder", "full"}
_MASK_WORDS = frozenset(
    {
        "mask", "masks", "annotation", "annotations", "label", "labels", "gt",
        "groundtruth", "segmentation", "segmentations", "segmentationclass",
        "segmentationobject", "seg", "trimap", "trimaps",
    }
)  # fmt: skip
# Of macOS, Windows, Linux and network drives, which put pictures in some of them.
_SYSTEM_FOLDERS = frozenset(
    {
        "__macosx", "@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot",
        "@sharebin", "@tmp", "$recycle.bin", "recycler", "recycled", "lost+found",
        "system volume information", "__pycache__",
    }
)  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\d_A-Za-z]+")
_MASK_FILE = re.compile(
    r"(.+?)[ _.-](?:mask|masks|segmentation|seg|gt|groundtruth|annotation)"
    r"(?:[ _-]?[0-9]+)?",
    re.IGNORECASE,
)


class SplitName(NamedTuple):
    """What the name of a split's folder says."""

    split: str
    """train, test or val."""
    rest: str
    """What the name says besides, as the A of trainA."""


def split_path(path: str) -> list[str]:
    """Return the parts of a path with forward slashes."""
    # By hand: pathlib takes seconds for the names of a large archive.
    parts = path.split("/")
    return [part for part in parts if part not in ("", ".")] or [path]


def folders_of(path: str) -> tuple[str, ...]:
    """Return the folders that a file lies in, the outermost first."""
    return tuple(split_path(path)[:-1])


def suffix_of(path: str) -> str:
    """Return what a file's name ends in, as .jpg, in lower case."""
    return os.path.splitext(split_path(path)[-1])[1].lower()


def is_image(path: str) -> bool:
    """Tell by its name whether a file is an image and not hidden or a system's own."""
    return find_other_kind(path) is None


def find_other_kind(path: str) -> str | None:
    """Say what a file is that is no image by its name; None: it is one."""
    *folders, name = split_path(path)
    for folder in folders:
        if folder.startswith(".") or folder.lower() in _SYSTEM_FOLDERS:
            return f"in {folder}"
    if name.startswith("."):
        return "hidden"
    suffix = suffix_of(path)
    return None if suffix in IMAGE_SUFFIXES else suffix or "without suffix"


def was_image(path: str) -> bool:
    """Tell what `is_image` said before it knew the folders of network drives."""
    *folders, name = split_path(path)
    hidden = name.startswith(".") or any(
        part.startswith(".") or part == "__MACOSX" for part in folders
    )
    return not hidden and suffix_of(path) in IMAGE_SUFFIXES


def parse_split(name: str) -> SplitName | None:
    """Read the name of a folder as that of a split: Training, seg_train, test1, valA.

    Returns:
        None if it holds no word for a split, or several.
    """
    words = _WORD.findall(name)
    splits = [_SPLIT_WORDS[w.lower()] for w in words if w.lower() in _SPLIT_WORDS]
    if len(splits) != 1:
        return None
    rest = [
        word
        for word in words
        if word.lower() not in _SPLIT_WORDS
        and word.lower() not in _NEUTRAL_WORDS
        and not word.isdigit()
    ]
    return SplitName(splits[0], " ".join(rest))


def find_mask_folders(siblings: set[str]) -> set[str]:
    """Return those of the folders in one folder that hold masks of another's images.

    masks beside images, train_masks beside train; with_mask beside without_mask are
    classes.
    """
    plain = set()
    for name in siblings:
        words = _lower_words(name)
        if not words & _MASK_WORDS:
            plain.add(words)
    return {
        name
        for name in siblings
        if (words := _lower_words(name)) & _MASK_WORDS
        and any(_is_image_of(words - _MASK_WORDS, other) for other in plain)
    }


def has_mask_word(name: str) -> bool:
    """Tell whether a folder's name may be that of masks."""
    return bool(_lower_words(name) & _MASK_WORDS)


def find_masked(name: str) -> str | None:
    """Return the stem of the file whose mask a file says it is: 7 of 7_mask.png."""
    match = _MASK_FILE.fullmatch(os.path.splitext(name)[0])
    return None if match is None else match.group(1)


def _is_image_of(rest: frozenset[str], other: frozenset[str]) -> bool:
    bare = other - _IMAGE_WORDS
    return rest - _IMAGE_WORDS == bare and (bool(bare) or other != bare)


def _lower_words(name: str) -> frozenset[str]:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    return frozenset([joined] if joined in _MASK_WORDS else words)
