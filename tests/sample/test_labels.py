import dataclasses

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.sample import labels
from dcgan_jax.system import errors

NAMES = ("cat", "dog", "gnu")
CONDITIONAL = presets.MNIST_CONDITIONAL


@pytest.mark.parametrize("preset", ["mnist_conditional", "mnist_mlp"])
def test_a_conditional_pair_has_the_data_s_classes(preset):
    config = labels.settle_classes(presets.RECIPES[preset], NAMES)
    assert config == dataclasses.replace(presets.RECIPES[preset], num_classes=3)


@pytest.mark.parametrize("names", [NAMES, None])
def test_another_pair_has_none(names):
    assert labels.settle_classes(presets.SVHN, names) == presets.SVHN


def test_data_without_labels_are_refused_by_name():
    with pytest.raises(errors.InputError, match=r"^mnist has no labels, which a cond"):
        labels.settle_classes(CONDITIONAL, None)


def test_settled_classes_settle_again():
    config = labels.settle_classes(CONDITIONAL, NAMES)
    assert labels.settle_classes(config, NAMES) == config


def test_another_number_of_classes_is_refused():
    config = dataclasses.replace(CONDITIONAL, num_classes=10)
    with pytest.raises(errors.InputError, match=r"--num_classes=10.* 3 classes"):
        labels.settle_classes(config, NAMES)


def test_a_number_of_classes_that_nothing_reads_is_refused():
    config = dataclasses.replace(presets.SVHN, num_classes=10)
    with pytest.raises(errors.InputError, match=r"svhn32 take no labels"):
        labels.settle_classes(config, NAMES)


def test_a_grid_has_a_class_a_row():
    assert labels.arrange_grid(3, columns=2).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_grid_of_a_thousand_classes_shows_the_first_hundred():
    grid = labels.arrange_grid(1000, columns=10)
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
