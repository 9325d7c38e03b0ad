import io
import struct
import zlib

import numpy as np
import pytest
from scipy import io as matlab

from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import mat5
from dcgan_jax.system import errors

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
LABELS = np.array([1, 9, 2, 3, 2, 5, 9, 3, 3, 1, 10, 10], np.uint8)  # 10 is the digit 0
HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"


@pytest.fixture
def write(tmp_path):
    """Write a file as SVHN's are, with the library that reads MATLAB's for everyone."""

    def write_(name="train_32x32.mat", *, do_compression=True, **arrays):
        path = tmp_path / "svhn" / name
        path.parent.mkdir(exist_ok=True)
        arrays = arrays or {"X": IMAGES.transpose(1, 2, 3, 0), "y": LABELS[:, None]}
        matlab.savemat(path, arrays, do_compression=do_compression)
        return path

    return write_


def check(source, images, labels):
    found = [source[i] for i in range(len(source))]
    np.testing.assert_array_equal([record.content for record in found], images)
    digits = [int(source.class_names[record.label]) for record in found]
    assert digits == [label % 10 for label in labels]
    source.close()


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_of_svhn_is_read(packed, write, open_):
    check(open_(write(do_compression=packed)), IMAGES, LABELS)


def test_a_file_of_bytes_the_other_way_round_is_read(write, open_, tmp_path):
    order = ">"
    pixels = IMAGES.transpose(1, 2, 3, 0).tobytes("F")

    def element(kind, content):
        head = struct.pack(order + "II", kind, len(content))
        return head + content + bytes(-len(content) % 8)

    def matrix(name, kind, shape, content, class_code):
        inside = element(6, struct.pack(order + "II", class_code, 0))
        inside += element(5, struct.pack(f"{order}{len(shape)}i", *shape))
        inside += struct.pack(order + "HH", len(name), 1) + name.ljust(4, b"\0")
        return element(14, inside + element(kind, content))

    labels = LABELS.astype(">f8").tobytes()
    content = (
        HEADER[:124]
        + b"\1\0MI"
        + matrix(b"y", 9, (12, 1), labels, 6)
        + matrix(b"X", 2, (32, 32, 3, 12), pixels, 9)
    )
    (tmp_path / "x.mat").write_bytes(content)
    check(open_(tmp_path / "x.mat"), IMAGES, LABELS)


def test_a_folder_has_splits_with_the_same_classes(write, open_):
    write()
    write("test_32x32.mat", X=IMAGES[:2].transpose(1, 2, 3, 0), y=[[10], [4]])
    folder = write("extra_32x32.mat").parent
    train, test = open_(folder), open_(folder, "test")
    assert train.class_names == test.class_names == tuple("0123459")
    check(train, IMAGES, LABELS)
    check(test, IMAGES[:2], [10, 4])
    assert test.understood.splits == ("extra", "test", "train")
    assert len(open_(folder, "extra")) == 12


def test_other_variables_are_not_looked_into(write, open_):
    odd = {"a": np.array([{"x": 1}, "text"], object), "f": {"b": 2.0}, "c": 1j}
    path = write(X=IMAGES.transpose(1, 2, 3, 0), y=LABELS[:, None], **odd)
    check(open_(path), IMAGES, LABELS)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": IMAGES}, r"holds images \(12, 32, 32, 3\); expected images X"),
        ({"X": IMAGES, "y": LABELS}, r"expected images X \(H, W, 3, N\)"),
        ({"X": IMAGES.transpose(1, 2, 3, 0), "y": LABELS[1:]}, "expected images X"),
        ({"X": np.ones((8, 8, 3, 2)) * 0.5, "y": [1, 2]}, "X holds float64 numbers"),
        ({"X": np.ones((8, 8, 3, 2)) * 1j, "y": [1, 2]}, "expected images X"),
        ({"X": {"a": 1}, "y": LABELS}, "expected images X"),
    ],
)
def test_a_file_of_something_else_is_refused(arrays, said, write, open_):
    with pytest.raises(errors.InputError, match=said):
        open_(write(**arrays))


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_cut_short_anywhere_is_refused(packed, write, open_):
    path = write(do_compression=packed)
    content = path.read_bytes()
    for size in {1, 100, 127, 130, 200, len(content) // 2, len(content) - 1}:
        path.write_bytes(content[:size])
        with pytest.raises(errors.InputError, match=r"is damaged or no MATLAB file"):
            open_(path)


def test_a_flipped_bit_in_packed_pixels_is_found(write, open_):
    path = write()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(errors.InputError, match=r"is damaged"):
        open_(path)


def test_a_size_takes_no_memory_before_its_bytes_are_there(tmp_path):
    element = struct.pack("<IIII", 6, 8, 9, 0) + struct.pack(
        "<II4i", 5, 16, 2**14, 2**14, 3, 9 * 10**6
    )
    element += struct.pack("<HH", 1, 1) + b"X\0\0\0" + struct.pack("<II", 2, 2**32 - 1)
    packed = zlib.compress(struct.pack("<II", 14, 2**32 - 1) + element)
    path = tmp_path / "x.mat"
    path.write_bytes(HEADER + struct.pack("<II", 15, len(packed)) + packed)
    (variable,) = mat5.list_variables(path)
    with pytest.raises(mat5.DamagedMatError, match=r"has 4,294,967,295 bytes"):
        mat5.copy_numbers(path, variable, io.BytesIO())


def test_version_7_3_says_how_to_get_to_version_7(tmp_path, open_):
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(errors.InputError, match=r"'-v7'\)"):
        open_(path)


def test_a_store_is_prepared_from_a_file(write, make_config):
    config = make_config(source=write(), num_workers=2)
    path = build.prepare(config)
    assert build.prepare(config) == path
