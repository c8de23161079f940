"""Bounds and order: pure functions and their laws."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet._rows import Rows
from seedfleet.fleet.engines.base import Gpu, Node
from seedfleet.fleet.placement import FreeSlots, Requirement, cluster_lower_bound, lower_bound

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


PLAIN = Requirement(None, None, None, None, None)
SMALL = Node("small", "cuda", (Gpu(0, memory_gib=8.0), Gpu(1, memory_gib=8.0)), 1)
LARGE = Node("large", "cuda", tuple(Gpu(i, memory_gib=24.0) for i in range(3)), 1, max_jobs=2)
BARE = Node("bare", "cpu", (), 2)
REQUIREMENTS = st.builds(
    Requirement,
    node=st.sampled_from([None, None, "small", "large", "bare"]),
    gpu_id=st.none(),
    gpus=st.sampled_from([None, 0, 1, 2]),
    platform=st.sampled_from([None, "cuda", "cpu"]),
    gpu_memory_gib=st.sampled_from([None, None, 16.0]),
)


def greedy(work: list[tuple[Requirement, float]], nodes: tuple[Node, ...]) -> float:
    """Start each job as soon as there is room, longest first; return the makespan."""
    free, now, running = FreeSlots.all_of(nodes), 0.0, []
    waiting = sorted(work, key=lambda each: -each[1])
    while waiting or running:
        for each in list(waiting):
            place = free.find(each[0])
            if place is not None:
                waiting.remove(each)
                free = free.take(place)
                heapq.heappush(running, (now + each[1], len(waiting), place))
        now, _, place = heapq.heappop(running)
        free = free.give_back(place)
    assert free == FreeSlots.all_of(nodes), "what was taken has been given back"
    return now


@given(st.lists(st.tuples(REQUIREMENTS, st.integers(0, 9).map(float)), max_size=9))
def test_no_schedule_on_unequal_nodes_beats_the_bound(
    wishes: list[tuple[Requirement, float]],
) -> None:
    nodes = (SMALL, LARGE, BARE)
    work = [each for each in wishes if any(map(each[0].fits, nodes))]
    assert cluster_lower_bound(work, nodes) <= greedy(work, nodes) + 1e-9


def test_the_bound_knows_pins_limits_and_several_gpus() -> None:
    nodes = (SMALL, LARGE, BARE)
    on_small = Requirement("small", None, None, None, None)
    assert cluster_lower_bound([], nodes) == 0
    assert cluster_lower_bound([(PLAIN, 6.0)] * 6, nodes) == 6, "2 + 2 + 2 at once"
    assert cluster_lower_bound([(on_small, 6.0)] * 6, nodes) == 18, "its own two slots"
    assert cluster_lower_bound([(Requirement("large", 1, None, None, None), 6.0)] * 3, nodes) == 18
    both = Requirement("small", None, 2, None, None)
    assert cluster_lower_bound([(both, 4.0), (on_small, 2.0)], nodes) == 5
    large = Requirement(None, None, None, None, 16.0)
    assert cluster_lower_bound([(large, 4.0)] * 3, nodes) == 8, "three GPUs, two jobs at once"


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
