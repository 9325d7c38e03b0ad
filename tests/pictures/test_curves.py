import numpy as np
import pytest
from PIL import Image

from dcgan_jax.gan import steps
from dcgan_jax.pictures import curves


def rows(count, **values):
    return [
        dict.fromkeys(steps.METRICS, 1.0 + step) | {"step": step, **values}
        for step in range(count)
    ]


def test_the_curves_are_a_picture_with_something_in_it(tmp_path):
    curves.save_curves(rows(5), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1200, 360)
        assert len(np.unique(np.asarray(picture))) > 10


def test_other_rows_draw_other_curves(tmp_path):
    for name, count in (("a", 3), ("b", 9)):
        curves.save_curves(rows(count), tmp_path / f"{name}.png")
    first, second = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert first != second


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30])
def test_extreme_values_can_be_drawn(value, tmp_path):
    curves.save_curves(rows(3, d_grad_norm=value), tmp_path / "curves.png")
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
