"""Zips as archives and hubs offer them: the data files of other sources inside."""

import gzip
import shutil
import struct
import zipfile

import numpy as np
import pytest

from dcgan_jax.prepare.sources import fingerprint_source
from dcgan_jax.system import errors

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
LABELS = np.array([7, 0, 7, 3], np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (4, 3, 32, 32), np.uint8)


def encode(array):
    """Write bytes as the description on MNIST's page has it."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def idx_files(folder):
    for split, part in (("train", slice(None)), ("t10k", slice(2))):
        file = folder / f"{split}-images-idx3-ubyte"
        file.write_bytes(encode(IMAGES[part]))
        labels = folder / f"{split}-labels-idx1-ubyte.gz"
        labels.write_bytes(gzip.compress(encode(LABELS[part])))


def cifar_files(folder):
    for name in ("data_batch_1.bin", "test_batch.bin"):
        rows = np.column_stack([LABELS, COLOUR.reshape(4, -1)])
        (folder / name).write_bytes(rows.astype(np.uint8).tobytes())
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij"))
    (folder / "readme.html").write_text("<html>")


def csv_file(folder):
    table = np.column_stack([LABELS, IMAGES.reshape(4, -1)])
    np.savetxt(folder / "train.csv", table, "%d", ",")


@pytest.fixture(params=["", "inside"])
def pack(request, tmp_path):
    """Pack what a function writes by the system's own tool, as a hub's download is."""

    def pack_(write):
        folder = tmp_path / "files" / request.param
        folder.mkdir(parents=True)
        write(folder)
        made = shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "files")
        shutil.rmtree(tmp_path / "files")
        return type(tmp_path)(made)

    return pack_


@pytest.mark.parametrize(
    ("write", "images", "labels"),
    [
        (idx_files, IMAGES, ["7", "0", "7", "3"]),
        (cifar_files, COLOUR.transpose(0, 2, 3, 1), ["h", "a", "h", "d"]),
        (csv_file, IMAGES, ["7", "0", "7", "3"]),
    ],
)
def test_a_zip_of_data_files_is_what_the_files_are(
    write, images, labels, pack, open_, make_config
):
    path = pack(write)
    source = open_(path)
    found = [source[i] for i in range(len(source))]
    np.testing.assert_array_equal([record.content for record in found], images)
    assert [source.class_names[record.label] for record in found] == labels
    assert source.fingerprint == fingerprint_source(make_config(source=path))
    source.close()


def test_a_zip_of_data_files_has_their_splits(pack, open_):
    path = pack(idx_files)
    source = open_(path, "test")
    assert (len(source), source.understood.splits) == (2, ("test", "train"))
    source.close()
    with pytest.raises(errors.InputError, match=r"set\.zip has no split 'val'"):
        open_(path, "val")


def test_a_damaged_file_in_a_zip_is_named_with_the_zip(pack, open_, tmp_path):
    path = pack(lambda folder: (folder / "a-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0"))
    with pytest.raises(errors.InputError, match=r"set\.zip.*a-idx3-ubyte is no IDX"):
        open_(path)


def test_a_name_that_leaves_the_folder_is_refused(tmp_path, open_):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../train-images-idx3-ubyte", encode(IMAGES))
    with pytest.raises(errors.InputError, match="would leave the folder"):
        open_(path)
    assert sorted(file.name for file in tmp_path.iterdir()) in (
        ["work", "x.zip"],
        ["x.zip"],
    )


def test_a_zip_of_images_with_a_csv_beside_them_is_a_zip_of_images(tmp_path, open_):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"x")
        archive.writestr("labels.csv", "a.png,1\n")
    assert len(open_(path)) == 1


def test_a_zip_with_a_csv_of_other_things_says_what_it_holds(tmp_path, open_):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels.csv", "a.png,1\n")
    with pytest.raises(errors.InputError, match=r"no images.*labels\.csv"):
        open_(path)
