"""Nodes whose GPUs another scheduler hands out: what they offer, and which cards a job then has."""

from __future__ import annotations

import asyncio
import importlib
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from seedfleet.fleet.engines.base import Gpu, Node
from seedfleet.fleet.masks import gpu_mask
from seedfleet.fleet.node_offer import cards_named, cards_of, lent_places
from seedfleet.fleet.placement import FreeSlots, Requirement
from seedfleet.fleet.testing.ray import missing_for_ray

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

A, B = Gpu(0, "GPU-a", "0000:01:00.0", 80.0), Gpu(1, "GPU-b", "0000:02:00.0", 24.0)
NODE = Node("n", "cuda", (A, B), 4, max_jobs=6)


def wish(**wishes: Any) -> Requirement:
    return replace(Requirement(None, None, None, None, None), **wishes)


def test_places_are_as_many_as_are_lent_and_as_small_as_the_smallest_card() -> None:
    lent = lent_places(NODE, 3)
    assert lent.gpus == (Gpu(0, memory_gib=24.0), Gpu(1, memory_gib=24.0), Gpu(2, memory_gib=24.0))
    assert (lent.max_jobs, lent.platform, lent.lent) == (7, "cuda", True)
    assert not wish(gpu_memory_gib=40.0).fits(lent)
    assert wish(gpu_memory_gib=24.0, gpus=2, platform="cuda", node="n").fits(lent)


def test_a_card_of_unknown_size_promises_no_memory() -> None:
    unknown = Node("n", "cuda", (A, Gpu(1)), 4)
    assert not wish(gpu_memory_gib=1.0).fits(lent_places(unknown, 2))


def test_without_gpus_it_is_a_node_of_cores() -> None:
    lent = lent_places(NODE, 0)
    assert (lent.platform, lent.gpus, lent.max_jobs) == ("cpu", (), 4)
    assert FreeSlots.all_of((lent,)).find(wish()) is not None


@pytest.mark.parametrize("contact", [True, False])
def test_no_job_can_pin_a_card(*, contact: bool) -> None:
    lent = Node("n", "cuda", (Gpu(0), Gpu(1)), 4, lent=True, contact=contact)
    assert not wish(gpu_id=1).may_fit(lent)
    assert wish(node="n").may_fit(lent)
    assert "gpu_id" in wish(gpu_id=1).unmet([lent])


def test_cards_are_known_by_index_and_by_uuid() -> None:
    assert cards_named(["1", "GPU-a"], (A, B)) == ((A, B), (0, 1))
    assert cards_named([], (A, B)) == ((A, B), ())


def test_cards_that_no_probe_has_found_are_masked_as_they_are_named() -> None:
    cards, indices = cards_named(["5"], ())
    assert (cards, indices) == ((Gpu(5),), (5,))
    cards, indices = cards_named(["MIG-x"], (A, B))
    assert indices == (2,)
    machine = Node("n", "cuda", cards, 4)
    assert gpu_mask(machine, indices).set["CUDA_VISIBLE_DEVICES"] == "MIG-x"


def test_what_was_found_counts_before_what_is_offered() -> None:
    card = {"index": 0, "uuid": "GPU-a", "pci_address": "0000:01:00.0", "memory_gib": 80.0}
    found = {"platform": "cuda", "gpus": [card]}
    assert cards_of(NODE, found) == (A,)
    assert cards_of(NODE, {"platform": "cpu", "gpus": []}) == NODE.gpus


def test_a_script_gets_nothing_that_ray_has_put_into_its_worker(
    need: Callable[[str, list[str]], None],
) -> None:
    need("Ray", missing_for_ray())
    keeper = importlib.import_module("seedfleet.fleet.engines.ray.keeper")
    raylet = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "2,3", "RAY_X": "1", "LD_PRELOAD": "jemalloc"}
    worker = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "", "RAY_X": "1", "OMP_NUM_THREADS": "1"}
    assert keeper.own_environment(worker, raylet) == {"PATH": "/bin"}
    assert keeper.own_environment({"A": "b", "RAY_X": "1"}, {}) == {"A": "b"}


def test_a_keeper_without_a_door_says_so_every_time(
    need: Callable[[str, list[str]], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else what is held next would be held by nobody, and its head would wait for ever."""
    need("Ray", missing_for_ray())
    keeper = importlib.import_module("seedfleet.fleet.engines.ray.keeper")
    folder = tmp_path / ("x" * 100)  # too long for a socket's name
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    async def ask() -> None:
        alone = keeper.Keeper("node")
        for _ in range(2):
            with pytest.raises(OSError, match="too long"):
                await alone.dial(["-c", ""])

    asyncio.run(ask())


def test_a_keeper_that_is_asked_twice_at_once_opens_one_door(
    need: Callable[[str, list[str]], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need("Ray", missing_for_ray())
    keeper = importlib.import_module("seedfleet.fleet.engines.ray.keeper")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    doors: list[Path] = []

    async def open_door(_: object, door: Path) -> None:
        await asyncio.sleep(0)
        doors.append(door)

    async def ask() -> None:
        alone = keeper.Keeper("node")
        numbers = await asyncio.gather(alone.dial(["-c", ""]), alone.dial(["-c", ""]))
        for number in numbers:
            await alone.hang_up(number)

    monkeypatch.setattr(asyncio, "start_unix_server", open_door)
    asyncio.run(ask())
    assert len(doors) == 1
