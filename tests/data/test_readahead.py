import contextlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dcgan_jax.data import batches, readahead

SCHEDULE = batches.Schedule(40_000, 128, 0, "blocks")  # 312 minibatches, 3 windows


class Asked:
    """Remembers the rows that it is asked to have ready."""

    def __init__(self):
        self.calls = []

    def __len__(self):
        return SCHEDULE.num_rows

    def rows(self, indices, out=None):
        raise AssertionError("reading ahead gathers nothing")

    def will_read(self, indices):
        self.calls.append(indices)


@settings(max_examples=30, deadline=None)
@given(start=st.integers(0, 700), counts=st.lists(st.integers(1, 60), max_size=10))
def test_rows_are_asked_for_once_and_before_they_are_gathered(start, counts):
    asked = Asked()
    with contextlib.closing(readahead.ReadAhead(asked, SCHEDULE)) as ahead:
        for count in counts:
            ahead.prepare(start, count=count)
            first = batches.window_of(SCHEDULE, start)
            known = np.concatenate(asked.calls)
            for index in range(start, start + count):
                # The first window of all is that in which the first minibatch ends.
                if batches.window_of(SCHEDULE, index) > first:
                    rows = batches.batch_rows(SCHEDULE, index)
                    assert np.isin(rows, known).all()
            start += count
    windows = {tuple(call[:10]) for call in asked.calls}
    assert len(windows) == len(asked.calls)


def test_the_next_window_is_asked_for_meanwhile():
    asked = Asked()
    ahead = readahead.ReadAhead(asked, SCHEDULE)
    ahead.prepare(0, count=1)
    ahead._thread.shutdown(wait=True)
    assert len(asked.calls) == 2
    np.testing.assert_array_equal(asked.calls[1], batches.window_rows(SCHEDULE, 1))


def test_an_error_of_reading_ahead_reaches_the_caller():
    class Fails(Asked):
        def will_read(self, indices):
            raise OSError("no such disk")

    with (
        contextlib.closing(readahead.ReadAhead(Fails(), SCHEDULE)) as ahead,
        pytest.raises(OSError, match="no such disk"),
    ):
        ahead.prepare(0, count=1)
