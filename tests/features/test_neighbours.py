import numpy as np
import pytest

from dcgan_jax.data.batches import Batch
from dcgan_jax.features import neighbours
from dcgan_jax.system import errors


def on_a_line(*places_and_labels):
    """Images of one pixel."""
    places, labels = zip(*places_and_labels, strict=True)
    images = np.array(places, np.uint8).reshape(-1, 1, 1, 1)
    return Batch(images, np.array(labels, np.int32))


# Around 30 lies class 0 with one intruder of class 1; around 200 class 1.
TRAIN = on_a_line((20, 0), (24, 0), (30, 1), (36, 0), (40, 0), (200, 1), (203, 1))


def test_k_is_the_one_with_the_least_validation_error():
    # k = 1: the intruder wins 29 and 31, 40 wins 117; 3: 40 and 36 win 117 against 200;
    # 7: class 0 always has 4 of 7 votes.
    valid = on_a_line((29, 0), (31, 0), (117, 1), (201, 1))
    test = on_a_line((28, 0), (28, 1), (202, 1), (204, 1))
    found = neighbours.classify(TRAIN, valid, test, choices=(7, 3, 1, 5))
    assert found.valid_errors == {1: 3 / 4, 3: 1 / 4, 5: 0.0, 7: 2 / 4}
    assert found.num_neighbours == 5
    assert found.test_error == 1 / 4


def test_of_equally_good_k_the_smallest_is_taken():
    rows = on_a_line((8, 0), (201, 1))
    assert neighbours.classify(TRAIN, rows, rows).num_neighbours == 1


def test_k_above_the_number_of_training_rows_is_left_out():
    rows = on_a_line((8, 0))
    found = neighbours.classify(TRAIN, rows, rows)
    assert list(found.valid_errors) == [1, 3, 5, 7]


def test_errors_are_those_of_counting_votes_by_hand(monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK_ROWS", 7)
    rng = np.random.default_rng(0)
    train, valid, test = (
        Batch(
            rng.integers(0, 256, (count, 3, 4, 2), np.uint8),
            rng.integers(0, 3, count).astype(np.int32),
        )
        for count in (40, 30, 25)
    )

    def error(rows, k):
        wrong = 0
        for image, label in zip(rows.images, rows.labels, strict=True):
            differences = train.images.astype(float) - image.astype(float)
            distances = (differences**2).sum((1, 2, 3))
            votes = np.bincount(train.labels[np.argsort(distances)[:k]], minlength=3)
            wrong += votes.argmax() != label
        return wrong / len(rows.images)

    found = neighbours.classify(train, valid, test, choices=(1, 3, 5))
    assert found.valid_errors == {k: error(valid, k) for k in (1, 3, 5)}
    assert found.test_error == error(test, found.num_neighbours)


def test_rows_without_labels_are_refused():
    without = Batch(TRAIN.images, None)
    with pytest.raises(errors.InputError, match="the validation rows have no labels"):
        neighbours.classify(TRAIN, without, TRAIN)


def test_too_few_training_rows_for_any_k_are_refused():
    with pytest.raises(errors.InputError, match=r"no k of \[9\] lies within 1 … 7"):
        neighbours.classify(TRAIN, TRAIN, TRAIN, choices=(9,))
