import csv
import gzip

import numpy as np
import pytest

from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import folder, open_source, pixel_csv, unpack
from dcgan_jax.system import errors

DIGITS = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
LABELS = [3, 1, 4, 1, 5, 9]
NAMES = [f"pixel{i}" for i in range(784)]


@pytest.fixture
def write(tmp_path):
    """Write a table with numpy's own writer, below a header if one is given."""

    def write_(name, table, header=(), fmt="%d"):
        path = tmp_path / "digits" / name
        path.parent.mkdir(exist_ok=True)
        np.savetxt(
            path, table, fmt, ",", header=",".join(header), comments="", newline="\n"
        )
        return path

    return write_


def table(images=DIGITS, labels=LABELS):
    return np.column_stack([labels, images.reshape(len(images), -1)])


def check(source, images, labels):
    found = [source[i] for i in range(len(source))]
    np.testing.assert_array_equal([record.content for record in found], images)
    if labels is None:
        assert source.class_names is None
    else:
        names = [source.class_names[record.label] for record in found]
        assert names == [str(label) for label in labels]
    source.close()


def test_kaggles_digits_are_a_folder_of_two_splits(write, open_):
    write("train.csv", table(), ["label", *NAMES])
    write("test.csv", DIGITS[:2].reshape(2, -1), NAMES)
    folder = write("sample_submission.csv", [[1, 0]], ["ImageId", "Label"]).parent
    check(open_(folder), DIGITS, LABELS)
    check(open_(folder, "test"), DIGITS[:2], None)
    left_out = open_(folder).understood.left_out
    assert left_out == (("sample_submission.csv", ".csv"),)


@pytest.mark.parametrize(
    ("values", "header", "images"),
    [
        (table(), [], DIGITS),
        (
            table(),
            ["label", *(f"{i}x{j}" for i in range(28) for j in range(28))],
            DIGITS,
        ),
        (
            np.roll(table(np.stack([DIGITS] * 3, -1)), -1, 1),
            [*(f"pixel{i:04}" for i in range(2352)), "label"],
            np.stack([DIGITS] * 3, -1),
        ),
        (
            np.column_stack([range(6), table()]),
            ["Unnamed: 0", "label", *NAMES],
            DIGITS,
        ),
    ],
    ids=["no header", "1x1", "label last, colour", "with an index"],
)
def test_other_spellings_are_read(values, header, images, write, open_):
    check(open_(write("mnist_train.csv", values, header)), images, LABELS)


def test_a_table_of_another_system_is_read(write, open_):
    path = write("x.csv", table(), ["label", *NAMES])
    content = path.read_bytes().replace(b"\n", b"\r\n").replace(b"label", b'"label"')
    path.write_bytes(b"\xef\xbb\xbf" + content)
    check(open_(path), DIGITS, LABELS)


def test_names_of_classes_and_whole_floats_are_read(write, open_):
    path = write("x.csv", table().astype(float), ["label", *NAMES], fmt="%.1f")
    lines = path.read_text().splitlines()
    words = ["ant", "bee", "ant", "bee", "cow", "ant"]
    rows = [
        f"{w},{line.partition(',')[2]}"
        for w, line in zip(words, lines[1:], strict=True)
    ]
    path.write_text("\n".join([lines[0], *rows, ""]))
    check(open_(path), DIGITS, words)


def test_splits_number_their_classes_alike(write, open_):
    write("mnist_test.csv", table(DIGITS[:2], [7, 9]))
    folder = write("mnist_train.csv", table()).parent
    names = ("1", "3", "4", "5", "7", "9")
    assert open_(folder).class_names == open_(folder, "test").class_names == names


def edit(path, old, new):
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


def test_a_row_that_ends_early_is_refused(write, open_):
    path = write("x.csv", table(), ["label", *NAMES])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(errors.InputError, match=r"line 7 has 77\d values, expected"):
        open_(path)


def test_a_missing_line_end_is_said(write, open_):
    path = write("x.csv", table(), ["label", *NAMES])
    path.write_bytes(path.read_bytes()[:-1])
    source = open_(path)
    assert len(source) == 6
    assert "no line end behind its last line" in source.understood.notes[0]


@pytest.mark.parametrize("value", ["256", "-1", "0.5", "x", "nan", "9" * 5000, "1e999"])
def test_a_value_that_is_no_byte_names_its_line(value, write, open_):
    path = write("x.csv", table(), ["label", *NAMES])
    edit(path, f"\n4,{DIGITS[2, 0, 0]},", f"\n4,{value},")
    with pytest.raises(errors.InputError, match="line 4 has the value"):
        open_(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,label\na.png,cat\n", "is no table of pixels: it has 2 columns"),
        ("label," + ",".join(NAMES) + "\n", "holds no images"),
        ("\n" * 500, "is no table of pixels"),
        (",".join(["1"] * 785) + "\n" * 500, "more than 100 empty lines"),
        ("1" * (5 << 20), "has a line of more than 4.2 MB"),
    ],
)
def test_another_table_is_refused(text, said, tmp_path, open_):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(errors.InputError, match=said):
        open_(tmp_path / "x.csv")


def test_a_listing_beside_images_is_no_source_of_its_own(make_folder, make_config):
    root = make_folder("1.png", "2.png")
    (root / "train.csv").write_text("file,label\n1.png,cat\n2.png,dog\n")
    source = open_source(make_config(source=root), root / "work")
    assert type(source) is folder.FolderSource
    assert not pixel_csv.KIND.holds(root)


def test_a_store_is_prepared_from_a_table(write, make_config):
    path = write("train.csv", table(), ["label", *NAMES])
    config = make_config(source=path, num_workers=2, channels=1)
    store = build.prepare(config)
    assert build.prepare(config) == store


def test_a_packed_table_is_the_same_table(write, open_):
    plain = write("train.csv", table(), ["label", *NAMES])
    packed = plain.with_name("train.csv.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    check(open_(packed), DIGITS, LABELS)
    check(open_(packed.parent), DIGITS, LABELS)


@pytest.mark.parametrize("harm", [lambda c: c[:-9], lambda c: c[:40] + b"x" + c[41:]])
def test_a_packed_table_that_is_damaged_is_refused(harm, tmp_path, open_):
    path = tmp_path / "x.csv.gz"
    whole = "\n".join(",".join(map(str, row)) for row in table())
    path.write_bytes(harm(gzip.compress(whole.encode())))
    with pytest.raises(errors.InputError, match=r"x\.csv\.gz"):
        open_(path)


def test_a_packed_table_that_expands_without_end_is_refused(
    tmp_path, open_, monkeypatch
):
    monkeypatch.setattr(unpack, "_SLACK_BYTES", 0)
    monkeypatch.setattr(unpack, "MAX_RATIO", 2)
    path = tmp_path / "x.csv.gz"
    row = ",".join(["0"] * 785) + "\n"
    path.write_bytes(gzip.compress(row.encode() * 100))
    with pytest.raises(errors.InputError, match="looks like an archive bomb"):
        open_(path)


FACES = np.random.default_rng(1).integers(0, 256, (6, 48, 48), np.uint8)
USAGES = [
    "Training",
    "PublicTest",
    "Training",
    "PrivateTest",
    "Training",
    "PrivateTest",
]


@pytest.fixture(params=["fer2013.csv", "icml_face_data.csv"])
def faces(request, tmp_path):
    """Write faces as the two files of FER2013 have them, by the standard writer."""
    path = tmp_path / request.param
    texts = [" ".join(map(str, face.ravel())) for face in FACES]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        if request.param == "fer2013.csv":
            writer.writerow(["emotion", "pixels", "Usage"])
            writer.writerows(zip([0, 6, 3, 3, 0, 2], texts, USAGES, strict=True))
        else:
            writer.writerow(["emotion", " Usage", " pixels"])
            writer.writerows(zip([0, 6, 3, 3, 0, 2], USAGES, texts, strict=True))
    return path


@pytest.mark.parametrize(
    ("split", "rows", "labels"),
    [("train", [0, 2, 4], [0, 3, 0]), ("val", [1], [6]), ("test", [3, 5], [3, 2])],
)
def test_fer2013_has_its_three_splits(faces, open_, split, rows, labels):
    source = open_(faces, split)
    assert source.class_names == ("0", "2", "3", "6")
    assert source.understood.splits == ("test", "train", "val")
    check(source, FACES[rows], labels)


def test_a_split_that_no_row_names_is_refused(faces, open_):
    with pytest.raises(errors.InputError, match="'extra'; it has: test, train, val"):
        open_(faces, "extra")


def test_a_face_of_fewer_pixels_is_named_by_its_line(faces, open_):
    text = faces.read_text().splitlines()
    text[3] = text[3].replace(" ", "", 1)
    faces.write_text("\n".join(text) + "\n")
    with pytest.raises(errors.InputError, match="line 4 has 2,305 values, expected"):
        open_(faces)
