import numpy as np
import pytest

from dcgan_jax.pictures import captions, grid


@pytest.mark.parametrize(
    ("side", "scale"), [(28, 4), (32, 3), (64, 2), (96, 1), (128, 1)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_small_images_are_enlarged_whole_times_and_keep_their_pixels(
    side, scale, channels
):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, side, side, channels), np.uint8)
    found = captions.write_below(images, ["0", "12345"])
    size = scale * side
    assert found.shape[2:] == (size, channels)
    np.testing.assert_array_equal(found[:, :size:scale, ::scale], images)


def test_each_text_is_dark_on_white_within_its_strip():
    texts = [str(number) for number in range(10)]
    strips = captions.write_below(np.zeros((10, 32, 32, 1), np.uint8), texts)[:, 96:]
    assert (strips.min(axis=(1, 2, 3)) < 64).all()
    assert (strips[:, [0, -1]] == 255).all()  # nothing is cut off
    assert len({strip.tobytes() for strip in strips}) == 10


def name_grid(names, *, channels=3, side=28):
    rng = np.random.default_rng(0)
    shape = (2 * len(names), side, side, channels)
    picture = grid.make_grid(rng.integers(0, 256, shape, np.uint8), columns=2)
    return picture, captions.name_rows(picture, names)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 28, 64])
def test_each_row_has_its_name_beside_it_and_its_pixels_as_they_were(channels, side):
    names = {0: "cat", 2: "red fox", 5: "gnu"}
    picture, named = name_grid(names, channels=channels, side=side)
    margin = named.shape[1] - picture.shape[1]
    np.testing.assert_array_equal(named[:, margin:], picture)
    strip = named[:, :margin]
    assert (strip[:, [0, -1]] == 255).all()  # nothing is cut off, nor touches a picture
    for row in range(3):
        band = strip[row * (side + 2) :][:side]
        assert band.min() < 128
    gaps = [row for row in range(len(strip)) if row % (side + 2) >= side]
    assert (strip[gaps] == 255).all()


def test_letters_of_other_languages_are_written_and_where_none_are_known_the_number():
    written = [name_grid({3: name})[1] for name in ("é", "e", "ж", "Ω")]
    assert len({picture.tobytes() for picture in written}) == 4
    _, number = name_grid({3: "class 3"})
    for name in ("猫", "a\nb", "caf\udce9"):
        np.testing.assert_array_equal(name_grid({3: name})[1], number)


def test_a_long_name_is_cut():
    _, long = name_grid({0: "i" * 29 + "jk"})
    _, cut = name_grid({0: "i" * 29 + "…"})
    np.testing.assert_array_equal(long, cut)


def test_a_text_for_every_image_is_required():
    with pytest.raises(ValueError, match="shorter"):
        captions.write_below(np.zeros((2, 8, 8, 1), np.uint8), ["1"])


@pytest.mark.parametrize("channels", [1, 3])
def test_letters_are_black_where_they_are_asked_for_and_nowhere_else(channels):
    white = np.full((40, 80, channels), 255, np.uint8)
    lettered = captions.letter(white, "8", left=40, top=10, size=20)
    assert lettered.shape == white.shape
    rows, columns = np.nonzero((lettered < 128).all(axis=-1))
    assert 10 <= rows.min() < rows.max() < 35
    assert 40 <= columns.min() < columns.max() < 60
    assert (white == 255).all()


def test_a_heading_stands_above_the_whole_picture():
    picture = np.zeros((10, 80, 3), np.uint8)
    headed = captions.add_heading(picture, "step 5", size=16)
    np.testing.assert_array_equal(headed[-10:], picture)
    assert len(headed) == 10 + 24
    assert headed[:-10].min() < 50
    assert headed[:-10].max() == 255
