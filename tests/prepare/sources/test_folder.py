import os
import pickle
import shutil

import pytest

from dcgan_jax.prepare.sources import fingerprint_source, open_source
from dcgan_jax.prepare.sources.folder import FolderSource
from dcgan_jax.system import errors
from dcgan_jax.system.errors import BrokenImage


def test_a_folder_gives_its_files_and_labels(make_folder, noise, encode):
    source = FolderSource(make_folder("b/1.png", "a/2.png"), "train")
    assert source[0] == ("a/2.png", encode(noise(1)), 0)
    assert source[1] == ("b/1.png", encode(noise(0)), 1)
    assert pickle.loads(pickle.dumps(source))[1] == source[1]


def test_linked_files_and_folders_count_and_circles_end(tmp_path, make_folder):
    outside = make_folder("1.png", folder="outside")
    inside = make_folder("a/0.png", "b/1.png")
    (inside / "c").symlink_to(outside)
    (inside / "a" / "circle").symlink_to(inside)
    source = FolderSource(inside, "train")
    assert [source[i].name for i in range(len(source))] == [
        "a/0.png",
        "b/1.png",
        "c/1.png",
    ]


def test_a_dangling_link_is_a_broken_image(make_folder):
    folder = make_folder("1.png")
    (folder / "2.png").symlink_to("nowhere")
    with pytest.raises(BrokenImage, match="No such file"):
        FolderSource(folder, "train")[1]


def test_the_fingerprint_follows_names_and_sizes(make_folder, tmp_path):
    folder = make_folder("1.png", "2.png")
    before = FolderSource(folder, "train").fingerprint
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert FolderSource(moved, "train").fingerprint == before
    (moved / "2.png").rename(moved / "3.png")
    assert FolderSource(moved, "train").fingerprint != before
    with (folder / "1.png").open("ab") as file:
        file.write(b"x")
    assert FolderSource(folder, "train").fingerprint != before


@pytest.mark.parametrize("name", ["missing", "missing.zip"])
def test_a_missing_source_is_an_error(name, tmp_path, make_config):
    config = make_config(source=tmp_path / name)
    with pytest.raises(errors.MissingInputError, match=f"{name} is not there"):
        open_source(config, tmp_path / "work")
    assert fingerprint_source(config) is None


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.zip", b"", "is empty"),
        ("x.zip", b"not a zip", "is not a zip"),
        ("x.tar", b"not a tar" * 100, "is not a tar"),
        ("x.npy", b"not an array", "cannot be read as an array"),
        ("x.rar", b"Rar!", "is of no known kind"),
    ],
)
def test_a_file_of_the_wrong_kind_is_an_error(
    name, content, reason, tmp_path, make_config
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.InputError, match=reason):
        open_source(make_config(source=tmp_path / name), tmp_path / "work")


def test_an_empty_folder_is_an_error(tmp_path, make_config):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(errors.InputError, match="nothing holds no images"):
        open_source(make_config(source=tmp_path / "nothing"), tmp_path / "work")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_an_error(make_folder, make_config, tmp_path):
    folder = make_folder("a/1.png", "b/2.png")
    (folder / "a").chmod(0)
    try:
        with pytest.raises(errors.InputError, match="cannot be read"):
            open_source(make_config(source=folder), tmp_path / "work")
    finally:
        (folder / "a").chmod(0o700)


@pytest.mark.parametrize("dataset", ["folder", "arrays"])
def test_own_images_need_a_source(dataset, tmp_path, make_config):
    with pytest.raises(errors.InputError, match="needs --source=PATH"):
        open_source(make_config(dataset=dataset), tmp_path / "work")


def test_digits_are_those_of_scikit_learn(tmp_path, make_config):
    source = open_source(make_config(dataset="digits"), tmp_path / "work")
    assert len(source) == 1797
    assert source.class_names == tuple("0123456789")
    # The first image of UCI's optdigits test set is a zero whose top row is this.
    assert source[0].label == 0
    assert source[0].content[0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    with pytest.raises(errors.InputError, match="no split 'test'"):
        open_source(make_config(dataset="digits", split="test"), tmp_path / "work")
