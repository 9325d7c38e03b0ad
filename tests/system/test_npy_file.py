import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.system import npy_file

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
ARRAYS = [
    PIXELS,
    np.asfortranarray(PIXELS),
    PIXELS.astype(">f4"),
    PIXELS > 99,
    np.int64(7),
    np.zeros((0, 3)),
    PIXELS.astype(np.complex64),
]


def encode(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), **options)
    return buffer.getvalue()


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_arrays_are_read_as_numpy_reads_them(array, version, tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(encode(array, version=version))
    expected = np.load(path, allow_pickle=False)
    for found in (npy_file.parse(path.read_bytes()), npy_file.map_file(path)):
        np.testing.assert_array_equal(found, expected)
        assert (type(found), found.dtype) == (np.ndarray, expected.dtype)


def with_header(text):
    header = text.encode() + b"\n"
    size = len(header).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + size + header + bytes(200)


def described(descr="'|u1'", order="False", shape="(2, 2)"):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"
    return with_header(text)


HOSTILE = {
    "nothing": b"",
    "a zip": b"PK\x03\x04" + bytes(100),
    "an open bracket": with_header("{'descr': ("),
    "deep brackets": described(shape="(" * 5000),
    "many signs": described(shape="-" * 5000 + "1"),
    "a negative side": described(shape="(-1, 2)"),
    "a true side": described(shape="(True, 2)"),
    "a wild side": described(shape="(10000000000, 10000000000)"),
    "too many bytes": described(shape="(201,)"),
    "objects": described(descr="'|O'"),
    "fields": described(descr="[('a', '<f4')]"),
    "no bytes": described(descr="'|V0'"),
    "an unknown type": described(descr="'\\q'"),
    "an unknown version": b"\x93NUMPY\x09\x00" + bytes(100),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers_are_value_errors_that_take_no_memory(content, tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    tracemalloc.start()
    for read in (lambda: npy_file.parse(content), lambda: npy_file.map_file(path)):
        with pytest.raises(ValueError, match=r"."):
            read()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5e6


class Payload:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    target = tmp_path / "touched"
    array = np.array([Payload(target)], dtype=object)
    path = tmp_path / "x.npy"
    np.save(path, array, allow_pickle=True)
    np.savez(tmp_path / "x.npz", a=array)
    for read in (npy_file.map_file, lambda p: npy_file.parse(p.read_bytes())):
        with pytest.raises(ValueError, match="pickled Python objects"):
            read(path)
    with pytest.raises(ValueError, match="pickled Python objects"):
        npy_file.read_npz(tmp_path / "x.npz")
    assert not target.exists()
    np.load(path, allow_pickle=True)  # the payload would do something
    assert target.exists()


def test_the_arrays_of_savez_are_read_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", a=PIXELS, b=3)
    found = npy_file.read_npz(tmp_path / "x.npz")
    assert sorted(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], PIXELS)
    assert int(found["b"]) == 3


def test_what_expands_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(10**6))
    with pytest.raises(ValueError, match="compressed"):
        npy_file.read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("keep", [0, 10, 100, -1])
def test_a_cut_npz_is_a_value_error(keep, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=PIXELS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"."):
        npy_file.read_npz(path)
