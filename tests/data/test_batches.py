import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan_jax import errors
from dcgan_jax.data import batches

sizes = st.integers(1, 60)


@given(num_rows=sizes, seed=st.integers(-5, 2**65), epoch=st.integers(0, 1000))
def test_an_epoch_s_order_is_a_permutation(num_rows, seed, epoch):
    order = batches.epoch_order(num_rows, seed, epoch=epoch)
    assert sorted(order) == list(range(num_rows))


def test_orders_differ_between_epochs_and_between_seeds():
    orders = {
        tuple(batches.epoch_order(50, seed, epoch=epoch))
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16


def test_every_place_is_as_likely_for_every_row():
    firsts = [batches.epoch_order(4, 0, epoch=epoch)[0] for epoch in range(4000)]
    # 1000 each, standard deviation 27: five of them either way.
    np.testing.assert_allclose(np.bincount(firsts), 1000, atol=137)


def test_the_order_is_the_same_in_every_version():
    # Philox 4×64-10 with key (3, 1), computed apart with Random123's reference code,
    # gives raw words in this order of size; a change would break every resumed run.
    words = np.random.Philox(key=np.array([3, 1], np.uint64)).random_raw(6)
    order = sorted(range(6), key=lambda row: int(words[row]))
    assert batches.epoch_order(6, 3, epoch=1).tolist() == order


@given(num_rows=sizes, batch_size=sizes, seed=st.integers(0, 99))
def test_an_epoch_shows_each_row_once_but_the_dropped(num_rows, batch_size, seed):
    if batch_size > num_rows:
        return
    count = batches.batches_per_epoch(num_rows, batch_size)
    for epoch in range(2):
        rows = np.concatenate(
            [
                batches.batch_rows(num_rows, batch_size, seed=seed, index=index)
                for index in range(epoch * count, (epoch + 1) * count)
            ]
        )
        assert len(set(rows)) == len(rows) == count * batch_size
        assert num_rows - len(rows) < batch_size


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_a_batch_that_the_data_cannot_fill_is_an_error(batch_size):
    with pytest.raises(errors.InputError, match=f"batch_size.*{batch_size}"):
        batches.batches_per_epoch(10, batch_size)


class Squares:
    """Ten rows of one pixel each, labelled with their squares."""

    def __len__(self):
        return 10

    def rows(self, indices):
        images = indices.astype(np.uint8).reshape(-1, 1, 1, 1)
        return batches.Batch(images, (indices**2).astype(np.int32))


def test_a_chunk_holds_the_minibatches_one_by_one_across_epochs():
    chunk = batches.read_chunk(Squares(), 2, count=5, batch_size=4, seed=7)
    assert chunk.images.shape == (5, 4, 1, 1, 1)
    for position, index in enumerate(range(2, 7)):
        rows = batches.batch_rows(10, 4, seed=7, index=index)
        np.testing.assert_array_equal(chunk.images[position].ravel(), rows)
        np.testing.assert_array_equal(chunk.labels[position], rows**2)
