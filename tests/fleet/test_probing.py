"""What is found on a machine: answers of the tools, kernel files, and drivers that hang."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet.cluster import NodeConfig
from seedfleet.fleet.engines.base import Gpu
from seedfleet.fleet.node.commands import ask
from seedfleet.fleet.node.gpus import (
    parse_amd_smi,
    parse_nvidia_smi,
    parse_rocm_smi,
    probe_gpus,
    read_kfd_topology,
    read_nvidia_driver,
)
from seedfleet.fleet.node_offer import configured_platform, gpu_lock_name, offer


def gpu(
    index: int, uuid: str | None = None, address: str | None = None, gib: float | None = None
) -> dict[str, Any]:
    return {"index": index, "uuid": uuid, "pci_address": address, "memory_gib": gib}


def tool(folder: Path, name: str, text: str, *, exit_code: int = 0, before: str = "") -> None:
    """Put a program on the path that prints a text, after running some shell words."""
    (folder / f"{name}.txt").write_text(text)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{before}\ncat '{folder}/{name}.txt'\nexit {exit_code}\n")
    path.chmod(0o755)


def kfd_node(kfd: Path, number: int, text: str) -> None:
    (kfd / str(number) / "mem_banks/0").mkdir(parents=True)
    (kfd / str(number) / "properties").write_text(text)
    (kfd / str(number) / "mem_banks/0/properties").write_text(
        f"heap_type 1\nsize_in_bytes {16 * 2**30}\n"
    )


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be a machine whose only driver tools are those that a test puts into this folder."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("nvidia-smi", "rocm-smi", "amd-smi"):
        tool(folder, name, "command failed", exit_code=9)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def test_nvidia_smi_lines_are_read_and_complaints_skipped() -> None:
    text = (
        "Warning: something\n"
        "1, GPU-bb, 00000000:65:00.0, 81559\n"
        "0, GPU-aa, 0000AB01:17:00.0, [N/A]\n"
        "2, [GPU is lost], [Unknown Error], [N/A]\n"
    )
    assert parse_nvidia_smi(text) == [
        gpu(0, "GPU-aa", "ab01:17:00.0"),
        gpu(1, "GPU-bb", "0000:65:00.0", 81559 / 1024),
    ], "a card that is lost is none"
    assert parse_nvidia_smi("No devices were found\n") == []


def test_rocm_smi_is_read_in_the_spelling_of_old_and_new_versions() -> None:
    old = {
        "card0": {
            "GPU ID": "0x66af",
            "Unique ID": "0x2150e7d042a1124",
            "PCI Bus": "0000:43:00.0",
            "vram Total Memory (B)": str(16 * 2**30),
        },
        "card1": {"GPU ID": "0x66af", "Unique ID": "N/A", "PCI Bus": "0000:03:00.0"},
    }
    assert parse_rocm_smi("WARNING: low-power state\n\n" + json.dumps(old)) == [
        gpu(0, "GPU-02150e7d042a1124", "0000:43:00.0", 16.0),
        gpu(1, None, "0000:03:00.0"),
    ]
    new = {
        "card0": {"Node ID": "10", "PCI Bus": "0000:C4:00.0", "Unique ID": "0xaa"},
        "card1": {"Node ID": "2", "PCI Bus": "0000:03:00.0", "VRAM Total Memory (B)": "8589934592"},
        "system": {"Driver version": "6.7.0"},
    }
    assert parse_rocm_smi(json.dumps(new)) == [
        gpu(0, None, "0000:03:00.0", 8.0),
        gpu(1, "GPU-00000000000000aa", "0000:c4:00.0"),
    ], "in the order of the kernel's nodes"
    for text in ("", "No AMD GPUs", "[1, 2", "[]", '{"card0": 3}', "\x00"):
        assert parse_rocm_smi(text) == []


def test_amd_smi_is_read_with_and_without_its_wrapper() -> None:
    listed: Any = [
        {"gpu": 0, "bdf": "0000:83:00.0", "uuid": "6fff74a1-0000-1000-801f", "node_id": 3},
        {"gpu": 1, "bdf": "0000:03:00.0", "uuid": "12ff74a1-0000-1000-801f", "node_id": 2},
    ]
    static: Any = [
        {
            "gpu": 0,
            "asic": {"asic_serial": "0x6F1F0A2B3C4D5E6F"},
            "bus": {"bdf": "0000:83:00.0"},
            "vram": {"size": {"value": 196608, "unit": "MB"}},
        },
        {"gpu": 1, "asic": {"asic_serial": "N/A"}, "vram": {"size_mb": 16384}},
    ]
    wanted = [
        gpu(0, None, "0000:03:00.0", 16.0),
        gpu(1, "GPU-6f1f0a2b3c4d5e6f", "0000:83:00.0", 192.0),
    ]
    assert parse_amd_smi(json.dumps(listed), json.dumps(static)) == wanted
    warning = "x.py:3569: SyntaxWarning: 'return' in a 'finally' block\n  return it\n"
    wrapped = warning + json.dumps({"gpu_data": static}, indent=4)
    assert parse_amd_smi(json.dumps(listed), wrapped) == wanted
    assert parse_amd_smi("", wrapped)[0]["memory_gib"] == 192.0
    assert parse_amd_smi("", '{"gpu_data": {"gpu": 1}}') == []


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_nothing_that_a_tool_prints_makes_the_parsers_fail(text: str) -> None:
    for parse in (parse_nvidia_smi, parse_rocm_smi, lambda t: parse_amd_smi(t, t)):
        assert isinstance(parse(text), list)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["gpu", "gpu_data", "bdf", "vram", "size", "value", "unit", "asic"])
            | st.sampled_from(["card0", "card1", "Unique ID", "Node ID", "asic_serial", "PCI Bus"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_makes_the_parsers_fail(document: Any) -> None:
    text = json.dumps(document)
    for cards in (parse_rocm_smi(text), parse_amd_smi(text, text)):
        assert [card["index"] for card in cards] == list(range(len(cards)))


def test_amd_cards_are_read_from_the_kernel(tmp_path: Path) -> None:
    kfd_node(tmp_path, 0, "cpu_cores_count 16\nsimd_count 0\n")
    kfd_node(tmp_path, 2, "simd_count 240\nlocation_id 768\ndomain 0\nunique_id 0\n")
    kfd_node(
        tmp_path, 10, "simd_count 240\nlocation_id 1792\ndomain 0\nunique_id 1311768467463790320\n"
    )
    (tmp_path / "11").mkdir()  # a card that this user may not see
    assert read_kfd_topology(tmp_path) == [
        gpu(0, None, "0000:03:00.0", 16.0),
        gpu(1, "GPU-123456789abcdef0", "0000:07:00.0", 16.0),
    ]
    assert read_kfd_topology(tmp_path / "none") == []


def test_the_kernel_gives_the_order_and_the_tools_fill_in(tools: Path, tmp_path: Path) -> None:
    kfd = tmp_path / "kfd"
    kfd_node(kfd, 1, "simd_count 240\nlocation_id 768\ndomain 0\nunique_id 0\n")
    kfd_node(kfd, 2, "simd_count 240\nlocation_id 512\ndomain 0\nunique_id 187\n")
    by_bus = {
        "card0": {"PCI Bus": "0000:02:00.0", "Unique ID": "0xbb"},
        "card1": {"PCI Bus": "0000:03:00.0", "Unique ID": "0xaa"},
    }
    tool(tools, "rocm-smi", json.dumps(by_bus))
    found = probe_gpus(kfd)
    assert found["platform"] == "rocm"
    assert [card["uuid"] for card in found["gpus"]] == [
        "GPU-00000000000000aa",
        "GPU-00000000000000bb",
    ], "as the runtime counts, not as the tool does"
    assert found["tools"]["kfd"] == 2
    assert found["tools"]["rocm-smi"] == 2
    assert "exit code 9" in found["tools"]["amd-smi"]
    assert found["by_platform"]["cuda"] == []


def test_a_driver_that_answers_is_believed_and_a_failing_one_is_not(
    tools: Path, tmp_path: Path
) -> None:
    tool(tools, "nvidia-smi", "0, GPU-aa, 00000000:17:00.0, 24576\n")
    found = probe_gpus(tmp_path / "none")
    assert (found["platform"], found["gpus"]) == (
        "cuda",
        [gpu(0, "GPU-aa", "0000:17:00.0", 24.0)],
    )
    tool(tools, "nvidia-smi", "0, GPU-aa, 00000000:17:00.0, 24576\n", exit_code=9)
    found = probe_gpus(tmp_path / "none")
    assert (found["platform"], found["gpus"]) == ("cpu", [])
    assert found["tools"]["kfd"] == "not installed"


@pytest.mark.slow
def test_tools_that_hang_are_given_up_and_the_others_still_heard(
    tools: Path, tmp_path: Path
) -> None:
    # The tool's own child keeps the output open and does not hear of TERM.
    hang = "trap '' TERM; sleep 60 & sleep 60"
    for name in ("nvidia-smi", "amd-smi"):
        tool(tools, name, "0, GPU-aa, 00000000:17:00.0, 24576\n", before=hang)
    tool(tools, "rocm-smi", json.dumps({"card0": {"Unique ID": "0xbb"}}))
    began = time.monotonic()
    found = probe_gpus(tmp_path / "none", timeout_s=2.0)
    assert time.monotonic() - began < 20
    assert found["platform"] == "rocm"
    assert found["tools"]["nvidia-smi"] == "no answer within 2 s"


@pytest.mark.slow
def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    noted = tmp_path / "pids"
    script = f"echo $$ >> {noted}; sleep 60 & echo $! >> {noted}; wait"
    assert ask({"hang": ("sh", "-c", script)}, 2.0)["hang"].problem == "no answer within 2 s"
    pids = [int(line) for line in noted.read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(runs, pids))


def runs(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_program_is_asked_beside_the_others(tmp_path: Path) -> None:
    answers = ask(
        {
            "good": ("sh", "-c", "echo fine"),
            "bad": ("sh", "-c", "echo because; exit 3"),
            "absent": ("no-such-program-here",),
            "no program": (str(tmp_path),),
        },
        10,
    )
    assert answers["good"] == ("fine\n", "")
    assert answers["bad"].problem == "exit code 3: because"
    assert answers["absent"].problem == "not installed"
    assert not answers["no program"].good
    assert list(answers) == ["good", "bad", "absent", "no program"]


# --- combined with what is configured ---


def config(**settings: Any) -> NodeConfig:
    return NodeConfig(name="n", hostname="n", **settings)


def found(platform: str = "cpu", count: int = 0, *, cores: int = 8) -> dict[str, Any]:
    cards = [gpu(index, f"GPU-{index}") for index in range(count)]
    return {"platform": platform, "gpus": cards, "cores": cores}


@pytest.mark.parametrize(
    ("gpu_type", "platform"),
    [
        *((text, "cuda") for text in ("RTX 3080 Ti", "Tesla T4", "A100", "NVIDIA H100 80GB")),
        *((text, "cuda") for text in ("L40S", "h200", "Quadro P4000", "GeForce GTX 1080", "GH200")),
        *((text, "rocm") for text in ("RX 6600", "Radeon VII", "MI300X", "Instinct", "AMD")),
        *((text, "rocm") for text in ("rx7900", "AMD Instinct MI100", "Radeon Pro W6800", "MI-50")),
        *((text, None) for text in ("", "fast", "RTX and RX", "26 cards")),
    ],
)
def test_the_type_of_the_cards_hints_at_the_platform(gpu_type: str, platform: str | None) -> None:
    assert configured_platform(config(gpu_type=gpu_type)) == platform
    assert configured_platform(config(gpu_type=gpu_type, platform="rocm")) == "rocm"


def test_a_nodes_name_says_nothing_of_its_platform() -> None:
    named = NodeConfig(name="rocm-radeon", hostname="amd-mi300", ssh_config_host="rtx")
    assert configured_platform(named) is None


def test_fewer_cards_than_configured_are_used_with_a_remark() -> None:
    node, remarks = offer(config(gpu_count=12, gpu_type="RTX 4090"), found("cuda", 2))
    assert node.gpus == (Gpu(0, "GPU-0"), Gpu(1, "GPU-1"))
    assert remarks == ("n: 12 GPUs configured, 2 found: using 2",)


def test_more_cards_than_configured_are_left_alone() -> None:
    node, remarks = offer(config(gpu_count=1), found("rocm", 4))
    assert ([gpu.index for gpu in node.gpus], node.platform, remarks) == ([0], "rocm", ())
    node, remarks = offer(config(gpu_count=0, gpu_type="RX 6600"), found("rocm", 4))
    assert (node.gpus, node.platform, remarks) == ((), "cpu", ())
    assert offer(config(gpu_count=0, gpu_type="RX 6600"), found())[1] == ()


def test_the_driver_tells_of_cards_where_its_tool_is_missing(tmp_path: Path) -> None:
    for address, uuid in (("0000:65:00.0", "GPU-0b1c"), ("0000:17:00.0", "GPU-00112233-4455")):
        card = tmp_path / address
        card.mkdir()
        (card / "information").write_text(f"Model: \t X\nGPU UUID: \t {uuid}\nBus Type: PCIe\n")
    found = read_nvidia_driver(tmp_path)
    assert [card["pci_address"] for card in found] == ["0000:17:00.0", "0000:65:00.0"]
    assert [card["uuid"] for card in found] == ["GPU-00112233-4455", None]
    assert [card["index"] for card in found] == [0, 1]
    assert read_nvidia_driver(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("settings", "platform"), [({"gpu_type": "RX 6600"}, "rocm"), ({"platform": "cuda"}, "cuda")]
)
def test_configured_cards_are_believed_where_no_tool_found_any(
    settings: dict[str, str], platform: str
) -> None:
    node, remarks = offer(config(gpu_count=3, **settings), found())
    assert node.gpus == (Gpu(0), Gpu(1), Gpu(2))
    assert node.platform == platform
    assert len(remarks) == 1
    assert gpu_lock_name(node, 2, "/a").startswith(f"{platform}-2-")
    assert gpu_lock_name(node, 2, "/a") != gpu_lock_name(node, 2, "/b")


def test_cards_of_an_unknown_kind_get_the_mask_that_both_makers_obey() -> None:
    node, remarks = offer(config(gpu_count=2), found())
    assert (node.platform, len(node.gpus)) == ("cuda", 2)
    assert len(remarks) == 2


def test_a_platform_without_its_cards_leaves_the_cores() -> None:
    node, remarks = offer(config(platform="rocm"), found("cuda", 2))
    assert (node.platform, node.gpus, node.cpu_slots) == ("cpu", (), 8)
    assert "no AMD GPU" in remarks[0]


def test_a_hint_yields_to_what_was_found() -> None:
    node, remarks = offer(config(gpu_type="RTX", gpu_count=2), found("rocm", 2))
    assert (node.platform, len(node.gpus)) == ("rocm", 2)
    assert "gpu_type" in remarks[0]


def test_of_two_makers_the_configured_one_is_used() -> None:
    both = {**found("cuda", 1), "by_platform": {"cuda": [gpu(0)], "rocm": [gpu(0), gpu(1)]}}
    assert len(offer(config(platform="rocm"), both)[0].gpus) == 2
    assert len(offer(config(), both)[0].gpus) == 1


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 64), st.integers(1, 200))
def test_never_more_jobs_than_slots(count: int, there: int, cores: int, most: int) -> None:
    node, _ = offer(
        config(gpu_count=count, platform="cuda", max_concurrent_script_jobs=most),
        found("cuda", there, cores=cores),
    )
    assert node.max_jobs is not None
    assert 1 <= node.max_jobs <= min(most, len(node.gpus) + node.cpu_slots)
    assert len(node.gpus) == (min(count, there) or count if count else 0)
    assert [gpu.index for gpu in node.gpus] == list(range(len(node.gpus)))


def test_a_locks_name_is_the_best_that_is_known_of_the_card() -> None:
    cards = [gpu(0, "GPU-a/../b"), gpu(1, None, "0000:65:00.0"), gpu(2)]
    node, _ = offer(config(), {"platform": "cuda", "gpus": cards, "cores": 1})
    names = [gpu_lock_name(node, index, "/a") for index in range(3)]
    assert names[:2] == ["GPU-a_.._b", "0000:65:00.0"]
    assert names[2].startswith("cuda-2-")
