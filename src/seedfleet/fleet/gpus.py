"""What GPUs this machine has, asked of the driver's own tools and of the kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from seedfleet.fleet.engines.base import Gpu

__all__ = ["parse_nvidia_smi", "probe_gpus", "read_kfd_topology"]

_TIMEOUT_S: Final = 20.0
_NVIDIA: Final = (
    "nvidia-smi",
    "--query-gpu=index,uuid,pci.bus_id,memory.total",
    "--format=csv,noheader,nounits",
)
_KFD: Final = Path("/sys/class/kfd/kfd/topology/nodes")


def probe_gpus(kfd: Path = _KFD) -> tuple[str, tuple[Gpu, ...]]:
    """Find this machine's GPUs.

    Parameters
    ----------
    kfd
        Where the kernel describes AMD's compute devices.

    Returns
    -------
    platform : str
        "cuda", "rocm", or "cpu" if there are none.
    gpus : tuple of Gpu
        In PCI bus order, as CUDA_DEVICE_ORDER=PCI_BUS_ID numbers them; on ROCm in the driver's.
    """
    gpus = parse_nvidia_smi(_ask(_NVIDIA))
    if gpus:
        return "cuda", gpus
    gpus = read_kfd_topology(kfd)
    return ("rocm", gpus) if gpus else ("cpu", ())


def parse_nvidia_smi(text: str) -> tuple[Gpu, ...]:
    """Read `index, uuid, bus id, MiB` lines; others (a driver's complaints) are skipped."""
    gpus = []
    for line in text.splitlines():
        fields = [part.strip() for part in line.split(",")]
        if len(fields) == 4 and fields[0].isdigit():
            memory = float(fields[3]) / 1024 if fields[3].isdigit() else None
            gpus.append(Gpu(int(fields[0]), fields[1] or None, fields[2] or None, memory))
    return tuple(sorted(gpus, key=lambda gpu: gpu.index))


def read_kfd_topology(folder: Path) -> tuple[Gpu, ...]:
    """Read AMD's GPUs from the kernel's topology: nodes with SIMD units, in the runtime's order."""
    gpus: list[Gpu] = []
    nodes = [entry for entry in folder.glob("*") if entry.name.isdigit()]
    for node in sorted(nodes, key=lambda entry: int(entry.name)):
        properties = _properties(node / "properties")
        if properties.get("simd_count", 0) > 0:
            unique, location = properties.get("unique_id", 0), properties.get("location_id")
            domain = properties.get("domain", 0)
            banks = (node / "mem_banks").glob("*/properties")
            size_bytes = sum(_properties(bank).get("size_in_bytes", 0) for bank in banks)
            gpus.append(
                Gpu(
                    len(gpus),
                    f"GPU-{unique:016x}" if unique else None,
                    None if location is None else _pci_address(domain, location),
                    size_bytes / 2**30 if size_bytes else None,
                )
            )
    return tuple(gpus)


def _pci_address(domain: int, location: int) -> str:
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"


def _properties(path: Path) -> dict[str, int]:
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:  # some kernels hide other users' cards
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def _ask(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed list of words
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no driver, no cards, or a driver that hangs
        return ""
    return done.stdout
