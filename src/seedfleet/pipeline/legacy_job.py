"""Reading legacy sieve jobs: one job, its draws, and a question for each of its families."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seedfleet.draws import DrawsError, History, load
from seedfleet.fleet.spec import parse_jobs
from seedfleet.generators.searches import parse_search
from seedfleet.sieve import ConstantSkip, Direction, Question, QuestionError, VariableSkip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.generators.searches import SearchName

__all__ = ["Family", "JobError", "LegacyJob"]

_FILES: Final = ("dataset_path", "dataset", "lottery_file", "lottery_data")
_LISTS: Final = ("residues", "draws")
_MODULI: Final = ("modulus", "mod")
_DEFAULT_MODULUS: Final = 1000  # of a list; a file says or shows its own
_THRESHOLDS: Final = ("min_match_threshold", "forward_threshold", "reverse_threshold")
_OWN: Final = ("prng_families", "skip_range", "offset", "window_size", "sessions")
_OF_THE_FLEET: Final = (
    *("search_type", "job_id", "seed_start", "seed_end"),
    *("timeout", "node", "gpu_id"),
)
_KNOWN: Final = frozenset((*_OWN, *_OF_THE_FLEET, *_FILES, *_LISTS, *_MODULI, *_THRESHOLDS))
_FAMILY_NAMES: Final = ("type", "name")


class JobError(Exception):
    """A job that cannot be run.

    Attributes
    ----------
    problems
        All that is wrong with it, each with its `$.path` where it has one.
    job_id
        Its id, None where it names none.
    """

    def __init__(self, problems: list[str], job_id: str | None) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(dict.fromkeys(problems))
        self.job_id = job_id


@dataclass(frozen=True, eq=False)
class Family:
    """One family of a job: its name as the job writes it, and what is asked."""

    name: str
    search: SearchName
    threshold: float
    question: Question


@dataclass(frozen=True, eq=False)
class LegacyJob:
    """A sieve job, understood.

    Attributes
    ----------
    seeds
        From `seed_start` to `seed_end`, the end exclusive.
    families
        At least one.
    offset
        The draw that is the origin of the stream and where the window starts.
    sessions
        Those that were chosen; empty is all.
    modulus, sha256
        Of the draws: what they are bounded by, and the digest of their file, None for a list.
    notes
        What was ignored or assumed, one sentence each.
    """

    job_id: str | None
    seeds: range
    families: tuple[Family, ...]
    offset: int
    sessions: tuple[str, ...]
    modulus: int
    sha256: str | None
    notes: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> LegacyJob:
        """Read a file that holds one job, alone or in a list.

        Raises
        ------
        JobError
            With every problem.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError([f"{path}: cannot be read: {error}"], None) from error
        if isinstance(document, list) and len(document) == 1:
            document = document[0]
        if not isinstance(document, dict):
            raise JobError([f"{path}: holds no sieve job"], None)
        return cls.of_document(document)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> LegacyJob:
        """Understand a job; relative paths of draws start in the working folder.

        Raises
        ------
        JobError
            With every problem.
        """
        job_id = document.get("job_id")
        job_id = job_id if isinstance(job_id, str) else None
        problems = list(_problems_of_keys(document))
        searches = _searches(document, problems)
        history = _history(document, problems)
        if problems or history is None:
            raise JobError(problems, job_id)
        families = _families(document, searches, history, problems)
        if problems:
            raise JobError(problems, job_id)
        unknown = [
            f"the key {key!r} is not known to this worker" for key in document if key not in _KNOWN
        ]
        return cls(
            job_id=job_id,
            seeds=range(document["seed_start"], document["seed_end"]),
            families=families,
            offset=document.get("offset", 0),
            sessions=tuple(document.get("sessions", ())),
            modulus=history.modulus,
            sha256=history.sha256 or None,
            notes=(*unknown, *history.notes),
        )


def _problems_of_keys(document: Mapping[str, Any]) -> Iterator[str]:
    """List what is wrong with the keys as such, in the words of the fleet, and what is missing."""
    for problem in parse_jobs([{"search_type": None, **document}]).problems:
        yield problem.replace("$[0]", "$", 1)
    end = document.get("seed_end")
    if isinstance(end, int) and end > 2**64:
        yield f"$.seed_end: {end} is beyond 18446744073709551616"
    for key in ("prng_families", "skip_range"):
        if key not in document:
            yield f"$: {key} is missing"
    for key in _THRESHOLDS[1:]:
        value = document.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            yield f"$.{key}: {value!r} is no number in 0..1"


def _problems_of_draws(document: Mapping[str, Any]) -> Iterator[str]:
    named = [key for key in (*_FILES, *_LISTS) if key in document]
    if len(named) != 1:
        known = ", ".join((*_FILES, *_LISTS))
        what = " and ".join(named) if named else "none of them"
        yield f"$: the draws stand under one of {known}; here is {what}"
    for key in named:
        value = document[key]
        if key in _FILES and not (isinstance(value, str) and value):
            yield f"$.{key}: {value!r} is no path"
        if key in _LISTS and not (isinstance(value, list) and value and all(map(_is_int, value))):
            yield f"$.{key}: draws are a list of integers, not empty"
        if key in _LISTS and document.get("sessions"):
            yield f"$.sessions: the draws under {key} name no sessions"
    for key in _MODULI:
        if key in document and not (_is_int(document[key]) and 2 <= document[key] <= 2**31):
            yield f"$.{key}: {document[key]!r} is no integer in 2..{2**31}"
    if all(key in document for key in _MODULI):
        yield "$: modulus and mod are two names of one key"


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _searches(document: Mapping[str, Any], problems: list[str]) -> list[tuple[str, SearchName]]:
    """Return name and search of every family that there is."""
    found: list[tuple[str, SearchName]] = []
    entries = document.get("prng_families")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        where = f"$.prng_families[{number}]"
        named = [entry.get(key) for key in _FAMILY_NAMES] if isinstance(entry, dict) else [entry]
        name = next((each for each in named if isinstance(each, str)), None)
        if name is None:
            problems.append(f"{where}: names no family under {' or '.join(_FAMILY_NAMES)}")
            continue
        if any(name == earlier for earlier, _ in found):
            problems.append(f"{where}: {name} is named twice")
            continue
        try:
            found.append((name, parse_search(name)))
        except ValueError as error:
            problems.append(f"{where}: {error}")
    return found


def _history(document: Mapping[str, Any], problems: list[str]) -> History | None:
    wrong = list(_problems_of_draws(document))
    if wrong:
        problems += wrong
        return None
    modulus = next((document[key] for key in _MODULI if key in document), None)
    sessions = document.get("sessions", ())
    if not isinstance(sessions, list) or not all(isinstance(each, str) for each in sessions):
        sessions = ()  # which was told
    path = next((document[key] for key in _FILES if key in document), None)
    if path is None:
        return _listed(document, modulus, problems)
    try:
        return load(Path(path), modulus=modulus, sessions=tuple(sessions))
    except DrawsError as error:
        problems += [f"{path}: {problem}" for problem in error.problems]
        return None


def _listed(
    document: Mapping[str, Any], modulus: int | None, problems: list[str]
) -> History | None:
    key = next(key for key in _LISTS if key in document)
    values = document[key]
    bound = _DEFAULT_MODULUS if modulus is None else modulus
    if not all(0 <= value < bound for value in values):
        advice = f"; modulus is {bound} unless the job says another" if modulus is None else ""
        problems.append(f"$.{key}: not all draws are in 0..{bound - 1}{advice}")
        return None
    count = len(values)
    return History(
        name=key,
        source="the job",
        sha256="",
        values=np.array(values, dtype=np.int64),
        dates=(None,) * count,
        sessions=(None,) * count,
        machines=(None,) * count,
        modulus=bound,
        modulus_inferred=False,
        notes=(),
    )


def _families(
    document: Mapping[str, Any],
    searches: list[tuple[str, SearchName]],
    history: History,
    problems: list[str],
) -> tuple[Family, ...]:
    offset = document.get("offset", 0)
    if offset >= len(history):
        problems.append(f"$.offset: {offset} is beyond the {len(history)} draws")
        return ()
    families = []
    for name, search in searches:
        threshold = _threshold(document, reverse=search.reverse)
        if threshold is None:
            part = "reverse" if search.reverse else "forward"
            problems.append(f"$: {name} needs min_match_threshold or {part}_threshold")
            continue
        try:
            question = _question(document, search, history, threshold)
        except QuestionError as error:
            problems += [f"$: {problem}" for problem in error.problems]
        else:
            families.append(Family(name, search, threshold, question))
    return tuple(families)


def _threshold(document: Mapping[str, Any], *, reverse: bool) -> float | None:
    own = document.get("reverse_threshold" if reverse else "forward_threshold")
    return own if own is not None else document.get("min_match_threshold")


def _question(
    document: Mapping[str, Any], search: SearchName, history: History, threshold: float
) -> Question:
    """Ask about the draws from the origin on, which are those from the job's `offset` on."""
    least, most = document["skip_range"]
    constant = ConstantSkip(range(least, most + 1))
    return Question(
        stream=search.preset.stream,
        draws=history.values[document.get("offset", 0) :],
        modulus=history.modulus,
        skips=VariableSkip(least, most) if search.variable_skip else constant,
        window_size=document.get("window_size"),
        forward_threshold=threshold,
        reverse_threshold=threshold,
        direction=Direction.REVERSE if search.reverse else Direction.FORWARD,
    )
