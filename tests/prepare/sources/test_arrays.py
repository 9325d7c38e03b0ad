import pickle
import re

import numpy as np
import pytest

from dcgan_jax.prepare.sources.arrays import ArraysSource
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3), np.uint8)


@pytest.fixture
def open_array(tmp_path):
    """Save one array as .npy, or several as .npz, and open the file."""

    def open_(array=None, *, split="train", **arrays):
        if array is not None:
            path = tmp_path / "x.npy"
            np.save(path, array)
        else:
            path = tmp_path / "x.npz"
            np.savez_compressed(path, **arrays)
        return ArraysSource(path, split, work_dir=tmp_path / "work")

    return open_


def contents(source) -> np.ndarray:
    return np.stack([source[i].content for i in range(len(source))])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (IMAGES, IMAGES),
        (IMAGES[..., 0], IMAGES[..., 0]),
        (IMAGES[..., :1], IMAGES[..., :1]),
        (IMAGES.transpose(0, 3, 1, 2), IMAGES),
    ],
    ids=["NHWC", "NHW", "NHW1", "NCHW"],
)
def test_every_layout_becomes_height_width_channels(array, expected, open_array):
    np.testing.assert_array_equal(contents(open_array(array)), expected)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0, 32768, 65535], np.uint16, [0, 128, 255]),
        ([0, 0.2, 1], np.float32, [0, 51, 255]),
        ([-1, 0.2, 1], np.float64, [0, 153, 255]),
        ([0, 7, 255], np.int64, [0, 7, 255]),
        ([False, True, True], np.bool_, [0, 255, 255]),
    ],
)
def test_other_numbers_are_scaled_to_bytes(values, dtype, expected, open_array):
    array = np.array(values, dtype).reshape(3, 1, 1).repeat(4, 1).repeat(4, 2)
    assert contents(open_array(array))[:, 0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 8)), "has shape"),
        (np.zeros((0, 8, 8), np.uint8), "holds no images"),
        (np.zeros((2, 3, 8, 3), np.uint8), "in one place"),
        (np.zeros((2, 8, 8, 5), np.uint8), "in one place"),
        (np.full((2, 8, 8), 255.0), "from 255 to 255; expected floats in"),
        (np.full((2, 8, 8), -1), "from -1 to -1"),
        (np.zeros((2, 8, 8), np.complex64), "complex64"),
    ],
)
def test_an_array_that_is_no_images_is_an_error(array, reason, open_array):
    with pytest.raises(errors.InputError, match=reason):
        open_array(array)


def test_nan_makes_one_broken_image(open_array):
    array = np.zeros((2, 8, 8), np.float32)
    array[1, 3, 3:5] = np.nan, np.inf
    source = open_array(array)
    assert source[0].content.max() == 0
    with pytest.raises(BrokenImage, match="NaN"):
        source[1]


@pytest.mark.parametrize("split", ["train", "test"])
def test_keras_like_names_give_splits_and_labels(split, open_array):
    arrays = {
        "x_train": IMAGES,
        "y_train": np.array([3, 0, 1, 1, 2]),
        "x_test": IMAGES[:2],
        "y_test": np.array([[1], [3]]),
    }
    source = open_array(split=split, **arrays)
    np.testing.assert_array_equal(contents(source), arrays[f"x_{split}"])
    labels = [source[i].label for i in range(len(source))]
    assert labels == arrays[f"y_{split}"].ravel().tolist()
    assert source.class_names == ("0", "1", "2", "3")


def test_a_single_array_needs_no_name(open_array):
    source = open_array(whatever=IMAGES)
    assert source.class_names is None
    assert source[0].label is None


def test_a_missing_split_lists_what_is_there(open_array):
    with pytest.raises(errors.InputError, match=r"x_val.*it has: x_test, x_train"):
        open_array(split="val", x_train=IMAGES, x_test=IMAGES)
    with pytest.raises(errors.InputError, match=r"all of an \.npy file is 'train'"):
        open_array(IMAGES, split="test")


def test_labels_of_another_number_are_an_error(open_array):
    with pytest.raises(errors.InputError, match=r"expected \(5,\) integers"):
        open_array(images=IMAGES, labels=np.zeros(4, int))


ONE_HOT = np.eye(4, dtype=np.float32)[[3, 0, 1, 1, 3]]


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        ([5, 1, 10, 1, 5], ("1", "5", "10"), [1, 0, 2, 0, 1]),
        ([0, 300, 35_700, 300, 0], ("0", "300", "35700"), [0, 1, 2, 1, 0]),
        ([2.0, 0.0, 2.0, 0.0, 0.0], ("0", "2"), [1, 0, 1, 0, 0]),
        (["b", "a", "b", "b", "a"], ("a", "b"), [1, 0, 1, 1, 0]),
        ([b"10", b"9", b"9", b"9", b"9"], ("9", "10"), [1, 0, 0, 0, 0]),
        ([True, False, False, True, True], ("0", "1"), [1, 0, 0, 1, 1]),
        (ONE_HOT, ("0", "1", "3"), [2, 0, 1, 1, 2]),
        ([-1, 1, 1, -1, 1], ("-1", "1"), [0, 1, 1, 0, 1]),
        ([-1, 0, 3, 3, 0], ("0", "3"), [None, 0, 1, 1, 0]),
        ([0, 1, 2, 3, 2**62], ("0", "1", "2", "3", str(2**62)), [0, 1, 2, 3, 4]),
    ],
)
def test_only_classes_that_occur_are_numbered(labels, names, expected, open_array):
    source = open_array(images=IMAGES, target=np.array(labels))
    assert source.class_names == names
    assert [source[i].label for i in range(5)] == expected


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.full(5, -1), "5 of 5 images have the label −1"),
        (np.array([0, 1, 0.5, 1, 0]), r"row 2 of the labels is 0\.5"),
        (np.array([0, 1, 0, np.nan, 0]), "row 3 of the labels is nan"),
        (np.tile([1, 0, 1], (5, 1)), r"row 0 of them is \[1, 0, 1\]"),
        (np.zeros((5, 14), int), r"shape \(5, 14\) and row 0"),
        (np.zeros((5, 2, 2)), "expected one for each image"),
    ],
)
def test_labels_that_are_no_classes_say_why(labels, reason, open_array):
    source = open_array(images=IMAGES, labels=labels)
    assert source.class_names is None
    assert source[0].label is None
    assert re.search(reason, source.understood.unlabelled)


def test_identifiers_are_no_classes(open_array):
    images = np.zeros((120, 8, 8), np.uint8)
    source = open_array(images=images, y=np.arange(120) * 300)
    assert source.class_names is None
    assert "120 different labels for 120 images" in source.understood.unlabelled
    source = open_array(images=images, y=np.arange(120) // 4)
    assert len(source.class_names) == 30


def test_splits_number_their_classes_alike(open_array):
    arrays = {
        "x_train": IMAGES,
        "y_train": np.array([5, 1, 9, 1, 5]),
        "x_test": IMAGES[:2],
        "y_test": np.array([9, 2]),
    }
    for split, expected in (("train", [2, 0, 3, 0, 2]), ("test", [3, 1])):
        source = open_array(split=split, **arrays)
        assert source.class_names == ("1", "2", "5", "9")
        assert [source[i].label for i in range(len(source))] == expected
        assert source.understood.splits == ("test", "train")


def test_names_of_classes_beside_the_labels_are_taken(open_array):
    names = np.array(["cat", "dog", "red fox"])
    source = open_array(images=IMAGES, labels=[2, 0, 2, 2, 0], class_names=names)
    assert source.class_names == ("cat", "red fox")
    assert [source[i].label for i in range(5)] == [1, 0, 1, 1, 0]


def test_arrays_that_are_not_used_are_named(open_array):
    source = open_array(images=IMAGES, weights=np.zeros(5), ids=np.zeros(5))
    assert "not used: the arrays ids, weights" in source.understood.notes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-1e-6, 0.2, 1], [0, 51, 255]),
        ([0, 0.2, 1.00001], [0, 51, 255]),
        ([-1e-3, 0.2, 1.001], [0, 51, 255]),
        ([-1.0005, 0.2, 1.0005], [0, 153, 255]),
    ],
)
def test_floats_a_thousandth_beyond_their_range_are_cut_off(
    values, expected, open_array
):
    array = np.array(values, np.float64).reshape(3, 1, 1).repeat(4, 1).repeat(4, 2)
    source = open_array(array)
    assert contents(source)[:, 0, 0].tolist() == expected
    assert "became black" in source.understood.notes[0]


@pytest.mark.parametrize("values", [[-0.1, 1], [-0.002, 0.5], [0, 1.01], [-1.01, 1]])
def test_floats_of_a_range_that_is_not_certain_are_refused(values, open_array):
    array = np.array(values).reshape(2, 1, 1).repeat(4, 1).repeat(4, 2)
    with pytest.raises(errors.InputError, match="--value_range=0,4095"):
        open_array(array)


@pytest.mark.parametrize(
    ("dtype", "given", "values", "expected"),
    [
        (np.uint16, (0, 4095), [0, 2048, 4095], [0, 128, 255]),
        (np.uint8, (0, 1), [0, 1, 1], [0, 255, 255]),
        (np.int64, (0, 1), [0, 1, 0], [0, 255, 0]),
        (np.float32, (-0.5, 0.5), [-0.5, 0, 7], [0, 128, 255]),
        (np.int16, (-1000, 1000), [-2000, 0, 1000], [0, 128, 255]),
    ],
)
def test_a_value_range_says_what_is_black_and_white(
    dtype, given, values, expected, tmp_path
):
    array = np.array(values, dtype).reshape(3, 1, 1).repeat(4, 1).repeat(4, 2)
    np.save(tmp_path / "x.npy", array)
    source = ArraysSource(
        tmp_path / "x.npy", "train", work_dir=tmp_path, value_range=given
    )
    assert contents(source)[:, 0, 0].tolist() == expected


def test_python_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    objects = np.array([Trap(), Trap()], dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", images=objects)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(errors.InputError, match="never Python objects"):
            ArraysSource(tmp_path / name, "train", work_dir=tmp_path / "work")
    assert not (tmp_path / "sprung").exists()


def test_a_source_pickles_without_its_pixels(open_array):
    source = open_array(images=IMAGES)
    pickled = pickle.dumps(source)
    assert len(pickled) < 2000
    np.testing.assert_array_equal(contents(pickle.loads(pickled)), IMAGES)


@pytest.mark.parametrize(
    "header", ["{'descr': (", "(" * 5000, "{'descr': '|u1', 'shape': (-1,)}"]
)
def test_a_hostile_header_is_one_error(header, tmp_path):
    size = len(header).to_bytes(2, "little")
    content = b"\x93NUMPY\x01\x00" + size + header.encode() + bytes(100)
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(errors.InputError, match="cannot be read as an array") as caught:
        ArraysSource(tmp_path / "x.npy", "train", work_dir=tmp_path / "work")
    assert str(caught.value).isprintable()


def test_a_single_number_is_no_image(open_array):
    with pytest.raises(errors.InputError, match="holds no images"):
        open_array(np.uint8(3))


def test_a_zip_under_the_name_of_an_array_is_one_error(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES)
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(errors.InputError, match="cannot be read as an array"):
        ArraysSource(tmp_path / "x.npy", "train", work_dir=tmp_path / "work")


def test_the_files_of_medmnist_have_three_splits(open_array):
    counts = {"train": 5, "val": 3, "test": 2}
    arrays = {f"{s}_images": IMAGES[:n] for s, n in counts.items()}
    labels = {"train": [4, 0, 0, 4, 1], "val": [7, 0, 1], "test": [1, 7]}
    arrays |= {f"{s}_labels": np.array(v, np.uint8)[:, None] for s, v in labels.items()}
    for split, values in labels.items():
        source = open_array(**arrays, split=split)
        np.testing.assert_array_equal(contents(source), IMAGES[: counts[split]])
        names = [source.class_names[source[i].label] for i in range(len(values))]
        assert names == [str(value) for value in values]
        assert source.class_names == ("0", "1", "4", "7")
        assert source.understood.splits == ("test", "train", "val")
    arrays["train_labels"] = np.ones((5, 14), np.uint8)  # as of ChestMNIST
    source = open_array(**arrays)
    assert source.class_names is None
    assert "shape (5, 14)" in source.understood.unlabelled


@pytest.mark.parametrize("has_images", [True, False])
def test_scikit_learns_faces_are_read_in_either_form(has_images, open_array):
    """`fetch_olivetti_faces` returns images, data and target."""
    faces = np.random.default_rng(0).random((6, 64, 64), np.float32)
    arrays = {"images": faces} if has_images else {}
    target = np.repeat(np.arange(3), 2)
    source = open_array(**arrays, data=faces.reshape(6, -1), target=target)
    np.testing.assert_array_equal(contents(source), np.rint(faces * 255))
    assert [source[i].label for i in range(6)] == [0, 0, 1, 1, 2, 2]
    notes = source.understood.notes
    assert ("rows of 4,096 numbers taken as 64×64" in notes) != has_images


def test_rows_of_colour_are_read_as_the_digits_of_skin_are(open_array):
    source = open_array(IMAGES[:, :, :8].reshape(5, -1))
    np.testing.assert_array_equal(contents(source), IMAGES[:, :, :8])


def test_names_that_two_classes_share_are_told_and_not_taken(open_array, capsys):
    source = open_array(
        images=IMAGES,
        labels=np.array([0, 1, 2, 1, 0]),
        class_names=np.array(["cat", "dog", "cat"]),
    )
    assert source.class_names == ("0", "1", "2")
    assert "2 classes are called cat, so that all" in capsys.readouterr().err
