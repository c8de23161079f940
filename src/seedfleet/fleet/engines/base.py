"""The seam between the head, which decides, and an engine, which runs attempts.

What every engine owes, and `seedfleet.fleet.testing.check_engine` checks:

- **Concurrency.** All methods are called from one event loop; `events` by one task, the others by
  another, never two at once. No method blocks the loop for longer than a few milliseconds.
- **At most one live copy.** `start` may be called again for an attempt that was started before, by
  this head or by one that died. It then takes the attempt up, running or ended, and never runs its
  script a second time. It does nothing for an attempt that is under way in this engine, nor for one
  of an earlier head on a node that this engine does not have, unless that has been delivered.
- **Truth.** `Ended` is reported once for every `start` that did something, and only when the head's
  attempt folder holds the logs, the outputs, and `status.json`, written last. The outputs are named
  `outputs/0`, `outputs/1`, ... in the order declared and were checked against their digests; with
  preserved paths on a disk that the head shares they stand at their own paths instead. An engine
  that finds `status.json` in the head's folder reports it without asking the node. A torn one, as
  a power cut leaves it, counts as none.
- **Failure.** What a script, a job or a node does wrong is an outcome, never an exception.
  `start` raises nothing for it; `OSError` from any method means that this head cannot go on.
- **Contact.** An engine that loses its hold on a node says `NodeDown`, and `NodeUp` when it has it
  again; what it heard of attempts in between it reports after that. Attempts of a node that is out
  of contact go on, and none of them has ended until its files have come. Those of a queue leave
  their files on the head's own disk, so it reports their ends as they come.
- **Cancellation.** `cancel` only asks; the attempt ends as usual, most often `Cancelled`. Asking
  for an attempt that is unknown or has ended does nothing.
- **What survives a crash.** A head that is killed at any point leaves the engine's attempts
  running. `close` does the same: it lets go and ends nothing, and after it nothing is written into
  the run. It may be called twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from seedfleet.fleet.outcome import Outcome
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

# One seam, so one module: the engine and the values that cross it.
__all__ = [
    "Allocation",
    "Attempt",
    "Ended",
    "Engine",
    "EngineEvent",
    "Gpu",
    "Node",
    "NodeDown",
    "NodeUp",
    "Remark",
    "Rules",
]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of a node.

    Parameters
    ----------
    index
        Its physical index on the node, from 0, in PCI bus order.
    uuid
        The vendor's own name for the card, or None if it is not known.
    pci_address
        As `0000:65:00.0`, or None if it is not known.
    memory_gib
        Total memory, or None if it is not known.
    """

    index: int
    uuid: str | None = None
    pci_address: str | None = None
    memory_gib: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """What an engine offers in one place.

    Parameters
    ----------
    name
        As jobs pin it.
    platform
        "cuda", "rocm", or "cpu" for a node without GPUs.
    gpus
        By index; each is one slot.
    cpu_slots
        How many scripts without a GPU run at once, at least 1.
    max_jobs
        How many scripts of either kind run at once, at least 1; None is no limit beside the slots.
    contact
        False for a node that is configured and not in contact now. Its other fields then hold what
        is configured, and what a job asks of it beyond that may turn out to be there.
    in_place
        True where scripts write at the very paths that the head reads: paths are preserved and the
        node shares the head's disk. A job that was started there is never started a second time
        while its first copy may live. An engine that finds it out says so with `NodeUp` before it
        starts anything there; once said it is believed of the node for the rest of the run.
    lent
        True where another scheduler picks the GPUs on the node: an index in `gpus` is a place and
        no card, so that no job can pin one, and `Ended` tells which cards an attempt had.
    queue
        True where this is no machine but the line before many: its slots are attempts handed in,
        an allocation says nothing of GPUs, and which machine, platform and how many GPUs a job
        asks for is told to whoever keeps the line.
    """

    name: str
    platform: str
    gpus: tuple[Gpu, ...]
    cpu_slots: int
    max_jobs: int | None = None
    contact: bool = True
    in_place: bool = False
    lent: bool = False
    queue: bool = False


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where an attempt runs: on these GPUs, or on one CPU slot of a node.

    Both are absent where a queue has chosen the machine and the job has no GPU.
    """

    node: str
    gpu_ids: tuple[int, ...]
    cpu_slot: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one job.

    Parameters
    ----------
    job
        What to run.
    number
        From 1; every new try of the job has a larger one.
    """

    job: Job
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended.

    Parameters
    ----------
    job_id, attempt
        Which.
    outcome
        How.
    started_utc, ended_utc
        ISO 8601 in UTC; `started_utc` is None if the script never ran.
    run_s
        Seconds that the script ran; waiting for a GPU is not running.
    exit_code
        Also beside a success, where another rule may have accepted it.
    detail
        One line of evidence for a person, and the end of the script's stderr.
    node_fault
        True where not the job but the node is to blame, as when no supervisor could be started.
    copy_may_live
        True for one that is believed lost for its silence alone.
    host, host_gpu_ids
        Where a queue has had it run: the machine, and the physical indices of its GPUs there. None
        for an attempt that ran where it was sent, or never ran.
    """

    job_id: str
    attempt: int
    outcome: Outcome
    started_utc: str | None = None
    ended_utc: str | None = None
    run_s: float = 0.0
    exit_code: int | None = None
    detail: str = ""
    stderr_tail: str = ""
    node_fault: bool = False
    host: str | None = None
    host_gpu_ids: tuple[int, ...] = ()
    copy_may_live: bool = False

    def place(self, allocation: Allocation) -> Allocation:
        """Say where it really ran, if `allocation` is where it was sent."""
        return allocation if self.host is None else Allocation(self.host, self.host_gpu_ids)


@dataclass(frozen=True, slots=True)
class NodeDown:
    """A node is out of contact; its attempts may go on.

    Parameters
    ----------
    problem
        Why, and what to do about it, for a person.
    for_good
        True where trying again is no use, as with a wrong host key: the engine has given it up.
    """

    node: str
    problem: str
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class NodeUp:
    """A node is in contact, for the first time or again, and offers this now."""

    node: Node


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a person should know and that decides nothing."""

    text: str


EngineEvent = Ended | NodeDown | NodeUp | Remark


class Engine(Protocol):
    """Runs attempts; see the module's docstring for what it owes."""

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Say what there is to run on; nothing of the run is written before the first `start`.

        Returns
        -------
        tuple of Node
            Every node that is configured; at least one of them is in contact.

        Raises
        ------
        BadInputError
            If this engine cannot run here, with every reason.
        """

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Start an attempt, or take it up if it was started before."""

    def events(self) -> AsyncIterator[EngineEvent]:
        """Give what happens as it comes; never ends by itself."""

    async def cancel(self, job_id: str, attempt: int) -> None:
        """Ask a running attempt to end: TERM, then KILL after the grace of its rules."""

    async def close(self) -> None:
        """Let go of everything that this head holds; attempts go on without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is the same for every attempt of a run.

    Parameters
    ----------
    accept_any_exit
        True: an attempt with good outputs has succeeded whatever its exit code.
    kill_grace_s
        Seconds between TERM and KILL, at least 0.
    stage
        True: a node that has another copy of a script, or none, gets the head's.
    """

    accept_any_exit: bool = False
    kill_grace_s: float = 5.0
    stage: bool = False
