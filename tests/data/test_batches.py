import numpy as np
import pytest
from hypothesis import given, strategies as st

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


def philox4x64(counter: int, key: tuple[int, int]) -> list[int]:
    """One block of Philox 4×64-10, after Salmon et al. 2011, figure and table 2."""
    words, (key0, key1) = [counter, 0, 0, 0], key
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * words[0], 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * words[2], 2**64)
        words = [high1 ^ words[1] ^ key0, low1, high0 ^ words[3] ^ key1, low0]
        key0 = (key0 + 0x9E3779B97F4A7C15) % 2**64
        key1 = (key1 + 0xBB67AE8584CAA73B) % 2**64
    return words


def test_the_order_sorts_philox_words_whatever_numpy_s_version():
    words = [word for block in (1, 2, 3) for word in philox4x64(block, (7, 5))][:10]
    expected = sorted(range(10), key=words.__getitem__)
    assert batches.epoch_order(10, 7, epoch=5).tolist() == expected


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
