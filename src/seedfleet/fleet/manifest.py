"""`manifest.json` and the report of a run: what became of every job."""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never

from seedfleet import __version__
from seedfleet.fleet._codec import kind_of
from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.outcome import Cancelled, Lost, Outcome, Succeeded
from seedfleet.fleet.placement import Requirement, cluster_lower_bound
from seedfleet.fleet.state import Done, Publishing, State, Stop

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from seedfleet.fleet.engines.base import Allocation, Ended, Node
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = [
    "JobReport",
    "RunReport",
    "distribution",
    "report",
    "said_finished",
    "write_manifest",
]


@dataclass(frozen=True, slots=True)
class JobReport:
    """What became of one job.

    Parameters
    ----------
    outcome
        None if the run was stopped before the job had one.
    running
        True if the head has left while an attempt goes on, or may go on out of its reach.
    last, allocation
        The newest attempt that ended and where it ran; None if there is none. Of a job without an
        outcome, or one that is lost, `allocation` is where its attempt was last known to run.
    attempts
        How many were started.
    history
        Every attempt that has ended, with its place.
    unreachable
        Numbers of the attempts that may be alive on nodes out of contact, with these nodes' names.
    outputs
        Where each declared output stands, with its size and digest beside it in the outcome;
        empty unless the job succeeded.
    """

    job: Job
    outcome: Outcome | None
    running: bool
    last: Ended | None
    allocation: Allocation | None
    attempts: int
    outputs: Mapping[str, Path]
    history: tuple[tuple[Ended, Allocation], ...] = ()
    unreachable: Mapping[int, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """True when every output stands at its place with its marker."""
        return isinstance(self.outcome, Succeeded)

    @property
    def word(self) -> str:
        """The outcome in snake case; without one, "running" or "not_run"."""
        if self.outcome is None:
            return "running" if self.running else "not_run"
        return kind_of(self.outcome)

    @property
    def detail(self) -> str:
        """One line of evidence for a person, empty where there is nothing to say."""
        if self.last is not None and self.last.detail:
            return self.last.detail
        return str(getattr(self.outcome, "problem", ""))

    @property
    def place(self) -> Allocation | None:
        """Where its last attempt runs or really ran; see `Ended.place`."""
        if self.allocation is None or self.last is None or self.running:
            return self.allocation
        return self.last.place(self.allocation)

    @property
    def may_run_again(self) -> bool:
        """True for a job without success that a resume would run: not where it forbids that."""
        return not self.succeeded and (self.job.rerun or self.outcome is None)

    @property
    def output(self) -> Path:
        """Where the expected output stands.

        Raises
        ------
        LookupError
            If the job has not succeeded.
        """
        if not self.succeeded:
            raise LookupError(f"job {self.job.job_id} has no result: {self.outcome}")
        return self.outputs[self.job.expected_output]


@dataclass(frozen=True, slots=True, repr=False)  # asyncio prints what a task returns, for nobody
class RunReport:
    """What became of a run.

    Parameters
    ----------
    folder
        Holds the journal, the logs and the manifest.
    interrupted
        True if the run was asked to stop, so that a resume would go on.
    jobs
        By job id, in file order.
    makespan_s
        From the start of the first attempt to the end of the last, 0 if none ran.
    lower_bound_s
        What no schedule of these attempts on these nodes can beat.
    busy
        By node name: how many attempts ran a script there, and for how many seconds in all.
    distribution
        By node name and slot, how many attempts were started there; see `distribution`.
    """

    run_id: str
    folder: Path
    interrupted: bool
    jobs: Mapping[str, JobReport]
    nodes: tuple[Node, ...]
    makespan_s: float
    lower_bound_s: float
    busy: Mapping[str, tuple[int, float]]
    distribution: Mapping[str, Mapping[int, int]]

    @property
    def succeeded(self) -> bool:
        """True when all jobs have."""
        return all(job.succeeded for job in self.jobs.values())

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of jobs by outcome in snake case; see `JobReport.word`."""
        return Counter(job.word for job in self.jobs.values())

    @property
    def last_places(self) -> tuple[Allocation, ...]:
        """Where each job runs, or its last script ran; jobs that had no script are left out."""
        return tuple(
            job.allocation
            for job in self.jobs.values()
            if job.allocation is not None
            and (job.running or (job.last is not None and job.last.started_utc))
        )

    @property
    def jobs_by_node(self) -> Mapping[str, int]:
        """How many jobs ran last on each node, by its name."""
        return Counter(place.node for place in self.last_places)

    @property
    def out_of_reach(self) -> Mapping[str, list[str]]:
        """Ids of the jobs of which a copy may be alive on nodes out of contact, by node name."""
        found: dict[str, list[str]] = {}
        for job_id, job in self.jobs.items():
            for node in sorted(set(job.unreachable.values())):
                found.setdefault(node, []).append(job_id)
        return found

    @property
    def state(self) -> str:
        """Either "finished" or "interrupted"."""
        return "interrupted" if self.interrupted else "finished"

    def to_document(self, command: Sequence[str], state: str | None = None) -> dict[str, Any]:
        """Write the manifest; `state` None is the report's own."""
        jobs_by_node = self.jobs_by_node
        return {
            "version": 1,
            "seedfleet_version": __version__,
            "python_version": platform.python_version(),
            "run_id": self.run_id,
            "state": state or self.state,
            "command": list(command),
            "folder": str(self.folder),
            "counts": dict(self.counts),
            "makespan_s": round(self.makespan_s, 3),
            "lower_bound_s": round(self.lower_bound_s, 3),
            "nodes": {
                node.name: {
                    "platform": node.platform,
                    "gpus": len(node.gpus),
                    "cpu_slots": node.cpu_slots,
                    "max_jobs": node.max_jobs,
                    "queue": node.queue,
                    "contact": node.contact,
                    "jobs": jobs_by_node.get(node.name, 0),
                    "attempts": self.busy[node.name][0],
                    "busy_s": round(self.busy[node.name][1], 3),
                }
                for node in self.nodes
            },
            "jobs": {job_id: _document(job) for job_id, job in self.jobs.items()},
        }


def report(paths: RunPaths, state: State) -> RunReport:
    """Gather what became of every job from the state of its run."""
    jobs = {
        job.job_id: _job_report(paths, job, index, state)
        for index, job in enumerate(state.plan.jobs)
    }
    # Attempts that never ran a script took no slot time.
    runs = [pair for each in state.jobs for pair in each.history if pair[0].started_utc]
    asked = {job.job_id: Requirement.of(job) for job in state.plan.jobs}
    work = [(asked[ended.job_id], ended.run_s) for ended, _ in runs]
    under_way = [
        place for index in state.busy | state.orphaned for _, place in state.jobs[index].living()
    ]
    nodes = tuple(known.node for known in state.nodes.values())
    return RunReport(
        run_id=paths.run_id,
        folder=paths.folder,
        interrupted=bool(state.busy) or _is_left_open(state, jobs.values()),
        jobs=jobs,
        nodes=nodes,
        makespan_s=_span_s([ended for ended, _ in runs]),
        lower_bound_s=cluster_lower_bound(work, nodes),
        busy=_busy(runs, nodes),
        distribution=distribution(nodes, [*(place for _, place in runs), *under_way]),
    )


def distribution(
    nodes: Sequence[Node], allocations: Iterable[Allocation]
) -> dict[str, dict[int, int]]:
    """Count the attempts on each slot of each node.

    Returns
    -------
    dict of dict of int
        By node name, then by GPU index; on a node without GPUs by CPU slot. Slots without an
        attempt count 0; attempts without a GPU on a node that has some are in none of its slots.
    """
    with_gpus = {node.name for node in nodes if node.gpus}
    shares = {
        node.name: dict.fromkeys([gpu.index for gpu in node.gpus] or range(node.cpu_slots), 0)
        for node in nodes
    }
    for place in allocations:
        share = shares.get(place.node, {})
        slots = place.gpu_ids if place.node in with_gpus else (place.cpu_slot,)
        for slot in slots:
            if slot in share:  # else the node had more slots when an earlier head used it
                share[slot] += 1
    return shares


def write_manifest(
    paths: RunPaths, result: RunReport, command: Sequence[str], state: str | None = None
) -> None:
    """Write `manifest.json`; `state` is "running" while it is not yet the last word."""
    document = result.to_document(command, state)
    # A line for each job: with all of it indented it would be three times as slow to write.
    jobs = [f"  {json.dumps(name)}: {json.dumps(job)}" for name, job in document["jobs"].items()]
    rest = json.dumps({key: each for key, each in document.items() if key != "jobs"}, indent=1)
    text = rest.removesuffix("\n}") + ',\n "jobs": {\n' + ",\n".join(jobs) + "\n }\n}\n"
    write_atomically(paths.manifest, text.encode())


def said_finished(paths: RunPaths) -> bool:
    """Tell whether a run's manifest is there and says that all of it was finished."""
    try:
        return bool(json.loads(paths.manifest.read_bytes())["state"] == "finished")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _job_report(paths: RunPaths, job: Job, index: int, state: State) -> JobReport:
    known = state.jobs[index]
    outcome = known.phase.outcome if isinstance(known.phase, Done) else None
    last, allocation = known.history[-1] if known.history else (None, None)
    living = dict(known.living())
    if living and (outcome is None or isinstance(outcome, Lost)):
        allocation = living[max(living)]
    placed = {}
    if isinstance(outcome, Succeeded):
        placed = {file.declared: paths.place(file.declared) for file in outcome.outputs}
    return JobReport(
        job=job,
        outcome=outcome,
        running=isinstance(known.phase, Publishing) or bool(living),
        last=last,
        allocation=allocation,
        attempts=known.attempts,
        outputs=placed,
        history=known.history,
        unreachable={
            number: place.node
            for number, place in sorted(living.items())
            if place.node in state.nodes and not state.in_contact(place.node)
        },
    )


def _is_left_open(state: State, jobs: Iterable[JobReport]) -> bool:
    """Tell whether there is something to do for a resume, beside what a limit on failures left."""
    match state.stop:
        case Stop.NO:  # the head could not go on
            return any(job.outcome is None for job in jobs)
        case Stop.LIMIT:
            return False
        case Stop.DRAIN | Stop.CANCEL:
            return any(map(_is_open, jobs))
        case _ as never:
            assert_never(never)


def _is_open(job: JobReport) -> bool:
    return job.outcome is None or isinstance(job.outcome, Cancelled)


def _document(job: JobReport) -> dict[str, Any]:
    last, place = job.last, job.place
    digests = job.outcome.outputs if isinstance(job.outcome, Succeeded) else ()
    return {
        "outcome": job.word,
        "node": place.node if place else None,
        "gpu_ids": list(place.gpu_ids) if place else [],
        "attempts": job.attempts,
        "unreachable": {str(number): node for number, node in job.unreachable.items()},
        "history": [_tried(ended, place) for ended, place in job.history],
        "exit_code": last.exit_code if last else None,
        "signal": getattr(last.outcome, "signal", None) if last else None,
        "started_utc": last.started_utc if last else None,
        "ended_utc": last.ended_utc if last else None,
        "run_s": round(last.run_s, 3) if last else None,
        "detail": job.detail,
        "outputs": {
            str(job.outputs[file.declared]): {
                "sha256": file.sha256,
                "size_bytes": file.size_bytes,
            }
            for file in digests
        },
        "tags": list(job.job.tags),
    }


def _tried(ended: Ended, allocation: Allocation) -> dict[str, Any]:
    place = ended.place(allocation)
    return {
        "attempt": ended.attempt,
        "outcome": kind_of(ended.outcome),
        "node": place.node,
        "gpu_ids": list(place.gpu_ids),
        "started_utc": ended.started_utc,
        "ended_utc": ended.ended_utc,
        "run_s": round(ended.run_s, 3),
        "detail": ended.detail,
    }


def _span_s(ended: Sequence[Ended]) -> float:
    starts = [datetime.fromisoformat(each.started_utc) for each in ended if each.started_utc]
    ends = [datetime.fromisoformat(each.ended_utc) for each in ended if each.ended_utc]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0


def _busy(
    runs: Iterable[tuple[Ended, Allocation]], nodes: Sequence[Node]
) -> dict[str, tuple[int, float]]:
    busy = {node.name: (0, 0.0) for node in nodes}
    for ended, allocation in runs:
        jobs, busy_s = busy.get(allocation.node, (0, 0.0))
        busy[allocation.node] = (jobs + 1, busy_s + ended.run_s)
    return busy
