import dataclasses

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.config import TrainConfig
from dcgan_jax.data import labels as data_labels
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


def named(*names: str) -> TrainConfig:
    return data_labels.settle_classes(presets.MNIST_CONDITIONAL, names)


@pytest.mark.parametrize(
    ("names", "label", "expected"),
    [
        (("cat", "dog", "red fox"), "red fox", 2),
        (("cat", "dog", "red fox"), "1", 1),
        (tuple(map(str, range(1, 11))), "2", 1),
        (tuple(map(str, range(1, 11))), "10", 9),
        (("1", "fox", "3"), "3", 2),
        (("cat", "dog"), 1, 1),
        (("cat", "dog"), None, None),
    ],
)
def test_a_class_is_found_by_its_name_before_its_number(names, label, expected):
    assert labels.find(label, named(*names)) == expected


@pytest.mark.parametrize(
    ("names", "label", "said"),
    [
        (("cat", "dog"), "fox", "knows cat, dog"),
        (("1", "2", "3"), "0", "knows 1, 2, 3"),
        (("1", "2", "3"), 3, "knows 1, 2, 3"),
        (tuple(map(str, range(1, 99))), "x", "19, 20, …"),
        (tuple(map(str, range(99))), "99", "0 to 98"),
    ],
)
def test_a_class_that_is_none_lists_the_names(names, label, said):
    with pytest.raises(errors.InputError, match=f"--label={label}.*{said}"):
        labels.find(label, named(*names))


def test_without_names_a_class_is_a_number():
    config = dataclasses.replace(presets.MNIST_CONDITIONAL, num_classes=10)
    assert labels.find("7", config) == 7
    with pytest.raises(errors.InputError, match=r"--label=x; .* 0 to 9"):
        labels.find("x", config)
    with pytest.raises(errors.InputError, match=r"--label=x, .* not conditional"):
        labels.find("x", presets.DIGITS)


@pytest.mark.parametrize(
    "names",
    [("cat", "dog", "red fox"), tuple(map(str, range(1, 11))), tuple("0123456789")],
)
def test_what_a_class_is_called_is_what_is_asked_for(names):
    config = named(*names)
    for number, name in enumerate(names):
        assert labels.name(number, config) == name
        assert labels.find(name, config) == number
    assert labels.list_choices(config) == [(name, n) for n, name in enumerate(names)]


def test_a_name_is_shown_as_one_line_of_letters():
    config = named("caf\udce9", "two\nlines")
    assert labels.list_choices(config) == [("caf\\udce9", 0), ("two lines", 1)]
    assert labels.describe_classes(1, config) == " of class 1 (two lines)"


def test_names_that_are_the_numbers_say_no_more_than_these():
    assert labels.own_names(named(*"0123")) is None
    assert labels.own_names(named(*"1234")) == tuple("1234")
    assert labels.describe_classes(None, named(*"0123")) == ""
    assert labels.describe_classes(2, named(*"0123")) == " of class 2"


def test_the_line_of_what_was_drawn_names_the_classes():
    config = named("cat", "red fox")
    assert labels.describe_classes(1, config) == " of class 1 (red fox)"
    assert labels.describe_classes(None, config) == " of the classes 0 cat, 1 red fox"
    assert labels.describe_classes(None, presets.DIGITS) == ""


def test_a_name_of_several_classes_is_refused_and_a_number_taken():
    config = named("cat", "dog", "cat")
    told = "--label=cat; 2 classes are called so, of the numbers 0, 2"
    with pytest.raises(errors.InputError, match=told):
        labels.find("cat", config)
    assert [labels.find(name, config) for name in ("dog", "2")] == [1, 2]
