"""Script Job Spec v1.0 and v1.1: what one job is, and reading a file of them."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import operator
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet._fragments import kind
from seedfleet.fleet._keys import IGNORED, REQUIRED
from seedfleet.fleet.dialects import Entry
from seedfleet.fleet.documents import read_document
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["DEFAULT_TIMEOUT_S", "Job", "ParsedJobs", "parse_jobs", "read_jobs"]

DEFAULT_TIMEOUT_S: Final = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One script to run once with success.

    Parameters
    ----------
    job_id
        Unique in its run, ignoring case.
    script
        A path. Files that end in `.py` are run by an interpreter, all others directly.
    args
        Passed as they are, except for the tokens named in docs/jobs.md.
    expected_output
        The file that must exist, and pass `validate`, for the job to count as done.
    timeout_s
        Seconds that the script may run, more than 0.
    node, gpu_id
        Pins: run there and nowhere else.
    gpus
        How many GPUs the script gets; None is one slot: a GPU, or a core where there are none.
    platform
        "cuda", "rocm" or "cpu"; "cpu" hides all GPUs.
    gpu_memory_gib
        The least memory of each GPU.
    env
        Added to the script's environment.
    inputs
        Files that the script reads: they must exist, and a resume notices when they change.
    outputs
        More files under the same rules as `expected_output`.
    retries
        How often to try again after a failure of its own; None is the run's own number.
    priority
        Jobs with a larger one start earlier.
    ok_exit_codes
        Exit codes that can be success, each in 0..255.
    rerun
        False: never started twice, whatever happens.
    validate
        "json" or "nonempty"; None is "json" for outputs that end in `.json`, else "nonempty".
    tags
        Carried into the manifest.
    job_document
        The sieve job that this was made from, which stands in the file `{job_file}`; None for
        all other jobs.
    """

    job_id: str
    script: str
    args: tuple[str, ...]
    expected_output: str
    timeout_s: float = DEFAULT_TIMEOUT_S
    node: str | None = None
    gpu_id: int | None = None
    gpus: int | None = None
    platform: str | None = None
    gpu_memory_gib: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    retries: int | None = None
    priority: int = 0
    ok_exit_codes: tuple[int, ...] = (0,)
    rerun: bool = True
    validate: str | None = None
    tags: tuple[str, ...] = ()
    job_document: Mapping[str, Any] | None = None

    @property
    def result_from_stdout(self) -> bool:
        """True for sieve jobs: what they print is their result, read after they have ended."""
        return self.job_document is not None

    @property
    def wants_no_gpu(self) -> bool:
        """Whether the script is to see no GPU, also where one is free."""
        return self.platform == "cpu" or self.gpus == 0

    @property
    def all_outputs(self) -> tuple[str, ...]:
        """Every declared output, the expected one first."""
        return (self.expected_output, *self.outputs)

    def to_document(self) -> dict[str, Any]:
        """Write the job as a job file holds it, without what is left at its default."""
        if self.job_document is not None:
            return dict(self.job_document)
        document: dict[str, Any] = {}
        for value, (key, default, always) in zip(_values(self), _WRITTEN, strict=True):
            if always or (value is not None and value != default):
                document[key] = list(value) if isinstance(value, tuple) else value
        return document


# For each field: its key in a file, its default, and whether it is written even at that.
_FIELDS: Final = dataclasses.fields(Job)
_WRITTEN: Final = tuple(
    (
        "timeout" if entry.name == "timeout_s" else entry.name,
        {} if entry.name == "env" else entry.default,
        entry.name in {*REQUIRED, "timeout_s"},
    )
    for entry in _FIELDS
)
_LISTS: Final = tuple(entry.name for entry in _FIELDS if str(entry.type).startswith("tuple["))
_values = operator.attrgetter(*(entry.name for entry in _FIELDS))


@dataclass(frozen=True, slots=True)
class ParsedJobs:
    """What a job file holds, and everything wrong with it.

    Parameters
    ----------
    jobs
        Each with its place in the file, as `$[3]`. A job with something wrong stands here without
        that, so that the rest of it can be checked as well, unless a required key other than its
        id is at fault.
    problems
        Each names its place. None of the jobs may run while there are any.
    dialects
        How many entries of each dialect there are, by the names in `seedfleet.fleet.dialects`.
    """

    jobs: tuple[tuple[str, Job], ...]
    problems: tuple[str, ...]
    dialects: Mapping[str, int] = field(default_factory=dict)


def read_jobs(path: Path, *, output_dir: str = DEFAULT_OUTPUT_DIR) -> ParsedJobs:
    """Read a job file; what is wrong with it is in the result, not raised.

    Parameters
    ----------
    path
        The file.
    output_dir
        Of the run; see `parse_jobs`.
    """
    with _no_collection():
        try:
            document = read_document(path)
        except BadInputError as error:
            return ParsedJobs((), error.problems)
        return parse_jobs(document, output_dir=output_dir)


def parse_jobs(document: object, *, output_dir: str = DEFAULT_OUTPUT_DIR) -> ParsedJobs:
    """Turn the parsed content of a job file into jobs, and list everything wrong with it.

    Parameters
    ----------
    document
        A list of jobs in any dialect.
    output_dir
        The run's: where the outputs of older jobs belong that name none.
    """
    if not isinstance(document, list):
        return ParsedJobs((), (f"$: a job file is a list of jobs, this is {kind(document)}",))
    jobs, problems = [], [] if document else ["$: there are no jobs"]
    dialects: Counter[str] = Counter()
    ids: list[object] = []
    for number, item in enumerate(document):
        entry = Entry.read(item, number, output_dir)
        problems += entry.problems
        if entry.dialect is not None:
            dialects[entry.dialect] += 1
        if entry.document is not None:
            jobs.append((f"$[{number}]", _job(entry.document, entry.sieve_document)))
        if entry.document is not None and not entry.problems:
            ids.append(entry.document["job_id"])
        else:
            ids.append(item.get("job_id") if isinstance(item, dict) else None)
    problems += _repeated_ids(ids)
    return ParsedJobs(tuple(jobs), tuple(problems), dict(dialects))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the cycle collector away while only things that stay are made.

    It would look through all of them again and again: a quarter of the time for 100,000 jobs.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _repeated_ids(ids: Sequence[object]) -> Iterator[str]:
    first: dict[str, int] = {}
    for number, job_id in enumerate(ids):
        if isinstance(job_id, str):
            earlier = first.setdefault(job_id.casefold(), number)
            if earlier != number:
                yield f"$[{number}].job_id: {job_id!r} is also $[{earlier}] (case does not count)"


def _job(entry: Mapping[str, Any], sieve_document: Mapping[str, Any] | None) -> Job:
    fields: dict[str, Any] = dict(entry)
    for name in IGNORED:
        fields.pop(name, None)
    for name in _LISTS:
        if name in fields:
            fields[name] = tuple(fields[name])
    if "timeout" in fields:
        fields["timeout_s"] = float(fields.pop("timeout"))
    return Job(**fields, job_document=sieve_document)
