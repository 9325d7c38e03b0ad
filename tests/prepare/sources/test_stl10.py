import io
import tarfile

import numpy as np
import pytest

from dcgan_jax.prepare.sources import fingerprint_source
from dcgan_jax.system import errors

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), np.uint8)
LABELS = np.array([10, 1, 3, 3, 1], np.uint8)
NAMES = [
    "airplane",
    "bird",
    "car",
    "cat",
    "deer",
    "dog",
    "horse",
    "monkey",
    "ship",
    "truck",
]


@pytest.fixture
def folder(tmp_path):
    """Write files as the data set's page describes them: by columns, labels from 1."""
    path = tmp_path / "stl10_binary"
    path.mkdir()
    by_columns = IMAGES.transpose(0, 3, 2, 1)
    by_columns[:3].tofile(path / "train_X.bin")
    LABELS[:3].tofile(path / "train_y.bin")
    by_columns[3:].tofile(path / "test_X.bin")
    LABELS[3:].tofile(path / "test_y.bin")
    by_columns[::-1].tofile(path / "unlabeled_X.bin")
    (path / "class_names.txt").write_text("\n".join(NAMES))
    (path / "fold_indices.txt").write_text("0 1 2\n")
    return path


def pack(folder):
    path = folder.with_name("stl10_binary.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


def check(source, images, labels):
    found = [source[i] for i in range(len(source))]
    np.testing.assert_array_equal([record.content for record in found], images)
    names = [r.label if r.label is None else source.class_names[r.label] for r in found]
    assert names == labels
    source.close()


@pytest.mark.parametrize("kind", ["folder", "tar", "file"])
def test_the_splits_stand_upright_and_have_their_names(kind, folder, open_):
    path = {"folder": folder, "tar": folder, "file": folder / "train_X.bin"}[kind]
    path = pack(folder) if kind == "tar" else path
    source = open_(path)
    assert source.class_names == ("airplane", "car", "truck")
    check(source, IMAGES[:3], ["truck", "airplane", "car"])
    check(open_(path, "test"), IMAGES[3:], ["car", "airplane"])
    check(open_(path, "unlabeled"), IMAGES[::-1], [None] * 5)


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("train_X.bin", 1000, "train_X.bin is cut short"),
        ("train_X.bin", 0, "train_X.bin is cut short"),
        ("train_y.bin", 2, "train_y.bin has 2 labels from 1, expected 3"),
    ],
)
def test_a_file_that_ends_early_is_named(name, size, told, folder, open_):
    file = folder / name
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(errors.InputError, match=told):
        open_(folder)


def test_a_split_that_is_not_there_is_refused(folder, open_):
    with pytest.raises(errors.InputError, match="it has: test, train, unlabeled"):
        open_(folder, "val")


def test_the_fingerprint_is_found_without_opening(folder, open_, make_config):
    for path in (folder, pack(folder), folder / "train_X.bin"):
        config = make_config(source=path)
        assert open_(path).fingerprint == fingerprint_source(config)
    before = fingerprint_source(make_config(source=folder))
    (folder / "train_y.bin").write_bytes(bytes([1, 2, 3]))
    assert fingerprint_source(make_config(source=folder)) != before


def test_a_tar_of_that_name_without_its_files_is_refused(tmp_path, open_):
    path = tmp_path / "stl10_binary.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(errors.InputError, match="has no split 'train'"):
        open_(path)
