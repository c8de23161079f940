"""Lag detectors: additive generators betray themselves without a seed, in no time.

A search here decides all states of a stream at once: either its recurrence shows in the draws, and
then there is a lead to be followed by other searches, or no state explains them.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from math import ceil, exp, log
from typing import TYPE_CHECKING

from seedfleet.evidence.chance import log_tail
from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    LEAST_SURVIVORS,
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.scans.lag_relations import LAGGED, relation
from seedfleet.recover.search import Coverage, Found, Lead
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from seedfleet.generators import Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.scans.lag_relations import Relation
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Question
    from seedfleet.recover.watch import Watch

__all__ = ["LagSearch", "lag_searches"]

_MAX_SHARE = 0.6  # of the values that a relation leaves to a draw
_MAX_SKIP = 15  # relations of larger ones leave any value
_MAX_CHANCE = 1e-6
_SMALLEST_LOG = -600.0  # a float, whatever it is multiplied by
_MAX_REPLICATES = 512
_COST_S = 0.05


def lag_searches(streams: Iterable[Stream], question: Question) -> tuple[LagSearch, ...]:
    """Return one search for each additive stream that has a relation at one of the skips.

    None where no scope has the draws that a lead takes.
    """
    searches = []
    for stream in streams:
        if stream not in LAGGED or stream.bounding.layout(question.modulus) is None:
            continue
        skips = _skips(stream, question)
        scopes = tuple(
            scope
            for scope in question.scopes
            if skips and scope.fitted >= _least_draws(stream, question, skips)
        )
        if scopes:
            searches.append(LagSearch(stream, replace(question, scopes=scopes), skips))
    return tuple(searches)


def _skips(stream: Stream, question: Question) -> range:
    """Return the skips, from the first on, whose relations tell something."""
    first = question.skips.start
    stop = first
    while (
        stop in question.skips
        and stop <= _MAX_SKIP
        and relation(stream, question.modulus, stop).share <= _MAX_SHARE
    ):
        stop += 1
    return range(first, stop)


def _tried(scopes: int, skips: range) -> int:
    """Return how many relations are tried, the other streams' at this scope and skip included."""
    return scopes * len(skips) * len(LAGGED)


def _least_draws(stream: Stream, question: Question, skips: range) -> int:
    """Return how many draws can make a lead, at the skip whose relation is sharpest."""
    enough = log(_MAX_CHANCE / _tried(len(question.scopes), skips))
    related = [relation(stream, question.modulus, skip) for skip in skips]
    return min(int(each.lags[-1]) + ceil(enough / log(each.share)) for each in related)


class LagSearch:
    """The recurrence of one additive stream, looked for in the draws of several scopes.

    Parameters
    ----------
    stream
        One of `LAGGED`.
    question
        Each scope has the draws that a lead takes.
    skips
        Constant skips with a relation.
    """

    def __init__(self, stream: Stream, question: Question, skips: range) -> None:
        self._stream, self._modulus = stream, question.modulus
        self._scopes, self._skips = question.scopes, skips
        self.coverage = Coverage(
            attack="lag relation",
            streams=(stream,),
            scopes=question.scopes,
            skips=skips,
            space=stream.generator.seed_count,
            from_states=True,
            draws_used=min(scope.fitted for scope in question.scopes),
            least_draws=_least_draws(stream, question, skips),
            power=self._power,
            cost_s=_COST_S,
        )

    def run(self, watch: Watch) -> Found:
        """Count the draws that keep each relation; all states are decided where no lead is."""
        leads = [
            lead
            for scope in self._scopes
            for skip in self._skips
            if (lead := self._lead(scope, skip)).chance <= _MAX_CHANCE
        ]
        watch.progress(1.0)
        leads.sort(key=lambda lead: lead.chance)
        return Found((), 0 if leads else self.coverage.space, 0, tuple(leads))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Draws of shuffled histories that keep the relation, and leads of planted seeds."""
        return tuple(filter(None, (self._shuffled(rng), self._planted(rng))))

    def _lead(self, scope: Scope, skip: int) -> Lead:
        related = relation(self._stream, self._modulus, skip)
        kept = related.kept(scope.searchable)
        hits, of = int(kept.sum()), len(kept)
        tried = _tried(len(self._scopes), self._skips)
        chance = min(1.0, tried * exp(max(log_tail(hits, of, related.share), _SMALLEST_LOG)))
        return Lead(self._stream, scope, skip, hits, of, chance)

    def _power(self, noise: float) -> float:
        """Return the chance of a lead in the scope with fewest draws, averaged over the skips."""
        least = min(scope.fitted for scope in self._scopes)
        tried = _tried(len(self._scopes), self._skips)
        related = [relation(self._stream, self._modulus, skip) for skip in self._skips]
        return sum(_lead_chance(each, least, noise, tried) for each in related) / len(related)

    def _shuffled(self, rng: np.random.Generator) -> Control | None:
        related = relation(self._stream, self._modulus, self._skips[0])
        draws = self._scopes[0].searchable
        expected = related.share * (len(draws) - int(related.lags[-1]))
        replicates = int(min(_MAX_REPLICATES, max(2, TARGET_SURVIVORS / expected)))
        if expected * replicates < LEAST_SURVIVORS:
            return None
        counts = [int(related.kept(rng.permutation(draws)).sum()) for _ in range(replicates)]
        text = f"{replicates} times {len(draws)} shuffled draws that keep the relation by chance"
        return negative_control(counts, expected, text=text)

    def _planted(self, rng: np.random.Generator) -> Control:
        stream, skip, found = self._stream, self._skips[0], 0
        related = relation(stream, self._modulus, skip)
        fitted = max(scope.fitted for scope in self._scopes)
        for _ in range(PLANTED_SEEDS):
            seed = int(rng.integers(stream.generator.seeds.start, stream.generator.seeds.stop))
            positions = constant_skip_positions(fitted, skip)
            draws, _ = compiled.at_positions(stream, seed, self._modulus, positions)
            found += bool(related.kept(draws).all())
        text = f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        return positive_control(found, float(PLANTED_SEEDS), text=text)


def _lead_chance(related: Relation, draws: int, noise: float, tried: int) -> float:
    """Return the chance that so many draws of the stream make a lead."""
    of = draws - int(related.lags[-1])
    enough = log(_MAX_CHANCE / tried)
    # The more hits, the less likely they are by chance.
    least = bisect_left(range(of + 1), -enough, key=lambda k: -log_tail(k, of, related.share))
    if least > of:
        return 0.0
    clean = (1 - noise) ** (len(related.lags) + 1)
    kept = clean + (1 - clean) * related.share
    return 1.0 if kept >= 1.0 else exp(log_tail(least, of, kept))
