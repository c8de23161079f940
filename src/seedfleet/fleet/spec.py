"""Script Job Spec v1.0 and v1.1: what one job is, and reading a file of them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet._keys import IGNORED, KEYS_V10, KEYS_V11, REQUIRED, problems_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
        Passed as they are, except for the tokens named in docs/fleet.md.
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

    @property
    def all_outputs(self) -> tuple[str, ...]:
        """Every declared output, the expected one first."""
        return (self.expected_output, *self.outputs)

    def to_document(self) -> dict[str, Any]:
        """Write the job as a job file holds it, without what is left at its default."""
        document: dict[str, Any] = {}
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            key = "timeout" if entry.name == "timeout_s" else entry.name
            if key in REQUIRED or key == "timeout" or value not in (None, entry.default, {}):
                document[key] = list(value) if isinstance(value, tuple) else value
        return document


@dataclass(frozen=True, slots=True)
class ParsedJobs:
    """What a job file holds, and everything wrong with it.

    Parameters
    ----------
    jobs
        Each with its place in the file, as `$[3]`. A job with something wrong stands here without
        that, so that the rest of it can be checked as well, unless a required key is at fault.
    problems
        Each names its place. None of the jobs may run while there are any.
    dialects
        How many entries of each dialect there are, by the names in `seedfleet.fleet.dialects`.
    """

    jobs: tuple[tuple[str, Job], ...]
    problems: tuple[str, ...]
    dialects: Mapping[str, int] = field(default_factory=dict)


def read_jobs(path: Path) -> ParsedJobs:
    """Read a job file; what is wrong with it is in the result, not raised."""
    try:
        # Several editors write a byte order mark; json refuses it, utf-8-sig drops it.
        document = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_unique)
    except OSError as error:
        return ParsedJobs((), (f"{path}: {error.strerror or error}",))
    except (ValueError, RecursionError) as error:
        return ParsedJobs((), (f"{path}: not JSON: {error}",))
    return parse_jobs(document)


def parse_jobs(document: object) -> ParsedJobs:
    """Turn the parsed content of a job file into jobs, and list everything wrong with it."""
    if not isinstance(document, list):
        return ParsedJobs((), (f"$: a job file is a list of jobs, this is {_kind(document)}",))
    jobs, problems = [], [] if document else ["$: there are no jobs"]
    for number, entry in enumerate(document):
        found = list(_problems_with_job(entry, f"$[{number}]"))
        problems += found
        sound = _sound_part(entry) if found else entry
        if sound is not None:
            jobs.append((f"$[{number}]", _job(sound)))
    problems += _repeated_ids(document)
    return ParsedJobs(tuple(jobs), tuple(problems))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"an object has a key twice: {', '.join(map(repr, twice))}")
    return document


def _problems_with_job(entry: object, where: str) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{where}: a job is an object, this is {_kind(entry)}"
        return
    if "search_type" in entry:
        yield f"{where}: sieve jobs (search_type) are not run by this version; write a script job"
        return
    keys = dict(KEYS_V10) | dict(KEYS_V11)
    for name in REQUIRED:
        if name not in entry:
            yield f"{where}: {name} is missing"
    for name, value in entry.items():
        if name in keys:
            yield from problems_with(value, keys[name], f"{where}.{name}")
        elif name not in IGNORED:
            yield f"{where}: unknown key {name!r}; valid are {', '.join(keys)}"


def _sound_part(entry: object) -> dict[str, Any] | None:
    """Return a job's keys without those that are at fault, or None where it needs one of them."""
    if not isinstance(entry, dict) or "search_type" in entry:
        return None
    keys = dict(KEYS_V10) | dict(KEYS_V11)
    sound = {
        name: value
        for name, value in entry.items()
        if name in keys and not any(problems_with(value, keys[name], name))
    }
    return sound if all(name in sound for name in REQUIRED) else None


def _repeated_ids(document: list[object]) -> Iterator[str]:
    first: dict[str, int] = {}
    for number, entry in enumerate(document):
        job_id = entry.get("job_id") if isinstance(entry, dict) else None
        if isinstance(job_id, str):
            earlier = first.setdefault(job_id.casefold(), number)
            if earlier != number:
                yield f"$[{number}].job_id: {job_id!r} is also $[{earlier}] (case does not count)"


def _job(entry: Mapping[str, Any]) -> Job:
    fields = {name: value for name, value in entry.items() if name not in IGNORED}
    if "timeout" in fields:
        fields["timeout_s"] = float(fields.pop("timeout"))
    tuples = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Job(**(fields | tuples))


def _kind(value: object) -> str:
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
