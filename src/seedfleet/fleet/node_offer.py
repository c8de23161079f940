"""What a node offers: what its configuration says, combined with what was found on it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.base import Gpu, Node
from seedfleet.fleet.node.gpu_masks import lock_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.fleet.cluster import NodeConfig

__all__ = [
    "cards_named",
    "cards_of",
    "configured_platform",
    "gpu_lock_name",
    "lent_places",
    "offer",
]

# Words of `gpu_type`, in lower case.
_MAKERS: Final = {
    "cuda": re.compile(
        r"nvidia|geforce|[rg]tx|tesla|quadro|titan|\b[alptv]\d{1,4}[gs]?\b|\bg?[hb]\d{3}\b"
    ),
    "rocm": re.compile(r"\bamd\b|radeon|instinct|\brx\b|\brx\d|\bmi\b|\bmi-?\d|\bvega|\bgfx\d"),
}
_CARDS: Final = {"cuda": "NVIDIA", "rocm": "AMD"}


def configured_platform(config: NodeConfig) -> str | None:
    """Tell the platform that a configuration names, directly or by its `gpu_type`.

    Returns
    -------
    str or None
        "cuda", "rocm", "cpu" (also for `gpu_count` 0), or None if only a probe can tell. The
        node's name never counts.
    """
    if config.gpu_count == 0:
        return "cpu"
    if config.platform is not None:
        return config.platform
    hint = (config.gpu_type or "").casefold()
    makers = [platform for platform, words in _MAKERS.items() if words.search(hint)]
    return makers[0] if len(makers) == 1 else None


def offer(config: NodeConfig, found: Mapping[str, Any]) -> tuple[Node, tuple[str, ...]]:
    """Combine configuration and probe.

    The configured count is an upper limit where the probe found cards, and is believed where no
    tool found any: cards work without their drivers' tools. Such cards are known by index alone.

    Parameters
    ----------
    config
        The node's entry of the cluster file.
    found
        What `seedfleet.fleet.node.gpus.probe_gpus` gave on the node, and `cores`, the number of
        cores that its agent may use.

    Returns
    -------
    node : Node
        In contact. `max_jobs` is never more than its slots.
    remarks : tuple of str
        Where the two disagree, for a person.
    """
    remarks: list[str] = []
    platform = _platform(config, found, remarks)
    gpus: tuple[Gpu, ...] = ()
    if platform != "cpu":
        gpus = _limited(config, _cards(found, platform), platform, remarks)
    if not gpus:
        platform = "cpu"
    cores = max(1, int(found.get("cores", 1)))
    most = min(config.max_concurrent_script_jobs, len(gpus) + cores)
    return Node(config.name, platform, gpus, cores, max_jobs=most), tuple(remarks)


def lent_places(node: Node, count: int) -> Node:
    """Offer `count` places for GPUs, since which cards they are another scheduler decides later.

    All cards of a node count as the smallest of them, since a job may get any.
    """
    sizes = [gpu.memory_gib for gpu in node.gpus if gpu.memory_gib is not None]
    least = min(sizes) if sizes and len(sizes) == len(node.gpus) else None
    places = tuple(Gpu(index, memory_gib=least) for index in range(count))
    most = len(places) + node.cpu_slots
    platform = node.platform if places else "cpu"
    return replace(node, platform=platform, gpus=places, max_jobs=most, lent=True)


def cards_of(node: Node, found: Mapping[str, Any]) -> tuple[Gpu, ...]:
    """List what was found of the cards that a node's platform speaks of, else those it offers."""
    return _cards(found, node.platform) or node.gpus


def cards_named(
    names: Sequence[str], cards: tuple[Gpu, ...]
) -> tuple[tuple[Gpu, ...], tuple[int, ...]]:
    """Find cards by index or UUID; one that no probe has found, or a part of one, is added.

    Returns
    -------
    cards : tuple of Gpu
        Those known, and the new ones.
    indices : tuple of int
        Of the named ones, in ascending order.
    """
    known, indices = list(cards), []
    for name in names:
        gpu = next((gpu for gpu in known if name in {gpu.uuid, str(gpu.index)}), None)
        if gpu is None:
            numbered = name.isascii() and name.isdigit()
            beyond = max((gpu.index for gpu in known), default=-1) + 1
            gpu = Gpu(int(name)) if numbered else Gpu(beyond, name)
            known.append(gpu)
        indices.append(gpu.index)
    return tuple(known), tuple(sorted(indices))


def gpu_lock_name(node: Node, index: int, root: str) -> str:
    """Name the lock file that guards one GPU, the same for every user of the machine.

    A card of which no tool and no driver knows more than a configured number is guarded only
    between runs with the same root: it may be the same as another's, and it may be no card at all.

    Parameters
    ----------
    node
        Which offers the GPU.
    index
        The GPU's physical index; one that the node does not offer now is known by that alone.
    root
        The node's root.
    """
    gpu = next((gpu for gpu in node.gpus if gpu.index == index), Gpu(index))
    card = {"uuid": gpu.uuid, "pci_address": gpu.pci_address}
    return lock_name(card, node.platform, index, root)


def _platform(config: NodeConfig, found: Mapping[str, Any], remarks: list[str]) -> str:
    platform, probed = configured_platform(config), str(found["platform"])
    if platform is None:
        if probed == "cpu" and config.gpu_count:
            # The mask of CUDA alone is the one that AMD's runtime obeys as well.
            remarks.append(f"{config.name}: neither platform nor gpu_type is known: taken for cuda")
            return "cuda"
        return probed
    only_a_hint = config.platform is None and platform != "cpu"
    if only_a_hint and probed != "cpu" and not _cards(found, platform):
        remarks.append(
            f"{config.name}: gpu_type {config.gpu_type!r} is no {_CARDS[probed]} card, "
            f"and only such were found: using {probed}"
        )
        return probed
    return platform


def _cards(found: Mapping[str, Any], platform: str) -> tuple[Gpu, ...]:
    if platform == found["platform"]:
        cards: Sequence[Mapping[str, Any]] = found["gpus"]
    else:  # a machine with cards of two makers, of which the configuration names one
        cards = found.get("by_platform", {}).get(platform, ())
    return tuple(
        Gpu(card["index"], card.get("uuid"), card.get("pci_address"), card.get("memory_gib"))
        for card in cards
    )


def _limited(
    config: NodeConfig, cards: tuple[Gpu, ...], platform: str, remarks: list[str]
) -> tuple[Gpu, ...]:
    count, name = config.gpu_count, config.name
    if not cards and count is None:
        remarks.append(
            f"{name}: no {_CARDS[platform]} GPU found: used as a node without GPUs; "
            "gpu_count says how many it has where the driver's tools are missing"
        )
    elif not cards:
        remarks.append(f"{name}: {count} GPUs configured, no tool found any: they are believed")
        return tuple(Gpu(index) for index in range(count or 0))
    elif count is not None and len(cards) < count:
        remarks.append(f"{name}: {count} GPUs configured, {len(cards)} found: using {len(cards)}")
    return cards[:count]
