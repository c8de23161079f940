"""The environment variables that show a script exactly the GPUs that it was given."""

from __future__ import annotations

import hashlib
import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

__all__ = ["MASK_VARIABLES", "lock_name", "mask_of"]

# Every variable that selects GPUs for some runtime.
MASK_VARIABLES = (
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
)
_NONE = "-1"  # an index that no card has; an empty value means "no mask" to some runtimes


def mask_of(platform: str, names: Sequence[str]) -> Tuple[Dict[str, str], List[str]]:
    """Build the mask for cards that are named by UUID or by index.

    ROCm filters twice: ROCR_VISIBLE_DEVICES picks cards and numbers them from 0, then
    HIP_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES pick among those numbers. The same index k > 0 in
    two of them therefore hides every card; so the cards are picked by the first, the second keeps
    0..n-1, and the third is absent.

    Parameters
    ----------
    platform
        "cuda" or "rocm"; it does not matter where no card is named.
    names
        All UUIDs or all indices, since the runtimes take no mixture; none hides every GPU.

    Returns
    -------
    set : dict
        Variables and their values.
    unset : list of str
        Variables that must not reach the script.
    """
    if not names:
        made = {name: _NONE for name in MASK_VARIABLES if name.endswith("VISIBLE_DEVICES")}
        made["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    elif platform == "rocm":
        renumbered = ",".join(str(number) for number in range(len(names)))
        made = {"ROCR_VISIBLE_DEVICES": ",".join(names), "HIP_VISIBLE_DEVICES": renumbered}
    else:
        # CUDA's own order is fastest first, so an index means little without the bus order.
        made = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(names)}
    return made, [name for name in MASK_VARIABLES if name not in made]


def lock_name(card: Mapping[str, Optional[str]], platform: str, index: int, place: str) -> str:
    """Name the lock file that guards one GPU, the same for every user of the machine.

    Parameters
    ----------
    card
        Its `uuid` and `pci_address`, as far as they are known.
    platform, index, place
        What names a card of which neither is known: it is guarded only between runs with the same
        `place`, since it may be the same as another's, and it may be no card at all.
    """
    known = card.get("uuid") or card.get("pci_address")
    digest = hashlib.sha256(place.encode()).hexdigest()[:8]
    name = known or "{}-{}-{}".format(platform, index, digest)
    return re.sub(r"[^A-Za-z0-9:._-]", "_", name)
