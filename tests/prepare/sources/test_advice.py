import re

import numpy as np
import pytest

from dcgan_jax.prepare.sources import check, open_source
from dcgan_jax.system import errors

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(500)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.MP4", b"x", r"is a film; .*ffmpeg -i FILE"),
        ("x.h5", HDF5, r"is HDF5; .*numpy\.savez\('images\.npz'"),
        ("data", HDF5, "is HDF5; save its images with h5py first"),
        ("x.dcm", b"x", r"is DICOM; .*--value_range=0,4095"),
        ("IM0001", bytes(128) + b"DICM", "is DICOM"),
        ("olivetti_py3.pkz", b"x", "is a Python pickle, which can run any code"),
        ("brain.nii.gz", b"x", "is a volume"),
        ("x.tfrecord", b"x", "is TFRecord"),
        ("data-00000-of-00001.arrow", b"x", r"\.to_parquet\("),
        ("x.7z", b"x", "unpack it, and give the folder"),
    ],
)
def test_a_file_of_another_kind_says_how_to_get_there(
    name, content, said, tmp_path, make_config
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.InputError, match=said):
        check(make_config(source=tmp_path / name))  # before anything is written


def test_a_folder_of_such_files_says_so_too(tmp_path, make_config):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(b"x")
    with pytest.raises(errors.InputError, match=r"holds 3 \.dcm\. 0\.dcm is DICOM"):
        open_source(make_config(source=folder), tmp_path / "work")


def test_the_advice_about_hdf5_is_right(tmp_path, make_config):
    """What it says is run, and what comes of it is read."""
    h5py = pytest.importorskip("h5py")
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["images"], f["labels"] = images, [1, 0, 1, 0, 1]
    with pytest.raises(errors.InputError) as caught:
        check(make_config(source=tmp_path / "x.h5"))
    call = re.search(r"numpy\.(savez)\('(images\.npz)',", str(caught.value))
    with h5py.File(tmp_path / "x.h5") as f:
        save = getattr(np, call[1])
        save(tmp_path / call[2], images=f["images"][:], labels=f["labels"][:])
    source = open_source(make_config(source=tmp_path / "images.npz"), tmp_path / "work")
    found = [source[i] for i in range(5)]
    np.testing.assert_array_equal([record.content for record in found], images)
    assert [record.label for record in found] == [1, 0, 1, 0, 1]
