"""Boxes that were drawn around an object on numbered samples, as files.

The format of this project, with all that there is to it:

    {
      "version": 1,
      "seed": 0,
      "image_size": 64,
      "step": 25000,
      "boxes": [{"sample": 3, "box": [10, 20, 16, 12]}]
    }

`sample` is the number of a sample of `dcgan_jax.sample` with this seed, from 0 on;
`box` is x and y of the upper left corner, width and height, in pixels of an image of
`image_size`, fractions allowed. If the images were enlarged to draw on them, this is
the larger size, a multiple of the generator's. `step` is that of the checkpoint and may
be left out, as may `seed` (then 0).

COCO's format is read too (`images`, `annotations` with `bbox`, `categories`): the
number of a sample is the last one in its image's `file_name` (000003.png), or its `id`.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax.system import disk, errors, json_values, seeds

VERSION = 1
MAX_BYTES = 10_000_000
_MAX_NUMBER = 2**31 - 1
_ROUNDING = 1e-6  # pixels, of x + width in the program that drew the boxes


class Box(NamedTuple):
    """A rectangle on a sample, in pixels; x to the right, y down."""

    sample: int
    x: float
    y: float
    width: float
    height: float


class BoxFile(NamedTuple):
    """What a file of boxes says.

    Attributes:
        boxes: at least one.
        image_size: side of the images that they were drawn on, pixels.
        seed: of the samples; None where the file does not say it.
        step: of the checkpoint; None where the file does not say it.
    """

    boxes: tuple[Box, ...]
    image_size: int
    seed: int | None = None
    step: int | None = None


def read_boxes(path: Path, *, category: str | None = None) -> BoxFile:
    """Read boxes in this project's or COCO's format.

    Args:
        path: of the JSON file.
        category: the name of the one to read, where a COCO file has several.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it holds anything else, or no box.
    """
    values = json_values.read_json(path, MAX_BYTES)
    try:
        found = (
            _read_coco(values, category)
            if "annotations" in values
            else _read_own(values, category)
        )
        if not found.boxes:
            raise ValueError("it holds no box, expected at least one")
        for box in found.boxes:
            _check_inside(box, found.image_size)
    except ValueError as error:
        message = str(error).removesuffix(".")
        raise errors.InputError(f"{path}: {message}.") from None
    return found


def write_boxes(boxes: BoxFile, path: Path) -> None:
    """Write boxes in this project's format."""
    values = {
        "version": VERSION,
        "seed": boxes.seed,
        "image_size": boxes.image_size,
        "step": boxes.step,
        "boxes": [{"sample": box.sample, "box": list(box[1:])} for box in boxes.boxes],
    }
    disk.write_whole(path, (json.dumps(values, indent=1) + "\n").encode())


def check_step(found: BoxFile, step: int | None) -> None:
    """Raise an error if boxes were drawn on samples of another step.

    Args:
        found: the file's.
        step: of the generator's checkpoint; None for released parameters.

    Raises:
        InputError: naming both.
    """
    if found.step not in (None, step):
        here = "these are released parameters" if step is None else f"this is {step}"
        raise errors.InputError(
            f"the boxes were drawn on samples of step {found.step}, {here}; give"
            f" --step={found.step}, or draw boxes on samples of this generator."
        )


def fit_boxes(found: BoxFile, *, image_size: int, num_samples: int) -> tuple[Box, ...]:
    """Return boxes in pixels of a generator's images.

    Args:
        found: the file's.
        image_size: side of the generator's images, pixels.
        num_samples: the boxes lie on samples 0 … num_samples − 1.

    Raises:
        InputError: if they were drawn on images of another size, or on other samples.
    """
    scale, rest = divmod(found.image_size, image_size)
    if rest or scale == 0:
        raise errors.InputError(
            f"the boxes were drawn on images of {found.image_size} pixels; this"
            f" generator makes {image_size}, and only whole multiples of it can be"
            " meant. Draw them on its own samples."
        )
    most = max(box.sample for box in found.boxes)
    if most >= num_samples:
        raise errors.InputError(
            f"there is a box on sample {most}, but the samples are 0 to"
            f" {num_samples - 1}; give a larger --num_samples if that is meant."
        )
    return tuple(
        Box(box.sample, *(value / scale for value in box[1:])) for box in found.boxes
    )


def _read_own(values: dict[str, Any], category: str | None) -> BoxFile:
    version = values.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ValueError(
            f"version is {json_values.shorten(version)}, expected {VERSION} (or COCO's"
            " annotations)"
        )
    if category is not None:
        raise ValueError(f"it has no categories; leave out --category={category}")
    boxes = []
    for index, entry in enumerate(_objects(values, "boxes")):
        where = f"boxes[{index}]"
        sample = _whole(entry.get("sample"), f"{where}.sample")
        boxes.append(_make_box(sample, entry.get("box"), f"{where}.box"))
    return BoxFile(
        tuple(boxes),
        _size(values.get("image_size"), "image_size"),
        _optional(values, "seed", most=seeds.MAX_SEED),
        _optional(values, "step"),
    )


def _read_coco(values: dict[str, Any], category: str | None) -> BoxFile:
    samples: dict[int, int] = {}
    sizes: set[int] = set()
    for index, image in enumerate(_objects(values, "images")):
        where = f"images[{index}]"
        key = _whole(image.get("id"), f"{where}.id")
        number = _find_sample(image, key, where)
        if number in samples.values() and samples.get(key) != number:
            raise ValueError(
                f"{where} is of sample {number}, as is another image; leave one out"
            )
        samples[key] = number
        sizes |= {
            _size(image.get(name), f"{where}.{name}") for name in ("width", "height")
        }
    if len(sizes) != 1:
        raise ValueError(
            f"sides of images are {json_values.shorten(sorted(sizes))}, expected one"
        )
    annotations = _objects(values, "annotations")
    categories = [
        _whole(entry.get("category_id", 0), f"annotations[{index}].category_id")
        for index, entry in enumerate(annotations)
    ]
    chosen = _choose_category(values, set(categories), category)
    boxes = []
    for index, entry in enumerate(annotations):
        if chosen not in (None, categories[index]):
            continue
        where = f"annotations[{index}]"
        image_id = _whole(entry.get("image_id"), f"{where}.image_id")
        if image_id not in samples:
            raise ValueError(f"{where}.image_id is {image_id}, none of the images' ids")
        box = _make_box(samples[image_id], entry.get("bbox"), f"{where}.bbox")
        boxes.append(box)
    return BoxFile(tuple(boxes), sizes.pop())


def _find_sample(image: dict[str, Any], key: int, where: str) -> int:
    name = image.get("file_name")
    if name is None:
        return key
    base = Path(str(name)).name
    # As `sample` wrote it; what labels pictures adds a hash, a copy a number.
    numbers = set(re.findall(r"(?<![0-9A-Za-z])[0-9]{6}(?![0-9A-Za-z])", base))
    numbers = numbers or set(re.findall(r"[0-9]+", Path(base).stem))
    if len(numbers) != 1:
        raise ValueError(
            f"{where}.file_name is {json_values.shorten(name)}, expected the sample's"
            " number in it and no other, as in 000003.png"
        )
    return _whole(int(numbers.pop()[-20:]), f"{where}.file_name")


def _choose_category(
    values: dict[str, Any], used: set[int], category: str | None
) -> int | None:
    """Return the id of the category to read; None: there is only one."""
    if category is None and len(used) <= 1:
        return None
    names = {
        str(entry.get("name")): _whole(entry.get("id"), f"categories[{index}].id")
        for index, entry in enumerate(
            _objects({"categories": [], **values}, "categories")
        )
    }
    if category not in names:
        asked = "several categories" if category is None else f"no category {category}"
        known = ", ".join(sorted(names))
        raise ValueError(f"it has {asked}; name one with --category, of: {known:.200}")
    return names[category]


def _make_box(sample: int, values: Any, what: str) -> Box:
    shown = json_values.shorten(values)
    if not isinstance(values, list) or len(values) != 4:
        raise ValueError(f"{what} is {shown}, expected [x, y, width, height]")
    for value in values:
        # NaN and infinity too: 1e999 is infinite.
        if type(value) not in (int, float) or not abs(value) <= _MAX_NUMBER:
            raise ValueError(f"{what} is {shown}, expected four finite numbers")
    box = Box(sample, *map(float, values))
    if box.width <= 0 or box.height <= 0:
        raise ValueError(f"{what} is {shown}, expected a width and a height above 0")
    return box


def _check_inside(box: Box, size: int) -> None:
    right, bottom = box.x + box.width, box.y + box.height
    if box.x < 0 or box.y < 0 or max(right, bottom) > size + _ROUNDING:
        raise ValueError(
            f"the box {list(box[1:])} on sample {box.sample} reaches beyond the image"
            f" of {size} by {size} pixels"
        )


def _objects(values: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = values.get(name)
    if not isinstance(entries, list):
        shown = json_values.shorten(entries)
        raise ValueError(f"{name} is {shown}, expected a list")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            shown = json_values.shorten(entry)
            raise ValueError(f"{name}[{index}] is {shown}, expected an object")
    return entries


def _optional(values: dict[str, Any], name: str, most: int = _MAX_NUMBER) -> int | None:
    return None if values.get(name) is None else _whole(values[name], name, most)


def _whole(value: Any, what: str, most: int = _MAX_NUMBER) -> int:
    return json_values.require_integer(value, what, most=most)


def _size(value: Any, what: str) -> int:
    if value == 0:
        raise ValueError(f"{what} is 0, expected a number of pixels")
    return _whole(value, what)
