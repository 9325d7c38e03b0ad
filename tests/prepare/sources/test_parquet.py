import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import open_source
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
from pyarrow import parquet  # noqa: E402 - after the line that skips

GOLDEN = Path(__file__).parents[2] / "golden" / "sources"
CLASSES = ["fox", "cat", "red panda"]


@pytest.fixture
def files(noise, encode):
    """Twenty small PNG files."""
    return [encode(noise(i)) for i in range(20)]


@pytest.fixture
def write(tmp_path):
    """Write a table with the library that data hubs write theirs with."""

    def write_(name, *, features=None, group=7, **columns):
        table = pyarrow.table(columns)
        if features is not None:
            metadata = {"huggingface": json.dumps({"info": {"features": features}})}
            table = table.replace_schema_metadata(metadata)
        path = tmp_path / "hub" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, path, row_group_size=group)
        return path

    return write_


def as_column(files):
    return [{"bytes": content, "path": f"{i}.png"} for i, content in enumerate(files)]


def check(source, files, names):
    found = [source[i] for i in range(len(source))]
    assert [record.content for record in found] == files
    assert [source.class_names[record.label] for record in found] == names
    source.close()


def test_files_of_the_hubs_own_library_are_read(open_, tmp_path):
    """`datasets` 5.2.0 has written them: tests/golden/sources."""
    for name in ("train", "test"):
        file = f"{name}-00000-of-00001.parquet"
        (tmp_path / "data").mkdir(exist_ok=True)
        shutil.copy(GOLDEN / file, tmp_path / "data" / file)
    pixels = np.load(GOLDEN / "pixels.npy")
    for split, part, labels in (
        ("train", pixels[:4], [2, 0, 1, 1]),
        ("test", pixels[4:], [0, 2]),
    ):
        source = open_(tmp_path, split)
        found = [source[i] for i in range(len(source))]
        images = [np.asarray(Image.open(io.BytesIO(r.content))) for r in found]
        np.testing.assert_array_equal(images, part)
        assert [source.class_names[r.label] for r in found] == [
            CLASSES[label] for label in labels
        ]
        assert source.understood.splits == ("test", "train")
        source.close()


def test_plain_columns_of_several_shards_are_read(files, write, open_):
    write("data/train-00000-of-00002.parquet", img=files[:12], label=[5] * 12)
    write("data/train-00001-of-00002.parquet", img=files[12:], label=[7] * 8)
    path = write("data/validation-00000-of-00001.parquet", img=files[:1], label=[6])
    folder = path.parents[1]
    check(open_(folder), files, ["5"] * 12 + ["7"] * 8)
    assert open_(folder).class_names == ("5", "6", "7")
    check(open_(folder, "validation"), files[:1], ["6"])


def test_the_fine_labels_and_the_declared_image_are_taken(files, write, open_):
    features = {
        "img": {"_type": "Image"},
        "fine_label": {"_type": "ClassLabel", "names": CLASSES},
        "coarse_label": {"_type": "ClassLabel", "names": ["x", "y"]},
    }
    path = write(
        "x.parquet",
        features=features,
        checksum=files[::-1],
        coarse_label=[0, 1] * 10,
        img=as_column(files),
        fine_label=[0, 2] * 10,
    )
    check(open_(path), files, ["fox", "red panda"] * 10)


def test_folders_of_a_converted_branch_are_splits(files, write, open_):
    write("default/train/0000.parquet", image=files[:9])
    path = write("default/test/0000.parquet", image=files[9:])
    assert len(open_(path.parents[2])) == 9
    assert len(open_(path.parents[2], "test")) == 11


def test_configurations_beside_each_other_are_not_mixed(files, write, open_):
    write("full_numbers/train-00000-of-00001.parquet", image=files)
    path = write("cropped_digits/train-00000-of-00001.parquet", image=files)
    with pytest.raises(errors.InputError, match=r"several data sets \(cropped_digits/"):
        open_(path.parents[1])
    assert len(open_(path.parent)) == 20


def test_a_shard_that_is_missing_is_refused(files, write, open_):
    write("train-00000-of-00003.parquet", image=files)
    path = write("train-00002-of-00003.parquet", image=files)
    with pytest.raises(errors.InputError, match=r"has 2 of 3 parts.* is number 1"):
        open_(path.parent)
    assert len(open_(path)) == 20


def test_a_row_without_an_image_is_broken(files, write, open_):
    rows = [*as_column(files[:2]), None, {"bytes": None, "path": "x.png"}]
    source = open_(write("x.parquet", image=rows, label=[1, 2, None, 1]))
    check_two = [source[i].content for i in range(2)]
    assert check_two == files[:2]
    for index in (2, 3):
        with pytest.raises(BrokenImage, match="no bytes"):
            source[index]
    source.close()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"url": ["http://x/1.png"], "label": [1]},
            r"no column of images.*url \(string",
        ),
        ({"image": [{"path": "1.png"}]}, "no column of images"),
        ({"image": pyarrow.array([], pyarrow.binary())}, "holds no images"),
    ],
)
def test_a_file_without_images_is_refused(columns, said, write, open_):
    with pytest.raises(errors.InputError, match=said):
        open_(write("x.parquet", **columns))


def test_a_file_cut_short_anywhere_is_refused(files, write, open_):
    path = write("x.parquet", image=as_column(files), label=[1, 2] * 10)
    content = path.read_bytes()
    for size in (1, 4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(errors.InputError, match="no Parquet file or is damaged"):
            open_(path)


def test_without_pyarrow_the_extra_is_named(files, write, open_, monkeypatch):
    path = write("x.parquet", image=files)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(errors.InputError, match=r"pip install 'dcgan-jax\[parquet\]'"):
        open_(path)


def test_a_store_is_prepared_and_taken_up_again(files, write, make_config, tmp_path):
    path = write("x.parquet", image=as_column(files), label=[1, 2] * 10)
    config = make_config(source=path, num_workers=2)
    store = build.prepare(config)
    assert build.prepare(config) == store
    # What an earlier, killed process has unpacked is not unpacked again.
    first = open_source(config, tmp_path / "work")
    inode = next((tmp_path / "work").glob("*.images")).stat().st_ino
    second = open_source(config, tmp_path / "work")
    assert next((tmp_path / "work").glob("*.images")).stat().st_ino == inode
    assert [second[i] for i in range(20)] == [first[i] for i in range(20)]
    first.close()
    second.close()
