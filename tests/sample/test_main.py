import concurrent.futures
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.pictures import captions, grid
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.system import errors

GOLDEN = Path(__file__).parents[1] / "golden"
OLD = b"an older result"


def draw_large(argv):
    """Write what `sample` draws: noise, that no format makes small."""
    images = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    sample.write_images(images, Path(argv[0]))


@pytest.mark.parametrize("name", ["drawn.png", "drawn.npz", "drawn"])
@pytest.mark.parametrize("free", [0, 40_000, 200_000])
def test_a_full_disk_is_one_line_and_leaves_the_older_file(
    name, free, small_disk, one_error
):
    out = small_disk / name
    if out.suffix:
        out.write_bytes(OLD)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - free))
    assert "No space left on device" in one_error(draw_large, out)
    left = [filler, out] if out.suffix else [filler]
    assert sorted(small_disk.iterdir()) == sorted(left)
    if out.suffix:
        assert out.read_bytes() == OLD


def test_a_folder_holds_nothing_that_a_killed_process_left(tmp_path):
    left = tmp_path / ".drawn.partial"
    left.mkdir()
    (left / "000007.png").write_bytes(b"of another draw")
    images = np.zeros((2, 8, 8, 3), np.uint8)
    sample.write_images(images, tmp_path / "drawn")
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == ["000000.png", "000001.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]


def test_two_processes_do_not_mix_their_images_in_a_folder(tmp_path):
    def write(grey):
        images = np.full((50, 8, 8, 3), grey, np.uint8)
        try:
            sample.write_images(images, tmp_path / "drawn")
        except errors.InputError as error:
            return str(error)
        return "drawn"

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        told = sorted(threads.map(write, (0, 255)))
    assert told[0].endswith("is a folder with files in it; give --out a new name.")
    assert told[1] == "drawn"
    files = list((tmp_path / "drawn").iterdir())
    assert len(files) == 50
    assert len({file.read_bytes() for file in files}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]


@pytest.mark.parametrize("name", ["empty", "link", "."])
def test_a_folder_that_is_there_and_empty_is_filled(tmp_path, monkeypatch, name):
    place = tmp_path / "place"
    place.mkdir()
    (place / "empty").mkdir()
    (place / ".hidden").touch()
    (tmp_path / "link").symlink_to(place / "empty")
    monkeypatch.chdir(place / "empty" if name == "." else tmp_path)
    out = {"empty": Path("place/empty"), "link": Path("link"), ".": Path()}[name]
    sample.write_images(np.zeros((2, 8, 8, 3), np.uint8), out)
    names = sorted(path.name for path in (place / "empty").iterdir())
    assert names == ["000000.png", "000001.png"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("name", "form"),
    [("G.PNG", "PNG"), ("g.jpg", "JPEG"), ("g.JPEG", "JPEG"), ("g.webp", "WEBP")],
)
def test_a_grid_is_written_in_the_form_that_its_name_asks_for(tmp_path, name, form):
    sample.write_images(np.full((4, 8, 8, 1), 200, np.uint8), tmp_path / name)
    with Image.open(tmp_path / name) as picture:
        assert picture.format == form
        assert picture.size == (29 * 18, 29 * 18)  # 512 dots at least
        assert abs(np.asarray(picture.convert("L"), int)[3, 3] - 200) <= 3


@pytest.mark.parametrize(("flags", "dots"), [((), 10), (("--scale=2",), 2)])
def test_numbers_below_images_are_as_legible_in_a_picture_of_any_size(
    flags, dots, tmp_path, run_command
):
    path, out = GOLDEN / "conditional.safetensors", tmp_path / "x.png"
    ended = run_command(
        sample.main, path, "--num=6", "--label=1", "--numbered", f"--out={out}", *flags
    )
    assert ended.code == 0, ended.err
    side, gap = dots * 28, 2
    with Image.open(out) as picture:
        assert picture.size == (3 * side + 2 * gap, 2 * (side + 17) + gap)


def test_pictures_in_a_folder_have_a_dot_a_pixel_unless_more_are_asked_for(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    for folder, scale in (("plain", None), ("large", 3)):
        sample.write_images(images, tmp_path / folder, scale=scale)
        with Image.open(tmp_path / folder / "000001.png") as picture:
            assert picture.size == (4 * (scale or 1), 4 * (scale or 1))
        found = grid.read_picture(tmp_path / folder / "000001.png")
        np.testing.assert_array_equal(found, images[1])


def test_a_grid_of_several_classes_names_its_rows(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28, 3), np.uint8)
    labels, names = np.array([2, 0, 2, 0, 2, 0]), ("cat", "dog", "red fox")
    pictures = []
    for labels_of, names_of in ((labels, None), (labels, names), (labels * 0, names)):
        sample.write_images(
            images, tmp_path / "x.png", labels=labels_of, names=names_of
        )
        with Image.open(tmp_path / "x.png") as picture:
            pictures.append(np.asarray(picture))
    plain, named, one_class = pictures
    large = captions.name_rows(plain, {0: "cat", 2: "red fox"}, gap=2 * 9)
    np.testing.assert_array_equal(named[:, -large.shape[1] :], large)
    assert plain.shape == one_class.shape == (9 * (2 * 28 + 2), 9 * (3 * 28 + 4), 3)
    # The cells are found again to the right of the names.
    again = grid.read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(again, one_class[::9, ::9])
