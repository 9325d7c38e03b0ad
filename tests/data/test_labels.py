import dataclasses

import pytest

from dcgan_jax import config as configs, presets
from dcgan_jax.data import labels
from dcgan_jax.system import errors

NAMES = ("cat", "dog", "gnu")
CONDITIONAL = presets.MNIST_CONDITIONAL


@pytest.mark.parametrize("preset", ["mnist_conditional", "mnist_mlp"])
def test_a_conditional_pair_has_the_data_s_classes(preset):
    config = labels.settle_classes(presets.RECIPES[preset], NAMES)
    assert config == dataclasses.replace(
        presets.RECIPES[preset], num_classes=3, class_names='["cat", "dog", "gnu"]'
    )
    assert configs.class_names_of(config) == NAMES


@pytest.mark.parametrize("names", ["x", "{}", '["a"]', '["a", "b", 3]'])
def test_names_that_do_not_fit_are_refused(names):
    config = dataclasses.replace(CONDITIONAL, class_names=names)
    with pytest.raises(errors.InputError, match="expected a JSON list of 3 texts"):
        labels.settle_classes(config, NAMES)


@pytest.mark.parametrize("names", [NAMES, None])
def test_another_pair_has_none(names):
    assert labels.settle_classes(presets.SVHN, names) == presets.SVHN


def test_data_without_labels_are_refused_by_name():
    with pytest.raises(errors.InputError, match=r"^mnist has no labels, which a cond"):
        labels.settle_classes(CONDITIONAL, None)


def test_the_reason_for_which_there_are_no_labels_is_told():
    with pytest.raises(errors.InputError, match=r"no labels \(row 7 is 0\.5\), which"):
        labels.settle_classes(CONDITIONAL, None, reason="row 7 is 0.5")


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
