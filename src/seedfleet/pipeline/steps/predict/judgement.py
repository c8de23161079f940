"""The verdict on survivors, by the limits that every search is held to."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seedfleet.evidence import Verdict, decide
from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.prior import NULL_WEIGHT, log2_alignment_weight
from seedfleet.evidence.start_prior import seed_odds
from seedfleet.evidence.verdict import draws_needed, held_out_draws
from seedfleet.generators import find_preset, presets_of
from seedfleet.generators.compiled import at_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.predict.turns import Turns
    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["Judgement", "enough_draws", "judge"]

_REASONS = {
    Verdict.RECOVERED: "one stream explains the fitted draws and predicts those held out",
    Verdict.SIGNAL: "the draws favour the survivors, but not one stream beyond doubt",
    Verdict.NO_EVIDENCE: "no survivor explains the draws better than chance",
    Verdict.UNDER_POWERED: "there are too few draws to tell",
}
_RIVAL_BITS = 40  # below the best row: less is nothing beside it, for a class or against one
_SHARED = 64  # values that two rows of one stream have in common, in a row
_ENDED = "one stream explains the draws up to some point, but not the last ones"


@dataclass(frozen=True)
class Judgement:
    """What can be said of all survivors together.

    Attributes
    ----------
    verdict, reason
        And why, in a sentence.
    evidence_bits
        log2 e on the fitted draws.
    predictive_bits
        Of the best stream on the draws held out; None where no survivor goes on.
    class_posterior
        Of the best stream, after the fitted draws: whatever made those before its origin.
    """

    verdict: Verdict
    reason: str
    evidence_bits: float
    predictive_bits: float | None
    class_posterior: float


def judge(turns: Turns, *, powered: bool, goes_on: bool) -> Judgement:
    """Hold the survivors to the limits of `seedfleet.evidence.verdict`, by the published prior.

    The last draws are held out, as in every search. One stream has to earn all of it by itself; at
    a variable skip its offsets and laws count together, and so do seeds that begin it a few outputs
    earlier or later, since their paths run together. Streams in turn add nothing to its evidence;
    they are no rivals either.

    Parameters
    ----------
    turns
        By any weights: the verdict is by the prior's own.
    powered
        Whether what was searched could have been recovered from so many draws.
    goes_on
        Whether a stream is likelier than not to go on after the last known draw.
    """
    evidence, count = turns.evidence, len(turns.evidence.draws)
    by_prior = turns.weighed(evidence.log2_prior)
    fitted = range(count - held_out_draws(count))
    earned = evidence.log2_prior + evidence.log2_mixed(fitted)
    total = float(np.logaddexp2.reduce(earned, initial=log2(NULL_WEIGHT)))
    going_on = by_prior.log2_going_on(fitted.stop)
    best = _best_class(evidence, going_on)
    if not len(best):
        verdict = decide(total, None, 0.0, powered=powered)
        return Judgement(verdict, _reason(verdict, evidence, goes_on=goes_on), total, None, 0.0)
    own = float(np.logaddexp2.reduce(earned[best]))
    known = evidence.log2_prior + evidence.log2_mixed(range(count))
    predictive = float(np.logaddexp2.reduce(known[best])) - own
    # That the stream itself may have ended by then is for the held-out draws to say.
    rivals = by_prior.without(best).log2_ended(fitted.stop)
    held = float(np.logaddexp2.reduce(going_on[best]))
    posterior = float(2.0 ** (held - np.logaddexp2.reduce(going_on, initial=rivals)))
    alone = decide(own, predictive, posterior, powered=powered)
    verdict = alone if alone is Verdict.RECOVERED else decide(total, None, 0.0, powered=powered)
    return Judgement(
        verdict, _reason(verdict, evidence, goes_on=goes_on), total, predictive, posterior
    )


def _best_class(evidence: SurvivorEvidence, held: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the rows of the best stream that goes on; none where there is no such stream."""
    going_on = np.where(evidence.goes_on, held, -np.inf)
    if not len(going_on) or going_on.max() == -np.inf:
        return np.zeros(0, np.int64)
    best = int(np.argmax(going_on))
    rows = evidence.table.rows
    if not evidence.variable[best]:
        return np.array([best])
    alike = going_on - going_on[best] >= -_RIVAL_BITS
    alike &= evidence.variable
    for name in ("preset", "origin"):
        alike &= rows[name] == rows[name][best]
    rows_alike = np.flatnonzero(alike).tolist()
    return np.array([row for row in rows_alike if _run_together(evidence, best, row)])


def _run_together(evidence: SurvivorEvidence, best: int, other: int) -> bool:
    """Tell whether one of two rows begins a few outputs before the other on the same stream.

    Then the gap before the first draw, or the offset, is all that they differ in.
    """
    table = evidence.table
    starts = [table.start(row) for row in (best, other)]
    if starts[0] == starts[1]:
        return True
    told = table.rows[[best, other]]
    apart = int((told["offset"] + told["skip_max"] + 1).max())
    stream, places = table.stream(int(told["preset"][0])), np.arange(apart + _SHARED)
    first, second = (at_positions(stream, each, evidence.modulus, places)[0] for each in starts)
    return _holds(first, second[:_SHARED]) or _holds(second, first[:_SHARED])


def _holds(values: NDArray[np.int64], part: NDArray[np.int64]) -> bool:
    return bool((sliding_window_view(values, len(part)) == part).all(axis=1).any())


def _reason(verdict: Verdict, evidence: SurvivorEvidence, *, goes_on: bool) -> str:
    if verdict is Verdict.SIGNAL and not goes_on:
        return _ENDED
    if not len(evidence.table) and verdict is Verdict.NO_EVIDENCE:
        return "nothing that was searched survived"
    return _REASONS[verdict]


def enough_draws(
    history: History, presets: Sequence[str], sessions: Sequence[str], skips: tuple[int, int]
) -> bool:
    """Tell whether a seed of one of these presets could have been recovered from so many draws.

    Parameters
    ----------
    skips
        Least and most; a constant skip where they are equal.
    """
    least, most = skips
    gaps = most - least + 1
    if gaps >= history.modulus:
        return False
    division = Division.of(history.sessions, history.machines)
    part = log2_part_weight(division, sessions=len(sessions) or None, whole=True)
    chosen = sum(name in sessions for name in history.sessions) if sessions else len(history)
    lost = log2(history.modulus) / log2(history.modulus / gaps)
    for preset in presets:
        stream = find_preset(preset).stream
        weight = log2_alignment_weight(
            presets=len(presets_of(stream)),
            skip_min=least,
            skip_max=most,
            offset=0,
            part_bits=part,
        )
        odds = seed_odds(stream.generator.seed_count, stream.generator.seeds.start)
        if chosen >= ceil(draws_needed(odds, weight, history.modulus) * lost):
            return True
    return False
