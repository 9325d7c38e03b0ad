import contextlib
import dataclasses
import gc
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.data import batches
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.system import backend
from dcgan_jax.train import chunk as chunks, device_batches, feed

NUM_ROWS, BATCH, K = 100, 8, 2
SIDE = 32


class Arrays:
    """Rows in memory."""

    def __init__(self, num_rows=NUM_ROWS, side=SIDE, labelled=True):
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (num_rows, side, side, 3), np.uint8)
        self.labels = np.arange(num_rows, dtype=np.int32) % 10 if labelled else None

    def __len__(self):
        return len(self.images)

    def rows(self, indices, out=None):
        images = self.images[indices]
        if out is not None:
            out[:] = images
            images = out
        return Batch(images, None if self.labels is None else self.labels[indices])

    def will_read(self, indices):
        pass


@contextlib.contextmanager
def open_feed(rows, *, shuffle="rows", resident=False, batch_size=BATCH, k=K):
    schedule = batches.Schedule(len(rows), batch_size, 7, shuffle)
    opened = feed.Feed(rows, schedule, num_d_steps=k, resident=resident)
    with contextlib.closing(opened):
        yield opened


def take(opened, first_step, count):
    opened.ask(first_step, count)
    return opened.take()


@pytest.fixture
def rows():
    return Arrays()


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
@pytest.mark.parametrize(("first_step", "count"), [(0, 1), (3, 4), (50, 64)])
def test_a_chunk_holds_the_minibatches_of_its_steps(shuffle, first_step, count, rows):
    schedule = batches.Schedule(NUM_ROWS, BATCH, 7, shuffle)
    with open_feed(rows, shuffle=shuffle) as opened:
        chunk = take(opened, first_step, count)
    assert (chunk.first_step, chunk.num_steps) == (first_step, count)
    assert chunk.batches.images.shape == (opened.capacity, K, BATCH, SIDE, SIDE, 3)
    assert chunk.batches.labels.shape == (opened.capacity, K, BATCH)
    for step in range(count):
        for update in range(K):
            index = (first_step + step) * K + update
            expected = rows.rows(batches.batch_rows(schedule, index))
            np.testing.assert_array_equal(
                chunk.batches.images[step, update], expected.images
            )
            np.testing.assert_array_equal(
                chunk.batches.labels[step, update], expected.labels
            )


def test_a_process_gathers_the_rows_of_its_part_alone(rows, monkeypatch):
    schedule = batches.Schedule(NUM_ROWS, BATCH, 7, "rows")
    asked, gather = [], rows.rows

    def note(indices, out=None):
        asked.append(indices)
        return gather(indices, out)

    own = schedule._replace(part=3, num_parts=4)
    opened = feed.Feed(rows, own, num_d_steps=K, resident=False)
    with contextlib.closing(opened):
        monkeypatch.setattr(rows, "rows", note)
        chunk = take(opened, 5, 1)
    expected = batches.chunk_rows(schedule, 5 * K, count=K)[:, 6:]
    np.testing.assert_array_equal(np.concatenate(asked), expected.ravel())
    np.testing.assert_array_equal(chunk.batches.images[0], rows.images[expected])
    np.testing.assert_array_equal(chunk.batches.labels[0], rows.labels[expected])


def test_data_without_labels_make_chunks_without():
    with open_feed(Arrays(labelled=False)) as opened:
        assert take(opened, 0, 1).batches.labels is None


def test_a_chunk_carries_16_mib_of_images_at_most():
    with open_feed(Arrays(), batch_size=64, k=2) as opened:
        assert opened.capacity == (16 << 20) // (64 * 2 * SIDE * SIDE * 3)


def test_to_take_without_to_ask_is_an_error(rows):
    with open_feed(rows) as opened, pytest.raises(RuntimeError, match="without ask"):
        opened.take()


def test_the_time_spent_waiting_for_data_is_counted(rows, monkeypatch):
    gather = rows.rows
    with open_feed(rows) as opened:
        monkeypatch.setattr(rows, "rows", lambda *a: (time.sleep(0.2), gather(*a))[1])
        take(opened, 0, 1)
        assert 0.15 < opened.wait_seconds < 5
        opened.ask(1, 1)
        time.sleep(0.5)
        before = opened.wait_seconds
        opened.take()
        assert opened.wait_seconds - before < 0.1


def test_an_error_of_the_data_reaches_the_caller(rows, monkeypatch):
    with open_feed(rows) as opened:
        monkeypatch.setattr(rows, "rows", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take(opened, 0, 1)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_comes_back_when_the_last_view_of_it_is_gone():
    buffers = feed.Buffers(1000)
    leased = buffers.lease()
    first = address(leased)
    view = leased.reshape(10, 100)[2:5]
    del leased
    assert address(buffers.lease()) != first  # and that one comes back at once
    second = address(buffers.lease())
    held = buffers.lease()
    assert address(held) == second
    del view
    gc.collect()
    assert address(buffers.lease()) == first


def test_memory_is_aligned_for_use_in_place():
    for num_bytes in (1, 1000, 12_345_678):
        leased = feed.Buffers(num_bytes).lease()
        assert address(leased) % 64 == 0
        assert leased.shape == (num_bytes,)


def test_a_cpu_uses_the_memory_in_place():
    leased = feed.Buffers(1 << 20).lease()
    on_device = jax.device_put(leased)
    assert on_device.unsafe_buffer_pointer() == address(leased)


@jax.jit
def sum_slowly(images):
    """Add up all pixels many times, so that the computation reads them for long."""

    def add(turn, total):
        return total + jnp.sin(images.astype(jnp.float32) + turn).sum()

    return jax.lax.fori_loop(0, 100, add, jnp.zeros(()))


def test_no_chunk_is_overwritten_while_a_computation_reads_it(rows, monkeypatch):
    monkeypatch.setattr(feed, "CHUNK_BYTES", 1 << 19)
    with open_feed(rows) as opened:
        count = opened.capacity
        steps_of = [0, count, 2 * count]
        expected = [sum_slowly(take(opened, s, count).batches.images) for s in steps_of]
        jax.block_until_ready(expected)
        running, overlapped = [], False
        for first_step in steps_of:
            chunk = take(opened, first_step, count)
            running.append(sum_slowly(chunk.batches.images))
            del chunk  # the computation alone holds its memory now
            for other in range(5):  # meanwhile more chunks are read
                take(opened, 10_000 + other * count, count)
            overlapped |= not running[-1].is_ready()
        assert overlapped
        np.testing.assert_array_equal(running, expected)


def test_a_chunk_in_hand_stays_as_it_is(rows):
    with open_feed(rows) as opened:
        chunk = take(opened, 0, 3)
        before = np.array(chunk.batches.images)
        for first_step in range(3, 40, 3):
            take(opened, first_step, 3)
        np.testing.assert_array_equal(chunk.batches.images, before)


def test_memory_is_used_again(rows):
    with open_feed(rows) as opened:
        found = set()
        for first_step in range(20):
            chunk = take(opened, first_step, 1)
            found.add(chunk.batches.images.unsafe_buffer_pointer())
    assert len(found) <= 3


@pytest.mark.parametrize("labelled", [True, False])
def test_an_upload_is_the_data(labelled, monkeypatch):
    monkeypatch.setattr(device_batches, "_UPLOAD_BYTES", 30 * SIDE * SIDE * 3)
    rows = Arrays(labelled=labelled)  # in pieces of 30, 30, 30, 10
    data = device_batches.upload(rows)
    assert isinstance(data.images, jax.Array)
    np.testing.assert_array_equal(data.images, rows.images)
    if labelled:
        np.testing.assert_array_equal(data.labels, rows.labels)
    else:
        assert data.labels is None


def test_with_data_on_the_device_only_numbers_of_rows_travel(rows):
    with open_feed(rows, resident=True) as opened:
        first, second = take(opened, 0, 3), take(opened, 3, 3)
    assert first.batches.data.images is second.batches.data.images
    assert first.batches.rows.dtype == np.int32
    assert first.batches.rows.shape == (opened.capacity, K, BATCH)


def test_picked_rows_are_those_that_would_travel(rows):
    with open_feed(rows) as streamed, open_feed(rows, resident=True) as resident:
        travelled = take(streamed, 5, 4).batches
        numbered = take(resident, 5, 4).batches
    for index in range(4):
        for name in ("images", "labels"):
            np.testing.assert_array_equal(
                getattr(device_batches.take_step(numbered, jnp.int32(index)), name),
                getattr(device_batches.take_step(travelled, jnp.int32(index)), name),
            )


@pytest.mark.parametrize(
    "static_count", [False, pytest.param(True, marks=pytest.mark.long)]
)
def test_data_on_the_device_give_a_run_the_same_bits(static_count, rows, draw_state):
    config = dataclasses.replace(presets.SVHN, width_multiplier=1 / 16)
    nets = make_nets(config, num_steps=10)
    run_steps = chunks.make_steps(nets, static_count=static_count)
    ends = []
    for resident in (False, True):
        with open_feed(rows, resident=resident, k=1) as opened:
            state = draw_state(nets, image_shape=(SIDE, SIDE, 3))
            chunk = take(opened, 0, 3)
            state, metrics = run_steps(state, chunk.batches, jax.random.key(0), 3)
            ends.append((state, metrics))
    for streamed, kept in zip(*map(jax.tree.leaves, ends), strict=True):
        np.testing.assert_array_equal(streamed, kept)


class Device:
    """A device with 8 GB of memory, or one that does not tell."""

    def __init__(self, statistics):
        self._statistics = statistics

    def memory_stats(self):
        return self._statistics


@pytest.mark.parametrize(
    ("statistics", "num_bytes", "fits"),
    [
        ({"bytes_limit": 8 << 30}, 1 << 30, True),
        ({"bytes_limit": 8 << 30}, (1 << 30) + 1, False),
        (None, 1, False),
    ],
)
def test_data_lie_on_an_accelerator_up_to_an_eighth_of_its_memory(
    statistics, num_bytes, fits, monkeypatch
):
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(statistics)])
    assert device_batches.fits_device(num_bytes) == fits


def test_a_cpu_keeps_no_second_copy_of_the_data():
    assert not device_batches.fits_device(1)


@pytest.mark.parametrize(
    ("most", "ends", "expected"),
    [
        (64, [], 64),
        (64, [11_700], 60),
        (64, [50, 500, 500, 11_700], 50),
        (64, [20, 200, 400, 1680], 40 // 2),
        (64, [50, 500, 11_701], 50),  # one chunk, the last, is shorter
        (64, [11_701], 64),
        (64, [7, 10, 1000], 64),  # nothing but tiny chunks would fit
        (2, [1000], 2),
        (5, [1001], 5),
    ],
)
def test_full_chunks_divide_the_intervals_and_the_run_where_they_can(
    most, ends, expected
):
    assert feed.choose_capacity(most, ends) == expected
