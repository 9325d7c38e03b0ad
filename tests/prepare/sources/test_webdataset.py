import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.prepare import build
from dcgan_jax.system import errors

GOLDEN = Path(__file__).parents[2] / "golden" / "sources"


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


def read(source):
    found = [source[i] for i in range(len(source))]
    pixels = [np.asarray(Image.open(io.BytesIO(record.content))) for record in found]
    labels = [source.class_names[record.label] for record in found]
    source.close()
    return pixels, labels


@pytest.mark.parametrize(
    ("split", "rows", "labels", "shards"),
    [
        ("train", [0, 2, 1, 3], ["2", "9", "0", "10"], 2),
        ("test", [4, 5], ["9", "2"], 1),
    ],
)
def test_a_folder_of_shards_of_webdatasets_own_writer(
    split, rows, labels, shards, open_
):
    """Names that repeat in each shard are different samples; splits agree on classes.

    `webdataset` 1.0.2 has written them: tests/golden/sources/shards.
    """
    source = open_(GOLDEN / "shards", split=split)
    assert source.class_names == ("0", "2", "9", "10")
    assert source.understood.splits == ("test", "train")
    assert source.understood.notes == (f"{shards} shards", "labels of the .cls files")
    pixels, found = read(source)
    np.testing.assert_array_equal(pixels, np.load(GOLDEN / "pixels.npy")[rows])
    assert found == labels


def test_shards_that_numbers_alone_name_are_read_and_missing_ones_told(open_, tmp_path):
    for name in ("000000.tar", "000003.tar"):
        shutil.copy(GOLDEN / "shards" / "train-000000.tar", tmp_path / name)
    (tmp_path / "000000_stats.json").write_text("{}")
    source = open_(tmp_path)
    assert len(source) == 4
    assert source.understood.notes[:2] == (
        "2 shards",
        "2 of their numbers are missing (1, 2)",
    )
    assert ("000000_stats.json", ".json") in source.understood.left_out
    source.close()


def test_a_shard_that_was_cut_short_is_named(open_, tmp_path):
    for name in ("000000.tar", "000001.tar"):
        shutil.copy(GOLDEN / "shards" / "train-000000.tar", tmp_path / name)
    whole = (tmp_path / "000001.tar").read_bytes()
    (tmp_path / "000001.tar").write_bytes(whole[:1536])
    with pytest.raises(errors.InputError, match=r"000001\.tar is not a tar or"):
        open_(tmp_path)


def test_archives_whose_names_are_no_numbers_are_still_to_be_unpacked(open_, tmp_path):
    for name in ("cats.tar", "train2017.tar"):
        shutil.copy(GOLDEN / "cls.tar", tmp_path / name)
    with pytest.raises(errors.InputError, match=r"unpack cats\.tar, train2017\.tar"):
        open_(tmp_path)
