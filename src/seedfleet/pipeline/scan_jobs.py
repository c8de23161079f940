"""Long seed scans as jobs of the fleet, one for each block of seeds.

A scan has a folder of its own with the question, and a fleet run whose results are the blocks'.
Whatever interrupts it, the same scan asked again goes on with the blocks that are not done.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.fleet import (
    Job,
    JobDone,
    Notice,
    ResumeOptions,
    RunOptions,
    RunStarted,
    resume_sync,
    run_sync,
)
from seedfleet.pipeline import scan_block
from seedfleet.pipeline.run_folder import write_json
from seedfleet.sieve import ScanResult, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedfleet.fleet import LocalEngine, RunReport
    from seedfleet.generators import Generator
    from seedfleet.sieve import Queries

__all__ = ["FleetScanner", "ScanInterrupted"]

_RUN_ID = "blocks"
_BLOCK = 2**28  # seconds of work for one core, against half a second to start a job


class ScanInterrupted(Exception):  # noqa: N818 - nothing went wrong; the user asked for it
    """The user stopped a scan; asking for it again goes on with what is left."""


class FleetScanner:
    """A `seedfleet.sieve.Scanner` that gives long scans to the fleet.

    Parameters
    ----------
    folder
        Where scans keep their files; made when the first long scan begins.
    before_first
        Called then, before anything else is written.
    notice
        Hears what the user should know of the run of jobs, such as what Ctrl-C does.
    make_engine
        Makes the engine of a run; None is this machine.
    block
        Seeds of a job; and scans of less than twice as many stay in this process.
    """

    def __init__(
        self,
        folder: Path,
        *,
        before_first: Callable[[], None],
        notice: Callable[[str], None],
        make_engine: Callable[[], LocalEngine] | None = None,
        block: int = _BLOCK,
    ) -> None:
        self._folder = folder
        self._before_first = before_first
        self._notice = notice
        self._make_engine = make_engine
        self._block = block
        self._begun = False

    def __call__(
        self,
        generator: Generator,
        queries: Queries,
        seeds: range,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> ScanResult:
        """Scan; what failed blocks would have tested is missing from `tested`.

        Raises
        ------
        ScanInterrupted
            The user stopped the run.
        """
        if len(seeds) < 2 * self._block:
            return scan(generator, queries, seeds, progress=progress)
        if not self._begun:
            self._before_first()
            self._begun = True
        question = scan_block.queries_document(generator, queries)
        digest = hashlib.sha256(
            json.dumps([question, seeds.start, seeds.stop]).encode()
        ).hexdigest()
        folder = self._folder / f"{generator.name}-{digest[:12]}"
        blocks = [seeds[at : at + self._block] for at in range(0, len(seeds), self._block)]
        report = self._run(folder, {"digest": digest, "queries": question}, blocks, progress)
        if report.interrupted:
            raise ScanInterrupted
        return _merge(report, digest, blocks)

    def _run(
        self,
        folder: Path,
        request: dict[str, Any],
        blocks: Sequence[range],
        progress: Callable[[int], None] | None,
    ) -> RunReport:
        """Run the blocks, or go on with a run of them."""
        sizes = {_job_id(block): len(block) for block in blocks}
        done = 0

        def hear(event: object) -> None:
            nonlocal done
            if isinstance(event, JobDone):
                done += sizes[event.job_id]
            elif isinstance(event, RunStarted):
                done = event.done * self._block
            else:
                if isinstance(event, Notice):
                    self._notice(event.text)
                return
            if progress is not None:
                progress(min(done, sum(sizes.values())))

        engine = self._make_engine() if self._make_engine else None
        if (folder / _RUN_ID).exists():
            wanted = ResumeOptions(output_dir=folder, root=folder)
            return resume_sync(_RUN_ID, wanted, engine=engine, on_event=hear)
        write_json(folder / "request.json", request)
        script = Path(scan_block.__file__)
        options = RunOptions(output_dir=folder, root=folder, allow_roots=(script.parent,))
        jobs = [_job(block, script) for block in blocks]
        return run_sync(jobs, options, engine=engine, on_event=hear, run_id=_RUN_ID)


def _job_id(block: range) -> str:
    return f"seeds-{block.start}"


def _job(block: range, script: Path) -> Job:
    return Job(
        job_id=_job_id(block),
        script=str(script),
        args=(
            *("--request", "request.json"),
            *("--start", str(block.start), "--count", str(len(block))),
            *("--output", "{output}"),
        ),
        expected_output=f"{_job_id(block)}.json",
        gpus=0,
    )


def _merge(report: RunReport, digest: str, blocks: Sequence[range]) -> ScanResult:
    """Put the blocks together, counting as tested only what a result says that it tested.

    Raises
    ------
    RuntimeError
        A result answers another question or another block than its job asked.
    """
    hits: list[list[int]] = []
    tested = 0
    for block in blocks:
        job = report.jobs[_job_id(block)]
        if not job.succeeded:
            continue
        result = json.loads(job.output.read_text(encoding="utf-8"))
        asked = (digest, block.start, len(block))
        if (result["request"], result["start"], result["tested"]) != asked:
            raise RuntimeError(f"{job.output} is not the result of {job.job.job_id}")
        tested += result["tested"]
        hits += result["hits"]
    table = np.array(hits, dtype=np.uint64).reshape(-1, 2)
    return ScanResult(seeds=table[:, 0], rows=table[:, 1].astype(np.int64), tested=tested)
