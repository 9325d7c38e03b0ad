"""What the user is told of a prepared store: one line, and a list of what it lacks."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax.data import manifest
from dcgan_jax.data.manifest import Manifest
from dcgan_jax.system import disk, npy_file

LEFT_OUT = "left_out.txt"
_MAX_CLASSES = 12
# Below it, files probably hold fewer bits than their type: 14 of 16 give 64.
_DARK_BELOW = 96


def describe(path: Path, *, verified: bool = False) -> str:
    """Say in one line what a store holds and how its source was understood.

    "48 images in 2 classes (glioma 30, meningioma 18), split train; left out: 40 .heic,
    1 unreadable (list: …)". What is not out of the ordinary is not said.

    Args:
        path: the store's folder.
        verified: whether all hashes were compared.
    """
    found = manifest.read(path)
    clauses = [f"{found.num_images:,} images"]
    if found.class_names is not None:
        clauses[0] += f" in {_name_classes(path, found)}"
    if found.splits:
        clauses[0] += f", split {found.split} of {', '.join(found.splits)}"
    if verified:
        clauses[0] += ", all checked"
    left_out = [found.other_files] if found.other_files else []
    if found.left_out:
        left_out.append(f"{len(found.left_out):,} unreadable")
    if left_out:
        file = path / LEFT_OUT
        place = file if file.is_file() else path / manifest.FILE_NAME
        clauses.append(f"left out: {', '.join(left_out)} (list: {place})")
    if found.unlabelled:
        clauses.append(f"no labels: {found.unlabelled}")
    clauses += found.notes
    if is_dark(found.brightest):
        clauses.append(f"the brightest value is {found.brightest} of 255")
    return "; ".join(clauses)


def is_dark(brightest: int | None) -> bool:
    """Tell whether the largest value of all pixels is far below 255."""
    return brightest is not None and brightest < _DARK_BELOW


def list_left_out(
    file: Path, broken: Sequence[tuple[str, str]], others: Sequence[tuple[str, str]]
) -> None:
    """Write a file with a line for all that was left out: its name and why."""
    lines = [f"{name}\t{reason}".replace("\n", " ") for name, reason in broken]
    lines += [f"{name}\t{kind}".replace("\n", " ") for name, kind in others]
    text = "".join(f"{line}\n" for line in lines)
    disk.write_whole(file, text.encode("utf-8", "surrogateescape"))


def describe_pages(pages: Sequence[tuple[str, int]]) -> str:
    """Count what was left of files of several pictures: "53 further pages of 2 files".

    Args:
        pages: names of the files, and how many of their pictures were not taken.
    """
    total = sum(count for _, count in pages)
    return f"{total:,} further pages of {len(pages):,} files" if pages else ""


def describe_remarks(remarks: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Count the images of each remark: "2 images of one single colour (as 7.png)"."""
    counts = Counter(remark for _, remark in remarks)
    first = {remark: name for name, remark in reversed(remarks)}
    return tuple(
        f"{count:,} images {remark} (as {first[remark]})"
        for remark, count in counts.items()
    )


def _name_classes(path: Path, found: Manifest) -> str:
    names = found.class_names or ()
    counts = np.zeros(len(names), np.int64)
    for shard in found.shards:
        if shard.labels is not None:
            labels = npy_file.map_file(path / shard.labels)
            counts += np.bincount(labels[labels >= 0], minlength=len(names))
    pairs = zip(names, counts.tolist(), strict=True)
    shown = [f"{name} {count:,}" for name, count in pairs]
    if len(shown) > _MAX_CLASSES:
        shown[_MAX_CLASSES:] = ["…"]
    return f"{len(names):,} classes ({', '.join(shown)})"
