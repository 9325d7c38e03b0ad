"""Random trees of folders, whose classes, splits and rest are known by construction."""

import json
import random
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from dcgan_jax.prepare.sources import archives, folder
from experiments.faults.hostile_files import Files, Parser

_TREE, _TRUTH = "tree", "truth.json"
_SPELLINGS = (
    {"train": "train", "test": "test"},
    {"train": "Training", "test": "Testing"},
    {"train": "seg_train", "test": "seg_test"},
    {"train": "TRAIN", "test": "VALID"},
    {"train": "train2017", "test": "val2017"},
    {"train": "pets_train", "test": "pets_test"},
    {"train": "train", "test": "test1"},
    {"train": "training_set", "test": "test_set"},
)
_CLASSES = (
    ("cat", "dog"),
    ("0", "2", "10"),
    ("train_station", "test_tube", "valley"),
    ("with_mask", "without_mask"),
    ("glioma", "no tumour", "Überrest"),
    ("class 9", "class 10"),
)
_SYSTEM = ("@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "__MACOSX", ".cache")
_OTHERS = ("notes.txt", "labels.csv", "README", "Thumbs.db", ".DS_Store", "x.heic")
_SUFFIXES = (".png", ".JPG", ".webp", ".tiff")


def layouts(seeds: Path) -> Parser:
    """Folders and zips of images in all common layouts, with what lies beside them."""
    del seeds

    def draw(chance: random.Random) -> Files:
        files, truth = _plant(chance)
        return {**{f"{_TREE}/{name}": b"x" for name in files},
                _TRUTH: json.dumps(truth).encode()}  # fmt: skip

    valid = [draw(random.Random(number)) for number in range(3)]
    return Parser(draw, valid, _compare)


def _plant(chance: random.Random) -> tuple[list[str], dict[str, Any]]:
    """Return the paths of a data set's files, and what they are."""
    spelling = chance.choice((None, *_SPELLINGS))
    classes = chance.choice((None, *_CLASSES))
    wrapper = chance.choice(("", "", "set/", "set/v 2/"))
    inner = chance.choice(("", "", "images/")) if spelling else ""
    masks = bool(inner) and classes is None and chance.random() < 0.5
    class_first = bool(spelling and classes and not inner and chance.random() < 0.3)
    files: list[str] = []
    counts: dict[str, dict[str, int]] = {}
    left_out = 0
    for split in ("train", "test") if spelling else ("train",):
        for name in classes or ("",):
            number = chance.randrange(1, 5)
            place = f"{spelling[split]}/{inner}" if spelling else ""
            place = f"{place}{name}/" if name else place
            if class_first and spelling:
                place = f"{name}/{spelling[split]}/"
            files += [f"{wrapper}{place}{i}{chance.choice(_SUFFIXES)}"
                      for i in range(number)]  # fmt: skip
            counts.setdefault(split, {})[name] = number
            if masks and spelling:
                beside = f"{wrapper}{spelling[split]}/masks/"
                files += [f"{beside}{i}.png" for i in range(number)]
                left_out += number
    for place in {path.rpartition("/")[0] for path in files}:
        if chance.random() < 0.3:
            other = f"{chance.choice(_SYSTEM)}/1.jpg"
            other = chance.choice((other, chance.choice(_OTHERS)))
            files.append(f"{place}/{other}" if place else other)
            left_out += 1
    chance.shuffle(files)
    return files, {"counts": counts, "left_out": left_out, "slash": chance.random()}


def _compare(given: Path, work: Path) -> None:
    """Read the tree as a folder and as a zip; both must be what was planted.

    Raises:
        TypeError: naming what differs.
    """
    work.mkdir(exist_ok=True)
    truth = json.loads((given / _TRUTH).read_bytes())
    tree = given / _TREE
    packed = work / "x.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(path for path in tree.rglob("*") if path.is_file()):
            name = str(file.relative_to(tree))
            if truth["slash"] < 0.5:
                name = name.replace("/", "\\")
            archive.writestr(zipfile.ZipInfo(name), b"x")
    for split, expected in truth["counts"].items():
        for source in (
            folder.FolderSource(tree, split),
            archives.ZipSource(packed, split),
        ):
            found = Counter(
                "" if label is None else (source.class_names or ())[label]
                for label in (source[i].label for i in range(len(source)))
            )
            source.close()
            if found != expected:
                raise TypeError(f"{split}: {dict(found)}, planted {expected}")
            left_out = len(source.understood.left_out)
            if left_out != truth["left_out"]:
                raise TypeError(f"{left_out} left out, planted {truth['left_out']}")


PARSERS = {"layouts": layouts}
