"""What GPUs this machine has, asked of the drivers' own tools and of the kernel, all at once.

AMD's cards are counted in the order of the kernel's topology, which is the runtime's; its tools
number them by another order, and add what the kernel does not say. Cards are named by UUID as the
masks want them: for ROCm that is `GPU-` and sixteen hex digits.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .commands import Answer, ask

__all__ = [
    "GPU_TOOLS",
    "parse_amd_smi",
    "parse_nvidia_smi",
    "parse_rocm_smi",
    "probe_gpus",
    "read_nvidia_driver",
]

GPU_TOOLS: Mapping[str, Tuple[str, ...]] = {
    "nvidia-smi": (
        "nvidia-smi",
        "--query-gpu=index,uuid,pci.bus_id,memory.total",
        "--format=csv,noheader,nounits",
    ),
    "rocm-smi": (
        *("rocm-smi", "--showid", "--showuniqueid", "--showbus"),
        *("--showproductname", "--showmeminfo", "vram", "--json"),
    ),
    "amd-smi list": ("amd-smi", "list", "--json"),
    "amd-smi static": ("amd-smi", "static", "--asic", "--bus", "--vram", "--json"),
}
_KFD = Path("/sys/class/kfd/kfd/topology/nodes")
_NVIDIA = Path("/proc/driver/nvidia/gpus")
_TIMEOUT_S = 15.0
_KERNEL_TIMEOUT_S = 2.0
_UNIT_BYTES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}
_NO_TOOL = "not installed"

Gpus = List[Dict[str, Any]]


def probe_gpus(
    kfd: Path = _KFD, timeout_s: float = _TIMEOUT_S, driver: Path = _NVIDIA
) -> Dict[str, Any]:
    """Find this machine's GPUs; returns within `timeout_s` and a few seconds, whatever hangs.

    Parameters
    ----------
    kfd
        Where the kernel describes AMD's compute devices.
    timeout_s
        Seconds for the drivers' tools, which run side by side.
    driver
        Where NVIDIA's driver describes its devices.

    Returns
    -------
    dict
        `platform`: "cuda", "rocm", or "cpu" if there are none. `gpus`: that platform's cards, each
        with `index` (from 0), `uuid`, `pci_address` (as `0000:65:00.0`) and `memory_gib`, None
        where unknown; on CUDA in PCI bus order, on ROCm in the runtime's. `by_platform`: the same
        lists of both, for a machine that has cards of two makers. `tools`: for each source a
        count of cards or, as text, why it had none to tell of.
    """
    kernel, kernel_problem = _read_with_limit(kfd)
    answers = ask(GPU_TOOLS, timeout_s)
    told = parse_nvidia_smi(answers["nvidia-smi"].text if answers["nvidia-smi"].good else "")
    loaded = read_nvidia_driver(driver)
    nvidia = told or loaded  # where the tool is missing, or hangs
    rocm_smi = parse_rocm_smi(answers["rocm-smi"].text)
    amd_smi = parse_amd_smi(answers["amd-smi list"].text, answers["amd-smi static"].text)
    rocm = _merge(kernel, rocm_smi, amd_smi)
    sources = {
        "nvidia-smi": _told(told, answers["nvidia-smi"]),
        "nvidia driver": len(loaded) or _NO_TOOL,
        "kfd": kernel_problem or len(kernel),
        "rocm-smi": _told(rocm_smi, answers["rocm-smi"]),
        "amd-smi": _told(amd_smi, answers["amd-smi list"]),
    }
    platform = "cuda" if nvidia else "rocm" if rocm else "cpu"
    by_platform: Dict[str, Gpus] = {"cuda": nvidia, "rocm": rocm}
    return {
        "platform": platform,
        "gpus": by_platform.get(platform, []),
        "by_platform": by_platform,
        "tools": sources,
    }


def parse_nvidia_smi(text: str) -> Gpus:
    """Read `index, uuid, bus id, MiB` lines; others (a driver's complaints) are skipped."""
    found = []
    for line in text.splitlines():
        fields = [part.strip() for part in line.split(",")]
        if len(fields) != 4 or not (fields[0].isascii() and fields[0].isdigit()):
            continue
        uuid = fields[1] if fields[1].startswith("GPU-") else None
        address, memory_mib = _pci_address(fields[2]), _whole(fields[3])
        if uuid or address:  # else the card has fallen off the bus
            size_bytes = None if memory_mib is None else memory_mib * 2**20
            found.append(_gpu(int(fields[0]), uuid, address, size_bytes))
    return sorted(found, key=lambda gpu: int(gpu["index"]))


def parse_rocm_smi(text: str) -> Gpus:
    """Read the JSON of `rocm-smi`, whose names of fields change their case between versions.

    Cards are put in the order of their kernel nodes where all of them tell it, and renumbered.
    """
    document = _json_in(text)
    cards = []
    for name, card in document.items() if isinstance(document, dict) else ():
        found = re.fullmatch(r"card:?(\d+)", str(name))
        if found and isinstance(card, dict):
            fields = {str(key).casefold(): value for key, value in card.items()}
            cards.append((_whole(fields.get("node id")), int(found.group(1)), fields))
    return [
        _gpu(
            index,
            _rocm_uuid(fields.get("unique id")),
            _pci_address(fields.get("pci bus")),
            _whole(fields.get("vram total memory (b)")),
        )
        for index, fields in enumerate(_in_node_order(cards))
    ]


def parse_amd_smi(listed: str, static: str) -> Gpus:
    """Read the JSON of `amd-smi list` and `amd-smi static`; newer ones wrap it in `gpu_data`.

    The UUID that `amd-smi list` prints is not the one that the runtime's mask takes; the serial
    number of the chip is.
    """
    cards: Dict[int, Dict[str, Any]] = {}
    for text in (listed, static):
        rows = _json_in(text)
        if isinstance(rows, dict):
            rows = rows.get("gpu_data")
        for row in rows if isinstance(rows, list) else ():
            number = _whole(row["gpu"]) if isinstance(row, dict) and "gpu" in row else None
            if number is not None:
                cards.setdefault(number, {}).update(row)
    ordered = _in_node_order(
        [(_whole(row.get("node_id")), number, row) for number, row in cards.items()]
    )
    return [
        _gpu(
            index,
            _rocm_uuid(_part(row, "asic").get("asic_serial")),
            _pci_address(row.get("bdf") or _part(row, "bus").get("bdf")),
            _vram_bytes(_part(row, "vram")),
        )
        for index, row in enumerate(ordered)
    ]


def read_nvidia_driver(folder: Path) -> Gpus:
    """Read NVIDIA's GPUs from what its driver tells: a folder a card, named by its bus address."""
    found: Gpus = []
    for card in sorted(folder.glob("*/information")):
        try:
            lines = card.read_text(errors="replace").splitlines()
        except OSError:
            continue
        told = dict(line.split(":", 1) for line in lines if ":" in line)
        uuid = told.get("GPU UUID", "").strip()
        known = uuid if re.fullmatch(r"GPU-[0-9a-f-]{8,}", uuid) else None
        found.append(_gpu(len(found), known, _pci_address(card.parent.name), None))
    return found


def read_kfd_topology(folder: Path) -> Gpus:
    """Read AMD's GPUs from the kernel's topology: nodes with SIMD units, in the runtime's order."""
    found: Gpus = []
    nodes = [entry for entry in folder.glob("*") if entry.name.isdigit()]
    for node in sorted(nodes, key=lambda entry: int(entry.name)):
        properties = _properties(node / "properties")
        if properties.get("simd_count", 0) > 0:
            location, domain = properties.get("location_id"), properties.get("domain", 0)
            banks = (node / "mem_banks").glob("*/properties")
            size_bytes = sum(_properties(bank).get("size_in_bytes", 0) for bank in banks)
            address = None if location is None else _address_of_location(domain, location)
            found.append(
                _gpu(len(found), _rocm_uuid(properties.get("unique_id")), address, size_bytes)
            )
    return found


def _read_with_limit(folder: Path) -> Tuple[Gpus, str]:
    """Read the topology in a thread: a driver in trouble can hold its reader for ever."""
    found: List[Gpus] = []
    reader = threading.Thread(
        target=lambda: found.append(read_kfd_topology(folder)), daemon=True, name="kfd"
    )
    if not folder.exists():
        return [], _NO_TOOL
    reader.start()
    reader.join(_KERNEL_TIMEOUT_S)
    if not found:
        return [], "no answer within {:g} s".format(_KERNEL_TIMEOUT_S)
    return found[0], ""


def _merge(kernel: Gpus, *tools: Gpus) -> Gpus:
    """Take the kernel's cards, or the first tool's that has any, and fill in what others know."""
    merged = next((gpus for gpus in (kernel, *tools) if gpus), [])
    for gpu in merged:
        for other in (card for gpus in tools for card in gpus):
            if gpu["pci_address"] and gpu["pci_address"] == other["pci_address"]:
                gpu.update({key: other[key] for key, value in gpu.items() if value is None})
    return merged


def _gpu(
    index: int, uuid: Optional[str], address: Optional[str], size_bytes: Optional[int]
) -> Dict[str, Any]:
    memory_gib = size_bytes / 2**30 if size_bytes else None
    return {"index": index, "uuid": uuid, "pci_address": address, "memory_gib": memory_gib}


def _told(gpus: Gpus, answer: Answer) -> Any:
    return len(gpus) if gpus or answer.good else answer.problem


def _in_node_order(cards: List[Tuple[Optional[int], int, Dict[str, Any]]]) -> List[Dict[str, Any]]:
    numbered = all(node is not None for node, _, _ in cards)
    ordered = sorted(cards, key=lambda card: (card[0] or 0 if numbered else 0, card[1]))
    return [fields for _, _, fields in ordered]


def _json_in(text: str) -> Any:
    """Find the JSON in what a tool printed: some put warnings before it, and some after it."""
    for start in re.finditer(r"^[\[{]", text, re.MULTILINE):
        try:
            return json.JSONDecoder().raw_decode(text, start.start())[0]
        except ValueError:
            continue
    return None


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _vram_bytes(vram: Mapping[str, Any]) -> Optional[int]:
    size: Any = vram.get("size", vram.get("size_mb"))
    unit = "MB"
    if isinstance(size, dict):
        size, unit = size.get("value"), str(size.get("unit", unit))
    count, scale = _whole(str(size).split(" ")[0]), _UNIT_BYTES.get(unit.upper().replace("IB", "B"))
    return None if count is None or scale is None else count * scale


def _whole(value: Any) -> Optional[int]:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None


def _rocm_uuid(value: Any) -> Optional[str]:
    """Write a chip's serial number as ROCR_VISIBLE_DEVICES takes it; 0 and "N/A" mean none."""
    if isinstance(value, int):
        number = value
    elif re.fullmatch(r"(0x)?[0-9a-fA-F]{1,16}", str(value)):
        number = int(str(value), 16)
    else:
        return None
    return "GPU-{:016x}".format(number) if 0 < number < 2**64 else None


def _pci_address(text: Any) -> Optional[str]:
    """Write a bus id as the kernel does; NVIDIA's tool gives the domain eight digits."""
    pattern = r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])"
    found = re.fullmatch(pattern, str(text).strip())
    if found is None:
        return None
    domain, bus, device, function = (int(part, 16) for part in found.groups())
    return "{:04x}:{:02x}:{:02x}.{:d}".format(domain, bus, device, function)


def _address_of_location(domain: int, location: int) -> str:
    bus, device, function = location >> 8 & 0xFF, location >> 3 & 0x1F, location & 7
    return "{:04x}:{:02x}:{:02x}.{:d}".format(domain, bus, device, function)


def _properties(path: Path) -> Dict[str, int]:
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:  # a card that this process may not use; the runtime counts without it too
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
