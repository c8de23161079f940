"""A survivor table cut into chunks: one job for each, and what came of it.

A chunk's files are named after a digest of all that its result depends on, so that the same
question asked again finds its jobs done, and another question never does.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from seedfleet import __version__
from seedfleet.digests import file_digest
from seedfleet.fleet import Job
from seedfleet.pipeline.steps.kept_measure import kept_measure
from seedfleet.pipeline.steps.score.scored_table import candidates_of
from seedfleet.pipeline.steps.survivor_files import to_arrow, write_parquet
from seedfleet.scoring.survivors import compare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.score.scored_table import ScoredDraws
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable
    from seedfleet.scoring import ScoringSettings

__all__ = ["Chunk", "chunk_rows", "measured_rate", "write_chunks"]

WORKER = "full_scoring_worker.py"
SESSIONS = "seedfleet.sessions"  # what a table of survivors says of itself
DIVISION = "seedfleet.division"  # what a chunk says of the whole history
_FOLDER = "scoring_chunks"
_SAMPLE = 64  # rows of each preset by which the speed is measured
_LEAST_JOB_S, _MOST_JOB_S = 2.0, 60.0  # of a worker's time; starting one takes about 1 s


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table.

    Attributes
    ----------
    rows
        Their indexes.
    survivors
        The part of the table.
    job
        What scores them.
    """

    rows: range
    survivors: SurvivorTable
    job: Job


def measured_rate(
    table: SurvivorTable,
    draws: NDArray[np.int64],
    *,
    modulus: int,
    settings: ScoringSettings,
    files: RunFiles,
) -> float:
    """Return how many rows one core scores in a second, by a few rows of each preset.

    It is measured once: a step that is asked again after an interruption, on a machine that is
    busier or less so, has to cut the same chunks, or it would not know those that are done.
    Kernels are compiled on the way, so that the workers of this machine only have to load them.
    """
    told = (__version__, modulus, table.presets, settings.to_document())
    digest = hashlib.sha256(repr(told).encode())
    for array in (table.rows, draws):
        digest.update(np.ascontiguousarray(array).tobytes())
    return kept_measure(
        files.folder / _FOLDER / "rate.json",
        digest.hexdigest(),
        lambda: _rate(table, draws, modulus, settings),
    )


def _rate(
    table: SurvivorTable, draws: NDArray[np.int64], modulus: int, settings: ScoringSettings
) -> float:
    seconds = 0.0
    for preset in np.unique(table.rows["preset"]):
        rows = np.flatnonzero(table.rows["preset"] == preset)
        sample = rows[np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).astype(np.int64)]
        candidates = candidates_of(table, sample)
        compare(candidates, draws, modulus, settings, workers=1)
        began = time.perf_counter()
        compare(candidates, draws, modulus, settings, workers=1)
        seconds += (time.perf_counter() - began) * len(rows) / len(sample)
    return len(table) / max(seconds, 1e-9)


def chunk_rows(rows: int, rate: float, slots: int) -> int:
    """Return the rows of a chunk: none shorter than its start is worth, none longer than a minute.

    Never more chunks than slots, unless each slot has several minutes to do.

    Parameters
    ----------
    rate
        Rows a second.
    """
    total_s = rows / rate
    jobs = min(slots, ceil(total_s / _LEAST_JOB_S))
    jobs = max(jobs, ceil(total_s / _MOST_JOB_S), 1)
    return max(1, ceil(rows / jobs))


def write_chunks(
    table: SurvivorTable, size: int, *, known: ScoredDraws, files: RunFiles, settings: Path
) -> list[Chunk]:
    """Write every chunk's survivors, and return the chunks with their jobs.

    Parameters
    ----------
    size
        Rows of a chunk, at least 1.
    known
        The draws to score on, which the file of the sieve slice has.
    settings
        The file of scoring settings, in the run's folder.
    """
    modulus, division = known.modulus, json.dumps(asdict(known.division))
    shared = [
        __version__,
        str(modulus),
        division,
        *map(file_digest, (files.train_history, settings)),
    ]
    count = ceil(len(table) / size)
    chunks = []
    for number in range(count):
        rows = range(number * size, min((number + 1) * size, len(table)))
        survivors = table.take(np.arange(rows.start, rows.stop))
        words = [*shared, survivors.rows.tobytes().hex(), repr(sorted(survivors.states.items()))]
        own = hashlib.sha256("\n".join([*words, *table.presets]).encode()).hexdigest()[:12]
        name = f"score-{number + 1:0{len(str(count))}d}-{own}"
        seeds = files.folder / _FOLDER / f"{name}.parquet"
        if not seeds.exists():
            metadata = {SESSIONS: json.dumps(table.sessions), DIVISION: division}
            write_parquet(seeds, to_arrow(survivors), metadata)
        inputs = (
            f"{_FOLDER}/{seeds.name}",
            files.train_history.name,
            settings.name,
        )
        chunks.append(Chunk(rows, survivors, _job(name, inputs, table.presets[0], modulus)))
    return chunks


def _job(name: str, inputs: Sequence[str], preset: str, modulus: int) -> Job:
    seeds, history, settings = inputs
    output = f"scored/{name}.parquet"
    return Job(
        job_id=name,
        script=WORKER,
        args=(
            "--seeds-file",
            seeds,
            "--train-history",
            history,
            "--output-file",
            output,
            "--prng-type",
            preset,
            "--mod",
            str(modulus),
            "--settings-file",
            settings,
        ),
        expected_output=output,
        inputs=tuple(inputs),
    )
