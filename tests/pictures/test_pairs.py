import numpy as np
import pytest

from dcgan_jax.pictures import pairs
from dcgan_jax.pictures.pairs import Pairs


@pytest.mark.parametrize(
    ("side", "scale", "dots"),
    [(32, None, 4), (48, None, 3), (96, None, 2), (128, None, 1), (32, 5, 5)],
)
def test_images_stand_above_what_became_of_them_at_a_size_that_one_can_see(
    side, scale, dots
):
    levels = np.array([10, 20, 30, 40], np.uint8)[:, None, None, None]
    images = levels[:, None] * np.ones((2, side, side, 1), np.uint8)
    box = (1.0, 2.0, 3.0, 4.0)
    picture = pairs.draw_pairs(
        Pairs(*images[:2]), Pairs(*images[2:]), [[box], []], scale=scale
    )
    pitch = dots * side + 2
    middles = [dots * side // 2 + row * pitch for row in range(2)]
    middles += [2 * pitch - 2 + 24 + middle for middle in middles]
    assert picture[middles, dots * side // 2, 0].tolist() == [10, 20, 30, 40]
    red = np.argwhere((picture == [255, 0, 0]).all(axis=-1))
    assert red.min(0).tolist() == [2 * dots, dots]
    assert red.max(0).tolist() == [6 * dots, 4 * dots]
    assert min(picture.shape[:2]) >= 512
