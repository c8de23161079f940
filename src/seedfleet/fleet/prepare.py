"""Everything that can be wrong with a run before anything has been started or written."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
from typing import TYPE_CHECKING

from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.masks import MASK_VARIABLES
from seedfleet.fleet.node.layout import MARKER_SUFFIX
from seedfleet.fleet.node.outputs import digest
from seedfleet.fleet.node.script import names_output
from seedfleet.fleet.paths import Territory
from seedfleet.fleet.placement import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seedfleet.fleet.engines.base import Node
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["fingerprints", "problems_with_jobs", "problems_with_placement", "select"]

Placed = tuple[str, "Job"]  # where in the job file, and the job


def select(jobs: Sequence[Placed], only: Sequence[str]) -> tuple[list[Placed], list[str]]:
    """Keep the jobs whose id matches one of the patterns, all without patterns.

    Returns
    -------
    jobs : list
        What is left, in order.
    problems : list of str
        The patterns that match nothing.
    """
    if not only:
        return list(jobs), []
    kept = [
        (where, job)
        for where, job in jobs
        if any(fnmatch.fnmatchcase(job.job_id, pattern) for pattern in only)
    ]
    idle = [
        f"--only {pattern}: no job id matches"
        for pattern in only
        if not any(fnmatch.fnmatchcase(job.job_id, pattern) for _, job in jobs)
    ]
    return kept, idle


def problems_with_jobs(jobs: Sequence[Placed], paths: RunPaths) -> Iterator[str]:
    """List what makes jobs impossible on the head: paths, files, variables, colliding outputs."""
    territory, files = Territory(paths), _Files(paths)
    for where, job in jobs:
        for name in ("script", "expected_output"):
            yield from (f"{where}.{name}: {p}" for p in territory.problems(getattr(job, name)))
        for name in ("inputs", "outputs"):
            for number, path in enumerate(getattr(job, name)):
                yield from (f"{where}.{name}[{number}]: {p}" for p in territory.problems(path))
        yield from files.problems(where, job)
        yield from _problems_with_outputs(where, job, paths, territory)
        yield from _problems_with_variables(where, job)
        if not paths.preserve:
            yield from _unnamed_outputs(where, job, paths)
    yield from _collisions(jobs, paths)


def problems_with_placement(jobs: Sequence[Placed], nodes: Sequence[Node]) -> Iterator[str]:
    """List the jobs that fit on none of the nodes, even when nothing else runs.

    A node out of contact may turn out to have whatever a job asks.
    """
    for where, job in jobs:
        requirement = Requirement.of(job)
        if job.gpu_id is not None and job.gpus not in {None, 1}:
            yield f"{where}: gpu_id pins one GPU, gpus asks for {job.gpus}"
        elif not any(requirement.may_fit(node) for node in nodes):
            yield f"{where}: {requirement.unmet(nodes)}"


def fingerprints(jobs: Iterable[Job], paths: RunPaths) -> dict[str, str]:
    """Digest what decides each job's result: its definition, its script and its inputs.

    Returns
    -------
    dict of str
        By job id.

    Raises
    ------
    BadInputError
        With every script or input that cannot be read.
    """
    digests: dict[str, str] = {}
    problems: list[str] = []
    made = {}
    for job in jobs:
        total = hashlib.sha256(json.dumps(job.to_document(), sort_keys=True).encode())
        for path in (job.script, *job.inputs):
            if path not in digests:
                try:
                    digests[path] = digest(paths.on_head(path))
                except OSError as error:
                    digests[path] = ""
                    problems.append(f"{paths.on_head(path)}: {error.strerror}")
            total.update(digests[path].encode())
        made[job.job_id] = total.hexdigest()
    if problems:
        raise BadInputError(problems)
    return made


class _Files:
    """Which of the files that jobs read exist; most jobs of a file share them."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._known: dict[str, bool] = {}

    def problems(self, where: str, job: Job) -> Iterator[str]:
        if not self._exists(job.script):
            yield f"{where}.script: there is no file {self._paths.on_head(job.script)}"
        for number, path in enumerate(job.inputs):
            if not self._exists(path):
                yield f"{where}.inputs[{number}]: there is no file {self._paths.on_head(path)}"

    def _exists(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = self._paths.on_head(path).is_file()
        return self._known[path]


def _problems_with_outputs(
    where: str, job: Job, paths: RunPaths, territory: Territory
) -> Iterator[str]:
    for declared in job.all_outputs:
        target = paths.text_on_head(declared)
        if territory.reserved(target) or os.path.isdir(target):  # noqa: PTH112 - called very often
            yield f"{where}: output {declared!r} is a folder, or belongs to this program"
    if paths.preserve:
        read = {territory.real(paths.text_on_head(path)) for path in (job.script, *job.inputs)}
        for declared in job.all_outputs:
            if territory.real(paths.text_on_head(declared)) in read:
                yield f"{where}: output {declared!r} is also the script or an input of the job"


def _problems_with_variables(where: str, job: Job) -> Iterator[str]:
    for name in job.env:
        if name in MASK_VARIABLES or name.startswith("SEEDFLEET_"):
            yield f"{where}.env: {name} is set by the fleet itself"


def _unnamed_outputs(where: str, job: Job, paths: RunPaths) -> Iterator[str]:
    root = str(paths.root)
    for number, declared in enumerate(job.all_outputs):
        # The first two tests answer for nearly every job; the last one knows all spellings.
        if declared in job.args:
            continue
        if number == 0 and any("{output}" in text for text in (*job.args, *job.env.values())):
            continue
        arguments = [argument.replace("{job_id}", job.job_id) for argument in job.args]
        if not any(names_output(argument, root, declared) for argument in arguments):
            yield (
                f"{where}: no argument names the output {declared!r}, so it cannot be kept apart; "
                "name it, use {output}, or run with --preserve-paths"
            )


def _collisions(jobs: Sequence[Placed], paths: RunPaths) -> Iterator[str]:
    """Two outputs at one place, or one at the place of another's marker or folder."""
    taken: dict[str, str] = {}
    folders: dict[str, str] = {}
    for where, job in jobs:
        for declared in job.all_outputs:
            try:
                place = paths.text_place(declared).casefold()
            except ValueError:  # outside every root, which is another problem
                continue
            for key in (place, f"{place}{MARKER_SUFFIX}"):
                if key in taken:
                    yield f"{where}: output {declared!r} collides with one of {taken[key]}"
                taken.setdefault(key, where)
            folder = os.path.dirname(place)  # noqa: PTH120 - called very often
            while folder not in folders and folder != os.sep:
                folders[folder] = where
                folder = os.path.dirname(folder)  # noqa: PTH120
    for file_name in taken.keys() & folders.keys():
        where = taken[file_name]
        yield f"{where}: an output is the folder of another output, of {folders[file_name]}"
