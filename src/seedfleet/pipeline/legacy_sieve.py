"""The worker of legacy sieve jobs: a job file goes in, one JSON object is printed.

docs/sieve_jobs.md says what the keys of jobs and results mean. Each family of a job is a search
(`seedfleet.generators.searches`) over the job's seeds: plain names look at the forward part of the
window, ``_reverse`` ones at the reverse part, ``_hybrid`` ones allow another skip at each draw.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numba
import numpy as np

from seedfleet import __version__
from seedfleet.pipeline.legacy_job import JobError, LegacyJob
from seedfleet.pipeline.legacy_paths import skips_along
from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.sieve import TooManyHitsError, VariableSkip, local_backend, sieve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.pipeline.legacy_job import Family
    from seedfleet.sieve import Survivors

__all__ = ["main", "run_job"]

_ROOM = 1_000_000  # survivors of one family; they all are printed as JSON
_MOST_PATHS = 1000  # survivors of one family whose skips are told; the best ones ...
_PATH_WORK = 2**29  # ... of so many positions together
_SIMULATED_POSITIONS = 2**24  # for the chance of a variable skip; a second at most
_OF_THE_FLEET = "SEEDFLEET_JOB_ID"  # set where the fleet runs this
_EXIT_FAILED = 1
_EXIT_BAD_INPUT = 2
_PROGRESS_S = 10.0


def run_job(
    job: LegacyJob, *, progress: Callable[[str, float], None], workers: int | None = None
) -> dict[str, Any]:
    """Sieve every family of a job.

    Parameters
    ----------
    progress
        Called with the family's name and the share of its work that is done, in [0, 1].
    workers
        Threads; default one for each core.

    Returns
    -------
    dict
        The result as it is printed; JSON types.

    Raises
    ------
    TooManyHitsError
        More than a million pairs of seed and alignment pass for one family.
    """
    started = time.perf_counter()
    families, backend = {}, local_backend(workers)
    for family in job.families:

        def report(share: float, name: str = family.name) -> None:
            progress(name, share)

        survivors = sieve(family.question, job.seeds, backend=backend, room=_ROOM, progress=report)
        families[family.name] = _family(job, family, survivors)
    return {
        "success": True,
        "job_id": job.job_id,
        "seed_start": job.seeds.start,
        "seed_end": job.seeds.stop,
        "draws_sha256": job.sha256,
        "modulus": job.modulus,
        "families": families,
        "notes": list(job.notes),
        "execution_time": round(time.perf_counter() - started, 3),
        "versions": {
            "seedfleet": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
    }


def _family(job: LegacyJob, family: Family, survivors: Survivors) -> dict[str, Any]:
    question, table, seeds = family.question, survivors.table, survivors.tested
    (leg,) = question.legs
    chance = chance_of(question, positions=_SIMULATED_POSITIONS)
    return {
        "prng_type": family.search.preset.slug,
        "direction": question.direction.value,
        "variable_skip": family.search.variable_skip,
        "seeds_requested": survivors.requested,
        "seeds_tested": seeds,
        "alignments": len(question.alignments),
        "draws_looked_at": leg.draws,
        "matches_needed": leg.needed,
        "threshold": family.threshold,
        "expected_pairs": chance.expected_pairs(seeds),
        "expected_seeds": chance.expected_seeds(seeds),
        "expected_pairs_at_most": chance.bound_on_pairs(seeds),
        "expected_is_upper_bound": chance.is_bound,
        "observed_pairs": len(table),
        "observed_seeds": len(np.unique(table["seed"])),
        "survivors": _survivors(job, family, table, leg.draws),
    }


def _survivors(
    job: LegacyJob, family: Family, table: NDArray[np.void], total: int
) -> list[dict[str, Any]]:
    rows = [_survivor(job, family, row, total) for row in table]
    question = family.question
    if isinstance(question.skips, VariableSkip):
        work = len(question.draws) ** 2 * question.skips.gaps
        best_first = sorted(rows, key=lambda row: -row["matches"])
        for row in best_first[: max(1, min(_MOST_PATHS, _PATH_WORK // work))]:
            row["skips"] = skips_along(question, question.skips, row["seed"])
            row["best_skip"] = Counter(row["skips"]).most_common(1)[0][0]
    return rows


def _survivor(job: LegacyJob, family: Family, row: np.void, total: int) -> dict[str, Any]:
    matches = int(max(row["forward_matches"], row["reverse_matches"]))  # the other one is -1
    least, most = int(row["skip_min"]), int(row["skip_max"])
    constant = None if family.search.variable_skip else least
    return {
        "seed": int(row["seed"]),
        "family": family.name,
        "prng_type": family.search.preset.slug,
        "match_rate": matches / total,
        "matches": matches,
        "total": total,
        "best_skip": constant,
        "skip": constant,
        "skips": None,
        "alignment": {"offset": int(row["offset"]), "skip_min": least, "skip_max": most},
        "offset": job.offset,
        "window_size": len(family.question.window),
        "sessions": list(job.sessions),
    }


class _Progress:
    """Says on standard error how far a family is, now and then."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said_at = clock()

    def __call__(self, name: str, share: float) -> None:
        now = self._clock()
        if now - self._said_at >= _PROGRESS_S:
            self._said_at = now
            _tell(f"{share:6.1%}  {name}")


def main() -> None:
    """Run the job that the command line names.

    Exit codes: 0 done, 1 failed, 2 the job cannot be understood.
    """
    parser = argparse.ArgumentParser(description="Run one legacy sieve job; its result is printed.")
    parser.add_argument("--job-file", type=Path, required=True, help="the job, JSON")
    parser.add_argument("--gpu-id", type=int, default=-1, help="accepted, and not used")
    options = parser.parse_args()
    if options.gpu_id >= 0:
        _tell(f"note: --gpu-id {options.gpu_id} is not used: this back end is the processor's")
    try:
        job = LegacyJob.read(options.job_file)
        for note in job.notes:
            _tell(f"note: {note}")
        # The fleet runs a job for each core or GPU that it may use, so a job takes one core.
        workers = 1 if _OF_THE_FLEET in os.environ else None
        result = run_job(job, progress=_Progress(time.monotonic), workers=workers)
    except JobError as error:
        _fail(list(error.problems), _EXIT_BAD_INPUT, error.job_id)
    except TooManyHitsError:
        _fail([f"more than {_ROOM} survivors: raise the threshold"], _EXIT_FAILED, job.job_id)
    except (MemoryError, OSError) as error:
        _fail([str(error) or type(error).__name__], _EXIT_FAILED, None)
    sys.stdout.write(json.dumps(result) + "\n")


def _fail(problems: list[str], exit_code: int, job_id: str | None) -> NoReturn:
    for problem in problems:
        _tell(f"error: {problem}")
    failure = {
        "success": False,
        "job_id": job_id,
        "error": "; ".join(problems),
        "problems": problems,
    }
    sys.stdout.write(json.dumps(failure) + "\n")
    sys.exit(exit_code)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
