"""Which environment variables make a script see exactly the GPUs that it was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seedfleet.fleet.engines.base import Gpu, Node

__all__ = ["MASK_VARIABLES", "Mask", "gpu_mask", "problems_with_node_env"]

# Every variable that selects GPUs for some runtime; neither a job nor a node's `env` may set one.
MASK_VARIABLES: Final = (
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
)
_NONE: Final = "-1"  # an index that no card has; an empty value means "no mask" to some runtimes


@dataclass(frozen=True, slots=True)
class Mask:
    """Variables to set, and variables that must not reach the script."""

    set: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


def gpu_mask(node: Node, gpu_ids: Sequence[int]) -> Mask:
    """Build the mask for some of a node's GPUs.

    ROCm filters twice: ROCR_VISIBLE_DEVICES picks cards and numbers them from 0, then
    HIP_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES pick among those numbers. The same index k > 0 in
    two of them therefore hides every card; so the cards are picked by the first, the second keeps
    0..n-1, and the third is absent.

    Parameters
    ----------
    node
        Whose `platform` says which variables count. On a node without GPUs nothing is masked.
    gpu_ids
        Physical indices on the node; none hides all GPUs.
    """
    if not node.gpus:
        return Mask()
    chosen = [gpu for gpu in node.gpus if gpu.index in set(gpu_ids)]
    if not chosen:
        made = {name: _NONE for name in MASK_VARIABLES if name.endswith("VISIBLE_DEVICES")}
        return _complete({"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **made})
    names = ",".join(_names(chosen))
    if node.platform == "rocm":
        renumbered = ",".join(str(number) for number in range(len(chosen)))
        return _complete({"ROCR_VISIBLE_DEVICES": names, "HIP_VISIBLE_DEVICES": renumbered})
    # CUDA's own order is fastest first, so an index means little without the bus order.
    return _complete({"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": names})


def problems_with_node_env(env: Mapping[str, str]) -> Iterator[str]:
    """List the variables that a node's `env` must not set, since the fleet sets them itself."""
    for name in env:
        if name in MASK_VARIABLES:
            yield f"{name} is set by the fleet for each job; gpu_count limits the GPUs that it uses"
        elif name.startswith("SEEDFLEET_"):
            yield f"{name} is set by the fleet itself"
        elif not name or "=" in name or "\0" in name + env[name]:
            yield f"{name!r} cannot be a variable, or has a value that cannot be one's"


def _names(gpus: Sequence[Gpu]) -> list[str]:
    """Name cards by UUID, or all by index: the runtimes do not take a mixture."""
    if all(gpu.uuid for gpu in gpus):
        return [str(gpu.uuid) for gpu in gpus]
    return [str(gpu.index) for gpu in gpus]


def _complete(made: Mapping[str, str]) -> Mask:
    return Mask(made, tuple(name for name in MASK_VARIABLES if name not in made))
