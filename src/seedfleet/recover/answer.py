"""What a recovery answers: the verdict, and everything that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedfleet.evidence import Mixture, Verdict
    from seedfleet.generators import Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.repeats import Repeats
    from seedfleet.recover.scoring import Prediction, Weighed
    from seedfleet.recover.search import Coverage, Found, Question

__all__ = ["Recovery", "SearchRecord", "Status"]


class Status(Enum):
    """What became of a search."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    NOT_NEEDED = "not_needed"
    UNDER_POWERED = "under_powered"
    OVER_BUDGET = "over_budget"


@dataclass(frozen=True)
class SearchRecord:
    """One search: what it covers, what became of it, what it found.

    Attributes
    ----------
    coverage
        What it promised to decide.
    status, reason
        What became of it, and why it was not completed; None where it was.
    draws_needed
        Known draws with which it could end in `recovered`.
    found
        None where it was not run.
    controls
        The same search where the answer is known; empty where it was neither completed nor found
        anything that stands, and where time was too short.
    elapsed_s
        How long it took, without its controls.
    budget_needed_s
        The budget with which it would have been completed, where it did not fit into the budget.
    """

    coverage: Coverage
    status: Status
    reason: str | None
    draws_needed: int
    found: Found | None = None
    controls: tuple[Control, ...] = ()
    elapsed_s: float = 0.0
    budget_needed_s: float | None = None


@dataclass(frozen=True)
class Recovery:
    """The answer.

    Attributes
    ----------
    verdict, reason
        What can be said, and why, in a sentence.
    fitted, known
        The mixture over the fitted draws, which the verdict uses, and over all known draws, which
        the predictions use.
    predictive_bits
        Evidence on the held-out draws; None when nothing was scored.
    items
        Every survivor, weighed, best first.
    predictions
        The coming draws.
    searches
        Every search of the catalogue in order of cost.
    uncovered
        Selected streams of the catalogue to which no attack applies at this modulus.
    unselected
        Streams that the options left out.
    repeats
        What repeats in the history, if anything.
    question
        Scopes and skips that were asked.
    rule
        The rule by which the user said that seeds follow from dates; None without one.
    dated
        Streams that explain draws with the rule's seeds, best first. In both mixtures they come
        after the items.
    """

    verdict: Verdict
    reason: str
    fitted: Mixture
    known: Mixture
    predictive_bits: float | None
    items: tuple[Weighed, ...]
    predictions: tuple[Prediction, ...]
    searches: tuple[SearchRecord, ...]
    uncovered: tuple[Stream, ...]
    unselected: tuple[Stream, ...]
    repeats: Repeats | None
    question: Question
    rule: str | None = None
    dated: tuple[DatedFinding, ...] = ()
