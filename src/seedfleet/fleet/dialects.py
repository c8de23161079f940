"""The dialects of job files: each entry becomes a job of the spec, and says what it was.

Job files outlive the programs that they were written for, so files of the older coordinators run as
they are, and a file may hold jobs of several dialects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet._fragments import kind
from seedfleet.fleet._keys import KEYS_V11, SCRIPT_JOB, SIEVE_JOB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["COORDINATOR_JOB", "SCRIPT_JOB_V10", "SCRIPT_JOB_V11", "SIEVE", "Entry"]

SCRIPT_JOB_V10: Final = "script jobs v1.0"
SCRIPT_JOB_V11: Final = "script jobs v1.1"
COORDINATOR_JOB: Final = "coordinator jobs without expected_output"
SIEVE: Final = "sieve jobs"

_SIEVE_SCRIPT: Final = "sieve_filter.py"
_SIEVE_ARGS: Final = ("--job-file", "{job_file}", "--gpu-id", "{device}")
_OUTPUT_OPTIONS: Final = ("--output-file", "--output", "-o")
_V11_ONLY: Final = frozenset(KEYS_V11)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a job file, recognised.

    Parameters
    ----------
    dialect
        One of this module's names, or None for something that is no object.
    document
        The entry as a v1.1 job, with nothing corrected.
    sieve_document
        The whole sieve job where it is one, with its id.
    problems
        What is wrong with it, each with its place.
    """

    dialect: str | None
    document: Mapping[str, Any] | None
    sieve_document: Mapping[str, Any] | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, entry: object, number: int, output_dir: str) -> Entry:
        """Recognise an entry and check it.

        Parameters
        ----------
        entry
            As parsed from JSON.
        number
            Its place in the file, from 0.
        output_dir
            Of the run: the output of a job that names none is `<output_dir>/<job_id>.json`.

        Returns
        -------
        Entry
            If there are problems its document holds the sound keys, or is None where a required
            one other than `job_id` is at fault.
        """
        if not isinstance(entry, dict):
            return cls(
                None, None, None, (f"$[{number}]: a job is an object, this is {kind(entry)}",)
            )
        if "search_type" in entry:
            return _sieve_job(entry, number)
        dialect = SCRIPT_JOB_V10 if _V11_ONLY.isdisjoint(entry) else SCRIPT_JOB_V11
        if "expected_output" not in entry and ("node" in entry or "gpu_id" in entry):
            dialect, entry = COORDINATOR_JOB, _with_output(entry, output_dir)
        if SCRIPT_JOB.holds(entry):
            return cls(dialect, entry)
        found = tuple(SCRIPT_JOB.problems(entry, f"$[{number}]"))
        return cls(dialect, SCRIPT_JOB.sound_part(_checkable(entry, number)), None, found)


def _checkable(entry: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """Mend the faults of an entry that would keep the rest of it from being checked.

    Each has been told of. Another id does as well as a bad one, unless arguments name outputs by
    it; of a bad `env` the names are still worth a look.
    """
    mended = dict(entry)
    if not SCRIPT_JOB.keeps("job_id", entry) and "{job_id}" not in str(entry.get("args")):
        mended["job_id"] = f"job{number}"
    if isinstance(entry.get("env"), dict) and not SCRIPT_JOB.keeps("env", entry):
        mended["env"] = {
            name: text if SCRIPT_JOB.keeps("env", {"env": {"NAME": text}}) else ""
            for name, text in entry["env"].items()
            if SCRIPT_JOB.keeps("env", {"env": {name: ""}})
        }
    return mended


def _with_output(entry: Mapping[str, Any], output_dir: str) -> dict[str, Any]:
    """Add `expected_output`; an entry without usable `args` and `job_id` has other problems."""
    raw = entry.get("args")
    args = [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []
    named = next(filter(None, (_value_of(option, args) for option in _OUTPUT_OPTIONS)), None)
    if named is None:
        folder = _value_of("--output-dir", args) or output_dir
        named = f"{folder}/{entry.get('job_id')}.json"
    return {**entry, "expected_output": named}


def _value_of(option: str, args: Sequence[str]) -> str | None:
    """Find the value of an option, also as `--option=value`; the last one counts."""
    value = None
    for position, argument in enumerate(args):
        if argument == option and position + 1 < len(args):
            value = args[position + 1]
        elif argument.startswith(f"{option}=") and option.startswith("--"):
            value = argument.partition("=")[2]
    return value


def _sieve_job(entry: dict[str, Any], number: int) -> Entry:
    where = f"$[{number}]"
    whole = entry if "job_id" in entry else {**entry, "job_id": f"sieve_{number:05d}"}
    problems = (*SIEVE_JOB.problems(whole, where), *_contradictions(whole, where))
    sound = SIEVE_JOB.sound_part(whole)
    if sound is None:
        return Entry(SIEVE, None, None, problems)
    sound.setdefault("job_id", f"sieve_{number:05d}")  # where it is at fault, which was told
    document = {name: sound[name] for name in ("timeout", "node", "gpu_id") if name in sound} | {
        "job_id": sound["job_id"],
        "script": _SIEVE_SCRIPT,
        "args": list(_SIEVE_ARGS),
        "expected_output": f"result_{sound['job_id']}.json",
    }
    return Entry(SIEVE, document, whole, problems)


def _contradictions(entry: Mapping[str, Any], where: str) -> Iterator[str]:
    sound = SIEVE_JOB.sound_keys(entry)
    start, end = sound.get("seed_start"), sound.get("seed_end")
    if start is not None and end is not None and end < start:
        yield f"{where}.seed_end: {end} is less than seed_start {start}"
    first, last = sound.get("skip_range", (0, 0))
    if last < first:
        yield f"{where}.skip_range: {last} is less than {first}"
