"""Which environment variables make a script see exactly the GPUs that it was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedfleet.fleet.node.gpu_masks import MASK_VARIABLES, mask_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seedfleet.fleet.engines.base import Gpu, Node

__all__ = ["MASK_VARIABLES", "Mask", "gpu_mask", "problems_with_node_env"]


@dataclass(frozen=True, slots=True)
class Mask:
    """Variables to set, and variables that must not reach the script."""

    set: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


def gpu_mask(node: Node, gpu_ids: Sequence[int], *, hide: bool = False) -> Mask:
    """Build the mask for some of a node's GPUs; see `seedfleet.fleet.node.gpu_masks.mask_of`.

    Parameters
    ----------
    node
        Whose `platform` says which variables count. Where no GPU is known, nothing is masked: there
        may be one that no tool has found.
    gpu_ids
        Physical indices on the node; none hides all GPUs.
    hide
        True for a script that is to see no GPU, whatever is known of the node.
    """
    if not node.gpus and not hide:
        return Mask()
    chosen = [gpu for gpu in node.gpus if gpu.index in set(gpu_ids)]
    made, absent = mask_of(node.platform, _names(chosen))
    return Mask(made, tuple(absent))


def problems_with_node_env(env: object) -> Iterator[str]:
    """List the variables that a node's `env` must not set, since the fleet sets them itself.

    Parameters
    ----------
    env
        As the cluster file has it; what is no mapping is somebody else's problem.
    """
    for name in env if isinstance(env, dict) else ():
        if name in MASK_VARIABLES:
            yield f"{name} is set by the fleet for each job; gpu_count limits the GPUs that it uses"
        elif str(name).startswith("SEEDFLEET_"):
            yield f"{name} is set by the fleet itself"


def _names(gpus: Sequence[Gpu]) -> list[str]:
    """Name cards by UUID, or all by index: the runtimes do not take a mixture."""
    if all(gpu.uuid for gpu in gpus):
        return [str(gpu.uuid) for gpu in gpus]
    return [str(gpu.index) for gpu in gpus]
