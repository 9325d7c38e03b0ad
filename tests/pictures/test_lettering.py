import numpy as np
import pytest

from dcgan_jax.pictures import lettering


@pytest.mark.parametrize("channels", [1, 3])
def test_letters_are_black_where_they_are_asked_for_and_nowhere_else(channels):
    white = np.full((40, 80, channels), 255, np.uint8)
    lettered = lettering.letter(white, "8", left=40, top=10, size=20)
    assert lettered.shape == white.shape
    rows, columns = np.nonzero((lettered < 128).all(axis=-1))
    assert 10 <= rows.min() < rows.max() < 35
    assert 40 <= columns.min() < columns.max() < 60
    assert (white == 255).all()


def test_a_heading_stands_above_the_whole_picture():
    picture = np.zeros((10, 80, 3), np.uint8)
    headed = lettering.add_heading(picture, "step 5", size=16)
    np.testing.assert_array_equal(headed[-10:], picture)
    assert len(headed) == 10 + 24
    assert headed[:-10].min() < 50
    assert headed[:-10].max() == 255
