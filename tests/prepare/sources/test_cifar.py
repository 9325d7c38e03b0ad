import io
import pickle
import tarfile

import numpy as np
import pytest

from dcgan_jax.prepare import build
from dcgan_jax.system import errors

NAMES = ["airplane", "automobile", "bird"]
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
LABELS = np.arange(12) % 3
FOLDER = "cifar-10-batches-bin"


def rows(images, *labels) -> bytes:
    """Pack images as the page of CIFAR has it: labels, then red, green and blue."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    columns = [np.reshape(part, (-1, 1)).astype(np.uint8) for part in labels]
    return np.concatenate([*columns, planes], 1).tobytes()


def ten() -> dict[str, bytes]:
    batches = {
        f"data_batch_{n + 1}.bin": rows(IMAGES[2 * n :][:2], LABELS[2 * n :][:2])
        for n in range(5)
    }
    return {
        **batches,
        "test_batch.bin": rows(IMAGES[10:], LABELS[10:]),
        "batches.meta.txt": ("\n".join(NAMES) + "\n\n").encode(),
        "readme.html": b"<html>",
    }


def write_folder(path, files):
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def write_tar(path, files, folder=FOLDER):
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(folder)
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def check(source, images, labels):
    found = [source[i] for i in range(len(source))]
    np.testing.assert_array_equal([record.content for record in found], images)
    assert [source.class_names[record.label] for record in found] == [
        NAMES[label] for label in labels
    ]
    source.close()


@pytest.mark.parametrize("kind", ["folder", "above", "tar"])
def test_cifar_10_has_its_splits_and_class_names(kind, open_, tmp_path):
    path = tmp_path / FOLDER
    if kind == "tar":
        path = write_tar(tmp_path / "cifar-10-binary.tar.gz", ten())
    else:
        write_folder(path if kind == "folder" else tmp_path / "x" / FOLDER, ten())
        path = path if kind == "folder" else tmp_path / "x"
    check(open_(path), IMAGES[:10], LABELS[:10])
    check(open_(path, "test"), IMAGES[10:], LABELS[10:])
    with pytest.raises(errors.InputError, match="no split 'val'; it has: test, train"):
        open_(path, "val")


def test_one_batch_takes_the_names_beside_it(open_, tmp_path):
    folder = write_folder(tmp_path / FOLDER, ten())
    check(open_(folder / "data_batch_2.bin"), IMAGES[2:4], LABELS[2:4])
    check(open_(folder / "test_batch.bin"), IMAGES[10:], LABELS[10:])


def test_cifar_100_takes_the_fine_labels(open_, tmp_path):
    files = {
        "train.bin": rows(IMAGES[:9], LABELS[:9] // 2, LABELS[:9]),
        "test.bin": rows(IMAGES[9:], LABELS[9:] // 2, LABELS[9:]),
        "fine_label_names.txt": "\n".join(NAMES).encode(),
        "coarse_label_names.txt": b"vehicles\nanimals\n",
    }
    path = write_folder(tmp_path / "cifar-100-binary", files)
    check(open_(path), IMAGES[:9], LABELS[:9])
    path = write_tar(tmp_path / "c.tar.gz", files, "cifar-100-binary")
    check(open_(path, "test"), IMAGES[9:], LABELS[9:])


@pytest.mark.parametrize("kind", ["folder", "tar", "file"])
def test_python_pickles_are_refused_and_never_read(kind, open_, tmp_path):
    class Payload:
        def __reduce__(self):
            return (tmp_path / "escaped").touch, ()

    content = pickle.dumps(Payload())
    files = {"batches.meta": content, "data_batch_1": content, "test_batch": content}
    if kind == "tar":
        path = write_tar(tmp_path / "x.tar.gz", files, "cifar-10-batches-py")
    else:
        path = write_folder(tmp_path / "cifar-10-batches-py", files)
        path = path / "data_batch_1" if kind == "file" else path
    with pytest.raises(errors.InputError, match=r"pickles.*get the binary version"):
        open_(path)
    assert not (tmp_path / "escaped").exists()


def test_cifar_100s_pickles_are_refused_too(open_, tmp_path):
    path = write_folder(tmp_path / "cifar-100-python", {"train": b"", "test": b"x"})
    with pytest.raises(errors.InputError, match="pickles"):
        open_(path)


def test_a_batch_that_is_cut_short_is_refused(open_, tmp_path):
    files = ten()
    files["data_batch_3.bin"] = files["data_batch_3.bin"][:-1]
    path = write_folder(tmp_path / FOLDER, files)
    with pytest.raises(errors.InputError, match=r"cut short .*data_batch_3.bin 6,145"):
        open_(path)


def test_a_tar_that_is_cut_short_is_refused(open_, tmp_path):
    path = write_tar(tmp_path / "x.tar.gz", ten())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(errors.InputError, match="cannot be unpacked"):
        open_(path)


def test_a_batch_that_is_missing_is_said(open_, tmp_path):
    files = ten()
    del files["data_batch_4.bin"]
    source = open_(write_folder(tmp_path / FOLDER, files))
    assert source.understood.notes == ("4 of the 5 files data_batch_N.bin",)


def test_a_label_without_a_class_is_damage(open_, tmp_path):
    files = {**ten(), "data_batch_1.bin": rows(IMAGES[:2], [1, 203])}
    path = write_folder(tmp_path / FOLDER, files)
    with pytest.raises(errors.InputError, match="row 1 of a file has the label 203"):
        open_(path)


def test_a_tar_is_prepared_in_processes_of_their_own(make_config, tmp_path):
    path = write_tar(tmp_path / "cifar-10-binary.tar.gz", ten())
    config = make_config(source=path, num_workers=2)
    store = build.prepare(config)
    assert build.prepare(config) == store
