"""Long questions about seeds as jobs of the fleet, one for each block of seeds.

A question has a folder of its own with the request, and a fleet run whose results are the blocks'.
Whatever interrupts it, the same question asked again goes on with the blocks that are not done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import re
import threading
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.fleet import (
    Job,
    JobDone,
    Notice,
    ResumeOptions,
    RunControl,
    RunOptions,
    RunStarted,
    resume,
    run,
)
from seedfleet.fleet.signals import run_blocking
from seedfleet.fleet.state import Stop
from seedfleet.pipeline.run_folder import write_json, write_text
from seedfleet.pipeline.seed_block import BlockResult, ResultError
from seedfleet.pipeline.seed_request import SeedRequest, digest_of
from seedfleet.pipeline.seed_timing import expected_core_s
from seedfleet.sieve import DEFAULT_ROOM, Hits, Rows, TooManyHitsError, local_backend, one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedfleet.fleet import Progress, RunReport
    from seedfleet.generators import Stream
    from seedfleet.sieve import Rows, Walk

__all__ = ["FleetBackend", "ScanInterrupted"]

_SHORT_S = 10.0  # of one core: what takes less stays in this process
_BLOCK_S = 20.0  # of one core, against half a second to start a job
_LEAST_JOBS = 16  # so that an interruption costs little of a question that just passes for long
_MOST_JOBS = 4096
_LEAST_TIMEOUT_S = 7200.0
_TIMEOUT_FACTOR = 20  # a busy or slower machine is no failure
_GENERATORS = "SEEDFLEET_GENERATORS"  # where users keep generators of their own
_SCRIPT = "seed_block.py"
_LAUNCHER = '''"""Test one block of seeds."""

from seedfleet.pipeline.seed_block import main

main()
'''


class ScanInterrupted(Exception):  # noqa: N818 - nothing went wrong; the user asked for it
    """The user stopped a question; asking it again goes on with what is left."""


class _StopsAtOnce(RunControl):
    """An interruption ends the blocks that run: whoever asks again loses little by it."""

    def interrupt(self) -> Stop:
        self.cancel()
        return Stop.CANCEL


class FleetBackend:
    """A `seedfleet.sieve.Backend` that gives long questions to the fleet.

    Short questions, and those about a stream that is not in the catalogue, are answered in this
    process. Questions that come from several threads take turns at the fleet.

    Parameters
    ----------
    folder
        Absolute. Where questions keep their files; made when the first long one is asked.
    before_first
        Called then, before anything else is written.
    notice
        Hears what the user should know of the run of jobs, such as what Ctrl-C does.
    options
        How jobs run: engine, cluster, retries. Folders are set here. With a cluster, `seedfleet`
        must be importable by each node's `python_env`; the rest is copied there.
    block
        Seeds of a job; questions about less than twice as many are short. By default a sample is
        timed: jobs take some twenty seconds, and what one core does in ten is short.
    """

    def __init__(
        self,
        folder: Path,
        *,
        before_first: Callable[[], None] = lambda: None,
        notice: Callable[[str], None] = lambda _: None,
        options: RunOptions | None = None,
        block: int | None = None,
    ) -> None:
        self._folder = folder
        self._before_first = before_first
        self._notice = notice
        self._options = options or RunOptions()
        self._block = block
        self._begun = False
        self._turn = threading.Lock()

    def scan(
        self,
        stream: Stream,
        rows: Rows,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Do what `Backend.scan` says; what failed blocks would have tested is not in `tested`.

        Raises
        ------
        ScanInterrupted
            The user stopped the run of jobs.
        """
        return self._answer(SeedRequest(stream, rows, seeds, room), progress)

    def walk(
        self,
        stream: Stream,
        walk: Walk,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Do what `Backend.walk` says; as for `scan`."""
        return self._answer(SeedRequest(stream, walk, seeds, room), progress)

    def scan_together(
        self,
        questions: Sequence[tuple[Stream, Rows]],
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Hits, ...]:
        """Do what `Backend.scan_together` says: together where all are short, else one by one."""
        _check(seeds)
        requests = [SeedRequest(stream, rows, seeds, room) for stream, rows in questions]
        if any(self._job_plan(request) is not None for request in requests):
            return one_by_one(self.scan, questions, seeds, room=room, progress=progress)
        return local_backend().scan_together(questions, seeds, room=room, progress=progress)

    def _answer(self, request: SeedRequest, progress: Callable[[int], None] | None) -> Hits:
        _check(request.seeds)
        planned = self._job_plan(request)
        if planned is None:
            return request.ask(local_backend(), request.seeds, progress)
        question, plan = planned
        with self._turn:
            if not self._begun:
                self._before_first()
                self._begun = True
            blocks = _blocks(request.seeds, plan.block)
            ledger = _Ledger(question.digest, blocks, request.room, progress)
            report = self._run(question, ledger, plan)
        return _outcome(report, ledger, len(request.asked.legs), self._notice)

    def _job_plan(self, request: SeedRequest) -> tuple[_Question, _Plan] | None:
        """Return how jobs answer a request; None where it is answered in this process."""
        if not request.can_travel:
            return None
        digest = digest_of(request.to_document())
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", request.stream.generator.name)
        question = _Question(self._folder / f"{name}-{digest[:16]}", digest, request)
        plan = question.recorded_plan() or self._new_plan(request)
        return None if plan is None else (question, plan)

    def _new_plan(self, request: SeedRequest) -> _Plan | None:
        """Decide how large jobs are; None where there shall be none."""
        seeds = _length(request.seeds)
        if self._block is not None:
            return _Plan(self._block, _LEAST_TIMEOUT_S) if seeds >= 2 * self._block else None
        expected_s = expected_core_s(request)
        if expected_s < _SHORT_S:
            return None
        jobs = int(min(max(expected_s / _BLOCK_S, _LEAST_JOBS), _MOST_JOBS))
        timeout_s = max(_LEAST_TIMEOUT_S, _TIMEOUT_FACTOR * expected_s / jobs)
        return _Plan(-(-seeds // jobs), timeout_s)

    def _run(self, question: _Question, ledger: _Ledger, plan: _Plan) -> RunReport:
        """Run the blocks, or go on with a run of them."""
        control = _StopsAtOnce()

        def hear(event: Progress) -> None:
            if isinstance(event, Notice):
                self._notice(event.text)
            try:
                ledger.hear(event)
            except BaseException as error:  # noqa: BLE001 - raised again when no job runs any more
                ledger.failure = ledger.failure or error
                control.cancel()

        folder = question.folder
        options = dataclasses.replace(
            self._options, output_dir=folder, root=folder, stage=self._options.cluster is not None
        )
        run_id = question.run_id(options)
        question.write(plan)
        if options.paths(run_id).jobs.exists():
            wanted = ResumeOptions(output_dir=folder, root=folder)
            work = resume(run_id, wanted, on_event=hear, control=control)
        else:
            jobs = [question.job(block, plan.timeout_s) for block in ledger.blocks.values()]
            work = run(jobs, options, on_event=hear, run_id=run_id, control=control)
        return run_blocking(work, control, hear)


def _check(seeds: range) -> None:
    if seeds.step != 1 or seeds.start < 0 or seeds.stop > 2**64:
        raise ValueError(f"seeds must be a contiguous range within [0, 2**64), not {seeds}")


@dataclass(frozen=True)
class _Plan:
    """Seeds of a job, and the seconds that one may take."""

    block: int
    timeout_s: float


@dataclass(frozen=True)
class _Question:
    """A request with its folder, and the jobs that answer it."""

    folder: Path
    digest: str
    request: SeedRequest

    @property
    def _request_path(self) -> Path:
        # Nodes keep the requests of many questions in one folder, so each has its own name.
        return self.folder / f"request-{self.digest[:16]}.json"

    @property
    def _plan_path(self) -> Path:
        return self.folder / "plan.json"

    def recorded_plan(self) -> _Plan | None:
        """Return the plan of an earlier run of this very question."""
        if not self._plan_path.exists():
            return None
        return _Plan(**json.loads(self._plan_path.read_text(encoding="utf-8")))

    def run_id(self, options: RunOptions) -> str:
        """Name the run that was begun, or a new one.

        A node knows runs by their names alone, so that of another folder must be another. A head
        that was killed early leaves a folder without jobs, which holds nothing to go on with and
        may not be taken again.
        """
        place = f"{platform.node()}:{self.folder.resolve()}"
        own = hashlib.sha256(place.encode()).hexdigest()[:12]
        names = (f"blocks-{own}-{number}" for number in count(1))
        taken = (options.paths(name) for name in names)
        return next(each.run_id for each in taken if each.jobs.exists() or not each.folder.exists())

    def write(self, plan: _Plan) -> None:
        """Write down what jobs read, and the plan last; what is there already is the same."""
        self.request.write(self._request_path)
        write_text(self.folder / _SCRIPT, _LAUNCHER)
        write_json(self._plan_path, dataclasses.asdict(plan))

    def job(self, block: range, timeout_s: float) -> Job:
        """Return the job for a block."""
        folders = os.environ.get(_GENERATORS, "").split(os.pathsep)
        absolute = os.pathsep.join(str(Path(each).absolute()) for each in folders if each)
        return Job(
            job_id=_job_id(block),
            script=_SCRIPT,
            args=(
                *("--request", self._request_path.name),
                *("--start", str(block.start), "--count", str(_length(block))),
                *("--output", "{output}"),
            ),
            expected_output=f"{_job_id(block)}.hits",
            timeout_s=timeout_s,
            gpus=0,
            env={_GENERATORS: absolute} if absolute else {},
            inputs=(self._request_path.name,),
        )


@dataclass
class _Ledger:
    """What is known of the blocks while their jobs run."""

    digest: str
    blocks: dict[str, range]
    room: int
    progress: Callable[[int], None] | None
    failure: BaseException | None = None
    _tested: int = 0
    _hits: int = 0

    def hear(self, event: object) -> None:
        """Count what has been tested, and give up a question with more hits than room."""
        if isinstance(event, RunStarted):
            size = _length(next(iter(self.blocks.values())))
            self.say(event.done * size)
        elif isinstance(event, JobDone):
            for path in event.outputs.values():
                found = self.read(event.job_id, path)
                if found is not None:
                    self._count(found)
                    self.say(self._tested + found.tested)

    def _count(self, found: BlockResult) -> None:
        self._hits += self.room + 1 if found.hits is None else found.hits
        if self._hits > self.room:
            raise TooManyHitsError(self.room)

    def say(self, tested: int) -> None:
        """Report progress that never goes back and never passes the whole."""
        total = sum(_length(block) for block in self.blocks.values())
        self._tested = max(self._tested, min(tested, total))
        if self.progress is not None:
            self.progress(self._tested)

    def read(self, job_id: str, path: Path) -> BlockResult | None:
        """Return what a result says, None where it is not the result of that job."""
        try:
            found = BlockResult.of_file(path)
        except ResultError:
            return None
        block = self.blocks[job_id]
        tested = _length(block) if found.hits is not None else 0
        asked = (self.digest, block.start, tested)
        return found if (found.request, found.start, found.tested) == asked else None


def _outcome(report: RunReport, ledger: _Ledger, legs: int, notice: Callable[[str], None]) -> Hits:
    """Put the blocks together, counting as tested only what a result says that it tested."""
    if ledger.failure is not None:
        raise ledger.failure
    if report.interrupted:
        raise ScanInterrupted
    found: list[tuple[Path, BlockResult]] = []
    for job_id in ledger.blocks:
        job = report.jobs[job_id]
        result = ledger.read(job_id, job.output) if job.succeeded else None
        if result is not None:
            found.append((job.output, result))
        elif job.succeeded:
            job.output.unlink()  # so that the fleet, asked again, does not take it for done
            notice(f"{job.output} was no result of {job_id}; ask again to have it tested")
        else:
            notice(f"{job_id}: {job.word}: {job.detail}")
    return _joined(found, legs, ledger.room)


def _joined(found: list[tuple[Path, BlockResult]], legs: int, room: int) -> Hits:
    """Read the hits of all blocks into arrays that are made once."""
    total = sum(room + 1 if result.hits is None else result.hits for _, result in found)
    if total > room:
        raise TooManyHitsError(room)
    hits = Hits(
        np.empty(total, np.uint64),
        np.empty(total, np.int64),
        np.empty((total, legs), np.int32),
        sum(result.tested for _, result in found),
    )
    at = 0
    for path, result in found:
        result.read_into(path, hits, at)
        at += result.hits or 0
    return hits


def _blocks(seeds: range, size: int) -> dict[str, range]:
    starts = range(seeds.start, seeds.stop, size)
    blocks = (range(start, min(start + size, seeds.stop)) for start in starts)
    return {_job_id(block): block for block in blocks}


def _job_id(block: range) -> str:
    return f"seeds-{block.start}"


def _length(seeds: range) -> int:
    return max(0, seeds.stop - seeds.start)  # `len` of a range stops at 2**63
