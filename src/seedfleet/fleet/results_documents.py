"""Result files of older coordinators, of whatever shape, as one results document.

They are lists of job results, or objects that hold such a list or map, by job id or by how the jobs
ended. What an entry says under its various older names is found by the tables here; what no table
knows is kept under `more`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["is_results", "results_document"]

_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    "succeeded": ("success", "successful", "completed", "complete", "done", "ok", "finished"),
    "failed": ("failure", "failures", "error", "errors", "errored", "crashed"),
    "timed_out": ("timeout", "timeouts", "timedout"),
    "cancelled": ("canceled", "aborted", "killed"),
    "lost": ("unreachable",),
    "not_run": ("pending", "queued", "skipped", "unstarted"),
    "running": ("in_progress", "started"),
    "output_missing": ("missing",),
    "output_empty": (),
    "output_invalid": (),
    "failed_to_start": (),
    "superseded": (),
}
_WORDS: Final = {
    word: outcome for outcome, words in _OUTCOMES.items() for word in (outcome, *words)
}
_STATUS: Final = ("outcome", "status", "state")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "node": ("node", "hostname", "host", "worker"),
    "gpu_ids": ("gpu_ids", "gpu_id", "gpu", "device"),
    "attempts": ("attempts", "attempt"),
    "exit_code": ("exit_code", "returncode", "return_code"),
    "started_utc": ("started_utc", "start_time", "started_at"),
    "ended_utc": ("ended_utc", "end_time", "completed_at", "timestamp"),
    "run_s": (
        "run_s",
        "runtime",
        "runtime_s",
        "runtime_seconds",
        "duration",
        "duration_s",
        "duration_seconds",
        "execution_time",
        "elapsed",
        "elapsed_s",
        "elapsed_seconds",
    ),
    "error": ("error", "error_message", "stderr", "detail"),
    "outputs": (
        "outputs",
        "output",
        "output_file",
        "output_path",
        "result_file",
        "result_path",
        "expected_output",
        "results_file",
    ),
    "results": ("results", "result", "data"),
}
_LISTS: Final = ("results", "jobs", "job_results")


@dataclass(frozen=True, slots=True)
class _Found:
    """One entry, where it stands, and what its place says of it."""

    where: str
    job_id: str | None
    outcome: str | None
    entry: object


def is_results(document: object) -> bool:
    """Tell whether a document is a result file, and not a file of jobs.

    Every entry of a result file says how its job ended, and none has a script or a search to run.
    """
    found = list(_entries(document))
    return bool(found) and all(map(_is_result, found))


def results_document(document: object) -> dict[str, Any]:
    """Bring a result file of either older coordinator into one form.

    Parameters
    ----------
    document
        The parsed content of the file.

    Returns
    -------
    dict
        `version`, `counts` by outcome, and `jobs` by job id. Each job has `outcome`, `node`,
        `gpu_ids`, `attempts`, `exit_code`, `started_utc`, `ended_utc`, `run_s` (seconds), `error`,
        `outputs` (paths), `results` (what was nested in the entry) and `more` (what is under other
        names); what the file does not say is None or empty. Of several entries for one job the
        last success counts, else the last.

    Raises
    ------
    BadInputError
        With everything that cannot be understood, each with its `$.path`.
    """
    problems: list[str] = []
    jobs: dict[str, dict[str, Any]] = {}
    if not is_results(document):
        raise BadInputError(["$: holds no list of job results"])
    for found in _entries(document):
        job_id = _job_id(found)
        if job_id is None:
            problems.append(f"{found.where}: job_id is missing, or no string")
            continue
        job = _job(found, problems)
        earlier = jobs.get(job_id)
        if earlier is None or earlier["outcome"] != "succeeded" or job["outcome"] == "succeeded":
            jobs[job_id] = job
    if problems:
        raise BadInputError(problems)
    counts = Counter(job["outcome"] for job in jobs.values())
    return {"version": 1, "counts": dict(counts), "jobs": jobs}


def _entries(document: object) -> Iterator[_Found]:
    """Find the entries of a list, of a map by job id, or of lists under the known names."""
    if isinstance(document, list):
        yield from _members(document, "$", None)
    elif isinstance(document, dict):
        sections = {
            key: section
            for key, section in document.items()
            if (key in _LISTS or key in _WORDS) and isinstance(section, list | dict)
        }
        if not sections:
            yield from _members(document, "$", None)
        for key, section in sections.items():
            yield from _members(section, f"$.{key}", _WORDS.get(key))


def _members(
    section: list[Any] | dict[str, Any], where: str, outcome: str | None
) -> Iterator[_Found]:
    if isinstance(section, list):
        for number, entry in enumerate(section):
            job_id = entry if isinstance(entry, str) else None
            yield _Found(f"{where}[{number}]", job_id, outcome, entry)
    else:
        for key, entry in section.items():
            yield _Found(f"{where}.{key}", key, outcome, entry)


def _is_result(found: _Found) -> bool:
    entry = found.entry
    if not isinstance(entry, dict):
        return found.outcome is not None
    if "script" in entry or "search_type" in entry:
        return False
    return found.outcome is not None or any(key in entry for key in ("success", "error", *_STATUS))


def _job_id(found: _Found) -> str | None:
    if isinstance(found.entry, dict) and "job_id" in found.entry:
        job_id = found.entry["job_id"]
        return job_id if isinstance(job_id, str) else None
    return found.job_id


def _job(found: _Found, problems: list[str]) -> dict[str, Any]:
    entry: Mapping[str, Any] = found.entry if isinstance(found.entry, dict) else {}
    used = {"job_id", "success", *_STATUS}
    values: dict[str, Any] = {}
    for name, spellings in _NAMES.items():
        key = next((each for each in spellings if entry.get(each) is not None), None)
        values[name] = None if key is None else entry[key]
        used.add(str(key))
        if values[name] is not None and not _SOUND.get(name, _anything)(values[name]):
            problems.append(f"{found.where}.{key}: {values[name]!r} is no {name}")
    for name in ("gpu_ids", "outputs"):
        values[name] = _listed(values[name])
    more = {key: value for key, value in entry.items() if key not in used}
    return {"outcome": _outcome(found, entry, problems), **values, "more": more}


def _outcome(found: _Found, entry: Mapping[str, Any], problems: list[str]) -> str | None:
    """Decide how the job ended; what an entry says in two ways must be the same."""
    said = [] if found.outcome is None else [found.outcome]
    for key in _STATUS:
        if key in entry:
            word = entry[key].lower() if isinstance(entry[key], str) else None
            if word not in _WORDS:
                problems.append(f"{found.where}.{key}: {entry[key]!r} is no known outcome")
                return None
            said.append(_WORDS[word])
    if isinstance(entry.get("success"), bool):
        unsuccessful = next((word for word in said if word != "succeeded"), "failed")
        said.append("succeeded" if entry["success"] else unsuccessful)
    elif "success" in entry:
        problems.append(f"{found.where}.success: {entry['success']!r} is no boolean")
        return None
    if not said and entry.get("error"):
        said.append("failed")
    if not said:
        problems.append(f"{found.where}: does not say how the job ended")
    elif len({word == "succeeded" for word in said}) > 1:
        problems.append(f"{found.where}: says both {' and '.join(dict.fromkeys(said))}")
    return said[-1] if said else None


def _listed(value: Any) -> list[Any]:
    """Make a list of one value or several; of a map, as of outputs with digests, its keys."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | dict) else [value]


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf and value is not True


def _are_gpus(value: Any) -> bool:
    return all(isinstance(each, int) for each in _listed(value))


def _anything(value: object) -> bool:
    del value
    return True


_SOUND: Final[Mapping[str, Callable[[Any], bool]]] = {
    "node": lambda value: isinstance(value, str),
    "gpu_ids": _are_gpus,
    "run_s": _is_duration,
}
