"""Which rows early stopping watches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airloop.errors import TrainingError
from airloop.training.split import drawn_rows, latest_rows, row_hashes


@given(st.lists(st.integers(0, 50), min_size=2).filter(lambda times: len(set(times)) > 1), st.floats(0.01, 0.49))
def test_every_watched_row_is_later_than_every_fitted_one(times, share):
    rows = np.array(times, dtype=np.int64)
    watched = latest_rows(rows, share)
    assert watched.any()
    assert not watched.all()
    assert rows[watched].min() > rows[~watched].max()


def test_the_share_is_exact_where_times_differ():
    assert latest_rows(np.arange(100)[::-1], 0.1).nonzero()[0].tolist() == list(range(10))


def test_rows_of_one_instant_cannot_be_split():
    with pytest.raises(TrainingError, match=r"all 7 training rows have the same event time.*early_stopping: 0"):
        latest_rows(np.zeros(7, dtype=np.int64), 0.1)


@given(st.integers(2, 300), st.floats(0.01, 0.49), st.integers(0, 5))
def test_rows_without_time_are_drawn_in_exact_number_and_the_same_every_time(count, share, seed):
    hashes = row_hashes("ab" * 32, np.arange(count))
    watched = drawn_rows(hashes, share, seed)
    assert watched.sum() == min(max(count - round(count * (1 - share)), 1), count - 1)
    shuffled = np.random.default_rng(0).permutation(count)
    np.testing.assert_array_equal(drawn_rows(hashes[shuffled], share, seed), watched[shuffled])


def test_hashes_differ_by_partition_and_position_and_never_change():
    one, other = (row_hashes(name * 32, np.arange(1000)) for name in ("ab", "cd"))
    assert len({*one.tolist(), *other.tolist()}) == 2000
    assert one[:2].tolist() == [15598104093361776511, 15498979746420936803]
