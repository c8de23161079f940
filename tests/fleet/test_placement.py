"""Bounds, order, GPU masks and probes: pure functions and their laws."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet._rows import Rows
from seedfleet.fleet.engines.base import Allocation, Gpu, Node
from seedfleet.fleet.gpus import parse_nvidia_smi, probe_gpus, read_kfd_topology
from seedfleet.fleet.masks import MASK_VARIABLES, gpu_mask
from seedfleet.fleet.placement import FreeSlots, Requirement, cluster_lower_bound, lower_bound

if TYPE_CHECKING:
    from pathlib import Path

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
    free, now = FreeSlots.all_of(nodes), 0.0
    running: list[tuple[float, int, Allocation]] = []
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


def node(platform: str, *uuids: str | None) -> Node:
    return Node("n", platform, tuple(Gpu(i, uuid) for i, uuid in enumerate(uuids)), 2)


def visible_on_rocm(variables: dict[str, str], count: int) -> list[int]:
    """Apply the two filters as ROCm does: the second picks among what the first left."""
    devices = list(range(count))
    for name in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        if name in variables:
            picked = [int(part) for part in variables[name].split(",")]
            devices = [devices[i] for i in picked if 0 <= i < len(devices)]
    return devices


@given(st.integers(1, 8), st.data())
def test_on_rocm_exactly_the_given_cards_are_visible(count: int, data: st.DataObject) -> None:
    given_ids = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    mask = gpu_mask(node("rocm", *[None] * count), sorted(given_ids))
    assert visible_on_rocm(dict(mask.set), count) == sorted(given_ids)
    assert set(mask.set) | set(mask.unset) == set(MASK_VARIABLES), "nothing inherited gets through"


def test_cuda_masks_use_the_bus_order_and_uuids_where_all_are_known() -> None:
    known = gpu_mask(node("cuda", "GPU-a", "GPU-b", "GPU-c"), (0, 2))
    assert known.set == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-c",
    }
    assert set(known.unset) == {
        "GPU_DEVICE_ORDINAL",
        "HIP_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
    }
    mixed = gpu_mask(node("cuda", "GPU-a", None), (0, 1))
    assert mixed.set["CUDA_VISIBLE_DEVICES"] == "0,1"


@pytest.mark.parametrize("platform", ["cuda", "rocm"])
def test_a_job_without_gpus_sees_none(platform: str) -> None:
    mask = gpu_mask(node(platform, "GPU-a"), ())
    assert {mask.set[name] for name in mask.set if name.endswith("VISIBLE_DEVICES")} == {"-1"}


def test_without_gpus_nothing_is_masked() -> None:
    mask = gpu_mask(node("cpu"), ())
    assert not mask.set
    assert not mask.unset


def test_nvidia_smi_lines_are_read_and_complaints_skipped() -> None:
    text = (
        "Warning: something\n"
        "1, GPU-bb, 00000000:65:00.0, 81559\n"
        "0, GPU-aa, 00000000:17:00.0, [N/A]\n"
    )
    assert parse_nvidia_smi(text) == (
        Gpu(0, "GPU-aa", "00000000:17:00.0", None),
        Gpu(1, "GPU-bb", "00000000:65:00.0", 81559 / 1024),
    )
    assert parse_nvidia_smi("No devices were found\n") == ()


def test_amd_cards_are_read_from_the_kernel(tmp_path: Path) -> None:
    def entry(number: int, text: str) -> None:
        (tmp_path / str(number) / "mem_banks/0").mkdir(parents=True)
        (tmp_path / str(number) / "properties").write_text(text)
        (tmp_path / str(number) / "mem_banks/0/properties").write_text(
            f"heap_type 1\nsize_in_bytes {16 * 2**30}\n"
        )

    entry(0, "cpu_cores_count 16\nsimd_count 0\n")
    entry(2, "simd_count 240\nlocation_id 768\ndomain 0\nunique_id 0\n")
    entry(10, "simd_count 240\nlocation_id 1792\ndomain 0\nunique_id 1311768467463790320\n")
    assert read_kfd_topology(tmp_path) == (
        Gpu(0, None, "0000:03:00.0", 16.0),
        Gpu(1, "GPU-123456789abcdef0", "0000:07:00.0", 16.0),
    )
    assert read_kfd_topology(tmp_path / "none") == ()


def test_a_driver_that_answers_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "0, GPU-aa, 00000000:17:00.0, 24576"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert probe_gpus() == ("cuda", (Gpu(0, "GPU-aa", "00000000:17:00.0", 24.0),))
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert probe_gpus(kfd=tmp_path) == ("cpu", ())
