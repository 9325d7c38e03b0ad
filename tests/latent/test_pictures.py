import numpy as np
import pytest

from dcgan_jax.latent import pictures
from dcgan_jax.latent.pictures import Concept

SIDE = 128  # none is enlarged
CELL = SIDE + 17  # with its caption


def image(level):
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def level_at(picture, row, column):
    """The grey level at the centre of a cell; three columns left, three right."""
    left = column * (SIDE + 2) + (18 if column > 2 else 0)
    return picture[row * (CELL + 2) + SIDE // 2, left + SIDE // 2, 0]


def draw(counts):
    concepts = [
        Concept(
            range(count),
            np.stack([image(10 * index + row) for row in range(count)]),
            image(100 + index),
            image(200 + index),
        )
        for index, count in enumerate(counts)
    ]
    results = np.stack([image(150 + number) for number in range(9)])
    return pictures.draw_arithmetic(concepts, results, image(240))


def test_arithmetic_is_laid_out_as_in_the_paper():
    picture = draw([3, 3, 3])
    found = [
        [int(level_at(picture, row, column)) for column in range(6)] for row in range(5)
    ]
    white = 255
    assert found == [
        [0, 10, 20, 150, 151, 152],
        [1, 11, 21, 153, 154, 155],
        [2, 12, 22, 156, 157, 158],
        [100, 101, 102, white, white, white],
        [200, 201, 202, 240, white, white],
    ]


@pytest.mark.parametrize(("counts", "rows"), [([1, 1, 1], 4), ([1, 5, 2], 7)])
def test_concepts_may_have_any_number_of_exemplars(counts, rows):
    picture = draw(counts)
    assert picture.shape[0] == rows * (CELL + 2) - 2
    assert level_at(picture, rows - 2, 1) == 101
    assert level_at(picture, rows - 1, 3) == 240
    assert level_at(picture, counts[0], 0) == (255 if counts[0] < rows - 2 else 100)


def test_an_axis_has_a_sample_a_row():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.ones(
        (1, 1, SIDE, SIDE, 1), np.uint8
    )
    picture = pictures.draw_turn(images, [4, 7], np.array([-1.0, 0, 1]), scale=1)
    found = [[int(level_at(picture, row, c)) for c in range(3)] for row in range(2)]
    assert found == [[0, 1, 2], [3, 4, 5]]
