import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dcgan_jax import presets
from dcgan_jax.data import batches
from dcgan_jax.system import errors

sizes = st.integers(1, 60)
shuffles = st.sampled_from(["rows", "blocks"])


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


def test_a_block_order_sorts_philox_words_too():
    num_rows = 600  # two blocks, and 88 rows that fill none
    words = [word for block in range(1, 152) for word in philox4x64(block, (7, 5))]
    first, blocks, rows = words[0] % num_rows, words[1:3], words[3 : 3 + num_rows]
    laid = [
        row
        for block in sorted(range(2), key=blocks.__getitem__)
        for row in range(block * 256, (block + 1) * 256)
    ] + list(range(512, 600))
    shuffled = [laid[place] for place in sorted(range(num_rows), key=rows.__getitem__)]
    expected = [(row + first) % num_rows for row in shuffled]
    assert batches.block_order(num_rows, 7, epoch=5).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(
    num_rows=st.integers(1, 70_000),
    seed=st.integers(-5, 2**65),
    epoch=st.integers(0, 1000),
)
def test_a_block_order_is_a_permutation(num_rows, seed, epoch):
    order = batches.block_order(num_rows, seed, epoch=epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(num_rows))


def count_stretches(rows):
    """Count the runs of consecutive numbers that rows are made of."""
    return 1 + np.count_nonzero(np.diff(np.sort(rows)) > 1)


def test_a_pool_is_made_of_64_blocks_of_256_rows():
    schedule = batches.Schedule(100_000, 128, 3, "blocks")
    for window in range(12):  # two epochs of six whole pools, each with a rest
        rows = batches.window_rows(schedule, window + window // 6)
        assert len(rows) == 64 * 256
        # One more where a block reaches over the end of the store to its beginning.
        assert count_stretches(rows) <= 65


def test_rows_within_a_pool_are_shuffled_one_by_one():
    order = batches.block_order(100_000, 3, epoch=0)
    assert np.count_nonzero(np.diff(order) == 1) < 50  # neighbours by chance: 6
    # A minibatch of 128 comes from nearly all of its pool's 64 blocks.
    assert count_stretches(order[:128] // 256) > 40


def test_blocks_differ_between_epochs_and_between_seeds():
    orders = {
        tuple(batches.block_order(1000, seed, epoch=epoch))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_blocks_begin_elsewhere_in_every_epoch_so_no_row_is_always_last():
    num_rows = 64 * 256 + 1  # a pool, and a row that fills no block
    lasts = {batches.block_order(num_rows, 0, epoch=epoch)[-1] for epoch in range(20)}
    assert len(lasts) > 15


@given(num_bytes=st.integers(0, 1 << 50))
def test_auto_shuffles_blocks_where_the_data_are_large(num_bytes):
    chosen = batches.choose_shuffle("auto", num_bytes)
    assert chosen == ("blocks" if num_bytes > 8 * 2**30 else "rows")
    assert batches.choose_shuffle("rows", num_bytes) == "rows"
    assert batches.choose_shuffle("blocks", num_bytes) == "blocks"


@given(num_rows=sizes, batch_size=sizes, seed=st.integers(0, 99), shuffle=shuffles)
def test_an_epoch_shows_each_row_once_but_the_dropped(
    num_rows, batch_size, seed, shuffle
):
    if batch_size > num_rows:
        return
    schedule = batches.Schedule(num_rows, batch_size, seed, shuffle)
    count = batches.batches_per_epoch(num_rows, batch_size)
    for epoch in range(2):
        rows = batches.chunk_rows(schedule, epoch * count, count=count)
        assert rows.shape == (count, batch_size)
        assert len(np.unique(rows)) == count * batch_size
        assert num_rows - rows.size < batch_size


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_a_batch_that_the_data_cannot_fill_is_an_error(batch_size):
    with pytest.raises(errors.InputError, match=f"batch_size.*{batch_size}"):
        batches.batches_per_epoch(10, batch_size)


@given(start=st.integers(0, 50), count=st.integers(1, 20), shuffle=shuffles)
def test_a_chunk_holds_the_minibatches_one_by_one_across_epochs(start, count, shuffle):
    schedule = batches.Schedule(1000, 100, 7, shuffle)
    chunk = batches.chunk_rows(schedule, start, count=count)
    for position, index in enumerate(range(start, start + count)):
        rows = batches.batch_rows(schedule, index)
        np.testing.assert_array_equal(chunk[position], rows)


@settings(max_examples=30, deadline=None)
@given(
    num_rows=st.integers(128, 40_000),
    index=st.integers(0, 2000),
    shuffle=shuffles,
)
def test_a_minibatch_lies_in_its_window_and_the_one_before(num_rows, index, shuffle):
    schedule = batches.Schedule(num_rows, 128, 0, shuffle)
    last = batches.window_of(schedule, index)
    windows = [
        batches.window_rows(schedule, w) for w in range(max(0, last - 1), last + 1)
    ]
    assert np.isin(batches.batch_rows(schedule, index), np.concatenate(windows)).all()


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_an_epoch_s_windows_hold_every_row_once(shuffle):
    schedule = batches.Schedule(40_000, 128, 0, shuffle)
    rows = np.concatenate([batches.window_rows(schedule, w) for w in range(3, 6)])
    np.testing.assert_array_equal(np.sort(rows), np.arange(40_000))


def test_rows_that_are_held_out_are_the_last():
    assert batches.count_training_rows(60_000, 10_000) == 50_000


@pytest.mark.parametrize("held_out", [5, 6])
def test_holding_everything_out_is_refused(held_out):
    with pytest.raises(errors.InputError, match=rf"--held_out={held_out} .* 5 images"):
        batches.count_training_rows(5, held_out)


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
@pytest.mark.parametrize("index", [0, 5000])
def test_the_parts_of_a_minibatch_are_the_minibatch(shuffle, index):
    whole = batches.Schedule(50_000, 12, 7, shuffle)
    parts = [whole._replace(part=part, num_parts=3) for part in range(3)]
    rows = [batches.batch_rows(part, index) for part in parts]
    assert [len(own) for own in rows] == [4, 4, 4]
    np.testing.assert_array_equal(
        np.concatenate(rows), batches.batch_rows(whole, index)
    )


def test_what_a_process_reads_ahead_is_its_part_alone():
    own = batches.Schedule(50_000, 12, 7, "blocks", part=1, num_parts=3)
    windows = [batches.window_rows(own, window) for window in range(4)]
    used = batches.chunk_rows(own, 0, count=50_000 // 12).ravel()
    np.testing.assert_array_equal(np.concatenate(windows)[: len(used)], used)
    assert sum(map(len, windows)) <= len(used) + 4  # of the partial minibatch


@pytest.mark.parametrize(
    ("dataset", "num_rows", "num_devices", "expected"),
    [
        ("folder", 120, 1, 120),
        ("arrays", 120, 8, 120),
        ("arrays", 123, 8, 120),
        ("folder", 128, 1, 128),
        ("folder", 5000, 1, 128),
        ("folder", 2, 1, 2),
        ("mnist", 120, 1, 128),
    ],
)
def test_minibatches_of_a_users_own_images_shrink_to_what_there_is(
    dataset, num_rows, num_devices, expected
):
    config = dataclasses.replace(presets.DIGITS, dataset=dataset, batch_size=128)
    found = batches.settle_batch_size(config, num_rows, num_devices=num_devices)
    assert found == dataclasses.replace(config, batch_size=expected)


def test_a_single_image_is_told_in_a_true_sentence():
    config = dataclasses.replace(presets.DIGITS, dataset="folder")
    with pytest.raises(errors.InputError, match="there is 1 image to train on, and a"):
        batches.settle_batch_size(config, 1, num_devices=1)
