"""Copies of training images are found, and shown beside their originals."""

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.data.batches import Batch
from dcgan_jax.evaluation import memorisation


class Rows:
    def __init__(self, seed, count):
        rng = np.random.default_rng(seed)
        self._images = rng.integers(0, 256, (count, 8, 8, 1), np.uint8)

    def __len__(self):
        return len(self._images)

    def rows(self, indices):
        return Batch(self._images[indices], None)

    def will_read(self, indices):
        pass


@pytest.fixture(scope="module")
def train():
    return Rows(0, 1500)


def measure(samples, train, tmp_path):
    return memorisation.measure(
        samples, train, Rows(1, 50), num_rows=len(train), picture=tmp_path / "p.png"
    )


def test_copies_are_at_no_distance_while_others_are(train, tmp_path):
    copies = train.rows(np.arange(1490, 1500)).images
    outcome = measure(copies, train, tmp_path)
    assert outcome.samples == outcome.closest == 0
    assert outcome.test > 30


def test_new_images_are_as_far_as_test_images(train, tmp_path):
    new = Rows(2, 50).rows(np.arange(50)).images
    outcome = measure(new, train, tmp_path)
    assert outcome.samples == pytest.approx(outcome.test, rel=0.1)


def test_a_difference_of_one_grey_level_is_a_distance_of_one(train, tmp_path):
    images = train.rows(np.arange(5)).images
    near = np.where(images < 255, images + 1, images - 1).astype(np.uint8)
    assert measure(near, train, tmp_path).closest == 1.0


def test_the_picture_shows_a_sample_left_and_its_neighbour_right(train, tmp_path):
    copies = train.rows(np.arange(10)).images
    measure(copies, train, tmp_path)
    with Image.open(tmp_path / "p.png") as picture:
        pixels = np.asarray(picture)
    np.testing.assert_array_equal(pixels[:8, :8], copies[0, ..., 0])
    np.testing.assert_array_equal(pixels[:8, 8:16], copies[0, ..., 0])
