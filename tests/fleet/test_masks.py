"""Masks: every runtime sees the given cards and no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet import run_sync
from seedfleet.fleet.cluster import parse_cluster
from seedfleet.fleet.engines.base import Gpu, Node
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.masks import MASK_VARIABLES, gpu_mask, problems_with_node_env

if TYPE_CHECKING:
    from fleet_house import House


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


def test_where_no_gpu_is_known_only_those_are_masked_that_ask_for_none() -> None:
    mask = gpu_mask(node("cpu"), ())
    assert not mask.set
    assert not mask.unset
    assert gpu_mask(node("cpu"), (), hide=True) == gpu_mask(node("cuda", "GPU-a"), ())


@pytest.mark.parametrize("wish", [{"gpus": 0}, {"platform": "cpu"}])
def test_a_job_that_asks_for_no_gpu_sees_none_though_the_machine_has_none_that_is_known(
    house: House, monkeypatch: pytest.MonkeyPatch, wish: dict[str, Any]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    script = house.script("json.dump(os.environ['CUDA_VISIBLE_DEVICES'], open(out, 'w'))")
    report = run_sync([house.job(script=script, **wish)], house.options())
    assert json.loads(report.jobs["a"].output.read_text()) == "-1"


def test_a_rocm_mask_by_uuid_renumbers_for_the_second_filter() -> None:
    mask = gpu_mask(node("rocm", "GPU-00000000000000aa", "GPU-00000000000000bb"), (1,))
    assert mask.set == {
        "ROCR_VISIBLE_DEVICES": "GPU-00000000000000bb",
        "HIP_VISIBLE_DEVICES": "0",
    }
    assert set(mask.unset) >= {"CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"}


def test_a_nodes_variables_may_not_touch_the_masks() -> None:
    assert not list(problems_with_node_env({"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}))
    for name in MASK_VARIABLES:
        (problem,) = problems_with_node_env({name: "0"})
        assert name in problem
    env = {"SEEDFLEET_HOME": "/x", "CUDA_VISIBLE_DEVICES": "1", "FINE": "1"}
    with pytest.raises(BadInputError) as caught:
        parse_cluster({"nodes": [{"hostname": "a"}, {"hostname": "b", "env": env}]})
    assert [text.split(" is ")[0] for text in caught.value.problems] == [
        "$.nodes[1].env: SEEDFLEET_HOME",
        "$.nodes[1].env: CUDA_VISIBLE_DEVICES",
    ]
    assert not list(problems_with_node_env(None))
