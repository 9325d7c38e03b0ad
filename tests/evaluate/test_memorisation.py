"""Copies of training images are found, and shown beside their originals."""

import numpy as np
import pytest

from dcgan_jax.data.batches import Batch
from dcgan_jax.evaluate.metrics import memorisation
from dcgan_jax.pictures import grid


class Rows:
    def __init__(self, count):
        rng = np.random.default_rng(0)
        self._images = rng.integers(0, 256, (count, 8, 8, 1), np.uint8)

    def __len__(self):
        return len(self._images)

    def rows(self, indices):
        return Batch(self._images[indices], None)

    def will_read(self, indices):
        pass


NUM_ROWS = 1500


@pytest.fixture(scope="module")
def train():
    return Rows(NUM_ROWS + 50)


def measure(samples, train, tmp_path):
    return memorisation.find_copies(
        samples, train, num_rows=NUM_ROWS, picture=tmp_path / "p.png"
    )


def test_copies_are_at_no_distance_while_others_are(train, tmp_path):
    copies = train.rows(np.arange(1490, 1500)).images
    outcome = measure(copies, train, tmp_path)
    assert outcome.samples == outcome.closest == 0
    assert outcome.unseen > 30


def test_new_images_are_as_far_as_held_out_ones(train, tmp_path):
    new = np.random.default_rng(2).integers(0, 256, (50, 8, 8, 1), np.uint8)
    outcome = measure(new, train, tmp_path)
    assert outcome.samples == pytest.approx(outcome.unseen, rel=0.1)


def test_copies_of_held_out_images_are_none(train, tmp_path):
    outcome = measure(train.rows(np.arange(1500, 1550)).images, train, tmp_path)
    assert outcome.samples == outcome.unseen > 30


def test_without_held_out_images_there_is_nothing_to_compare_with(train, tmp_path):
    outcome = memorisation.find_copies(
        train.rows(np.arange(3)).images,
        train,
        num_rows=len(train),
        picture=tmp_path / "p.png",
    )
    assert outcome.unseen is None


def test_a_difference_of_one_grey_level_is_a_distance_of_one(train, tmp_path):
    images = train.rows(np.arange(5)).images
    near = np.where(images < 255, images + 1, images - 1).astype(np.uint8)
    assert measure(near, train, tmp_path).closest == 1.0


def test_the_picture_shows_a_sample_left_and_its_neighbour_right(train, tmp_path):
    copies = train.rows(np.arange(10)).images
    measure(copies, train, tmp_path)
    pixels = grid.read_picture(tmp_path / "p.png")[..., 0]
    np.testing.assert_array_equal(pixels[:8, :8], copies[0, ..., 0])
    np.testing.assert_array_equal(pixels[:8, 8:16], copies[0, ..., 0])
