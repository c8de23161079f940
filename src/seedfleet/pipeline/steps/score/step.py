"""Step 3 itself: chunks out, chunks back in, every survivor accounted for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from seedfleet.digests import file_digest
from seedfleet.draws import load
from seedfleet.draws.slices import Slices
from seedfleet.errors import ProblemsError
from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.wrong_matches import matched_along_the_mean_path
from seedfleet.pipeline.document_parts import versions_part
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.context_record import Check, Decision, Metric
from seedfleet.pipeline.steps.fan_out import why_failed
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.score.chunks import (
    SESSIONS,
    chunk_rows,
    measured_rate,
    write_chunks,
)
from seedfleet.pipeline.steps.score.scored_table import (
    SETTINGS,
    ScoredDraws,
    ScoredTableError,
    read_scored,
    score_table,
    write_scored_json,
)
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.survivor_files import read_survivors, write_parquet
from seedfleet.pipeline.steps.survivor_table import chosen_draws
from seedfleet.recover import OptionsError
from seedfleet.scoring import ScoringSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.fleet import RunReport
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.score.chunks import Chunk
    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["ScoreOptions", "ScoringError", "read_settings", "run_score"]

FORMAT = "seedfleet.scores/1"
_SETTINGS = "scoring_settings.json"
_TRIES = 2  # of a job that ends well and leaves a broken table


class ScoringError(ProblemsError):
    """Survivors that could not all be scored."""


@dataclass(frozen=True)
class ScoreOptions:
    """What step 3 is asked.

    Attributes
    ----------
    chunk_size
        Rows of a job; None chooses by the measured speed and the slots.
    json
        Whether the table is also written as JSON, some 2 KB a row.
    settings
        How features and score are computed; None takes what step 2.5 chose, and where it has not
        chosen, the defaults for the modulus.
    survivors
        The table to score; None takes the bidirectional survivors of the run.
    train_history
        The draws of the sieve slice; None takes them from the history.

    Raises
    ------
    OptionsError
        The chunk size is below 1.
    """

    chunk_size: int | None = None
    json: bool = True
    settings: ScoringSettings | None = None
    survivors: Path | None = None
    train_history: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if self.chunk_size is not None and self.chunk_size < 1:
            raise OptionsError([f"chunk size: {self.chunk_size} is not at least 1"])


def run_score(history: History, options: ScoreOptions, run: StepRun) -> ContextRecord:
    """Score every bidirectional survivor, in jobs of the fleet.

    Parameters
    ----------
    history
        All cleaned draws of the run; only the sieve slice of the table's sessions is looked at.

    Raises
    ------
    SurvivorFileError, SettingsError
        An input is not what it has to be.
    ScoringError
        A chunk has failed, or has not come back as it went out.
    FanOutInterrupted
        The user stopped the jobs; asking again goes on.
    """
    files = run.files
    survivors = options.survivors or files.survivors("bidirectional")
    table = read_survivors(survivors, generator=_generator(files))
    settings, said, inputs = _settings(options, files, history.modulus)
    draws, remarks = _sieve_slice(history, table, options, files)
    known = ScoredDraws(draws, history.modulus, Division.of(history.sessions, history.machines))
    write_json(files.folder / _SETTINGS, settings.to_document())
    if len(table):
        scored, jobs, rate = _in_chunks(table, known, settings=settings, options=options, run=run)
    else:
        scored = score_table(table, known, settings)
        jobs, rate = 0, None
        files.scoring_jobs.write_text("[]\n", encoding="utf-8")
    inputs += [survivors, files.train_history]
    _write(scored, table, inputs, run, settings=settings, as_json=options.json)
    outputs = [files.scores, files.scoring_jobs]
    if options.json:
        outputs.append(files.scores.with_suffix(".json"))
    return run.record(
        inputs,
        outputs,
        parameters={
            "settings": settings.to_document(),
            "settings_from": said,
            "chunk_size": options.chunk_size,
            "jobs": jobs,
        },
        metrics=_metrics(scored, known, rate),
        checks=[
            Check("survivors to score", len(table), 1),
            Check("rows scored, less survivors", abs(len(scored) - len(table)), 0, at_least=False),
            Check("features that are no finite number", _not_finite(scored), 0, at_least=False),
        ],
        remarks=[f"features by {said}", *remarks],
    )


def read_settings(path: Path) -> ScoringSettings:
    """Read a file of scoring settings, such as `optimal_scorer_config.json`.

    Raises
    ------
    SettingsError
        It cannot be read, or holds none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError([f"{path}: cannot be read: {error}"]) from error
    if not isinstance(document, dict):
        raise SettingsError([f"{path}: $: an object is needed"])
    return ScoringSettings.from_document(document)


def _settings(
    options: ScoreOptions, files: RunFiles, modulus: int
) -> tuple[ScoringSettings, str, list[Path]]:
    """Return the settings, where they are from, and the file that they were read from."""
    if options.settings is not None:
        return options.settings, "the settings that were asked for", []
    if standing(files, "tune-scorer").decision is Decision.PROCEED:
        return read_settings(files.scorer_config), files.scorer_config.name, [files.scorer_config]
    default = ScoringSettings.of_modulus(modulus)
    return default, f"the defaults for modulus {modulus}: no choice of step 2.5 stands", []


def _generator(files: RunFiles) -> str | None:
    """Return what rows of a table are drawn from that do not say: step 1's generator."""
    try:
        name = json.loads(files.window_config.read_text(encoding="utf-8"))["generator"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(name)


def _sieve_slice(
    history: History, table: SurvivorTable, options: ScoreOptions, files: RunFiles
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the draws that features may see, and write them out where step 1 has not.

    Draws after the sieve slice of the history must not be among them, whoever names a file.
    """
    chosen = chosen_draws(history, table.sessions)
    sieve = Slices.of(len(chosen)).sieve
    draws = chosen[sieve.start : sieve.stop]
    given, own = options.train_history, files.train_history
    if given is not None and not _holds(given, draws, history.modulus):
        there = f"its first {len(draws)} of {len(chosen)}"
        raise ScoringError([f"{given}: these draws are not the run's sieve slice, {there}"])
    if own.exists() and _holds(own, draws, history.modulus):
        return draws, []
    wanted = set(table.sessions)
    indexes = [k for k, name in enumerate(history.sessions) if not wanted or name in wanted]
    write_history(own, history, indexes[sieve.start : sieve.stop])
    return draws, [f"{own.name} was written anew: the first {len(draws)} draws"]


def _holds(path: Path, draws: NDArray[np.int64], modulus: int) -> bool:
    return np.array_equal(load(path, modulus=modulus).values, draws)


def _in_chunks(
    table: SurvivorTable,
    known: ScoredDraws,
    *,
    settings: ScoringSettings,
    options: ScoreOptions,
    run: StepRun,
) -> tuple[pa.Table, int, float]:
    """Return the scored table, how many jobs it took, and the measured rows a second and core."""
    run.progress("measuring", 0.0)
    rate = measured_rate(
        table, known.values, modulus=known.modulus, settings=settings, files=run.files
    )
    size = options.chunk_size or chunk_rows(len(table), rate, run.fan_out.slots)
    path = run.files.folder / _SETTINGS
    chunks = write_chunks(table, size, known=known, files=run.files, settings=path)
    jobs = [each.job for each in chunks]
    done: set[str] = set()

    def tell(job_id: str, _output: Path) -> None:
        done.add(job_id)
        run.progress("scoring", len(done) / len(chunks))

    for _ in range(_TRIES):
        report = run.fan_out.run(jobs, run.files.scoring_jobs, done=tell)
        parts, problems = _results(chunks, report)
        if not (problems and report.succeeded):
            break
    if problems:
        raise ScoringError(problems)
    return pa.concat_tables(parts).unify_dictionaries(), len(chunks), rate


def _results(chunks: Sequence[Chunk], report: RunReport) -> tuple[list[pa.Table], list[str]]:
    """Return the tables that came back whole, and what is wrong with the others."""
    parts, problems = [], []
    for number, chunk in enumerate(chunks, start=1):
        try:
            parts.append(_result(chunk, report))
        except ScoredTableError as error:
            place = f"chunk {number} of {len(chunks)} (rows {chunk.rows.start}..{chunk.rows[-1]})"
            problems += [f"{place}: {problem}" for problem in error.problems]
    return parts, problems


def _result(chunk: Chunk, report: RunReport) -> pa.Table:
    """Read what a job gave; a file that is not that is removed, lest it be taken for it again."""
    told = report.jobs[chunk.job.job_id]
    if not told.succeeded:
        raise ScoredTableError(
            [f"its job {chunk.job.job_id} {why_failed(told)}; its logs are in {report.folder}"]
        )
    try:
        return read_scored(told.output, chunk.survivors)
    except ScoredTableError:
        told.output.unlink(missing_ok=True)
        raise


def _write(
    scored: pa.Table,
    table: SurvivorTable,
    inputs: Sequence[Path],
    run: StepRun,
    *,
    settings: ScoringSettings,
    as_json: bool,
) -> None:
    lineage = {
        "format": FORMAT,
        "run_id": run.context.run_id,
        "parent_run_id": run.parent_run_id or "",
        "inputs": json.dumps({path.name: file_digest(path) for path in inputs}),
        "versions": json.dumps(versions_part()),
        SESSIONS: json.dumps(table.sessions),
        SETTINGS: json.dumps(settings.to_document()),
    }
    write_parquet(run.files.scores, scored, lineage)
    path = run.files.scores.with_suffix(".json")
    if as_json:
        run.progress("writing JSON", 0.0)
        write_scored_json(path, scored)
    else:
        path.unlink(missing_ok=True)  # of an earlier table


def _metrics(scored: pa.Table, known: ScoredDraws, rate: float | None) -> list[Metric]:
    confidence = np.asarray(scored["confidence"])
    best: Any = float(confidence.max()) if len(confidence) else None
    return [
        _matched_by_the_best(scored, known),
        Metric("best confidence", best, 0.0),
        Metric("rows", len(scored), None),
        Metric("rows a second and core", rate, None),
    ]


def _matched_by_the_best(scored: pa.Table, known: ScoredDraws) -> Metric:
    """Return the share of draws that the first by score matches, beside that of any stream.

    With variable skip it is followed along a path that has been chosen by the draws.
    """
    name = "share of draws matched by the survivor with the best score"
    if not len(scored):
        return Metric(name, None, 1 / known.modulus)
    best = int(np.argmax(np.asarray(scored["score"])))
    matched, least, most = (
        float(np.asarray(scored[column])[best])
        for column in ("temporal_exact_mean", "skip_min", "skip_max")
    )
    gaps = round(most - least) + 1
    return Metric(
        name, matched, matched_along_the_mean_path(known.modulus, gaps, len(known.values))
    )


def _not_finite(scored: pa.Table) -> int:
    numbers = [name for name in scored.column_names if pa.types.is_floating(scored[name].type)]
    return sum(int((~np.isfinite(np.asarray(scored[name]))).sum()) for name in numbers)
