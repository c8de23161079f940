"""The draws to come, of every session that a step tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["coming_draws"]

_TELLING = ("predict", "recover")


def coming_draws(documents: Mapping[str, Any], leading: str | None) -> list[dict[str, Any]]:
    """Return the draws that the leading step tells, then the other's of further sessions.

    Where sessions have streams of their own, the steps need not have found the same ones.

    Parameters
    ----------
    documents
        Of all steps.
    leading
        Whose draws come first, ``predict`` or ``recover``; None where nobody tells any.

    Returns
    -------
    list of dict
        In one form, whichever step tells: ``by`` names it, ``sessions`` those of the draw, none
        for all.
    """
    if leading is None:
        return []
    (other,) = (step for step in _TELLING if step != leading)
    told, more = _parts(documents, leading), _parts(documents, other)
    known = [each["sessions"] for each in told if each["value"] is not None]
    if not all(known):  # one stream tells the draws of all sessions
        return told
    further = [
        each
        for each in more
        if each["value"] is not None
        and each["sessions"]
        and {*each["sessions"]}.isdisjoint(name for names in known for name in names)
    ]
    named = {name for each in further for name in each["sessions"]}
    # Of a session that the other one tells, the leading one says that it knows nothing.
    return [each for each in told if named.isdisjoint(each["sessions"])] + further


def _parts(documents: Mapping[str, Any], step: str) -> list[dict[str, Any]]:
    document = documents[step]
    if document is None or document.get("abstained"):
        return []
    return [_part(step, document, each) for each in document.get("predictions", ())]


def _part(step: str, document: Mapping[str, Any], prediction: Mapping[str, Any]) -> dict[str, Any]:
    if "top" in prediction:
        return {**prediction, "by": step, "sessions": list(document["sessions"])}
    value, probability = prediction["draw"], prediction["probability"]
    named = [] if value is None else [{"value": value, "probability": probability}]
    session = prediction["session"]
    whose = {name: prediction[name] for name in ("date", "session", "machine")}
    return {
        "step": prediction["ahead"],
        "value": value,
        "probability": probability,
        "top": named,
        **whose,
        "by": step,
        "sessions": [] if session is None else [session],
    }
