import pytest

from dcgan_jax.prepare.sources import data_files, folder, open_source
from dcgan_jax.system import errors

HASHED = [
    "train-00000-of-00002-0a1b2c3d4e5f.part",
    "train-00001-of-00002-ffffffff00.part",
]


def is_part(file):
    return file.suffix == ".part"


@pytest.fixture
def make(tmp_path):
    def make_(*names):
        for name in names:
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        return tmp_path / "set"

    return make_


def choose(path, split="train"):
    chosen = data_files.choose(data_files.find(path, is_part), split, where=path)
    return sorted(file.relative_to(path).as_posix() for file in chosen.files)


@pytest.mark.parametrize(
    ("names", "split", "expected"),
    [
        (["a.part"], "train", ["a.part"]),
        (["train.part", "test.part"], "test", ["test.part"]),
        (["train.part", "valid.part"], "validation", ["valid.part"]),
        (["train.part", "extra_1.part"], "extra", ["extra_1.part"]),
        (["train/0.part", "test/0.part"], "train", ["train/0.part"]),
        (["x_train.part", "x_test.part"], "train", ["x_train.part"]),
        (["0000.part", "0001.part"], "train", ["0000.part", "0001.part"]),
        (HASHED, "train", HASHED),
        ([".cache/a.part", "data/train.part"], "train", ["data/train.part"]),
    ],
)
def test_the_files_of_a_split_are_found_by_their_names(names, split, expected, make):
    assert choose(make(*names), split) == expected


@pytest.mark.parametrize(
    ("names", "split", "said"),
    [
        (["train.part"], "test", "no split 'test'; it has: train"),
        (["cats.part", "dogs.part"], "train", r"several data sets \(cats.part, dogs"),
        (["a/train.part", "b/train.part"], "train", r"several data sets \(a/train"),
        (["x-1-of-2.part"], "train", "has 1 of 2 parts"),
        (["x-00000-of-00002.part"], "train", "that is missing is number 1"),
    ],
)
def test_what_is_not_certain_is_refused(names, split, said, make):
    with pytest.raises(errors.InputError, match=said):
        choose(make(*names), split)


def test_what_else_a_folder_holds_is_listed(make):
    root = make("train.part", "README.md", "docs/LICENSE", ".hidden")
    found = data_files.find(root, is_part)
    assert data_files.list_others(root, found) == (
        (".hidden", "hidden"),
        ("README.md", ".md"),
        ("docs/LICENSE", "without suffix"),
    )


@pytest.mark.parametrize("depth", [0, 1, 6])
def test_a_folder_with_images_anywhere_is_one_of_images(
    depth, make_folder, make_config
):
    root = make_folder("/".join(["a"] * depth + ["1.png"]))
    for name in ("x.mat", "train.parquet", "train.csv", "train-images-idx3-ubyte"):
        (root / name).write_bytes(b"x")
    source = open_source(make_config(source=root), root / "work")
    assert type(source) is folder.FolderSource
    assert len(source) == 1
