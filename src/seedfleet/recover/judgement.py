"""What can be said of a history, by what was searched and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence import Verdict, decide, mix, predictive_bits
from seedfleet.evidence.chance import better_than_chance
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.verdict import Thresholds
from seedfleet.recover.answer import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from seedfleet.evidence import Scored
    from seedfleet.recover.answer import SearchRecord
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Question

    Hurdle: TypeAlias = Callable[[Scope], float]

__all__ = ["Judgement", "few_draws", "goes_on", "is_recovered", "judge", "scores_of"]

_BY_DATE = (
    "one stream, begun anew on every date with the rule's seeds, explains the fitted draws and "
    "predicts those held out"
)
_HOLDS = 0.5  # posterior of a class that explains some of its part's draws
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


def _most_draws(scopes: Sequence[Scope]) -> int:
    """Return the known draws of the largest scope."""
    return max(len(scope.values) for scope in scopes)


def few_draws(scopes: Sequence[Scope]) -> str:
    """Return the beginning of a sentence about the known draws of the largest scope."""
    draws = _most_draws(scopes)
    return "1 draw is" if draws == 1 else f"{draws} draws are"


def judge(
    items: Sequence[Weighed],
    dated: Sequence[DatedFinding],
    records: Sequence[SearchRecord],
    question: Question,
    hurdle: Hurdle,
) -> Judgement:
    """Return the verdict on everything that was found.

    Streams that ended before the last known draw count as evidence, but only one that goes on can
    be called recovered: it alone tells the draws to come. Streams that dates seed go on. One stream
    has to earn all of it by itself.

    Parameters
    ----------
    hurdle
        Returns the bits that draws which are not uniform must be beaten by, of a scope's own draws.
    """
    everything = mix(scores_of(items, dated), held_out=False)
    if _recovered_by_date(dated, everything.classes, hurdle):
        return Judgement(Verdict.RECOVERED, _BY_DATE)
    recovered = _recovered(items, everything.classes, hurdle)
    if recovered:
        told = _told_of(recovered, items, everything.classes, question)
        return Judgement(Verdict.RECOVERED, told)
    powered = any(
        record.status is Status.COMPLETED
        and _most_draws(record.coverage.scopes) >= record.draws_needed
        and record.coverage.power(0.0) >= _POWERED
        for record in records
    )
    if _bits_beyond(items, dated, everything.evidence_bits, hurdle) >= Thresholds.SIGNAL_BITS:
        return Judgement(Verdict.SIGNAL, _signal(items))
    if powered:
        return Judgement(Verdict.NO_EVIDENCE, _absence(items, records, question.modulus))
    return Judgement(Verdict.UNDER_POWERED, _shortage(records, question))


def _earns(members: Sequence[Scored], posterior: float, to_beat: float) -> tuple[bool, float]:
    """Tell whether a class of streams is recovered by itself, and what it earned. O(members)."""
    earned = log2_sum(stake for each in members for stake in each.stakes(held_out=False))
    verdict = decide(earned - to_beat, predictive_bits(members), posterior, powered=True)
    return verdict is Verdict.RECOVERED, earned


def is_recovered(
    items: Sequence[Weighed],
    dated: Sequence[DatedFinding],
    posteriors: Mapping[Hashable, float],
    hurdle: Hurdle,
) -> bool:
    """Tell whether `judge` would say `recovered`.

    Parameters
    ----------
    posteriors
        Of each class, from the mixture over the fitted draws of everything that was found.
    hurdle
        As for `judge`.
    """
    by_date = _recovered_by_date(dated, posteriors, hurdle)
    return by_date or bool(_recovered(items, posteriors, hurdle))


def _bits_beyond(
    items: Sequence[Weighed],
    dated: Sequence[DatedFinding],
    evidence_bits: float,
    hurdle: Hurdle,
) -> float:
    """Return by how much what was found beats uneven draws, in the part where it does so most.

    All of it together, which has earned `evidence_bits`, is held against the most uneven part.
    """
    parts: dict[Hashable, tuple[float, list[Scored]]] = {}
    scopes = [item.survivor.scope for item in items] + [each.question.scope for each in dated]
    for scope, scored in zip(scopes, scores_of(items, dated), strict=True):
        parts.setdefault(scope.part, (hurdle(scope), []))[1].append(scored)
    beyond = [mix(scored, held_out=False).evidence_bits - bits for bits, scored in parts.values()]
    highest = max((bits for bits, _ in parts.values()), default=0.0)
    return max([evidence_bits - highest, *beyond])


def _recovered_by_date(
    dated: Sequence[DatedFinding], posteriors: Mapping[Hashable, float], hurdle: Hurdle
) -> bool:
    return any(
        _earns([each.scored], posteriors[each.scored.equivalence], hurdle(each.question.scope))[0]
        for each in dated
    )


def _recovered(
    items: Sequence[Weighed], posteriors: Mapping[Hashable, float], hurdle: Hurdle
) -> list[Scope]:
    """Return the parts of the history in which one stream is beyond doubt.

    Of each session or machine that is one: where it is open with which of its draws the stream
    began, the part that earns the most.

    One class of streams must explain the fitted draws, hold the posterior and predict the draws
    held out, all of the same part: what another part's stream does proves nothing of this one.
    """
    classes: dict[Hashable, list[Weighed]] = {}
    for item in items:
        if goes_on(item.survivor.scope):
            classes.setdefault(item.scored.equivalence, []).append(item)
    parts: dict[object, tuple[float, Scope]] = {}
    for equivalence, members in classes.items():
        scored, scope = [member.scored for member in members], members[0].survivor.scope
        beyond_doubt, earned = _earns(scored, posteriors[equivalence], hurdle(scope))
        if beyond_doubt:
            label = _label(scope)
            parts[label] = max(parts.get(label, (earned, scope)), (earned, scope), key=_earned)
    return [scope for _, scope in parts.values()]


def _earned(part: tuple[float, Scope]) -> float:
    return part[0]


def _told_of(
    recovered: Sequence[Scope],
    items: Sequence[Weighed],
    posteriors: Mapping[Hashable, float],
    question: Question,
) -> str:
    """Say that a stream is recovered, and of which draws where that is not all."""
    does = "explains the fitted draws and predicts those held out"
    if any(scope.part is None for scope in recovered):
        return f"one stream {does}"
    if all(_label(scope) is None for scope in recovered):
        start, stop = recovered[0].segment or (0, 0)
        return f"of draws {start} to {stop - 1}, one stream {does}"
    told = f"recovered for {' and '.join(_name(scope) for scope in recovered)}"
    labels = {_label(scope) for scope in recovered}
    kinds = {label[0] for label in labels if label}
    left = [
        scope
        for scope in question.scopes
        if (label := _label(scope)) and label[0] in kinds and label not in labels
    ]
    in_part = {
        _label(item.survivor.scope)
        for item in items
        if posteriors[item.scored.equivalence] > _HOLDS
    }
    doubtful = [_name(scope) for scope in left if _label(scope) in in_part]
    nothing = [_name(scope) for scope in left if _label(scope) not in in_part]
    told += f"; not beyond doubt for {' and '.join(doubtful)}" if doubtful else ""
    return told + (f"; nothing explains {' or '.join(nothing)}" if nothing else "")


def _label(scope: Scope) -> tuple[str, str] | None:
    """Return the session or the machine that a scope belongs to."""
    if scope.session is not None:
        return "session", scope.session
    return None if scope.machine is None else ("machine", scope.machine)


def _name(scope: Scope) -> str:
    label = _label(scope)
    named = "all draws" if label is None else f"{label[0]} '{label[1]}'"
    if scope.segment is None:
        return named
    start, stop = scope.segment
    return f"draws {start} to {stop - 1} of {named}"


def _signal(items: Sequence[Weighed]) -> str:
    classes = mix([item.scored for item in items], held_out=False).classes
    ended = [item for item in items if not goes_on(item.survivor.scope)]
    if ended:
        best = max(ended, key=lambda item: max(item.scored.stakes(held_out=True)))
        held = [item for item in ended if classes[item.scored.equivalence] > _HOLDS]
        parts = {_extent(item) for item in (best, *held)}
        start, stop = max(parts)
        does = f"explains draws {start} to {stop - 1}; nothing that was searched explains the draws"
        if len(parts) == 1:
            return f"one stream {does} after them"
        return f"{len(parts)} streams explain parts of the draws; the last one {does} after those"
    if max(classes.values(), default=0.0) > Thresholds.RECOVERED_POSTERIOR:
        return (
            "one stream explains the draws better than any other, but there are too few of them "
            "for proof: more draws of the same stream would tell"
        )
    return "the draws favour what was searched, but not one stream beyond doubt"


def _extent(item: Weighed) -> tuple[int, int]:
    return item.survivor.scope.segment or (0, 0)


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
    if any(record.budget_needed_s is not None for record in records):
        # These draws are enough for such a search, which is why time is what it wants for.
        return "no search that these draws are enough for fitted into the budget"
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
    return f"{few_draws(question.scopes)} too few to tell: {min(needed)} or more would do"
