"""Three digits in the colour channels."""

import dataclasses

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.config import data_config
from dcgan_jax.prepare import sources
from dcgan_jax.prepare.sources import stacked
from dcgan_jax.prepare.sources.digits import DigitsSource
from dcgan_jax.prepare.sources.stacked import StackedSource
from dcgan_jax.system import errors

CONFIG = data_config(presets.STACKED_DIGITS)


@pytest.fixture(scope="module")
def digits():
    return DigitsSource("train")


def test_each_channel_is_a_digit_of_the_label(digits):
    source = StackedSource(digits, range(100), 20)
    by_label = {}
    for index in range(100):
        _, pixels, label = digits[index]
        by_label.setdefault(label, []).append(pixels)
    for index in range(20):
        _, pixels, label = source[index]
        assert pixels.shape == (8, 8, 3)
        for channel, digit in enumerate(f"{label:03}"):
            own = pixels[..., channel]
            assert any((own == each).all() for each in by_label[int(digit)])
    assert source.class_names[307] == "307"


def test_the_same_digits_give_the_same_stacks(digits):
    one, other = (StackedSource(digits, range(100), 20) for _ in range(2))
    for index in range(20):
        np.testing.assert_array_equal(one[index].content, other[index].content)


def test_the_parts_of_scikit_learns_digits_have_no_digit_in_common():
    train, test = (
        sources.open_source(dataclasses.replace(CONFIG, split=split), None)
        for split in ("train", "test")
    )
    assert (len(train), len(test)) == (stacked.NUM_TRAINING, stacked.NUM_OTHERS)
    assert not set(train._rows.ravel()) & set(test._rows.ravel())


def test_every_mode_is_among_as_many_stacks_as_there_are():
    source = sources.open_source(CONFIG, None)
    labels = np.array([source._digits[i].label for i in range(len(source._digits))])
    found = labels[source._rows] @ [100, 10, 1]
    assert len(np.unique(found)) == 1000


def test_the_digits_of_a_file_are_stacked_too(tmp_path):
    images = np.arange(20, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=images, y_train=np.arange(20) % 10)
    config = dataclasses.replace(
        data_config(presets.STACKED_MNIST), source=path, data_dir=tmp_path
    )
    source = sources.open_source(config, tmp_path / "work")
    _, pixels, label = source[0]
    assert [int(f"{label:03}"[i]) for i in range(3)] == list(pixels[0, 0] % 10)
    assert sources.fingerprint_source(config) == source.fingerprint


def test_images_without_ten_classes_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((4, 28, 28), np.uint8))
    config = dataclasses.replace(
        data_config(presets.STACKED_MNIST), source=tmp_path / "x.npz"
    )
    with pytest.raises(errors.InputError, match="labels of ten classes"):
        sources.open_source(config, tmp_path / "work")


def test_another_split_is_refused():
    with pytest.raises(errors.InputError, match="expected train or test"):
        sources.open_source(dataclasses.replace(CONFIG, split="valid"), None)
