"""trace.json: what a whole run was asked, what became of each step, and what it came to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedfleet.draws.slices import Slices
from seedfleet.evidence import Verdict
from seedfleet.pipeline.document_parts import history_part, versions_part
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.survivor_table import chosen_draws
from seedfleet.pipeline.steps.workflow.coming_draws import coming_draws
from seedfleet.pipeline.steps.workflow.fleet_figures import busy_by_node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.workflow.course import StepOutcome

__all__ = ["step_part", "trace_document"]

_FORMAT = "seedfleet.trace/1"
_FOUND = tuple(each.value for each in Verdict if each.found)  # the stronger first
_ANSWERING = ("predict", "recover")  # the steps with a verdict, the one that leads first
_UNTOLD = "under_powered"


def trace_document(
    history: History,
    request: Request,
    files: RunFiles,
    outcomes: Sequence[StepOutcome],
    *,
    state: str,
    elapsed_s: float,
) -> dict[str, Any]:
    """Gather everything that is to be said of a run.

    Parameters
    ----------
    outcomes
        Of the steps that were asked for and that the run came to.
    state
        ``finished``, ``incomplete`` where the last step has no result, or ``interrupted``.
    """
    documents = _documents(files)
    answered_by = _leading_step(documents)
    answer = {} if answered_by is None else documents[answered_by]
    predicted_by = _predicting_step(documents, answered_by)
    fleet = [run for outcome in outcomes for run in outcome.fleet]
    return {
        "format": _FORMAT,
        "run_id": request.context.run_id,
        "state": state,
        "started_utc": request.context.started_utc,
        "elapsed_s": round(elapsed_s, 3),
        "command": list(request.context.command),
        "versions": versions_part(),
        "request": {k: v for k, v in request.to_document().items() if k != "context"},
        "history": {**history_part(history), "slices": _slices(history, documents)},
        "answered_by": answered_by,
        "verdict": answer.get("verdict"),
        "verdict_reason": answer.get("verdict_reason"),
        "null_probability": answer.get("null_probability"),
        "abstained": answer.get("abstained"),
        "predicted_by": predicted_by,
        "predictions": coming_draws(documents, predicted_by),
        "steps": [step_part(outcome) for outcome in outcomes],
        "nodes": busy_by_node(fleet),
        "documents": documents,
        "files": _present(files),
    }


def step_part(outcome: StepOutcome) -> dict[str, Any]:
    """Return what trace.json says of a step."""
    record = None if outcome.record is None else outcome.record.to_document()
    return {
        "number": outcome.number,
        "step": outcome.step,
        "ending": outcome.ending.value,
        "reason": outcome.reason,
        "again": outcome.again,
        "elapsed_s": round(outcome.elapsed_s, 3),
        "fleet": list(outcome.fleet),
        "record": record,
    }


def _documents(files: RunFiles) -> dict[str, Any]:
    """Return what each step wrote for people; None where its word does not count, or has none."""
    sources: dict[str, Path] = {
        "recover": files.recovery,
        "window": files.window_config,
        "tune-scorer": files.scorer_config,
        "tune-model": files.model_config,
        "train": files.sidecar,
        "predict": files.predictions,
    }
    return {step: _document(files, step, path) for step, path in sources.items()}


def _slices(history: History, documents: Mapping[str, Any]) -> dict[str, Any]:
    """Return the slices of the sessions that step 1 chose, over which all later steps cut."""
    sessions = (documents["window"] or {}).get("sessions", ())
    return Slices.of(len(chosen_draws(history, sessions))).to_document()


def _leading_step(documents: Mapping[str, Any]) -> str | None:
    """Return whose word leads: that with the stronger finding, of equal ones the last step's.

    Both hold what they find to one prior and the same limits, so that what either finds is found.
    Where neither had draws enough to tell, step 0 leads, which says how many would do; not where it
    wants for time.
    """
    verdicts = {
        step: documents[step].get("verdict") for step in _ANSWERING if documents[step] is not None
    }
    if set(verdicts.values()) == {_UNTOLD} and "recover" in verdicts:
        return "predict" if "predict" in verdicts and _late(documents["recover"]) else "recover"
    return min(verdicts, key=lambda step: _place(verdicts[step]), default=None)


def _late(recovery: Mapping[str, Any]) -> bool:
    """Tell whether a search did not end for want of time."""
    return any(search["budget_needed_s"] for search in recovery.get("searched", ()))


def _place(verdict: Any) -> int:
    return _FOUND.index(verdict) if verdict in _FOUND else len(_FOUND)


def _predicting_step(documents: Mapping[str, Any], leading: str | None) -> str | None:
    """Return whose coming draws are told: the leading step's, or the other's where it abstains."""
    said = [step for step in _ANSWERING if documents[step] is not None]
    for step in sorted(said, key=lambda step: step != leading):
        document = documents[step]
        if document.get("predictions") and not document.get("abstained"):
            return step
    return None


def _document(files: RunFiles, step: str, path: Path) -> Any:
    before = standing(files, step)
    if before.decision is None or before.declined or not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8"))


def _present(files: RunFiles) -> dict[str, str]:
    """Return the files that are there, by what they are."""
    named = {
        "history": files.history,
        "recovery": files.recovery,
        "window_config": files.window_config,
        "train_history": files.train_history,
        "holdout_history": files.holdout_history,
        **{f"{which}_survivors": files.survivors(which) for which in _TABLES},
        "scorer_config": files.scorer_config,
        "scores": files.scores,
        "model_config": files.model_config,
        "sidecar": files.sidecar,
        "predictions": files.predictions,
        "trace": files.summary,
        "report": files.report,
    }
    written = {files.summary, files.report}  # with this document
    return {
        name: str(path.relative_to(files.folder))
        for name, path in named.items()
        if path in written or path.exists()
    }


_TABLES = ("forward", "reverse", "bidirectional")
