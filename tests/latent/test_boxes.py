"""Files of boxes: what they may say, and what is refused."""

import json
import re

import pytest

from dcgan_jax.latent import boxes
from dcgan_jax.latent.boxes import Box, BoxFile
from dcgan_jax.system import errors

OWN = {
    "version": 1,
    "seed": 5,
    "image_size": 32,
    "step": 7,
    "boxes": [
        {"sample": 3, "box": [1, 2.5, 10, 4]},
        {"sample": 0, "box": [0, 0, 32, 32]},
    ],
}
COCO = {
    "images": [
        {"id": 90, "file_name": "grid7/000003.png", "width": 64, "height": 64},
        {"id": 4, "width": 64, "height": 64},
    ],
    "annotations": [
        {"id": 1, "image_id": 90, "category_id": 2, "bbox": [2, 5, 20, 8]},
        {"id": 2, "image_id": 4, "category_id": 6, "bbox": [0, 0, 4, 4]},
    ],
    "categories": [{"id": 2, "name": "window"}, {"id": 6, "name": "bed"}],
}


@pytest.fixture
def write(tmp_path):
    def write(values):
        path = tmp_path / "boxes.json"
        path.write_text(values if isinstance(values, str) else json.dumps(values))
        return path

    return write


def own(**changes):
    return {**OWN, **changes}


def test_a_file_is_read_as_documented(write):
    found = boxes.read_boxes(write(OWN))
    expected = (Box(3, 1.0, 2.5, 10.0, 4.0), Box(0, 0.0, 0.0, 32.0, 32.0))
    assert found == BoxFile(expected, image_size=32, seed=5, step=7)


def test_the_example_in_the_documentation_is_read(write):
    example = re.search(r"\n    \{.*?\n    \}\n", boxes.__doc__, re.S).group()
    assert boxes.read_boxes(write(example)).boxes == (Box(3, 10, 20, 16, 12),)


def test_what_is_written_is_read_back(tmp_path):
    told = BoxFile((Box(1, 0.0, 1.0, 2.0, 3.0),), image_size=28, seed=None, step=4)
    boxes.write_boxes(told, tmp_path / "boxes.json")
    assert boxes.read_boxes(tmp_path / "boxes.json") == told


def test_coco_samples_are_numbered_by_file_name_or_else_by_id(write):
    found = boxes.read_boxes(write(COCO), category="window")
    assert found == BoxFile((Box(3, 2.0, 5.0, 20.0, 8.0),), image_size=64)
    found = boxes.read_boxes(write(COCO), category="bed")
    assert found.boxes[0].sample == 4


def test_one_coco_category_need_not_be_named(write):
    one = {**COCO, "annotations": COCO["annotations"][:1]}
    assert len(boxes.read_boxes(write(one)).boxes) == 1


def test_boxes_on_enlarged_images_are_scaled_down():
    told = BoxFile((Box(3, 2.0, 5.0, 20.0, 8.0),), image_size=64)
    fitted = boxes.fit_boxes(told, image_size=32, num_samples=4)
    assert fitted == (Box(3, 1.0, 2.5, 10.0, 4.0),)


@pytest.mark.parametrize(
    ("image_size", "num_samples", "message"),
    [
        (28, 4, "drawn on images of 64 pixels; this generator makes 28"),
        (128, 4, "drawn on images of 64 pixels; this generator makes 128"),
        (64, 3, "box on sample 3, but the samples are 0 to 2"),
    ],
)
def test_boxes_of_other_samples_are_refused(image_size, num_samples, message):
    told = BoxFile((Box(3, 2.0, 5.0, 20.0, 8.0),), image_size=64)
    with pytest.raises(errors.InputError, match=message):
        boxes.fit_boxes(told, image_size=image_size, num_samples=num_samples)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (own(version=2), "version is 2, expected 1"),
        (own(version=True), "version is True, expected 1"),
        (own(boxes=[]), "holds no box"),
        (own(boxes={}), "boxes is {}, expected a list"),
        (own(boxes=[3]), r"boxes\[0\] is 3, expected an object"),
        (own(image_size=0), "image_size is 0"),
        (own(image_size="64"), "image_size is '64', expected a whole number"),
        (own(seed=-1), "seed is -1, expected a whole number"),
        ({"boxes": []}, "version is None"),
        ({**COCO, "annotations": 1}, "annotations is 1, expected a list"),
        (COCO, "several categories; name one with --category, of: bed, window"),
    ],
)
def test_files_of_another_kind_are_refused(write, values, message):
    with pytest.raises(errors.InputError, match=message):
        boxes.read_boxes(write(values))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("[-1, 0, 4, 4]", "on sample 3 reaches beyond the image of 32 by 32"),
        ("[30, 0, 4, 4]", "reaches beyond the image"),
        ("[0, 30, 4, 4]", "reaches beyond the image"),
        ("[0, 0, 0, 4]", "expected a width and a height above 0"),
        ("[0, 0, 4, -4]", "expected a width and a height above 0"),
        ("[0, 0, 4]", r"expected \[x, y, width, height\]"),
        ("[0, 0, 4, 1e999]", "expected four finite numbers"),
        ("[0, 0, 4, NaN]", "not JSON as expected: NaN"),
        ('[0, 0, 4, "4"]', "expected four finite numbers"),
        ("[0, 0, 4, true]", "expected four finite numbers"),
        ("null", "is None, expected"),
    ],
)
def test_boxes_that_cannot_be_are_refused(write, box, message):
    text = json.dumps(own(boxes=[{"sample": 3, "box": "BOX"}])).replace('"BOX"', box)
    with pytest.raises(errors.InputError, match=message):
        boxes.read_boxes(write(text))


@pytest.mark.parametrize(
    ("changes", "category", "message"),
    [
        ({}, "lamp", "no category lamp; name one with --category, of: bed, window"),
        ({"images": []}, "bed", "sides of images are"),
        (
            {"images": COCO["images"][:1]},
            "bed",
            r"annotations\[1\].image_id is 4, none",
        ),
        (
            {"images": [{"id": 90, "file_name": "a.png", "width": 9, "height": 9}]},
            "bed",
            "file_name is 'a.png', expected the sample's number",
        ),
        (
            {"images": [{"id": 90, "width": 64, "height": 48}]},
            "bed",
            r"sides of images are \[48, 64\]",
        ),
    ],
)
def test_coco_files_that_do_not_tell_enough_are_refused(
    write, changes, category, message
):
    with pytest.raises(errors.InputError, match=message):
        boxes.read_boxes(write({**COCO, **changes}), category=category)


def read_names(write, *names):
    """Read a file whose images have these names and a box each; return the samples."""
    images = [
        {"id": index, "file_name": name, "width": 8, "height": 8}
        for index, name in enumerate(names)
    ]
    drawn = [
        {"id": index, "image_id": index, "category_id": 1, "bbox": [0, 0, 1, 1]}
        for index in range(len(names))
    ]
    found = boxes.read_boxes(write({"images": images, "annotations": drawn}))
    return [box.sample for box in found.boxes]


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("000003.png", 3),
        ("000003_png.rf.5f2a4c1b9d0e47.jpg", 3),
        ("000003 (1).png", 3),
        ("a1/000012-copy2.JPG", 12),
        ("sample_17.png", 17),
    ],
)
def test_the_number_that_sample_wrote_is_read_out_of_a_longer_name(write, name, sample):
    assert read_names(write, name) == [sample]


@pytest.mark.parametrize("name", ["run2_17.png", "000003_000004.png", "x.png"])
def test_a_number_that_is_not_certain_is_refused(write, name):
    with pytest.raises(errors.InputError, match="and no other, as in 000003"):
        read_names(write, name)


def test_two_images_on_one_number_are_refused(write):
    with pytest.raises(errors.InputError, match="is of sample 3, as is another image"):
        read_names(write, "000003.png", "000003 (1).png")
