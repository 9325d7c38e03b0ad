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


def counts(*paths: str, split: str = "train") -> dict:
    """Return images by class, by an own reading of what `select` gives."""
    members = [layout.Member(path, 1) for path in paths]
    chosen = layout.select(members, split, where="x")
    if chosen.labels is None:
        return {None: len(chosen.members)}
    found: dict = {}
    for number in chosen.labels:
        name = chosen.class_names[number]
        found[name] = found.get(name, 0) + 1
    return found


def left_out(*paths: str) -> list:
    members = [layout.Member(path, 1) for path in paths]
    return list(layout.select(members, "train", where="x").understood.left_out)


BRAIN = [
    f"brain/{split}/{name}/{i}.png"
    for split, num in (("Training", 3), ("Testing", 2))
    for name in ("glioma", "meningioma")
    for i in range(num)
]
INTEL = [
    f"{split}/{split}/{name}/{i}.jpg"
    for split, num in (("seg_train", 3), ("seg_test", 1))
    for name in ("forest", "street")
    for i in range(num)
] + ["seg_pred/seg_pred/9.jpg"]
CYCLE = [
    f"{split}{c}/{i}.jpg" for split in ("train", "test") for c in "AB" for i in "1"
]


@pytest.mark.parametrize(
    ("paths", "train", "test"),
    [
        (BRAIN, {"glioma": 3, "meningioma": 3}, {"glioma": 2, "meningioma": 2}),
        (INTEL, {"forest": 3, "street": 3}, {"forest": 1, "street": 1}),
        (CYCLE, {"A": 1, "B": 1}, {"A": 1, "B": 1}),
        (
            ["train/cat/1.jpg", "train/dog/2.jpg", "train/dog/3.jpg", "test1/4.jpg"],
            {"cat": 1, "dog": 2},
            {None: 1},
        ),
        (
            ["cat/train/1.jpg", "cat/test/2.jpg", "dog/train/3.jpg", "dog/train/4.jpg"],
            {"cat": 1, "dog": 2},
            {"cat": 1},
        ),
        (["train/images/1.png", "test/images/2.png"], {None: 1}, {None: 1}),
        (["train2017/1.png", "val2017/2.png", "test2017/3.png"], {None: 1}, {None: 1}),
        (
            ["flowers_train/a/1.png", "flowers_train/b/2.png", "flowers_test/b/1.png"],
            {"a": 1, "b": 1},
            {"b": 1},
        ),
    ],
)
def test_common_spellings_of_splits_are_no_classes(paths, train, test):
    assert counts(*paths) == train
    assert counts(*paths, split="test") == test


def test_a_further_split_is_had_by_its_folders_name():
    assert counts(*INTEL, split="seg_pred") == {None: 1}
    with pytest.raises(errors.InputError, match="seg_pred, seg_test, seg_train"):
        select(*INTEL, split="val")


@pytest.mark.parametrize(
    "names",
    [
        ("train_station", "test_tube"),
        ("bullet train", "steam train"),
        ("with_mask", "without_mask"),
        ("mask", "face"),
        ("valley", "trainer"),
    ],
)
def test_classes_that_sound_like_splits_or_masks_stay_classes(names):
    paths = [f"{name}/{i}.png" for name in names for i in range(3)]
    assert counts(*paths) == dict.fromkeys(names, 3)


@pytest.mark.parametrize(
    "folder",
    [
        "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "__MACOSX", ".Trash-1000",
        "System Volume Information", "cat/@eaDir/1.png",
    ],
)  # fmt: skip
def test_systems_own_folders_are_no_classes(folder):
    paths = ["photos/1.png", "photos/2.png", f"{folder}/thumb.jpg"]
    assert counts(*paths) == {None: 2}
    assert [path for path, _ in left_out(*paths)] == [f"{folder}/thumb.jpg"]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["images/1.png", "images/2.png"], ["masks/1.png", "masks/2.png"]),
        (["train/1.jpg", "test/1.jpg"], ["train_masks/1.gif"]),
        (
            ["COVID/images/1.png", "Normal/images/2.png", "Normal/images/3.png"],
            ["COVID/masks/1.png", "Normal/masks/2.png"],
        ),
        (["b/x (1).png", "m/y.png"], ["b/x (1)_mask.png", "b/x (1)_mask_1.png"]),
        (["JPEGImages/1.jpg"], ["SegmentationClass/1.png", "SegmentationObject/1.png"]),
    ],
)
def test_masks_beside_images_are_left_out(images, masks):
    assert left_out(*images, *masks) == [(mask, "masks") for mask in sorted(masks)]
    taken = {*select(*images, *masks)[0]}
    assert taken == {path for path in images if not path.startswith("test/")}


def test_masks_alone_are_images():
    assert select("masks/1.png", "masks/2.png")[0] == ["masks/1.png", "masks/2.png"]


def test_folders_that_are_numbers_sort_as_numbers():
    """`--label=2` has to draw what lies in the folder 2."""
    paths = [f"{number}/1.png" for number in range(11)]
    assert select(*paths)[2] == tuple(map(str, range(11)))
    assert select("-1/1.png", "10/1.png", "2/1.png")[2] == ("-1", "2", "10")
    mixed = [f"class {n}/1.png" for n in (10, 9, 1)]
    assert select(*mixed)[2] == ("class 1", "class 9", "class 10")


def test_everything_that_is_no_image_is_told_by_its_kind():
    heic = [f"{i}.heic" for i in range(40)]
    files = ["1.jpg", *heic, "a", "b", "labels.csv", ".DS_Store"]
    assert layout.summarise(left_out(*files)) == (
        "40 .heic, 2 without suffix, 1 hidden, labels.csv"
    )


def test_images_outside_of_classes_are_told_when_they_cost_the_labels():
    members = [layout.Member(p, 1) for p in ("a/1.png", "b/2.png", "cover.png")]
    chosen = layout.select(members, "train", where="x")
    assert chosen.labels is None
    assert "1 of 3 images" in chosen.understood.unlabelled
    assert "cover.png" in chosen.understood.unlabelled


def test_archives_in_a_folder_are_to_be_unpacked():
    with pytest.raises(
        errors.InputError, match=r"unpack cats\.zip, dogs\.tar\.gz first"
    ):
        select("cats.zip", "dogs.tar.gz", "readme.txt")


def test_a_folder_of_other_pictures_names_them():
    with pytest.raises(errors.InputError, match=r"it holds 3 \.heic"):
        select("1.heic", "2.heic", "3.HEIC")
