"""The run as one self-contained page: no script, no request, one file to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report import _budgets, _search_words, _words
from seedfleet.report._templates import template_named
from seedfleet.report.trace import calibration, charts, course, models, survivors
from seedfleet.report.trace.answer import answers, headline, missed, streams
from seedfleet.report.trace.coming import coming_of, said_of_coming
from seedfleet.report.trace.extent import not_looked_at
from seedfleet.report.trace.further_sessions import further_sessions
from seedfleet.report.trace.reseeding import reseeds

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["render_trace"]

_MAX_TRIALS = 40  # rows of the table, the best first


def render_trace(document: Mapping[str, Any]) -> str:
    """Render the document of a whole run as a page for a person.

    Parameters
    ----------
    document : mapping
        A document of the format seedfleet.trace/1 (docs/steps.md).

    Returns
    -------
    str
        A complete HTML document without scripts that loads nothing. Every text of the input is
        escaped, and control characters are shown instead of obeyed.
    """
    controls = survivors.controls_of(document)
    said = answers(document)
    verdict = said[0].document["verdict"] if said else None
    return template_named("trace/page.html.j2").render(
        document=document,
        history=document["history"],
        chance=1 / document["history"]["modulus"],
        verdict=verdict or "unanswered",
        verdict_name="None yet" if verdict is None else _words.VERDICT_NAMES[verdict],
        headline=headline(document),
        answers=said,
        streams=streams(document),
        reseeds=reseeds(document),
        missed=missed(document),
        not_looked_at=not_looked_at(document),
        further=further_sessions(document),
        controls=controls,
        failed_controls=[control for control in controls if not control["passed"]],
        steps=course.steps_of(document),
        nodes=course.nodes_of(document),
        limit_text=course.limit_text,
        beside_chance=course.beside_chance,
        budget_option=lambda needed_s: f"--recover-budget {_budgets.as_option(needed_s)}",
        **_search_words.searched_part(document["documents"]["recover"] or {"searched": []}),
        **_coming_part(document),
        **_survivor_part(document),
        **_model_part(document),
        **_calibration_part(document),
    )


def _coming_part(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"coming_from": said_of_coming(document), "coming": coming_of(document)}


def _survivor_part(document: Mapping[str, Any]) -> dict[str, Any]:
    window = document["documents"]["window"]
    if window is None:
        return {"window": None}
    trials = survivors.trials_of(window)
    best = sorted(trials, key=lambda trial: (trial.bits is None, -(trial.bits or 0)))
    return {
        "window": window,
        "window_text": survivors.window_text(window),
        "directions": survivors.DIRECTIONS,
        "survivor_chart": charts.survivor_dots(window["survivors"]),
        "trials": trials,
        "best_trials": best[:_MAX_TRIALS],
        "trial_chart": charts.trial_dots(trials),
    }


def _model_part(document: Mapping[str, Any]) -> dict[str, Any]:
    documents = document["documents"]
    told = {
        "scorer": documents["tune-scorer"],
        "engine": documents["tune-model"],
        "below_chance": models.below_chance(document),
    }
    sidecar = documents["train"]
    if sidecar is None:
        return {**told, "sidecar": None, "untrained": models.untrained(document)}
    return {
        **told,
        "sidecar": sidecar,
        "gate_headline": models.gate_headline(sidecar),
        "features": models.features_of(sidecar),
        "model_chart": charts.model_dots(sidecar["comparison"]),
    }


def _calibration_part(document: Mapping[str, Any]) -> dict[str, Any]:
    predicted = document["documents"]["predict"]
    if predicted is None:
        return {"test": None}
    test = predicted["test"]
    bins = calibration.bins_of(test)
    return {
        "test": test,
        "score_text": calibration.score_text(test),
        "score_chart": None if test["bits"] is None else charts.score_bars(test),
        "bins": bins,
        "reliability_chart": charts.reliability_diagram(bins) if bins else None,
    }
