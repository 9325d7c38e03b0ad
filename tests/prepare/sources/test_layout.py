import pytest

from dcgan_jax.prepare.sources import layout
from dcgan_jax.system import errors


def select(*paths: str, split: str = "train") -> tuple:
    members = [layout.Member(path, 1) for path in paths]
    chosen = layout.select(members, split, where="x.zip")
    return [m.path for m in chosen.members], chosen.labels, chosen.class_names


def test_class_folders_become_labels_in_sorted_order():
    paths, labels, names = select("dog/1.png", "cat/2.jpg", "cat/deep/3.png")
    assert paths == ["cat/2.jpg", "cat/deep/3.png", "dog/1.png"]
    assert labels == [0, 0, 1]
    assert names == ("cat", "dog")


def test_images_outside_of_folders_make_the_set_unlabelled():
    assert select("dog/1.png", "cat/2.png", "3.png")[1:] == (None, None)
    assert select("1.png", "2.png")[1:] == (None, None)


def test_a_single_wrapping_folder_is_skipped():
    _, labels, names = select("set/a/cat/1.png", "set/a/dog/2.png")
    assert (labels, names) == ([0, 1], ("cat", "dog"))
    assert select("img_align_celeba/1.jpg", "img_align_celeba/2.jpg")[1:] == (
        None,
        None,
    )


def test_train_and_test_folders_are_splits_with_common_labels():
    files = ["s/train/b/1.png", "s/test/a/2.png", "s/test/b/3.png"]
    assert select(*files) == (["s/train/b/1.png"], [1], ("a", "b"))
    assert select(*files, split="test")[1] == [0, 1]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
@pytest.mark.parametrize("asked", ["val", "valid", "validation"])
def test_validation_has_three_names(name, asked):
    files = ["train/1.png", f"{name}/2.png"]
    assert select(*files, split=asked)[0] == [f"{name}/2.png"]


def test_a_class_called_train_is_no_split():
    assert select("train/1.png", "car/2.png")[2] == ("car", "train")


def test_further_folders_beside_train_and_test_are_splits_too():
    files = ["train/1.png", "test/2.png", "extra/3.png"]
    assert select(*files, split="extra")[0] == ["extra/3.png"]


def test_an_unknown_split_lists_those_that_are_there():
    with pytest.raises(errors.InputError, match=r"no split 'tset'.*: test, train"):
        select("train/1.png", "test/2.png", split="tset")
    with pytest.raises(errors.InputError, match="all of it is 'train'"):
        select("1.png", "2.png", split="test")


@pytest.mark.parametrize(
    "path",
    [".hidden.png", "__MACOSX/._1.png", ".git/1.png", "notes.txt", "Thumbs.db", "png"],
)
def test_hidden_files_and_other_kinds_are_ignored(path):
    assert select("a.png", "b.PNG", path)[0] == ["a.png", "b.PNG"]


def test_no_image_at_all_is_an_error():
    with pytest.raises(errors.InputError, match=r"x\.zip holds no images"):
        select("readme.txt")
