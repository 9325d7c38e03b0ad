import numpy as np
import pytest

from dcgan_jax.pictures import captions


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
