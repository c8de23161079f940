"""Seeds by date as searches: each generator under a rule that the user gives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.verdict import Thresholds
from seedfleet.generators import compiled
from seedfleet.recover.controls import PLANTED_SEEDS, negative_control, positive_control
from seedfleet.recover.dated import DatedQuestion, dated_findings
from seedfleet.recover.search import Coverage, Found
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from seedfleet.generators import Generator, Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.search import Question
    from seedfleet.recover.watch import Watch
    from seedfleet.sieve import Backend
    from seedfleet.sieve.weighing import Alignment

__all__ = ["DatedSearch", "searches"]

_LEAST_OFFSETS = 4  # streams that begin anew every day are often warmed up by a few outputs
_REPLICATES = 2
# Seconds on two cores, for the order of searches and nothing else.
_STREAM_S = 0.3  # to load its kernels
_DATE_S, _ALIGNMENT_S = 1e-4, 4e-6
_SEED_S = 2e-7  # under one alignment


def searches(
    streams: Sequence[Stream], question: Question, backend: Backend
) -> Iterator[DatedSearch]:
    """Yield a search for each generator in each scope whose dates have seeds.

    None where no rule is asked about. Parts between reseeds are left out: a stream that begins
    anew on every date has none.
    """
    calendar = question.calendar
    if calendar is None:
        return
    groups: dict[Generator, list[Stream]] = {}
    for stream in streams:
        if stream.bounding.layout(question.modulus) is not None:
            groups.setdefault(stream.generator, []).append(stream)
    for scope in question.scopes:
        if scope.segment is None:
            asked = DatedQuestion(
                modulus=question.modulus,
                scope=scope,
                dates=calendar.dates_of(scope),
                rule=calendar.rule,
                division=calendar.division,
                skips=question.scan_skips,
                offsets=_offsets(question.offsets),
            )
            if _seed_counts(asked):
                for alike in groups.values():
                    yield DatedSearch(tuple(alike), asked, backend)


def _offsets(asked: range) -> range:
    """Return the offsets that are tried: from 0 on a few more than those asked for."""
    return range(min(0, asked.start), max(_LEAST_OFFSETS, asked.stop))


class DatedSearch:
    """One scope's draws under a generator's streams, with the seeds of a rule for their dates.

    Every stream is weighed under every alignment, so that a survivor need not give any draw
    exactly: it explains the fitted draws 2**20 times as well as chance does. By Markov's inequality
    chance lets one of as many through, or fewer.
    """

    def __init__(
        self, streams: tuple[Stream, ...], question: DatedQuestion, backend: Backend
    ) -> None:
        self._question = question
        self._backend = backend
        modulus, fitted = question.modulus, question.scope.fitted
        told = _told(question)
        self.coverage = Coverage(
            attack="seeds by date",
            streams=streams,
            scopes=(question.scope,),
            skips=question.skips,
            offsets=question.offsets,
            space=sum(_seed_counts(question).values()),
            readings=len(streams),
            draws_used=ceil(Thresholds.SIGNAL_BITS / log2(modulus)),
            power=partial(_power, fitted, modulus, told),
            cost_s=len(streams) * _stream_s(question),
            rule_odds=question.rule.odds,
            told=told,
        )

    def run(self, watch: Watch) -> Found:
        """Weigh every stream, or as many as time allows."""
        coverage = self.coverage
        found = dated_findings(coverage.streams, self._question, watch, backend=self._backend)
        weighed = len(found) // len(self._question.alignments)
        passed = tuple(each for each in found if _passes(each))
        return Found(
            survivors=(),
            tested=coverage.space * weighed // len(coverage.streams),
            passed=len(passed),
            dated=passed,
        )

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Weigh shuffled draws, and draws planted with one of each date's seeds."""
        return self._negative(rng), self._positive(rng)

    def _negative(self, rng: np.random.Generator) -> Control:
        values = self._question.scope.values
        counts = [
            sum(
                map(
                    _passes,
                    self._weighed(self.coverage.streams, _redrawn(self._question, shuffled)),
                )
            )
            for shuffled in (rng.permutation(values) for _ in range(_REPLICATES))
        ]
        return negative_control(
            counts,
            0.0,
            text=f"{_REPLICATES} shuffles of the draws among the dates",
        )

    def _positive(self, rng: np.random.Generator) -> Control:
        alignments, chosen = self._question.alignments, self.coverage.streams
        came_back = 0
        for index in range(PLANTED_SEEDS):
            stream = chosen[index % len(chosen)]
            alignment = alignments[int(rng.integers(len(alignments)))]
            planted = _planted(self._question, stream, alignment, rng)
            found = self._weighed([stream], _redrawn(self._question, planted))
            same = next(each for each in found if each.alignment == alignment)
            came_back += _passes(same) and same.scored.equivalence == found[0].scored.equivalence
        return positive_control(
            came_back,
            self.coverage.power(0.0) * PLANTED_SEEDS,
            text="draws planted with one of the rule's seeds for each date",
        )

    def _weighed(
        self, chosen: Sequence[Stream], question: DatedQuestion
    ) -> tuple[DatedFinding, ...]:
        return dated_findings(chosen, question, Unwatched(), backend=self._backend)


def _passes(finding: DatedFinding) -> bool:
    """Tell whether a finding could make a signal, were there no other to choose from."""
    return max(finding.scored.fitted_bits) >= Thresholds.SIGNAL_BITS


def _redrawn(
    question: DatedQuestion, values: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> DatedQuestion:
    return replace(question, scope=replace(question.scope, values=values))


def _planted(
    question: DatedQuestion, stream: Stream, alignment: Alignment, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the question's draws with those of dates that have seeds drawn from one of these."""
    values = question.scope.values.copy()
    dates = np.array(question.dates)
    for date, count in _seed_counts(question).items():
        chosen, own = int(rng.integers(count)), np.flatnonzero(dates == date)
        seed = [s for some in question.rule.seeds_of(date) for s in some][chosen]
        positions = constant_skip_positions(len(own), alignment.skip_max, offset=alignment.offset)
        values[own], _ = compiled.at_positions(stream, seed, question.modulus, positions)
    return values


def _seed_counts(question: DatedQuestion) -> dict[dt.date, int]:
    """Return how many seeds each date of the draws has, without those that have none."""
    counts = {
        date: sum(map(len, question.rule.seeds_of(date)))
        for date in dict.fromkeys(question.dates)
        if date is not None
    }
    return {date: count for date, count in counts.items() if count}


def _told(question: DatedQuestion) -> float:
    """Return which share of the draws' bits a perfect fit earns, at most.

    Of a date with n seeds and k draws, ``log2((m**k + n - 1) / n)``: by Jensen's inequality, since
    besides the true seed ``(n - 1) / m**k`` others give the same draws on average.
    """
    bits, each = 0.0, log2(question.modulus)
    for date, count in _seed_counts(question).items():
        drawn = sum(day == date for day in question.dates)
        bits += (
            drawn * each if count == 1 else log2(question.modulus**drawn + count - 1) - log2(count)
        )
    return bits / (len(question.scope.values) * each)


def _power(fitted: int, modulus: int, told: float, noise: float) -> float:
    """Return 1 where the draws that are not wrong earn enough to pass, else 0."""
    bits = bits_of_matches(round(fitted * (1 - noise)), fitted, modulus)
    return float(max(bits) * told >= Thresholds.SIGNAL_BITS)


def _stream_s(question: DatedQuestion) -> float:
    """Return about how long one stream takes."""
    counts, alignments = _seed_counts(question), len(question.alignments)
    dates_s = len(counts) * (_DATE_S + _ALIGNMENT_S * alignments)
    return _STREAM_S + dates_s + _SEED_S * alignments * sum(counts.values())
