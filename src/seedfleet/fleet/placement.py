"""Which place a job may get, in which order jobs go, and how good the result can be at best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.fleet.engines.base import Allocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.fleet.engines.base import Gpu, Node
    from seedfleet.fleet.spec import Job

__all__ = ["FreeSlots", "Requirement", "lower_bound", "start_order"]


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
        if self.platform == "cpu" or self.gpus == 0:
            return 0
        asks_for_gpu = self.gpu_id is not None or self.platform or self.gpu_memory_gib
        return self.gpus or (1 if node.gpus or asks_for_gpu else 0)

    def eligible(self, node: Node) -> tuple[Gpu, ...]:
        """List the node's GPUs that the job may run on, in index order."""
        if self.platform not in {None, node.platform}:
            return ()
        return tuple(
            gpu
            for gpu in node.gpus
            if self.gpu_id in {None, gpu.index}
            and (self.gpu_memory_gib is None or (gpu.memory_gib or 0) >= self.gpu_memory_gib)
        )

    def fits(self, node: Node) -> bool:
        """Tell whether the job could run on `node` when all of it is free."""
        if self.node not in {None, node.name}:
            return False
        return len(self.eligible(node)) >= self.gpus_on(node)


@dataclass(frozen=True, slots=True)
class FreeSlots:
    """What is free on some nodes; a value, so every change makes a new one."""

    nodes: tuple[Node, ...]
    gpus: Mapping[str, frozenset[int]]
    cpus: Mapping[str, frozenset[int]]

    @classmethod
    def all_of(cls, nodes: tuple[Node, ...]) -> FreeSlots:
        """Start with everything free."""
        gpus = {node.name: frozenset(gpu.index for gpu in node.gpus) for node in nodes}
        return cls(nodes, gpus, {node.name: frozenset(range(node.cpu_slots)) for node in nodes})

    def find(self, requirement: Requirement, avoid: str | None = None) -> Allocation | None:
        """Find a place that is free now.

        Parameters
        ----------
        requirement
            What the job asks.
        avoid
            The node on which the job failed last; it is tried after all others.

        Returns
        -------
        Allocation or None
            GPUs and CPU slots are taken in index order.
        """
        for node in sorted(self.nodes, key=lambda node: node.name == avoid):
            if requirement.fits(node) and (found := self._find_on(node, requirement)):
                return found
        return None

    def _find_on(self, node: Node, requirement: Requirement) -> Allocation | None:
        wanted = requirement.gpus_on(node)
        if wanted == 0:
            slots = self.cpus[node.name]
            return Allocation(node.name, (), min(slots)) if slots else None
        eligible = (gpu.index for gpu in requirement.eligible(node))
        usable = [index for index in eligible if index in self.gpus[node.name]]
        return Allocation(node.name, tuple(usable[:wanted])) if len(usable) >= wanted else None

    def take(self, allocation: Allocation) -> FreeSlots:
        """Return what is free besides `allocation`, which need not be free or exist."""
        name = allocation.node
        if name not in self.gpus:
            return self
        gpus = self.gpus[name] - set(allocation.gpu_ids)
        cpus = self.cpus[name] - {allocation.cpu_slot}
        return FreeSlots(self.nodes, {**self.gpus, name: gpus}, {**self.cpus, name: cpus})


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
