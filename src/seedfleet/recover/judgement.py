"""What can be said of a history, by what was searched and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from seedfleet.evidence import Verdict, decide, mix, predictive_bits
from seedfleet.evidence.chance import better_than_chance
from seedfleet.recover.answer import Status
from seedfleet.recover.unevenness import bits_to_beat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedfleet.evidence import Scored
    from seedfleet.recover.answer import SearchRecord
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Question, Scope
    from seedfleet.recover.unevenness import Unevenness

__all__ = ["Judgement", "goes_on", "judge", "most_draws", "scores_of"]

_BY_DATE = (
    "one stream, begun anew on every date with the rule's seeds, explains the fitted draws and "
    "predicts those held out"
)
_POWERED = 0.5  # a search that more often than not misses what it covers can tell nothing


@dataclass(frozen=True)
class Judgement:
    """A verdict, and why, in a sentence."""

    verdict: Verdict
    reason: str


def goes_on(scope: Scope) -> bool:
    """Tell whether a scope holds the last known draw of its session or machine."""
    return scope.draws_after == 0


def scores_of(items: Iterable[Weighed], dated: Iterable[DatedFinding]) -> list[Scored]:
    """Return what a mixture is over: the items' scores, then those of streams that dates seed."""
    return [*(item.scored for item in items), *(finding.scored for finding in dated)]


def most_draws(scopes: Sequence[Scope]) -> int:
    """Return the known draws of the largest scope."""
    return max(len(scope.values) for scope in scopes)


def judge(
    items: Sequence[Weighed],
    dated: Sequence[DatedFinding],
    records: Sequence[SearchRecord],
    question: Question,
    uneven: Unevenness | None,
) -> Judgement:
    """Return the verdict on everything that was found.

    Streams that ended before the last known draw count as evidence, but only one that goes on can
    be called recovered: it alone tells the draws to come. Streams that dates seed go on.
    """
    everything = mix(scores_of(items, dated), held_out=False)
    going_on = scores_of([item for item in items if goes_on(item.survivor.scope)], dated)
    best = max((everything.classes[each.equivalence] for each in going_on), default=0.0)
    powered = any(
        record.status is Status.COMPLETED
        and most_draws(record.coverage.scopes) >= record.draws_needed
        and record.coverage.power(0.0) >= _POWERED
        for record in records
    )
    verdict = decide(
        everything.evidence_bits - bits_to_beat(uneven),
        predictive_bits(going_on),
        best,
        powered=powered,
    )
    if verdict is Verdict.RECOVERED and any(
        everything.classes[each.scored.equivalence] >= best for each in dated
    ):
        return Judgement(verdict, _BY_DATE)
    return Judgement(verdict, _reason(verdict, items, records, question))


def _reason(
    verdict: Verdict,
    items: Sequence[Weighed],
    records: Sequence[SearchRecord],
    question: Question,
) -> str:
    match verdict:
        case Verdict.RECOVERED:
            return "one stream explains the fitted draws and predicts those held out"
        case Verdict.SIGNAL:
            return _signal(items)
        case Verdict.NO_EVIDENCE:
            return _absence(items, records, question.modulus)
        case Verdict.UNDER_POWERED:
            return _shortage(records, question)
        case _:
            assert_never(verdict)


def _signal(items: Sequence[Weighed]) -> str:
    ended = [item for item in items if not goes_on(item.survivor.scope)]
    if ended:
        best = max(ended, key=lambda item: max(item.scored.stakes(held_out=True)))
        start, stop = best.survivor.scope.segment or (0, 0)
        return (
            f"one stream explains draws {start} to {stop - 1}; nothing that was searched explains "
            "the draws after them"
        )
    return "the draws favour what was searched, but not one stream beyond doubt"


def _absence(items: Sequence[Weighed], records: Sequence[SearchRecord], modulus: int) -> str:
    """Say that nothing was found, and whether something fits in part."""
    for record in records:
        for lead in record.found.leads if record.found else ():
            return f"no seed was found, but {lead.text}"
    pairs = sum(record.coverage.pairs for record in records)
    for item in items:
        draws, matches = len(item.survivor.scope.values), item.matches
        even = modulus / item.survivor.alignment.gaps
        if better_than_chance(matches, draws, pairs=pairs, modulus=even):
            return (
                f"no stream that was searched explains the draws, though one gives {matches} "
                f"of {draws}, more than chance would: draws may be missing or out of order"
            )
    return "nothing within what was searched explains the draws better than chance"


def _shortage(records: Sequence[SearchRecord], question: Question) -> str:
    """Say why no search could tell."""
    sieve = "`seedfleet sieve` tests ranges of its seeds"
    if not records:
        return (
            "no search is built that would find such a generator in draws with this modulus; "
            + sieve
        )
    if all(record.status is Status.OVER_BUDGET for record in records):
        return "no search fitted into the budget"
    draws = most_draws(question.scopes)
    powers = [record.coverage.power(0.0) for record in records]
    # Of a search that had too few draws, the power says that and no more.
    needed = [
        record.draws_needed
        for record, power in zip(records, powers, strict=True)
        if record.status is Status.UNDER_POWERED or power >= _POWERED
    ]
    if not needed:
        return (
            f"no search that is built finds such a generator more often than {max(powers):.0%} "
            f"of the time in draws with this modulus; {sieve}"
        )
    few = "1 draw is" if draws == 1 else f"{draws} draws are"
    return f"{few} too few to tell: {min(needed)} or more would do"
