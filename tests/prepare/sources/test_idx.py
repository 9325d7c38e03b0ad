import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import fingerprint_source
from dcgan_jax.system import errors

TYPES = {"u1": 8, "i4": 12, "f4": 13}
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 10, 12), np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2], np.uint8)


def encode(array) -> bytes:
    """Write an array as the description on MNIST's page has it."""
    kind = TYPES[array.dtype.str[1:]]
    head = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def write(tmp_path):
    """Write files of arrays or bytes into a folder; return it."""

    def write_(**contents):
        folder = tmp_path / "mnist"
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            file = name.replace("__", ".").replace("_", "-")
            data = content if isinstance(content, bytes) else encode(content)
            path = folder / file
            path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return folder

    return write_


def contents(source):
    return np.stack([source[i].content for i in range(len(source))])


@pytest.mark.parametrize("suffix", ["", "__gz"])
def test_a_folder_of_mnists_files_has_its_splits_and_labels(suffix, write, open_):
    folder = write(
        **{
            f"train_images_idx3_ubyte{suffix}": IMAGES,
            f"train_labels_idx1_ubyte{suffix}": LABELS,
            f"t10k_images_idx3_ubyte{suffix}": IMAGES[::-1],
            f"t10k_labels_idx1_ubyte{suffix}": np.array([1, 1, 1, 1, 1, 1, 8], "u1"),
        }
    )
    train, test = open_(folder), open_(folder, "test")
    np.testing.assert_array_equal(contents(train), IMAGES)
    np.testing.assert_array_equal(contents(test), IMAGES[::-1])
    # The classes of both, so that a number means the same in each.
    names = ("1", "2", "3", "4", "5", "8", "9")
    assert train.class_names == test.class_names == names
    assert [names[train[i].label] for i in range(7)] == list("3141592")
    assert [names[test[i].label] for i in range(7)] == list("1111118")
    assert train.understood.splits == ("test", "train")
    train.close()
    test.close()


def test_the_files_of_fashion_mnist_are_read(open_):
    """Debian packages them as its authors gave them."""
    path = Path("/usr/share/datasets/fashion-mnist")
    if not path.is_dir():
        pytest.skip("the package dataset-fashion-mnist is not installed")
    test = open_(path, "test")
    assert (len(open_(path)), len(test)) == (60_000, 10_000)
    assert [test[i].label for i in range(5)] == [9, 2, 1, 1, 6]


def test_one_file_takes_the_labels_beside_it(write, open_, make_config):
    folder = write(train_images__idx3_ubyte=IMAGES, train_labels__idx1_ubyte=LABELS)
    path = folder / "train-images.idx3-ubyte"
    source = open_(path)
    assert [source[i].label for i in range(7)] == [2, 0, 3, 0, 4, 5, 1]
    before = source.fingerprint
    assert fingerprint_source(make_config(source=path)) == before
    (folder / "train-labels.idx1-ubyte").write_bytes(encode(LABELS[::-1]))
    assert fingerprint_source(make_config(source=path)) != before
    source.close()


def test_without_labels_the_images_are_taken_and_it_is_said(write, open_):
    source = open_(write(train_images_idx3_ubyte=IMAGES))
    assert source.class_names is None
    assert source.understood.notes == (
        "no labels: train-labels-idx1-ubyte is not beside it",
    )


def test_a_file_that_is_there_packed_and_unpacked_is_one(write, open_):
    folder = write(
        train_images_idx3_ubyte=IMAGES,
        train_labels_idx1_ubyte=LABELS,
        train_images_idx3_ubyte__gz=IMAGES,
        train_labels_idx1_ubyte__gz=LABELS,
    )
    source = open_(folder)
    assert len(source) == 7
    assert source.understood.left_out == (
        ("train-images-idx3-ubyte.gz", ".gz"),
        ("train-labels-idx1-ubyte.gz", ".gz"),
    )


def test_emnists_pictures_stand_upright(write, open_):
    folder = write(
        emnist_letters_train_images_idx3_ubyte=IMAGES.transpose(0, 2, 1).copy(),
        emnist_letters_train_labels_idx1_ubyte=LABELS,
    )
    source = open_(folder)
    np.testing.assert_array_equal(contents(source), IMAGES)
    source.close()


def test_several_sets_in_one_folder_are_not_mixed(write, open_):
    folder = write(
        emnist_letters_train_images_idx3_ubyte=IMAGES,
        emnist_digits_train_images_idx3_ubyte=IMAGES,
    )
    with pytest.raises(errors.InputError, match="holds several data sets"):
        open_(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (encode(IMAGES)[:-1], r"is cut short: it has 855 bytes, expected 856"),
        (encode(IMAGES) + b"\0", "has more behind its end"),
        (encode(IMAGES)[:9], "is damaged: it has 3 axes"),
        (b"PK\3\4" + bytes(99), "is no IDX file: it begins with 50 4b 03 04"),
        (struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3), "is cut short"),
        (encode(IMAGES.astype("f4")), "holds float32 numbers of shape"),
        (encode(np.zeros((0, 8, 8), np.uint8)), "holds 0 images"),
        (encode(LABELS), "holds uint8 numbers of shape"),
    ],
)
def test_a_damaged_file_is_one_line(content, said, write, open_):
    with pytest.raises(errors.InputError, match=said):
        open_(write(train_images_idx3_ubyte=content))


def test_a_packed_file_that_ends_early_is_refused(write, open_):
    folder = write(train_images_idx3_ubyte__gz=IMAGES)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(errors.InputError, match="cannot be unpacked"):
        open_(folder)


def test_labels_of_another_number_are_refused(write, open_):
    folder = write(train_images_idx3_ubyte=IMAGES, train_labels_idx1_ubyte=LABELS[:-1])
    with pytest.raises(errors.InputError, match=r"has 7 images, but its labels have"):
        open_(folder)


def test_a_store_is_prepared_from_a_folder(write, make_config):
    folder = write(train_images_idx3_ubyte=IMAGES, train_labels_idx1_ubyte=LABELS)
    config = make_config(source=folder, upscale=True, channels=1)
    path = build.prepare(config)
    assert build.prepare(config) == path  # it is known to be unchanged
