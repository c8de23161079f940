"""What survivors of a window are worth on draws that the sieve did not look at, in bits.

Survivors keep the stakes of the published prior, and the null keeps its own. The mixture of both,
given the window, foretells the draws judged; its log2 score against uniform draws is the verdict on
the configuration. Whatever was tried, those stakes sum to at most 1, so that under uniform draws
more than b bits come up with probability below ``2**(1 - b)``, in any trial of any study.

A sieve asks for variable skips within bounds that are often wider than those of the program that
drew; of ten values a draw, a law that is three times too wide tells next to nothing. So the
survivors that the window speaks for are weighed under narrower laws too, by their own stakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.forward_sums import begin_forward, go_forward
from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights
from seedfleet.evidence.stakes import Bets, log2_stakes
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.generators import compiled
from seedfleet.pipeline.steps.narrower_laws import narrower_laws
from seedfleet.sieve import VariableSkip, constant_skip_positions
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.pipeline.sieve_search import PlannedSearch

__all__ = ["Judgement", "judge", "kept_by_matches", "score"]

# A trial weighs so many of the likeliest survivors; what it leaves out counts as the null.
_MOST_WEIGHED = {False: 2000, True: 200}  # by whether the skip varies
_MOST_STEPS = 400_000  # through streams, of survivors under narrower laws: half a second


@dataclass(frozen=True, eq=False)
class Judgement:
    """Survivors of one family, weighed.

    Attributes
    ----------
    rows
        Structured array of dtype `seedfleet.sieve.SURVIVOR`, shape (n,).
    stakes
        float64 array, shape (n, noise rates): log2 of prior weight times likelihood ratio over
        the window.
    judged
        float64 array, likewise: log2 likelihood ratio of the draws judged, given the window.
    """

    rows: NDArray[np.void]
    stakes: NDArray[np.float64]
    judged: NDArray[np.float64]


def kept_by_matches(rows: NDArray[np.void], most: int) -> NDArray[np.void]:
    """Return at most so many rows, those with the most matches, in their order."""
    if len(rows) <= most:
        return rows
    matches = np.maximum(rows["forward_matches"], 0) + np.maximum(rows["reverse_matches"], 0)
    order = np.argsort(-matches, kind="stable")[:most]
    kept: NDArray[np.void] = rows[np.sort(order)]
    return kept


def judge(search: PlannedSearch, rows: NDArray[np.void], judged: int) -> Judgement:
    """Weigh the likeliest survivors of a window, and judge them by the draws after it.

    O(survivors x positions) steps of the stream; with a variable skip also the sums over paths, and
    those under narrower laws.
    """
    variable = isinstance(search.question.skips, VariableSkip)
    rows = kept_by_matches(rows, _MOST_WEIGHED[variable])
    window = search.question.window
    known = range(window.start, window.stop + judged)
    asked = _weighed(search, rows, known)
    if not variable:
        return asked
    narrower = _weighed(search, _narrower(asked, known.stop), known)
    return Judgement(
        *(np.concatenate([vars(asked)[name], vars(narrower)[name]]) for name in vars(asked))
    )


def _weighed(search: PlannedSearch, rows: NDArray[np.void], known: range) -> Judgement:
    variable = isinstance(search.question.skips, VariableSkip)
    weighed = _of_paths if variable else _of_positions
    question = search.question
    values = question.draws[known.start : known.stop]
    allowance = allowance_bits(question.stream, values, question.modulus)
    pairs = [weighed(search, row, known, allowance) for row in rows]
    rates = len(NOISE_RATES)
    fitted = np.array([pair[0] for pair in pairs]).reshape(-1, rates)
    unseen = np.array([pair[1] for pair in pairs]).reshape(-1, rates)
    prior = _log2_prior(search, rows).reshape(-1, 1)
    return Judgement(rows, prior + np.log2(noise_weights()) + fitted, unseen)


def _narrower(asked: Judgement, draws: int) -> NDArray[np.void]:
    """Return the survivors with most to say for them in the window, under each narrower law.

    The draws judged have no say in who is asked: of as many survivors as there is time for.
    """
    order = np.argsort(-asked.stakes.max(axis=1), kind="stable")
    rows: list[NDArray[np.void]] = [asked.rows[:0]]
    steps = 0
    for row in asked.rows[order]:
        laws = np.array(narrower_laws(int(row["skip_min"]), int(row["skip_max"])))
        steps += draws * int((laws[:, 1] + 1).sum())
        if steps > _MOST_STEPS:
            break
        more = np.repeat(row.reshape(1), len(laws))
        more["skip_min"], more["skip_max"] = laws.T
        rows.append(more)
    return np.concatenate(rows)


def score(judgements: list[Judgement]) -> float:
    """Return the log2 score of all survivors and the null together on the draws judged."""
    stakes = np.concatenate([np.empty(0), *(each.stakes.ravel() for each in judgements)])
    unseen = np.concatenate([np.empty(0), *(each.judged.ravel() for each in judgements)])
    null = log2(NULL_WEIGHT)
    with np.errstate(invalid="ignore"):
        before = np.logaddexp2.reduce(np.append(stakes, null))
        after = np.logaddexp2.reduce(
            np.append(np.where(stakes > -np.inf, stakes + unseen, -np.inf), null)
        )
    return float(after - before)


def _log2_prior(search: PlannedSearch, rows: NDArray[np.void]) -> NDArray[np.float64]:
    alignments = np.stack([rows[name] for name in ("offset", "skip_min", "skip_max")], axis=1)
    whole = np.ones(len(rows), np.bool_)
    scope = search.scope
    bets = Bets(search.stream, rows["seed"], alignments, whole, sessions=scope.chosen)
    return log2_stakes(bets, scope.division)


def _of_positions(
    search: PlannedSearch, row: np.void, known: range, allowance: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return ratios of the window and of the draws judged, of a constant skip."""
    question = search.question
    values = question.draws[known.start : known.stop]
    positions = constant_skip_positions(
        len(values), int(row["skip_max"]), offset=int(row["offset"]), start=known.start
    )
    given, _ = compiled.at_positions(question.stream, int(row["seed"]), question.modulus, positions)
    matched = given == values
    size = len(question.window)
    fitted, unseen = (
        bits_of_matches(
            int(matched[part].sum()),
            len(matched[part]),
            question.modulus,
            allowance=float(allowance[part].sum()),
        )
        for part in (slice(size), slice(size, None))
    )
    return fitted, unseen


def _of_paths(
    search: PlannedSearch, row: np.void, known: range, allowance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same of a variable skip; draws before the window are not looked at.

    The sums are cut (`evidence.forward_sums`), which never makes more of a stream than there is.
    """
    question = search.question
    alignment = Alignment(int(row["offset"]), int(row["skip_min"]), int(row["skip_max"]))
    model = alignment.path_model(question.modulus)
    draws, stop = question.draws[: known.stop], question.window.stop
    reach = np.arange(model.band(len(draws) - 1).stop)
    values, _ = compiled.at_positions(question.stream, int(row["seed"]), question.modulus, reach)
    observed = np.arange(len(draws)) >= known.start
    begun = begin_forward(model.offset)
    fitted = go_forward(values, draws[:stop], model, begun, observed[:stop])
    judged = go_forward(values, draws[stop:], model, fitted)
    before, after = fitted.bits, judged.bits
    with np.errstate(invalid="ignore"):
        unseen = np.where(before > -np.inf, after - before, -np.inf)
    size = stop - known.start
    return before - allowance[:size].sum(), unseen - allowance[size:].sum()
