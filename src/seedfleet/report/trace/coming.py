"""The draws to come, as each step that answers tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report.trace.answer import answers, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.report.trace.answer import Answer

__all__ = ["Coming", "coming_of", "said_of_coming"]

_TIED = 0.99  # share of the highest probability


class Coming(NamedTuple):
    """One coming draw; `value` is None where nothing is told of it.

    `others` are the next most probable values with their probabilities.
    """

    label: str
    value: int | None
    probability: float
    others: Sequence[Mapping[str, Any]] = ()

    @property
    def is_tied(self) -> bool:
        """Whether another value is as probable, or nearly so."""
        return any(each["probability"] >= _TIED * self.probability for each in self.others)


def coming_of(trace: Mapping[str, Any], answer: Answer) -> list[Coming]:
    """Return the coming draws of an answer of a run, the next one first."""
    sessions = part_of(answer.document.get("sessions", ()), trace["history"]["sessions"])
    return [
        _foretold(each, sessions) if "top" in each else _recovered(each)
        for each in answer.document["predictions"]
    ]


def said_of_coming(trace: Mapping[str, Any]) -> Answer | None:
    """Return the answer whose coming draws the run tells of, if any."""
    speaks = trace["documents"].get(trace["predicted_by"])
    return next((each for each in answers(trace) if each.document is speaks), None)


def _foretold(prediction: Mapping[str, Any], sessions: Sequence[str]) -> Coming:
    whose = " and ".join(sessions)
    label = f"{whose} +{prediction['step']}".lstrip()
    value = prediction["value"]
    others = [each for each in prediction["top"] if each["value"] != value]
    return Coming(label, value, prediction["probability"], others)


def _recovered(prediction: Mapping[str, Any]) -> Coming:
    whose = [prediction[name] for name in ("date", "session", "machine")]
    label = " ".join([*(name for name in whose if name is not None), f"+{prediction['ahead']}"])
    return Coming(label, prediction["draw"], prediction["probability"])
