"""What a scheduler has given to a task, filled into the order that its head has left open."""

from __future__ import annotations

import os
import pwd
import socket
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .facts import find_interpreter
from .gpu_masks import lock_name, mask_of
from .gpus import probe_gpus
from .outputs import UnsuccessfulError

__all__ = ["complete_environment", "filled", "host_name"]

# The first that is there counts. Slurm's own hold physical numbers; the others are masks already.
_OF_SLURM = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
_MASKS = (
    *("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    *("HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"),
)
_OWN_MASK = {"cuda": "CUDA_VISIBLE_DEVICES", "rocm": "ROCR_VISIBLE_DEVICES"}
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


def host_name(environment: Mapping[str, str] = os.environ) -> str:
    """Name this machine as its scheduler does, or as it calls itself."""
    return environment.get("SLURMD_NODENAME") or socket.gethostname()


def complete_environment() -> None:
    """Set what every program expects and a scheduler that passes nothing on has left out."""
    os.environ.setdefault("PATH", _USUAL_PATH)
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:  # a container whose user has no name
        return
    for name, value in (("HOME", user.pw_dir), ("USER", user.pw_name), ("LOGNAME", user.pw_name)):
        os.environ.setdefault(name, value)


def filled(order: Dict[str, Any], environment: Mapping[str, str] = os.environ) -> Dict[str, Any]:
    """Complete an order with the machine, its interpreter, and the GPUs that were given here.

    Parameters
    ----------
    order
        Read are `gpus`, how many the job shall have, `gpus_needed`, whether it can do without,
        `platform`, "cuda", "rocm" or None for what is found, and `masks_only`, whether Slurm's own
        variables are of an allocation that another scheduler shares out.
    environment
        As the scheduler has made it.

    Raises
    ------
    UnsuccessfulError
        If the job cannot run with what there is here.
    """
    host = host_name(environment)
    made = dict(order, node=host, host=host)
    if order["interpreter"]:
        made["interpreter"] = [_interpreter(order["interpreter"][0])]
    cards: List[Dict[str, Any]] = []
    platform = order["platform"] or "cuda"
    if order["gpus"]:
        names = _MASKS if order.get("masks_only") else _OF_SLURM + _MASKS
        given = _given(environment, names)[: order["gpus"]]
        if len(given) < order["gpus"] and (given or order["gpus_needed"]):
            text = "the job takes {} GPUs, the scheduler gave {} on {}"
            raise UnsuccessfulError(
                "failed_to_start", [], text.format(order["gpus"], len(given), host)
            )
        if given:
            found = probe_gpus()
            platform = _platform(order["platform"], found, host)
            cards = _cards(given, found["by_platform"][platform])
            _name(cards, environment.get(_OWN_MASK[platform], "").split(","))
    made["gpu_ids"] = [card["index"] for card in cards]
    place = "{} on {}".format(order["root"], host)
    made["gpu_locks"] = [lock_name(card, platform, card["index"], place) for card in cards]
    made["mask_set"], made["mask_unset"] = mask_of(platform, [card["name"] for card in cards])
    return made


def _platform(wanted: Optional[str], found: Dict[str, Any], host: str) -> str:
    """Choose the platform; where no tool finds a card, the wish is believed, or else CUDA's mask.

    AMD's runtime obeys that one as well.
    """
    if wanted is None:
        return "cuda" if found["platform"] == "cpu" else str(found["platform"])
    if found["platform"] != "cpu" and not found["by_platform"][wanted]:
        text = "the job asks for {}, {} has cards for {} alone".format(
            wanted, host, found["platform"]
        )
        raise UnsuccessfulError("failed_to_start", [], text)
    return wanted


def _interpreter(wanted: str) -> str:
    found = find_interpreter(wanted)
    if found is None:
        text = "there is no interpreter {} on {}".format(wanted, host_name())
        raise UnsuccessfulError("failed_to_start", [], text)
    return found


def _given(environment: Mapping[str, str], variables: Sequence[str]) -> List[str]:
    for variable in variables:
        names = [part.strip() for part in environment.get(variable, "").split(",")]
        if any(names) and names != ["-1"]:
            return [part for part in names if part]
    return []


def _cards(given: List[str], found: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Tell which of the cards that are seen here were given.

    Where a scheduler confines its tasks, they see no other cards than their own, numbered from 0,
    while the scheduler tells the physical numbers.
    """
    numbers = [int(name) for name in given if name.isdigit()]
    if len(numbers) < len(given):  # UUIDs
        chosen = [card for card in found if any(str(card["uuid"]).startswith(n) for n in given)]
        return [dict(card) for card in chosen] or [_unknown(i) for i in range(len(given))]
    if len(numbers) == len(found):
        # Both have one length; nodes may have a Python that does not know `strict`.
        return [dict(card, index=index) for index, card in zip(sorted(numbers), found)]  # noqa: B905
    by_index = {card["index"]: card for card in found}
    return [dict(by_index.get(number) or _unknown(number)) for number in numbers]


def _unknown(index: int) -> Dict[str, Any]:
    return {"index": index, "uuid": None, "pci_address": None}


def _name(cards: List[Dict[str, Any]], own: List[str]) -> None:
    """Name cards as a mask here wants them: by UUID, as the scheduler's own mask does, by index."""
    by_uuid = all(card["uuid"] for card in cards)
    numbered = len(own) >= len(cards) and all(own)
    for place, card in enumerate(cards):
        index = own[place] if numbered else str(card["index"])
        card["name"] = card["uuid"] if by_uuid else index
