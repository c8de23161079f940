"""From what the caller gives to a plan: every problem found, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from seedfleet.fleet.durations import expected_durations
from seedfleet.fleet.engines.choice import make_engine
from seedfleet.fleet.errors import BadInputError, RunExistsError
from seedfleet.fleet.node.layout import sync_folder
from seedfleet.fleet.paths import RUN_ID, new_run_id
from seedfleet.fleet.placement import FreeSlots, Requirement, cluster_lower_bound, start_order
from seedfleet.fleet.prepare import problems_with_jobs, problems_with_placement, select
from seedfleet.fleet.spec import Job, ParsedJobs, parse_jobs, read_jobs
from seedfleet.fleet.state import Plan

if TYPE_CHECKING:
    from seedfleet.fleet.engines.base import Allocation, Engine, Node
    from seedfleet.fleet.options import RunOptions
    from seedfleet.fleet.paths import RunPaths

__all__ = ["JobSource", "PlannedRun", "parse_source", "plan_of", "plan_run", "planned"]

JobSource: TypeAlias = Path | str | Sequence[Job | Mapping[str, Any]]


@dataclass(frozen=True, slots=True, repr=False)  # asyncio prints what a task returns, for nobody
class PlannedRun:
    """A run that could start now.

    Parameters
    ----------
    engine
        Open; whoever has the plan closes it.
    nodes
        What it offers.
    order
        Job indices, first to start first.
    expected_s
        Seconds by job index, where earlier runs tell.
    dialects
        How many jobs the file holds of each dialect.
    """

    paths: RunPaths
    plan: Plan
    engine: Engine
    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    expected_s: Mapping[int, float]
    dialects: Mapping[str, int] = field(default_factory=dict)

    @property
    def lower_bound_s(self) -> float | None:
        """The least makespan by the expected durations, or None if any is unknown.

        Nodes out of contact are not counted on.
        """
        if len(self.expected_s) < len(self.plan.jobs):
            return None
        work = [
            (Requirement.of(self.plan.jobs[index]), expected_s)
            for index, expected_s in self.expected_s.items()
        ]
        return cluster_lower_bound(work, self._there)

    @property
    def _there(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.contact)

    @property
    def unplaced(self) -> tuple[int, ...]:
        """Indices of the jobs that have to wait for a node that is out of contact."""
        asked = [Requirement.of(job) for job in self.plan.jobs]
        placed = {each: any(map(each.fits, self._there)) for each in set(asked)}
        return tuple(index for index, each in enumerate(asked) if not placed[each])

    def allocations(self) -> tuple[Allocation, ...]:
        """Show where each job would run if all jobs took equally long, in start order.

        The run itself places a job when a slot is free, so it may differ. Jobs that have to wait
        for a node out of contact are left out.
        """
        free = everything = FreeSlots.all_of(self._there)
        shown = []
        for index in self.order:
            requirement = Requirement.of(self.plan.jobs[index])
            found = free.find(requirement)
            if found is None:
                free = everything
                found = free.find(requirement)
            if found is not None:
                free = free.take(found)
                shown.append(found)
        return tuple(shown)

    def make_folder(self) -> None:
        """Make the run's own folder.

        Raises
        ------
        RunExistsError
            If it is there already.
        BadInputError
            If the disk refuses.
        """
        folder = self.paths.folder
        if folder.exists():
            raise RunExistsError(self.paths.run_id, folder.parent)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            sync_folder(folder.parent)
        except OSError as error:
            raise BadInputError([f"cannot make {folder}: {error.strerror}"]) from error


def parse_source(jobs: JobSource, options: RunOptions) -> ParsedJobs:
    """Read jobs from wherever the caller has them: a file, `Job` objects, or their documents."""
    output_dir = str(options.output_dir)
    if isinstance(jobs, str | Path):
        return read_jobs(Path(jobs), output_dir=output_dir)
    documents = [job.to_document() if isinstance(job, Job) else dict(job) for job in jobs]
    return parse_jobs(documents, output_dir=output_dir)


async def plan_run(
    jobs: JobSource,
    options: RunOptions,
    engine: Engine | None = None,
    run_id: str | None = None,
) -> PlannedRun:
    """Check everything, open the engine, and fix the order.

    Parameters
    ----------
    jobs, options
        As `run` takes them.
    engine
        None is the one that the options name. It is closed again if anything is wrong.
    run_id
        None makes a new one.

    Raises
    ------
    BadInputError
        With every problem of the jobs, their paths, the options and the engine.
    """
    stem = Path(jobs).stem if isinstance(jobs, str | Path) else "run"
    run_id = run_id or new_run_id(stem, datetime.now(UTC))
    paths = options.paths(run_id)
    problems = list(options.problems())
    if not RUN_ID.fullmatch(run_id):
        problems.append(f"run id {run_id!r} does not match {RUN_ID.pattern}")
    if not paths.root.is_dir():
        problems.append(f"root {paths.root} is no folder")
    parsed = parse_source(jobs, options)
    placed, idle = select(parsed.jobs, options.only)
    problems += [*parsed.problems, *idle]
    problems += problems_with_jobs(placed, paths, scripts_on_head=options.scripts_on_head)
    try:
        engine = engine or make_engine(options)
        nodes = await engine.open(paths, options.rules())
        problems += problems_with_placement(placed, nodes)
    except BadInputError as error:
        problems += error.problems
    except BaseException:  # Ctrl-C, say, while a node is slow to answer
        if engine is not None:
            await engine.close()
        raise
    if engine is None or problems:
        if engine is not None:
            await engine.close()
        raise BadInputError(problems)
    jobs_now = tuple(job for _, job in placed)
    made = planned(jobs_now, paths, options, engine=engine, nodes=nodes)
    return replace(made, dialects=parsed.dialects)


def plan_of(jobs: tuple[Job, ...], options: RunOptions) -> Plan:
    """Say what is fixed before the first event; the same for a head and for who looks on."""
    return Plan(
        jobs,
        options.retries,
        options.retry_timed_out,
        options.max_fails,
        options.node_lost_after_s,
    )


def planned(
    jobs: tuple[Job, ...],
    paths: RunPaths,
    options: RunOptions,
    *,
    engine: Engine,
    nodes: tuple[Node, ...],
) -> PlannedRun:
    """Put checked parts together."""
    plan = plan_of(jobs, options)
    known = expected_durations()
    by_script = {
        script: known[place]
        for script in {job.script for job in jobs}
        if (place := paths.text_on_head(script)) in known
    }
    expected = {i: by_script[job.script] for i, job in enumerate(jobs) if job.script in by_script}
    order = start_order(jobs, expected)
    return PlannedRun(paths, plan, engine, nodes, order, expected)
