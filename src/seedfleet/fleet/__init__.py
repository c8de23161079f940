"""Runs independent script jobs on every slot there is, and believes only finished files.

>>> from seedfleet.fleet import Job, RunOptions, run_sync
>>> jobs = [
...     Job(
...         job_id=f"block-{n}",
...         script="scan.py",
...         args=("--block", str(n), "--output", "{output}"),
...         expected_output=f"block-{n}.json",
...     )
...     for n in range(8)
... ]
>>> report = run_sync(jobs, RunOptions(output_dir="scan"), run_id="scan-1")  # doctest: +SKIP
>>> report.jobs["block-0"].output.read_text()  # doctest: +SKIP

To read the code, follow a job: `spec` and `prepare` (what is accepted), `planning` and `runner` (a
run begins or is resumed), `core` with `state` and `messages` (what is decided), `journal` and
`lock` (the truth and its one writer), `driver` (the part that waits), `engines.base` and
`engines.local` (where attempts run), `node.supervisor` (one attempt), `publish` (a result takes its
place) and `manifest` (what is told of it). docs/fleet.md says the same for users.
"""

from seedfleet.fleet.driver import RunControl
from seedfleet.fleet.engines.local import LocalEngine
from seedfleet.fleet.errors import (
    BadInputError,
    FleetError,
    HeadLostError,
    JournalDamagedError,
    RunExistsError,
    RunHeldError,
)
from seedfleet.fleet.manifest import JobReport, RunReport
from seedfleet.fleet.options import RunOptions
from seedfleet.fleet.progress import (
    AttemptEnded,
    AttemptStarted,
    JobDone,
    NodeContact,
    Notice,
    Progress,
    RunStarted,
)
from seedfleet.fleet.resuming import ResumeOptions
from seedfleet.fleet.runner import resume, resume_sync, run, run_sync
from seedfleet.fleet.spec import Job

__all__ = [
    "AttemptEnded",
    "AttemptStarted",
    "BadInputError",
    "FleetError",
    "HeadLostError",
    "Job",
    "JobDone",
    "JobReport",
    "JournalDamagedError",
    "LocalEngine",
    "NodeContact",
    "Notice",
    "Progress",
    "ResumeOptions",
    "RunControl",
    "RunExistsError",
    "RunHeldError",
    "RunOptions",
    "RunReport",
    "RunStarted",
    "resume",
    "resume_sync",
    "run",
    "run_sync",
]
