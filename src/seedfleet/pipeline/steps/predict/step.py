"""Step 6 at work: what it reads, `predictions.json`, and its record."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.draws.slices import Slices
from seedfleet.pipeline.document_parts import prior_part, thresholds_part, versions_part
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.context_record import Check, Decision, Metric
from seedfleet.pipeline.steps.learnable import fitted_beyond
from seedfleet.pipeline.steps.predict.features import FeatureSource
from seedfleet.pipeline.steps.predict.forecast import forecast_part, survivors_part, test_part
from seedfleet.pipeline.steps.predict.judgement import enough_draws, judge
from seedfleet.pipeline.steps.predict.later_streams import joined_by_later
from seedfleet.pipeline.steps.predict.narrowing import narrowed
from seedfleet.pipeline.steps.predict.options import PredictError
from seedfleet.pipeline.steps.predict.outlook import foresee
from seedfleet.pipeline.steps.predict.ranking import find_trained, rank, refuse_strangers
from seedfleet.pipeline.steps.predict.reliability import reliability_part
from seedfleet.pipeline.steps.predict.turns import Turns
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError, read_survivors
from seedfleet.pipeline.steps.survivor_legs import legs_of
from seedfleet.pipeline.steps.survivor_table import ROW, SurvivorTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.predict.options import PredictOptions
    from seedfleet.pipeline.steps.predict.ranking import Ranking, Trained
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["FORMAT", "run_predict"]

FORMAT = "seedfleet.predictions/1"
_MOST_SURVIVORS = 20  # that are listed
_WORST_BITS = -20.0  # on the test slice: a model that is right loses so many once in a million


def run_predict(history: History, options: PredictOptions, run: StepRun) -> ContextRecord:
    """Predict the next draws of a run, write `predictions.json`, and leave the record.

    Parameters
    ----------
    history
        The whole cleaned one.

    Raises
    ------
    PredictError
        There is no model and no word that there is none, or something is not what the model was
        trained on; the error lists everything.
    """
    trained = find_trained(run.files, options)
    path, table = _survivors(options, trained, run)
    draws = options.draws or run.files.history
    refuse_strangers(trained, (history, draws), path if options.survivors is None else None)
    evidence = SurvivorEvidence.of(table, history, progress=run.progress)

    source = FeatureSource(path, evidence, run.progress)
    ranking = rank(evidence, trained, source.columns)
    followed, weights = evidence, ranking.log2_weights
    if _is_of_run(path, draws, run):
        followed, weights = joined_by_later(evidence, weights, history, _window_config(run))
    evidence, weights = narrowed(followed, weights, history)
    ranking = replace(ranking, log2_weights=weights)
    document = {
        "format": FORMAT,
        "run_id": run.context.run_id,
        "parent_run_id": _parent(trained, run),
        **answer(evidence, ranking, options, powered=_powered(history, table, run)),
        "lineage": _lineage(trained, path, draws, run),
        "versions": versions_part(),
    }
    # What a recovery fitted to the test slice too is no forecast of it, and the count says so.
    beyond = fitted_beyond(table, history, run.files.recovery)
    fitted, handed = int(np.count_nonzero(beyond)), _handed(table, beyond)
    for each in document["survivors"]:
        start = tuple(each["state"]) if "state" in each else each["seed"]
        each["from_step_0"] = (each["generator"], start, each["origin"]) in handed
    later = len(followed.table) - len(table)
    document["verdict_reason"] = _of_whose(history, table) + document["verdict_reason"]
    document["reliability"]["survivors_fitted_to_these_draws"] = fitted + later
    write_json(run.files.predictions, document)
    used = [draws, run.files.window_config, trained.path, path]
    return _record(document, ranking, used, options, run)


def answer(
    evidence: SurvivorEvidence,
    ranking: Ranking,
    options: PredictOptions,
    *,
    powered: bool,
) -> dict[str, Any]:
    """Return what is said of the history and of its coming draws."""
    turns = Turns.of(evidence, ranking.log2_weights)
    outlook = foresee(turns, options.predictions)
    judgement = judge(turns, powered=powered, goes_on=outlook.null < 0.5)
    return {
        "verdict": judgement.verdict.value,
        "verdict_reason": judgement.reason,
        "evidence_bits": judgement.evidence_bits,
        "predictive_bits": judgement.predictive_bits,
        "class_posterior": judgement.class_posterior,
        "null_probability": outlook.null,
        "abstained": outlook.coming[0].value is None,
        "model_used": ranking.model_type or "likelihood",
        "model_reason": ranking.reason,
        "modulus": evidence.modulus,
        "sessions": list(evidence.table.sessions),
        "draws": len(evidence.draws),
        "predictions": [
            forecast_part(forecast, step, options.top, evidence.modulus)
            for step, forecast in enumerate(outlook.coming, start=1)
        ],
        "survivors": survivors_part(evidence, outlook.posterior, _MOST_SURVIVORS),
        "slices": Slices.of(len(evidence.draws)).to_document(),
        "test": test_part(turns),
        "reliability": reliability_part(turns, Slices.of(len(evidence.draws)).test),
        "prior": prior_part(),
        "thresholds": thresholds_part(),
    }


def _handed(table: SurvivorTable, fitted: NDArray[np.bool_]) -> set[object]:
    """Return the streams that step 0 fitted and no sieve found, under whatever law of skips.

    What goes on after missing records was found where the stream was found before them.
    """
    own = {_begun(table, row) for row in np.flatnonzero(~fitted).tolist()}
    legs = legs_of(table)
    return {
        _begun(table, row)
        for row in np.flatnonzero(fitted).tolist()
        if _begun(table, legs[row].first if row in legs else row) not in own
    }


def _begun(table: SurvivorTable, row: int) -> tuple[object, ...]:
    """Return with which stream a row begins, and with which draw."""
    start = table.states.get(row, int(table.rows["seed"][row]))
    return table.presets[int(table.rows["preset"][row])], start, int(table.rows["origin"][row])


def _survivors(
    options: PredictOptions, trained: Trained, run: StepRun
) -> tuple[Path | None, SurvivorTable]:
    """Return the survivors that speak, and their file; nobody where step 1 left no table."""
    config = _window_config(run)
    wanted = options.survivors or _own_survivors(trained, run.files)
    path = wanted if wanted.exists() else None
    sessions = tuple(config.get("sessions") or ())
    if path is None and options.survivors is not None:
        raise PredictError([f"{options.survivors}: there is no such file"])
    if path is None:
        return None, SurvivorTable((), sessions, np.zeros(0, ROW))
    try:
        return path, read_survivors(path, generator=config.get("generator"), sessions=sessions)
    except SurvivorFileError as error:
        raise PredictError(error.problems) from error


def _own_survivors(trained: Trained, files: RunFiles) -> Path:
    """Return the run's table: step 3's where its word counts, or where the model is of it.

    What an earlier step 3 left may be of survivors that step 1 has replaced since.
    """
    word = standing(files, "score")
    counts = word.decision is Decision.PROCEED and files.scores.exists()
    if counts or (word.record is None and trained.learned_from(files.scores)):
        return files.scores
    return files.survivors("bidirectional")


def _is_of_run(survivors: Path | None, draws: Path, run: StepRun) -> bool:
    """Tell whether step 1's choice is of these draws, and the survivors are the run's own."""
    files = run.files
    if survivors is None or survivors.resolve().parent != files.folder.resolve():
        return False
    told: object = _window_config(run).get("inputs")
    return told == {files.history.name: file_digest(draws)}


def _window_config(run: StepRun) -> dict[str, Any]:
    try:
        config: Any = json.loads(run.files.window_config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PredictError([f"{run.files.window_config}: cannot be read: {error}"]) from error
    return config if isinstance(config, dict) else {}


def _powered(history: History, table: SurvivorTable, run: StepRun) -> bool:
    """Tell whether what step 1 searched could have been recovered from so many draws."""
    config = _window_config(run)
    named = [config["generator"]] if isinstance(config.get("generator"), str) else []
    skips = int(config.get("skip_min", 0)), int(config.get("skip_max", 0))
    constant = config.get("skip_law", "constant") == "constant"
    presets = table.presets or tuple(named)
    # Of constant skips the least is the one that the fewest draws would do for.
    law = (skips[0], skips[0]) if constant else skips
    return enough_draws(history, presets, table.sessions, law)


def _of_whose(history: History, table: SurvivorTable) -> str:
    """Begin a sentence about the draws of the table's sessions, where they are not all draws."""
    if set(table.sessions) in (set(), set(history.session_names)):
        return ""
    return f"of the draws of {' and '.join(table.sessions)} alone: "


def _parent(trained: Trained, run: StepRun) -> str | None:
    return run.parent_run_id if trained.sidecar is None else trained.sidecar.run_id


def _lineage(trained: Trained, path: Path | None, draws: Path, run: StepRun) -> dict[str, Any]:
    """Say what the predictions were made from."""
    sidecar = trained.sidecar
    return {
        "run_id": run.context.run_id,
        "training_run_id": None if sidecar is None else sidecar.run_id,
        "model": None
        if sidecar is None or trained.path is None
        else {
            "sidecar": str(trained.path),
            "sha256": file_digest(trained.path),
            "model_type": sidecar.model_type,
            "checkpoint_sha256": sidecar.checkpoint_sha256,
            "feature_hash": sidecar.feature_hash,
            "accepted": sidecar.accepted,
        },
        "history": {"path": str(draws), "sha256": file_digest(draws)},
        "survivors": None if path is None else {"path": str(path), "sha256": file_digest(path)},
    }


def _checks(document: dict[str, Any], options: PredictOptions) -> Iterator[Check]:
    """Yield what has to hold: of what is predicted too, where it does not abstain."""
    told = document["predictions"]
    yield Check("coming draws told of", float(len(told)), float(options.predictions))
    off = max((abs(each["total_probability"] - 1) for each in told), default=None)
    yield Check("distance of a draw's probabilities from 1", off, 1e-9, at_least=False)
    if not document["abstained"]:
        bits = document["test"]["bits"]
        yield Check("bits on the test slice, beside uniform draws", bits, _WORST_BITS)


def _record(
    document: dict[str, Any],
    ranking: Ranking,
    used: Sequence[Path | None],
    options: PredictOptions,
    run: StepRun,
) -> ContextRecord:
    files, modulus, test = run.files, document["modulus"], document["test"]
    first = document["predictions"][0]
    metrics = [
        Metric(
            "probability of the most probable next draw", first["highest_probability"], 1 / modulus
        ),
        Metric("evidence in bits", document["evidence_bits"], 0.0),
        Metric(
            "log2 score a draw on the test slice", test["log2_score"], test["uniform_log2_score"]
        ),
        Metric("null's probability", document["null_probability"], 0.5),
    ]
    return run.record(
        [each for each in dict.fromkeys(used) if each is not None and each.exists()],
        [files.predictions],
        parameters={
            "predictions": options.predictions,
            "top": options.top,
            "survivors": None if options.survivors is None else str(options.survivors),
            "without_model": options.without_model,
        },
        metrics=metrics,
        checks=list(_checks(document, options)),
        remarks=[f"{document['verdict']}: {document['verdict_reason']}", ranking.reason],
    )
