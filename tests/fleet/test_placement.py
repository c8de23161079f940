"""Bounds and order: pure functions and their laws."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet._rows import Rows
from seedfleet.fleet.placement import lower_bound

DURATIONS = st.lists(st.integers(0, 50).map(float), max_size=12)


def list_schedule(durations: list[float], slots: int) -> float:
    """Give each job, longest first, to the slot that is free earliest."""
    free = [0.0] * slots
    for duration in sorted(durations, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + duration)
    return max(free)


@given(DURATIONS, st.integers(1, 5))
def test_no_schedule_beats_the_bound_and_longest_first_is_near(
    durations: list[float], slots: int
) -> None:
    bound = lower_bound(durations, slots)
    made = list_schedule(durations, slots)
    assert bound <= made + 1e-9
    assert made <= (4 / 3) * bound + 1e-9, "Graham 1969: within 4/3 of the best, so of the bound"


def test_the_bound_counts_what_must_share_a_slot() -> None:
    assert lower_bound([], 3) == 0
    assert lower_bound([10, 1, 1], 3) == 10
    assert lower_bound([4, 4, 4], 2) == 8, "two of three jobs share a slot"
    assert lower_bound([3.0] * 7, 3) == 9, "seven jobs on three slots: three share one"


@given(st.integers(1, 1000), st.data())
def test_rows_behave_like_a_list(length: int, data: st.DataObject) -> None:
    rows, plain = Rows.filled(0, length), [0] * length
    for _ in range(5):
        index = data.draw(st.integers(0, length - 1))
        changed = rows.put(index, index + 1)
        assert list(rows) == plain, "the old one is as it was"
        rows, plain[index] = changed, index + 1
    assert list(rows) == plain
    assert len(rows) == length
    assert rows[length - 1] == plain[-1]
