import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import open_source

GOLDEN = Path(__file__).parents[2] / "golden" / "sources"


@pytest.fixture
def open_(make_config, tmp_path):
    def open_(path, split="train"):
        return open_source(make_config(source=path, split=split), tmp_path / "work")

    return open_


@pytest.fixture
def write(tmp_path):
    def write_(contents):
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            for name, content in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return tmp_path / "x.tar"

    return write_


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("cls.tar", ["2", "0", "1", "1", "0", "2"]),
        ("json.tar", ["red panda", "fox", "cat", "cat", "fox", "red panda"]),
    ],
)
def test_a_tar_of_webdatasets_own_writer_has_its_labels(name, labels, open_):
    """`webdataset` 1.0.2 has written them: tests/golden/sources."""
    source = open_(GOLDEN / name)
    found = [source[i] for i in range(len(source))]
    pixels = [np.asarray(Image.open(io.BytesIO(record.content))) for record in found]
    np.testing.assert_array_equal(pixels, np.load(GOLDEN / "pixels.npy"))
    assert [source.class_names[record.label] for record in found] == labels
    assert source.understood.left_out == ()
    assert source.understood.notes == (f"labels of the .{name[:-4]} files",)
    source.close()


def test_labels_are_sorted_as_numbers_and_other_files_named(
    write, encode, noise, open_
):
    contents = {}
    for i, label in enumerate([10, 9, 10]):
        contents[f"a/{i}.input.png"] = encode(noise(i))  # the name ends at a dot
        contents[f"a/{i}.cls"] = b"%d\n" % label
        contents[f"a/{i}.txt"] = b"a caption"
    source = open_(write(contents))
    assert source.class_names == ("9", "10")
    assert [source[i].label for i in range(3)] == [1, 0, 1]
    assert [kind for _, kind in source.understood.left_out] == [".txt"] * 3
    source.close()


def test_an_image_without_a_label_is_counted(write, encode, noise, open_):
    contents = {f"{i}.png": encode(noise(i)) for i in range(4)}
    contents |= {f"{i}.cls": b"1" for i in range(3)}
    source = open_(write(contents))
    assert source.class_names is None
    assert source.understood.unlabelled == "1 of 4 images have no label beside them"
    assert source[0].label is None
    source.close()


@pytest.mark.parametrize(
    "content", [b"{", b'{"caption": "x"}', b'{"label": [1, 2]}', b'{"label": null}']
)
def test_json_without_a_class_is_left_out(content, write, encode, noise, open_):
    contents = {f"{i}.png": encode(noise(i)) for i in range(2)}
    contents |= {f"{i}.json": content for i in range(2)}
    source = open_(write(contents))
    assert (len(source), source.class_names) == (2, None)
    assert source.understood.left_out == (("0.json", ".json"), ("1.json", ".json"))


def test_folders_that_are_splits_stay_splits(write, encode, noise, open_):
    contents = {}
    for i, folder in enumerate(["train/a", "train/b", "test/a"]):
        contents[f"{folder}/{i}.png"] = encode(noise(i))
        contents[f"{folder}/{i}.json"] = json.dumps({"label": i}).encode()
    source = open_(write(contents))
    assert (len(source), source.class_names) == (2, ("a", "b"))


def test_a_store_is_prepared_from_a_tar(make_config):
    config = make_config(source=GOLDEN / "cls.tar", upscale=True, num_workers=2)
    store = build.prepare(config)
    assert build.prepare(config) == store
