"""The draws to come, as the steps that answer tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report.trace.answer import answers, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Coming", "coming_of", "said_of_coming"]

_TIED = 0.99  # share of the highest probability


class Coming(NamedTuple):
    """One coming draw; `value` is None where nothing is told of it.

    `whose` names session, date and machine as far as they are told, `others` are the next most
    probable values with their probabilities.
    """

    whose: str
    step: int
    value: int | None
    probability: float
    others: Sequence[Mapping[str, Any]] = ()

    @property
    def label(self) -> str:
        """Name the draw."""
        return f"{self.whose} +{self.step}".lstrip()

    @property
    def is_tied(self) -> bool:
        """Whether another value is as probable, or nearly so."""
        return any(each["probability"] >= _TIED * self.probability for each in self.others)


def coming_of(trace: Mapping[str, Any]) -> list[Coming]:
    """Return the coming draws of a run, of each session the next one first."""
    return [_coming(each, trace["history"]["sessions"]) for each in trace["predictions"]]


def said_of_coming(trace: Mapping[str, Any]) -> str:
    """Name the steps whose coming draws the run tells of, if any."""
    telling = dict.fromkeys(each["by"] for each in trace["predictions"])
    names = {id(answer.document): answer.name for answer in answers(trace)}
    named = [names[id(trace["documents"][step])] for step in telling]
    return " and ".join(named).lower()


def _coming(prediction: Mapping[str, Any], every: Sequence[str]) -> Coming:
    sessions = " and ".join(part_of(prediction["sessions"], every))
    whose = [prediction.get("date"), sessions, prediction.get("machine")]
    value = prediction["value"]
    others = [each for each in prediction["top"] if each["value"] != value]
    named = " ".join(each for each in whose if each)
    return Coming(named, prediction["step"], value, prediction["probability"], others)
