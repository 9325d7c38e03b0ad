import numpy as np

from dcgan_jax.pictures import filter_picture
from dcgan_jax.pictures.filter_picture import Shown

SIDE = 8
BLOCK = 3 * SIDE + 2


def filled(first):
    """Two filters' images and gradients, each image of one value from `first` on."""
    values = first + np.arange(36, dtype=np.uint8).reshape(2, 2, 9)
    images = np.broadcast_to(
        values[..., None, None, None], (2, 2, 9, SIDE, SIDE, 1)
    ).swapaxes(0, 1)
    return Shown(*images)


def test_a_row_shows_images_and_gradients_of_random_then_of_trained_filters():
    picture = filter_picture.draw_filters(filled(100), filled(150), (3, 7), scale=1)
    assert picture.shape[-1] == 3
    rows = picture[36:, 48:, 0]  # without heading and numbers
    half = rows.shape[1] // 2
    for index in range(2):
        row = rows[index * (BLOCK + 8) :][:BLOCK]
        lefts = (0, BLOCK + 8, half, half + BLOCK + 8)
        # Of either network: nine images of a filter, their gradients, the next filter.
        firsts = [base + 18 * index for base in (100, 109, 150, 159)]
        # `filled` numbers images before gradients, filter by filter.
        for left, first in zip(lefts, firsts, strict=True):
            block = row[:, left : left + BLOCK]
            centres = block[SIDE // 2 :: SIDE + 1, SIDE // 2 :: SIDE + 1]
            assert centres.ravel().tolist() == list(range(first, first + 9))


def test_the_filters_numbers_stand_in_the_margin():
    one = filter_picture.draw_filters(filled(200), filled(200), (3, 7), scale=1)
    other = filter_picture.draw_filters(filled(200), filled(200), (3, 8), scale=1)
    differ = np.nonzero((one != other).any(axis=-1))
    assert differ[1].max() < 48
    assert differ[0].min() >= 36 + BLOCK + 8
