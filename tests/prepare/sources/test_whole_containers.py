"""A container that ends early or names two things alike loses nothing in silence."""

import gzip
import io
import json
import os
import re
import tarfile
import zipfile

import numpy as np
import pytest

from dcgan_jax.data import store
from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import archives, folder, open_source
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage

BLOCK = 512


def make_tar(path, contents: dict[str, bytes], *, mode: str = "w") -> bytes:
    with tarfile.open(path, mode, format=tarfile.USTAR_FORMAT) as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path.read_bytes()


@pytest.fixture
def pictures(noise, encode):
    """Twenty small PNG files."""
    return {f"{i:02}.png": encode(noise(i)) for i in range(20)}


def open_tar(path):
    return archives.open_tar(path, "train", work_dir=path.parent / "work")


def header_of(content: bytes, name: str) -> int:
    return content.index(name.encode() + b"\0")


def test_a_damaged_header_within_a_tar_is_not_its_end(tmp_path, pictures):
    content = bytearray(make_tar(tmp_path / "x.tar", pictures))
    content[header_of(content, "12.png") + 1] ^= 1
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(errors.InputError, match=r"damaged: 12 files were read, up to"):
        open_tar(tmp_path / "x.tar")


def test_a_tar_that_stops_between_two_files_is_not_whole(tmp_path, pictures):
    content = make_tar(tmp_path / "x.tar", pictures)
    (tmp_path / "x.tar").write_bytes(content[: header_of(content, "05.png")])
    with pytest.raises(errors.InputError, match=r"without the mark .*: 5 files were"):
        open_tar(tmp_path / "x.tar")


def test_two_tars_in_one_file_are_not_taken_as_the_first(tmp_path, pictures):
    content = make_tar(tmp_path / "x.tar", pictures)
    (tmp_path / "x.tar").write_bytes(content * 2)
    with pytest.raises(errors.InputError, match="20 files were read"):
        open_tar(tmp_path / "x.tar")


def test_a_tar_of_one_block_of_zeros_is_whole(tmp_path, pictures):
    content = make_tar(tmp_path / "x.tar", pictures).rstrip(b"\0")
    size = -(-len(content) // BLOCK) * BLOCK
    (tmp_path / "x.tar").write_bytes(content.ljust(size, b"\0") + bytes(BLOCK))
    assert len(open_tar(tmp_path / "x.tar")) == 20


def test_a_packed_tar_that_stops_between_two_files_is_not_whole(tmp_path, pictures):
    content = make_tar(tmp_path / "x.tar", pictures)
    part = gzip.compress(content[: header_of(content, "05.png")])
    (tmp_path / "x.tar.gz").write_bytes(part)
    with pytest.raises(errors.InputError, match=r"x\.tar\.gz ends without the mark"):
        open_tar(tmp_path / "x.tar.gz")


def make_zip(path, *pairs: tuple[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in pairs:
            archive.writestr(zipfile.ZipInfo(name), content)
    return path.read_bytes()


def test_two_zips_in_one_file_are_not_taken_as_the_last(tmp_path, pictures):
    first = make_zip(tmp_path / "1.zip", *pictures.items())
    second = make_zip(tmp_path / "2.zip", *pictures.items())
    (tmp_path / "x.zip").write_bytes(first + second)
    with pytest.raises(errors.InputError, match="names 20 files, but not the one at"):
        archives.ZipSource(tmp_path / "x.zip", "train")


@pytest.mark.parametrize("lost", [0, 7, 19])
def test_a_zip_whose_list_lacks_a_file_is_not_whole(lost, tmp_path, pictures):
    path = tmp_path / "x.zip"
    make_zip(path, *pictures.items())
    with zipfile.ZipFile(path, "a") as archive:
        place = archive.filelist[lost].header_offset
        del archive.filelist[lost]
        archive._didModify = True
    with pytest.raises(errors.InputError, match=f"not the one at byte {place:,}"):
        archives.ZipSource(path, "train")


def test_a_zip_that_a_stream_was_written_into_is_whole(tmp_path, pictures):
    """Such a zip has the sizes behind each file."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.content = bytearray()

        def writable(self):
            return True

        def write(self, part):
            self.content += part
            return len(part)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, content in pictures.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(content)
    (tmp_path / "x.zip").write_bytes(pipe.content)
    assert len(archives.ZipSource(tmp_path / "x.zip", "train")) == 20


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_images_of_one_name_are_two_images(tmp_path, pictures):
    contents = list(pictures.values())
    names = ["1.png", "2.png", "1.png", "1.png"]
    pairs = list(zip(names, contents, strict=False))
    make_zip(tmp_path / "x.zip", *pairs)
    make_tar(tmp_path / "x.tar", {})
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, content in pairs:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    for source in (
        archives.ZipSource(tmp_path / "x.zip", "train"),
        open_tar(tmp_path / "x.tar"),
    ):
        found = sorted(source[i].content for i in range(len(source)))
        assert found == sorted(contents[:4])
        assert "3 images share 1 names (as 1.png)" in source.understood.notes[0]
        source.close()


def test_backslashes_in_a_zip_are_folders(tmp_path, pictures):
    a, b, c, *_ = pictures.values()
    pairs = [("pets\\", b""), ("pets\\cats\\0.png", a), ("pets\\cats\\1.png", b)]
    make_zip(tmp_path / "x.zip", *pairs, ("pets\\dogs\\0.png", c))
    source = archives.ZipSource(tmp_path / "x.zip", "train")
    assert source.class_names == ("cats", "dogs")
    assert [source[i].label for i in range(3)] == [0, 0, 1]
    source.close()
    assert source.understood.left_out == ()


STYLEGAN = {
    "labels": [[f"0000{i // 2}/img{i:08}.png", [7, 7, 3, 10][i]] for i in range(4)]
}


def stylegan(pictures) -> dict[str, bytes]:
    paths = [path for path, _ in STYLEGAN["labels"]]
    return dict(zip(paths, pictures.values(), strict=False))


@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
def test_the_labels_of_stylegans_dataset_json_are_read(
    kind, tmp_path, pictures, make_config
):
    contents = {**stylegan(pictures), "dataset.json": json.dumps(STYLEGAN).encode()}
    path = tmp_path / f"x.{kind}"
    if kind == "zip":
        make_zip(path, *contents.items())
    elif kind == "tar":
        make_tar(path, contents)
    else:
        for name, content in contents.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    source = open_source(make_config(source=path), tmp_path / "work")
    assert source.class_names == ("3", "7", "10")
    assert [source[i].label for i in range(4)] == [1, 1, 0, 2]
    assert source.understood.left_out == ()
    assert source.understood.notes == ("labels of dataset.json",)
    source.close()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "has no labels"),
        (STYLEGAN["labels"][:3], "says nothing of 1 of 4 images"),
        (
            [[path, [0.5, 0.25]] for path, _ in STYLEGAN["labels"]],
            r"label \[0\.5, 0\.25\]",
        ),
    ],
)
def test_storage_folders_are_no_classes_without_labels(
    labels, said, tmp_path, pictures
):
    text = json.dumps({"labels": labels}).encode()
    pairs = [*stylegan(pictures).items(), ("dataset.json", text)]
    make_zip(tmp_path / "x.zip", *pairs)
    source = archives.ZipSource(tmp_path / "x.zip", "train")
    assert source.class_names is None
    assert len(source) == 4
    told = source.understood.unlabelled or source.understood.notes[0]
    assert re.search(said, told)


def test_a_json_file_of_another_kind_is_named(tmp_path, pictures):
    pairs = [*pictures.items(), ("dataset.json", b'{"name": "x"}')]
    make_zip(tmp_path / "x.zip", *pairs)
    source = archives.ZipSource(tmp_path / "x.zip", "train")
    assert source.understood.left_out == (("dataset.json", ".json"),)


def test_a_companion_that_cannot_be_read_is_named(make_folder):
    root = make_folder("1.png")
    (root / "dataset.json").symlink_to("nowhere")
    source = folder.FolderSource(root, "train")
    assert source.understood.left_out == (("dataset.json", ".json"),)


def test_pipes_and_devices_are_left_out_and_never_waited_for(make_folder):
    root = make_folder("1.png")
    os.mkfifo(root / "2.png")
    (root / "3.png").symlink_to("/dev/zero")
    source = folder.FolderSource(root, "train")
    assert len(source) == 1
    assert source.understood.left_out == (
        ("2.png", "not a plain file"),
        ("3.png", "not a plain file"),
    )
    os.remove(root / "1.png")
    os.mkfifo(root / "1.png")  # after it was listed
    with pytest.raises(BrokenImage, match="not a plain file"):
        source[0]


def test_a_source_that_is_a_pipe_is_refused(tmp_path, make_config):
    os.mkfifo(tmp_path / "x.zip")
    with pytest.raises(errors.InputError, match="is a pipe, socket or device"):
        open_source(make_config(source=tmp_path / "x.zip"), tmp_path / "work")


def test_a_huge_file_is_a_broken_image(make_folder):
    root = make_folder("1.png")
    with (root / "2.tif").open("wb") as file:
        file.truncate(6_000_000_000)  # sparse: it takes no room
    source = folder.FolderSource(root, "train")
    with pytest.raises(BrokenImage, match=r"6\.0 GB, expected at most 268\.4 MB"):
        source[1]


def test_a_folder_can_be_prepared_from_within(make_folder, make_config):
    root = make_folder("1.png", "2.png")
    config = make_config(source=root, data_dir=root / "data")
    path = build.prepare(config)
    run = root / "runs" / "folder"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.json").write_text("{}")
    (run / "samples").mkdir()
    make_folder("samples/000001.png", folder="pictures/runs/folder")
    assert build.prepare(config) == path
    assert len(store.open_store(path)) == 2
    assert folder.FolderSource(root, "train").understood.left_out == ()


def test_a_class_called_runs_is_still_one(make_folder):
    root = make_folder("runs/1.png", "walks/2.png")
    (root / "runs" / "config.json").write_text("{}")
    assert folder.FolderSource(root, "train").class_names == ("runs", "walks")


def test_an_array_file_with_more_than_one_array_is_not_whole(tmp_path, make_config):
    with (tmp_path / "x.npy").open("wb") as file:
        for _ in range(2):
            np.save(file, np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(errors.InputError, match="2,480 more bytes"):
        open_source(make_config(source=tmp_path / "x.npy"), tmp_path / "work")
