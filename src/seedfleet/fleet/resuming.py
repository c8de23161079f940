"""What a run wrote down about itself, and whether a resume may go on with it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedfleet import __version__
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.options import RunOptions
from seedfleet.fleet.outcome import Succeeded
from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR
from seedfleet.fleet.placement import Requirement
from seedfleet.fleet.planning import JobSource, parse_source
from seedfleet.fleet.prepare import fingerprints, problems_with_jobs, select
from seedfleet.fleet.publish import stands
from seedfleet.fleet.spec import read_jobs
from seedfleet.fleet.state import Done, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["Recorded", "ResumeOptions", "find_again", "find_run", "read_recorded", "write_recorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """How to resume a run.

    Parameters
    ----------
    output_dir, root
        As the run was given them; `root` None is the folder the caller runs in.
    jobs
        The jobs as the caller has them now, to be compared with the recorded ones; None skips that.
    retry_failed
        False: only jobs without an outcome run, and those whose result is gone.
    accept_changes
        Go on although a job, its script or its inputs changed: what finished stays, and what still
        runs uses the new version.
    given
        Options that the caller named once more, by `RunOptions` field; each must be as recorded,
        but for `engine_options`, which replace the recorded ones.
    """

    output_dir: str | Path = DEFAULT_OUTPUT_DIR
    root: str | Path | None = None
    jobs: JobSource | None = None
    retry_failed: bool = True
    accept_changes: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run was started with.

    Parameters
    ----------
    fingerprints
        By job id; see `prepare.fingerprints`.
    command
        The command line that started it.
    """

    paths: RunPaths
    options: RunOptions
    jobs: tuple[Job, ...]
    fingerprints: Mapping[str, str]
    command: tuple[str, ...]


def write_recorded(recorded: Recorded) -> None:
    """Write `options.json` and, last, `jobs.json`: a run with the latter can be resumed."""
    document = {
        "version": 1,
        "seedfleet_version": __version__,
        "run_id": recorded.paths.run_id,
        "command": list(recorded.command),
        "options": recorded.options.to_document(),
        "fingerprints": dict(recorded.fingerprints),
        "decisive": _decisive(recorded.jobs),
    }
    write_atomically(recorded.paths.options, json.dumps(document, indent=1).encode())
    # One job a line, which the fast encoder can write, and people can still read and compare.
    jobs = ",\n".join(json.dumps(job.to_document()) for job in recorded.jobs)
    write_atomically(recorded.paths.jobs, f"[\n{jobs}\n]\n".encode(), private=True)  # its `env`


def read_recorded(run_id: str, wanted: ResumeOptions) -> Recorded:
    """Find a run and read what it wrote down, with the caller's changes where they are accepted.

    Raises
    ------
    BadInputError
        If there is no such run, its files do not parse, an option contradicts it, or something
        changed and `accept_changes` is not set; with every problem.
    """
    paths, document = _find(run_id, wanted)
    given = dict(wanted.given)
    old = _as_recorded(paths, document, given.pop("engine_options", None))
    options = old.options
    new, problems = _with_current(old, wanted)
    if not problems and _decisive(new.jobs) != document["decisive"]:
        problems.append("a job's id, retries, rerun or pins changed: that needs a new run")
    problems += _contradictions(options, given)
    placed = [(job.job_id, job) for job in new.jobs]
    problems += problems_with_jobs(placed, new.paths, scripts_on_head=options.scripts_on_head)
    changed = [] if problems or wanted.accept_changes else list(_changed(old, new))
    if problems or changed:
        raise BadInputError([*problems, *changed])
    return new


def find_run(
    run_id: str, output_dir: str | Path = DEFAULT_OUTPUT_DIR, root: str | Path | None = None
) -> Recorded:
    """Find a run and read what it was started with, whatever has changed since.

    Raises
    ------
    BadInputError
        If there is no such run, or its files do not parse.
    """
    paths, document = _find(run_id, ResumeOptions(output_dir=output_dir, root=root))
    return _as_recorded(paths, document)


def find_again(
    recorded: Recorded, state: State, *, retry_failed: bool
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Decide which finished jobs run again.

    Every result is hashed where it stands.

    Returns
    -------
    again : tuple of int
        Job indices.
    notices : tuple of str
        One for each result that is gone or was changed.
    """
    again, notices = [], []
    for index, job in enumerate(recorded.jobs):
        known = state.jobs[index]
        if not isinstance(known.phase, Done):
            continue
        if isinstance(known.phase.outcome, Succeeded):
            declared = tuple(file.declared for file in known.phase.outcome.outputs)
            if declared == job.all_outputs and stands(recorded.paths, known.history[-1][0]):
                continue
            then = "runs again" if job.rerun else "says rerun: false, so it does not run again"
            notices.append(f"{job.job_id}: its result is gone or was changed; it {then}")
        elif not retry_failed:
            continue
        if job.rerun:
            again.append(index)
    return tuple(again), tuple(notices)


def _find(run_id: str, wanted: ResumeOptions) -> tuple[RunPaths, dict[str, Any]]:
    tried = []
    for preserve in (False, True):
        base = RunOptions(output_dir=wanted.output_dir, root=wanted.root, preserve_paths=preserve)
        paths = base.paths(run_id)
        tried.append(str(paths.folder))
        if paths.jobs.exists():
            try:
                document = json.loads(paths.options.read_bytes())
                RunOptions.from_document(document["options"])
                document["fingerprints"], document["command"], document["decisive"]
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise BadInputError([f"{paths.options}: cannot be read: {error!r}"]) from error
            return paths, document
    raise BadInputError([f"there is no run {run_id} in {' or '.join(tried)}"])


def _as_recorded(
    paths: RunPaths, document: Mapping[str, Any], engine_options: Mapping[str, str] | None = None
) -> Recorded:
    options = RunOptions.from_document(document["options"])
    options = dataclasses.replace(
        options,
        output_dir=str(paths.output_dir),
        engine_options=options.engine_options if engine_options is None else engine_options,
    )
    return Recorded(
        options.paths(paths.run_id),
        options,
        _recorded_jobs(paths),
        document["fingerprints"],
        tuple(document["command"]),
    )


def _decisive(jobs: Sequence[Job]) -> str:
    """Digest what `core.decide` reads of the jobs.

    The journal holds what happened, not what was decided about it; with other answers here a replay
    would arrive at another state.
    """
    # As `dataclasses.astuple`, without its deep copies.
    wishes = operator.attrgetter(*(entry.name for entry in dataclasses.fields(Requirement)))
    read = [(job.job_id, job.retries, job.rerun, *wishes(Requirement.of(job))) for job in jobs]
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


def _recorded_jobs(paths: RunPaths) -> tuple[Job, ...]:
    parsed = read_jobs(paths.jobs)
    if parsed.problems:
        raise BadInputError([f"{paths.jobs}: {problem}" for problem in parsed.problems])
    return tuple(job for _, job in parsed.jobs)


def _contradictions(options: RunOptions, given: Mapping[str, Any]) -> Iterator[str]:
    as_given = RunOptions(**{"root": options.root, **given}).to_document()
    recorded = options.to_document()
    for name in given:
        if name == "cluster":
            yield from _other_nodes(as_given[name], recorded[name])
        elif as_given[name] != recorded[name]:
            yield f"{name} is {as_given[name]!r}, the run was started with {recorded[name]!r}"


def _other_nodes(
    given: Mapping[str, Any] | None, recorded: Mapping[str, Any] | None
) -> Iterator[str]:
    """Name the nodes that differ, and in what."""
    now, then = (
        {node["name"]: node for node in (each or {"nodes": ()})["nodes"]}
        for each in (given, recorded)
    )
    for name in [*then, *(name for name in now if name not in then)]:
        if name not in now:
            yield f"cluster: the run was started with node {name}, which is not there"
        elif name not in then:
            yield f"cluster: the run was started without node {name}"
        else:
            for key, value in then[name].items():
                if now[name][key] != value:
                    is_now = f"cluster: {key} of node {name} is {now[name][key]!r}"
                    yield f"{is_now}, the run was started with {value!r}"


def _with_current(old: Recorded, wanted: ResumeOptions) -> tuple[Recorded, list[str]]:
    """Take the caller's jobs, if given, and the fingerprints of what is on disk now."""
    jobs, problems = old.jobs, []
    if wanted.jobs is not None:
        parsed = parse_source(wanted.jobs, old.options)
        placed, idle = select(parsed.jobs, old.options.only)
        problems = [*parsed.problems, *idle]
        now = {job.job_id: job for _, job in placed}
        before = [job.job_id for job in jobs]
        if not problems and now.keys() != set(before):
            names = ", ".join(sorted(now.keys() ^ set(before)))
            problems.append(f"jobs were added or removed ({names}): start a new run for them")
        jobs = tuple(now.get(job.job_id, job) for job in jobs)
    try:
        marks = fingerprints(jobs, old.paths)
    except BadInputError as error:
        return old, [*problems, *error.problems]
    return dataclasses.replace(old, jobs=jobs, fingerprints=marks), problems


def _changed(old: Recorded, new: Recorded) -> Iterator[str]:
    for job_id, now in new.fingerprints.items():
        if old.fingerprints.get(job_id) != now:
            yield (
                f"{job_id}: the job, its script or an input changed since the run was started; "
                "--accept-changes goes on with it"
            )
