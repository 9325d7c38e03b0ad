import numpy as np
import pytest

from dcgan_jax.sample import labels
from dcgan_jax.system import errors


def test_a_grid_has_a_class_a_row():
    assert labels.arrange_labels(3, columns=2).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_grid_of_a_thousand_classes_shows_the_first_hundred():
    grid = labels.arrange_labels(1000, columns=10)
    assert (len(grid), grid.max()) == (1000, 99)


def test_without_a_wish_the_classes_take_turns():
    found = labels.choose(None, num_classes=3, count=7)
    assert found.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert found.dtype == np.int32


def test_one_class_can_be_wished_for():
    assert labels.choose(2, num_classes=3, count=4).tolist() == [2] * 4


@pytest.mark.parametrize("label", [-1, 3, 10])
def test_a_class_that_there_is_not_is_refused(label):
    with pytest.raises(errors.InputError, match=rf"--label={label}; .* 0 to 2"):
        labels.choose(label, num_classes=3, count=1)


def test_a_generator_that_is_not_conditional_takes_no_label():
    assert labels.choose(None, num_classes=None, count=4) is None
    with pytest.raises(errors.InputError, match=r"--label=3, but .* not conditional"):
        labels.choose(3, num_classes=None, count=4)
