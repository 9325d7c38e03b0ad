import numpy as np
import pytest
from PIL import Image

from dcgan_jax.pictures import grid
from dcgan_jax.system import errors


def numbered(count, channels=1):
    """Images of 2 × 3 pixels, each filled with its number."""
    numbers = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(numbers, (count, 2, 3, channels))


def test_images_are_laid_out_in_rows_with_gaps():
    picture = grid.make_grid(numbered(3), columns=2, gap=1)[..., 0]
    white = 255
    assert picture.tolist() == [
        [0, 0, 0, white, 1, 1, 1],
        [0, 0, 0, white, 1, 1, 1],
        [white] * 7,
        [2, 2, 2, white, white, white, white],
        [2, 2, 2, white, white, white, white],
    ]


@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(1, 1, 1), (4, 2, 2), (5, 2, 3), (10, 3, 4)]
)
def test_a_grid_is_as_square_as_it_can_be(count, rows, columns):
    picture = grid.make_grid(numbered(count), gap=0)
    assert picture.shape == (2 * rows, 3 * columns, 1)


def test_colours_stay():
    image = np.array([[[[1, 2, 3]]]], np.uint8)
    assert grid.make_grid(image).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_saved_image_holds_the_same_pixels(channels, mode, tmp_path):
    image = np.arange(12 * channels, dtype=np.uint8).reshape(3, 4, channels)
    grid.save_image(image, tmp_path / "image.png")
    with Image.open(tmp_path / "image.png") as picture:
        assert picture.mode == mode
        np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)


def test_a_scale_repeats_pixels(tmp_path):
    image = np.array([[[0], [9]]], np.uint8)
    grid.save_image(image, tmp_path / "image.png", scale=2)
    with Image.open(tmp_path / "image.png") as picture:
        assert np.asarray(picture).tolist() == [[0, 0, 9, 9]] * 2


@pytest.mark.parametrize(
    ("shape", "scale", "side"),
    [
        # The shorter side has 512 dots at least, by the fewest whole dots to a pixel.
        ((28, 28), None, 19 * 28),
        ((512, 600), None, 512),
        ((511, 600), None, 2 * 511),
        ((28, 28), 3, 3 * 28),
        ((700, 700), 2, 1400),
        # Not so long that a .webp could not hold it.
        ((4, 4000), None, 4 * 4),
        ((4, 40_000), None, 4),
    ],
)
def test_a_picture_is_written_at_a_size_that_one_can_see(shape, scale, side, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 1), np.uint8)
    path = tmp_path / "picture.png"
    grid.save_picture(picture, path, scale=scale)
    with Image.open(path) as written:
        dots = np.asarray(written)
    assert dots.shape[0] == side
    factor = side // shape[0]
    blocks = dots.reshape(shape[0], factor, shape[1], factor)
    # Nearest neighbour: all dots of a pixel are it.
    assert (blocks == picture[..., 0][:, None, :, None]).all()
    np.testing.assert_array_equal(grid.read_picture(path), picture)


def test_a_picture_without_a_note_is_read_a_pixel_a_dot(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "old.png")
    np.testing.assert_array_equal(grid.read_picture(tmp_path / "old.png"), picture)


@pytest.mark.parametrize(
    ("name", "side"),
    [("wide.WEBP", 16_384), ("wide.jpg", 65_501), ("tall.jpeg", 65_501)],
)
def test_a_picture_that_its_form_cannot_hold_is_told_of(name, side, tmp_path):
    shape = (side, 1, 1) if name.startswith("tall") else (1, side, 1)
    picture = np.zeros(shape, np.uint8)
    with pytest.raises(errors.InputError, match=r"at most .* ends in \.png"):
        grid.save_image(picture, tmp_path / name)
    assert not list(tmp_path.iterdir())
    largest = picture[: side - 1, : side - 1]
    grid.save_image(largest, tmp_path / name)
    with Image.open(tmp_path / name) as written:
        assert written.size == largest.shape[1::-1]


def test_a_failed_save_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="unknown file extension"):
        grid.save_image(np.zeros((2, 2, 1), np.uint8), tmp_path / "image.nonsense")
    assert not list(tmp_path.iterdir())


def test_a_picture_is_cut_into_the_images_that_it_was_made_of():
    images = numbered(6, channels=3)
    parts = grid.split_grid(grid.make_grid(images, columns=3), size=(2, 3))
    np.testing.assert_array_equal(parts, images)
    exact = grid.split_grid(np.array([[[1], [9], [2]]], np.uint8), size=(1, 1), gap=1)
    assert exact.ravel().tolist() == [1, 2]
