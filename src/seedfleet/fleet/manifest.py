"""`manifest.json` and the report of a run: what became of every job."""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seedfleet import __version__
from seedfleet.fleet._codec import kind_of
from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.outcome import Cancelled, Outcome, Succeeded
from seedfleet.fleet.placement import lower_bound
from seedfleet.fleet.state import Done, JobState, Publishing, Running, State, Stop

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from seedfleet.fleet.engines.base import Allocation, Ended, Node
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["JobReport", "RunReport", "distribution", "report", "write_manifest"]


@dataclass(frozen=True, slots=True)
class JobReport:
    """What became of one job.

    Parameters
    ----------
    outcome
        None if the run was stopped before the job had one.
    running
        True if the head has left while an attempt goes on.
    last, allocation
        The newest attempt that ended and where it ran; None if there is none.
    attempts
        How many were started.
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


@dataclass(frozen=True, slots=True)
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
        What no schedule of these attempts on these slots can beat.
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
    def state(self) -> str:
        """Either "finished" or "interrupted"."""
        return "interrupted" if self.interrupted else "finished"

    def to_document(self, command: Sequence[str], state: str | None = None) -> dict[str, Any]:
        """Write the manifest; `state` None is the report's own."""
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
                name: {"jobs": jobs, "busy_s": round(busy_s, 3)}
                for name, (jobs, busy_s) in self.busy.items()
            },
            "jobs": {job_id: _document(job) for job_id, job in self.jobs.items()},
        }


def report(paths: RunPaths, state: State) -> RunReport:
    """Gather what became of every job from the state of its run."""
    jobs = {
        job.job_id: _job_report(paths, job, state.jobs[index])
        for index, job in enumerate(state.plan.jobs)
    }
    # Attempts that never ran a script took no slot time.
    runs = [pair for each in state.jobs for pair in each.history if pair[0].started_utc]
    slots = sum(len(node.gpus) or node.cpu_slots for node in state.free.nodes)
    return RunReport(
        run_id=paths.run_id,
        folder=paths.folder,
        interrupted=bool(state.busy)
        or (state.stop >= Stop.DRAIN and any(map(_is_open, jobs.values()))),
        jobs=jobs,
        nodes=state.free.nodes,
        makespan_s=_span_s([ended for ended, _ in runs]),
        lower_bound_s=lower_bound([ended.run_s for ended, _ in runs], max(1, slots)),
        busy=_busy(runs, state.free.nodes),
        distribution=distribution(state.free.nodes, [place for _, place in runs]),
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
    write_atomically(paths.manifest, json.dumps(document, indent=1).encode() + b"\n")


def _job_report(paths: RunPaths, job: Job, state: JobState) -> JobReport:
    outcome = state.phase.outcome if isinstance(state.phase, Done) else None
    last, allocation = state.history[-1] if state.history else (None, None)
    placed = {}
    if isinstance(outcome, Succeeded):
        placed = {file.declared: paths.place(file.declared) for file in outcome.outputs}
    running = isinstance(state.phase, Running | Publishing)
    return JobReport(job, outcome, running, last, allocation, state.attempts, placed)


def _is_open(job: JobReport) -> bool:
    return job.outcome is None or isinstance(job.outcome, Cancelled)


def _document(job: JobReport) -> dict[str, Any]:
    last, allocation = job.last, job.allocation
    digests = job.outcome.outputs if isinstance(job.outcome, Succeeded) else ()
    return {
        "outcome": job.word,
        "node": allocation.node if allocation else None,
        "gpu_ids": list(allocation.gpu_ids) if allocation else [],
        "attempts": job.attempts,
        "exit_code": last.exit_code if last else None,
        "signal": getattr(last.outcome, "signal", None) if last else None,
        "started_utc": last.started_utc if last else None,
        "ended_utc": last.ended_utc if last else None,
        "run_s": round(last.run_s, 3) if last else None,
        "detail": last.detail if last else "",
        "outputs": {
            str(job.outputs[file.declared]): {
                "sha256": file.sha256,
                "size_bytes": file.size_bytes,
            }
            for file in digests
        },
        "tags": list(job.job.tags),
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
