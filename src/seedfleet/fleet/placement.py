"""Which place a job may get, in which order jobs go, and how good the result can be at best."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.base import Allocation

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from seedfleet.fleet.engines.base import Gpu, Node
    from seedfleet.fleet.spec import Job

__all__ = ["FreeSlots", "Requirement", "cluster_lower_bound", "lower_bound", "start_order"]

# A name, or a list of them as Slurm writes it: one word, whatever file or shell it goes into.
_QUEUED_NODE: Final = re.compile(r"[A-Za-z0-9._,\[\]-]+")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a job asks of a place; jobs that ask the same wait in one line."""

    node: str | None
    gpu_id: int | None
    gpus: int | None
    platform: str | None
    gpu_memory_gib: float | None

    @classmethod
    def of(cls, job: Job) -> Requirement:
        """Take the requirement from a job."""
        return cls(job.node, job.gpu_id, job.gpus, job.platform, job.gpu_memory_gib)

    def gpus_on(self, node: Node) -> int:
        """Tell how many GPUs the job takes on `node`; a slot without wishes is a GPU if any."""
        if node.queue:
            return 0  # it takes a place in the line
        if self.platform == "cpu" or self.gpus == 0:
            return 0
        asks_for_gpu = self.gpu_id is not None or self.platform or self.gpu_memory_gib
        return self.gpus or (1 if node.gpus or asks_for_gpu else 0)

    def eligible(self, node: Node) -> tuple[Gpu, ...]:
        """List the node's GPUs that the job may run on, in index order."""
        if self.platform not in {None, node.platform} or (node.lent and self.gpu_id is not None):
            return ()
        if self.gpu_id is None and self.gpu_memory_gib is None:
            return node.gpus
        return tuple(
            gpu
            for gpu in node.gpus
            if self.gpu_id in {None, gpu.index}
            and (self.gpu_memory_gib is None or (gpu.memory_gib or 0) >= self.gpu_memory_gib)
        )

    def fits(self, node: Node) -> bool:
        """Tell whether the job could run on `node` when all of it is free.

        Whether a queue has what a job asks only its scheduler knows, but for a physical GPU and for
        GPU memory, which no scheduler can be asked for by number, and for a node whose name would
        be more than one word of a submission.
        """
        if node.queue:
            named = self.node is None or _QUEUED_NODE.fullmatch(self.node)
            return bool(named) and self.gpu_id is None and self.gpu_memory_gib is None
        if self.node not in {None, node.name}:
            return False
        return len(self.eligible(node)) >= self.gpus_on(node)

    def may_fit(self, node: Node) -> bool:
        """Do as `fits`, but hope for everything of a node that is out of contact."""
        if node.contact or node.queue or (node.lent and self.gpu_id is not None):
            return self.fits(node)
        return self.node in {None, node.name}

    def unmet(self, nodes: Iterable[Node]) -> str:
        """Say in words that none of `nodes` has what the job asks."""
        wishes = [
            f"{name} {_shown(wish)}"
            for name, wish in dataclasses.asdict(self).items()
            if wish is not None
        ]
        offer = "; ".join(
            f"{node.name}, a queue, which takes neither gpu_id nor gpu_memory_gib, and as a node "
            "letters, digits and . _ - , [ ] alone"
            if node.queue
            else f"{node.name} ({node.platform}) with {len(node.gpus)} GPUs"
            f"{', none of which gpu_id can name,' if node.lent else ''} and "
            f"{node.cpu_slots} CPU slots"
            for node in nodes
        )
        return f"no node has {', '.join(wishes)}; there is {offer}"


def _shown(wish: Any) -> str:
    """Write what a job asks on one line, however it is named."""
    return str(wish) if str(wish).isprintable() else repr(wish)


@dataclass(frozen=True, slots=True)
class FreeSlots:
    """What is free on some nodes; a value, so every change makes a new one.

    Parameters
    ----------
    nodes
        In the order in which they are tried.
    gpus, cpus
        By node name, the indices that are free.
    room
        By node name, how many more attempts the node's `max_jobs` lets in; may be below 0.
    """

    nodes: tuple[Node, ...]
    gpus: Mapping[str, frozenset[int]]
    cpus: Mapping[str, frozenset[int]]
    room: Mapping[str, float]

    @classmethod
    def all_of(cls, nodes: tuple[Node, ...]) -> FreeSlots:
        """Start with everything free."""
        return cls(
            nodes,
            {node.name: frozenset(gpu.index for gpu in node.gpus) for node in nodes},
            {node.name: frozenset(range(node.cpu_slots)) for node in nodes},
            {node.name: node.max_jobs or math.inf for node in nodes},
        )

    def find(
        self,
        requirement: Requirement,
        *,
        avoid: str | None = None,
        closed: Container[str] = (),
        kept: str | None = None,
    ) -> Allocation | None:
        """Find a place that is free now.

        Parameters
        ----------
        requirement
            What the job asks.
        avoid
            The node on which the job failed last; it is tried after all others.
        closed
            Names of nodes that take nothing.
        kept
            A node that saves its GPUs, and its room if that is limited, for another job.

        Returns
        -------
        Allocation or None
            GPUs and CPU slots are taken in index order.
        """
        for node in self._tried(avoid):
            if node.name in closed or not requirement.fits(node):
                continue
            if node.name == kept and (node.max_jobs or requirement.gpus_on(node)):
                continue
            if (found := self._find_on(node, requirement)) is not None:
                return found
        return None

    def best_for(
        self, requirement: Requirement, *, avoid: str | None = None, closed: Container[str] = ()
    ) -> str | None:
        """Name the node on which a job for which there is no place now has least to wait for.

        While the node keeps what gets free for the job, its free GPUs only become more, so that
        another node overtakes it only by having more still: nobody waits for ever.
        """
        fitting = [
            node
            for node in self._tried(avoid)
            if node.name not in closed and requirement.fits(node)
        ]

        def usable(node: Node) -> int:
            return len(self.gpus[node.name] & {gpu.index for gpu in requirement.eligible(node)})

        return max(fitting, key=usable).name if fitting else None

    def _tried(self, avoid: str | None) -> Iterable[Node]:
        if avoid is None:
            return self.nodes
        return sorted(self.nodes, key=lambda node: node.name == avoid)

    def _find_on(self, node: Node, requirement: Requirement) -> Allocation | None:
        if self.room[node.name] < 1:
            return None
        wanted = requirement.gpus_on(node)
        if wanted == 0:
            slots = self.cpus[node.name]
            return Allocation(node.name, (), min(slots)) if slots else None
        free = self.gpus[node.name]
        if len(free) < wanted:
            return None
        usable = [gpu.index for gpu in requirement.eligible(node) if gpu.index in free]
        return Allocation(node.name, tuple(usable[:wanted])) if len(usable) >= wanted else None

    def take(self, allocation: Allocation) -> FreeSlots:
        """Return what is free besides `allocation`, which need not be free or exist."""
        name = allocation.node
        if name not in self.gpus:
            return self
        gpus = self.gpus[name].difference(allocation.gpu_ids)
        cpus = self.cpus[name] - {allocation.cpu_slot}
        return self._with(name, gpus, cpus, self.room[name] - 1)

    def give_back(self, allocation: Allocation) -> FreeSlots:
        """Return what is free once `allocation` is; what the node no longer offers is left out."""
        name = allocation.node
        if name not in self.gpus:
            return self
        node = next(node for node in self.nodes if node.name == name)
        offered = {gpu.index for gpu in node.gpus}
        gpus = self.gpus[name] | offered.intersection(allocation.gpu_ids)
        cpu = allocation.cpu_slot
        cpus = self.cpus[name] | ({cpu} if cpu is not None and cpu < node.cpu_slots else set())
        return self._with(name, gpus, cpus, self.room[name] + 1)

    def _with(
        self, name: str, gpus: frozenset[int], cpus: frozenset[int], room: float
    ) -> FreeSlots:
        return FreeSlots(
            self.nodes,
            {**self.gpus, name: gpus},
            {**self.cpus, name: cpus},
            {**self.room, name: room},
        )


def start_order(jobs: Sequence[Job], expected_s: Mapping[int, float]) -> tuple[int, ...]:
    """Order jobs by priority, then longest expected first, then as in the file.

    Parameters
    ----------
    jobs
        In file order.
    expected_s
        Seconds by index into `jobs`, from earlier runs. A job not in it counts as longer than all
        others, since what is unknown may be long.

    Returns
    -------
    tuple of int
        Indices into `jobs`, a permutation.
    """
    unknown = float("inf")
    return tuple(
        sorted(range(len(jobs)), key=lambda i: (-jobs[i].priority, -expected_s.get(i, unknown)))
    )


def lower_bound(durations_s: Sequence[float], slots: int) -> float:
    """Return a makespan that no schedule on equal slots can beat.

    It is the largest of: the longest job; the mean load of a slot; and, for each q >= 1, the sum
    of the q+1 shortest of the q*slots+1 longest jobs, since one slot must take q+1 of them.

    Parameters
    ----------
    durations_s
        Seconds of each job, none negative.
    slots
        How many run at once, at least 1.

    Returns
    -------
    float
        Seconds; 0 without jobs. Cost O(n log n).
    """
    longest_first = sorted(durations_s, reverse=True)
    totals = [0.0]
    for duration in longest_first:
        totals.append(totals[-1] + duration)
    bound = max([totals[-1] / slots, *longest_first[:1]])
    q = 1
    while q * slots + 1 <= len(longest_first):
        among = q * slots + 1
        bound = max(bound, totals[among] - totals[among - (q + 1)])
        q += 1
    return bound


def cluster_lower_bound(work: Iterable[tuple[Requirement, float]], nodes: Sequence[Node]) -> float:
    """Return a makespan that no schedule on these nodes can beat, whatever their sizes.

    For every set of slots to which some jobs are bound by what they ask, and for all slots
    together: the bound of `lower_bound` for the jobs that can run nowhere else, and their
    GPU-seconds over the slots of the set.

    Parameters
    ----------
    work
        What each job asks, and the seconds that it takes, not negative.
    nodes
        Nodes out of contact count with what is known of them.

    Returns
    -------
    float
        Seconds; 0 without jobs. Cost O(k^2 + k n log n) for k different requirements.
    """
    durations: dict[Requirement, list[float]] = {}
    for requirement, duration_s in work:
        durations.setdefault(requirement, []).append(duration_s)
    bound = max((max(each) for each in durations.values()), default=0.0)
    slots = {requirement: _slots_of(requirement, nodes) for requirement in durations}
    width = {requirement: _width(requirement, nodes) for requirement in durations}
    for among in {*slots.values(), frozenset().union(*slots.values())}:
        bound_there = [asked for asked, found in slots.items() if found and found <= among]
        if bound_there:
            seconds = [second for asked in bound_there for second in durations[asked]]
            load_s = sum(width[asked] * sum(durations[asked]) for asked in bound_there)
            capacity = _most_at_once(among, nodes)
            bound = max(bound, lower_bound(seconds, capacity), load_s / len(among))
    return bound


_Slot = tuple[str, bool, int]  # node, whether it is a GPU, and its index


def _slots_of(requirement: Requirement, nodes: Iterable[Node]) -> frozenset[_Slot]:
    found: set[_Slot] = set()
    for node in filter(requirement.fits, nodes):
        if requirement.gpus_on(node):
            found.update((node.name, True, gpu.index) for gpu in requirement.eligible(node))
        else:
            found.update((node.name, False, slot) for slot in range(node.cpu_slots))
    return frozenset(found)


def _width(requirement: Requirement, nodes: Iterable[Node]) -> int:
    return min((requirement.gpus_on(n) or 1 for n in filter(requirement.fits, nodes)), default=1)


def _most_at_once(slots: Iterable[_Slot], nodes: Iterable[Node]) -> int:
    limits = {node.name: node.max_jobs for node in nodes}
    counts = Counter(name for name, _, _ in slots)
    return sum(min(count, limits[name] or count) for name, count in counts.items())
