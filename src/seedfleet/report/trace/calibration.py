"""Whether the stated probabilities come true: on the test slice, which nothing was chosen by."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Bin", "bins_of", "score_text"]

_AS_GOOD_AS_NONE = 1.0  # bits over the whole slice


class Bin(NamedTuple):
    """Draws whose most probable value was stated alike.

    `stated` is the mean of the stated probabilities, `observed` the share that came true, `spread`
    its standard deviation if what is stated is right.
    """

    draws: int
    stated: float
    observed: float
    spread: float


def bins_of(test: Mapping[str, Any]) -> list[Bin]:
    """Return the reliability of a test slice, where it is told."""
    return [
        Bin(
            each["draws"],
            each["stated"],
            each["observed"],
            sqrt(each["stated"] * (1 - each["stated"]) / each["draws"]),
        )
        for each in test.get("reliability", ())
        if each["draws"]
    ]


def score_text(test: Mapping[str, Any]) -> str:
    """Say in a sentence how the predictions compare with uniform ones."""
    if test["bits"] is None:
        return "The history is too short for a test slice."
    if test["bits"] > _AS_GOOD_AS_NONE:
        return "The predictions say more about draws that they have not seen than uniform ones."
    if test["bits"] < -_AS_GOOD_AS_NONE:
        return "The predictions say less about draws that they have not seen than uniform ones."
    return "The predictions say what uniform ones say, as they should where nothing is found."
