"""A seed for every date: streams that begin anew each day, from seeds that a rule names.

Under a rule the draws of a date are the first outputs of a stream with one of that date's seeds,
each as likely as the others. A date's likelihood ratio is the mean over its seeds, the history's
the product over its dates; a date without seeds earns 1. What is found is `evidence.Scored` like
every other survivor, so it mixes with them; only that there are many seeds, and no state at the end
of the history from which the stream goes on.

Model case: Hot Lotto, whose Mersenne Twister was seeded from the date on a few days a year.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence import Scored
from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.evidence.prediction import DrawLaw
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.generators import presets_of
from seedfleet.recover._dated_counts import (
    Day,
    best_seed,
    given_by,
    log2_mean,
    matches_counted,
    scan_counted,
    tables,
)
from seedfleet.recover.scope import part_bits
from seedfleet.recover.search import constant_alignments
from seedfleet.sieve import constant_skip_positions, local_backend
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division
    from seedfleet.generators import Stream
    from seedfleet.recover.dated_rules import DatedRule
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.watch import Watch
    from seedfleet.sieve import Backend

__all__ = ["DatedFinding", "DatedQuestion", "DatedSeed", "coming_laws", "dated_findings"]

_COMPARED = 8  # seeds of each date on which equivalent streams must agree
_MOST_TOLD = 2**17  # seeds of a coming date beyond which every value is about as likely


@dataclass(frozen=True, eq=False)
class DatedQuestion:
    """What is asked of the streams.

    Attributes
    ----------
    modulus
        Draws lie in ``[0, modulus)``.
    scope
        All draws, or those of one session or machine.
    dates
        The date of each draw of the scope; None where it has none.
    rule
        Which seeds a date may have.
    division
        Of the history.
    skips, offsets
        Constant skips and stream offsets that are tried, the same for every date; below 0 where the
        first draw of a date came before all of its skip.
    """

    modulus: int
    scope: Scope
    dates: Sequence[dt.date | None]
    rule: DatedRule
    division: Division
    skips: range = range(9)
    offsets: range = range(4)

    @property
    def alignments(self) -> tuple[Alignment, ...]:
        """Every alignment that is tried: those under which the first draw is an output."""
        pairs = constant_alignments(self.skips, self.offsets)
        return tuple(Alignment(offset, skip, skip) for offset, skip in pairs)


@dataclass(frozen=True)
class DatedSeed:
    """A date's likeliest seed.

    Attributes
    ----------
    date, seed
        Which.
    posterior
        Its share among the date's seeds, at the likeliest noise.
    matches, draws
        Of the date's draws those that it gives, and how many there are.
    """

    date: dt.date
    seed: int
    posterior: float
    matches: int
    draws: int


@dataclass(frozen=True, eq=False)
class DatedFinding:
    """One stream under one alignment with the rule's seeds.

    Attributes
    ----------
    stream, alignment
        Which.
    scored
        Its prior and likelihood ratios, for the mixture.
    question
        What was asked.
    """

    stream: Stream
    alignment: Alignment
    scored: Scored
    question: DatedQuestion

    def seeds(self, backend: Backend | None = None) -> tuple[DatedSeed, ...]:
        """Return each date's likeliest seed, in order of the dates. O(seeds of all dates)."""
        rate, backend = int(np.argmax(self.scored.known_bits)), backend or local_backend()
        return tuple(_likeliest(self, day, rate, backend) for day in _days(self.question))


@dataclass
class _Sums:
    """What the dates so far have earned: bits, shape (n_alignments, n_rates)."""

    fitted: NDArray[np.float64]
    known: NDArray[np.float64]
    digests: list[hashlib._Hash]


def dated_findings(
    streams: Iterable[Stream],
    question: DatedQuestion,
    watch: Watch,
    *,
    backend: Backend | None = None,
) -> tuple[DatedFinding, ...]:
    """Weigh every stream that has this modulus under every alignment, best first.

    It may end early, with the streams that were weighed, where the watch has expired. Seeds beyond
    a generator's own range are taken as its language does, modulo 2**64.

    O(streams x seeds of all dates x last position); of dates with many seeds at the rate of a scan.
    """
    backend = backend or local_backend()
    days = _days(question)
    able = [stream for stream in streams if stream.bounding.layout(question.modulus) is not None]
    found: list[DatedFinding] = []
    for done, stream in enumerate(able if days else []):
        if watch.expired():
            break
        watch.progress(done / len(able))
        found += _weighed(stream, question, days, backend)
    return tuple(sorted(found, key=_stake, reverse=True))


def coming_laws(
    finding: DatedFinding, posterior: Sequence[float], date: dt.date, count: int
) -> tuple[tuple[tuple[float, DrawLaw], ...], ...]:
    """Return what a finding tells of a date's draws.

    Parameters
    ----------
    posterior
        Of the finding, for each of `NOISE_RATES`.
    date
        One to come, or one of which the first draws are known: these choose among its seeds.
    count
        How many draws it has; what is returned has an entry for each. Nothing is told of a date
        without seeds, nor of one with more than 131,072.
    """
    question = finding.question
    seeds = question.rule.seeds_of(date)
    if not 0 < sum(map(len, seeds)) <= _MOST_TOLD:
        return ((),) * count
    positions, modulus = _positions(finding.alignment, count), question.modulus
    given = np.array(
        [given_by(finding.stream, seed, modulus, positions) for some in seeds for seed in some]
    )
    dates = zip(question.dates, question.scope.values.tolist(), strict=True)
    known = [value for day, value in dates if day == date][:count]
    shares = _shares((given[:, : len(known)] == known).sum(axis=1), len(known), modulus)
    return tuple(
        tuple(
            (weight, _law(given[:, index], share, rate, modulus))
            for rate, weight, share in zip(NOISE_RATES, posterior, shares, strict=True)
            if share.any()
        )
        for index in range(count)
    )


def _shares(matches: NDArray[np.int64], draws: int, modulus: int) -> NDArray[np.float64]:
    """Return each seed's share among a date's, by noise rate: shape (n_rates, seeds).

    All are 0 at a rate at which no seed could have made the date's known draws.
    """
    bits = np.array([bits_of_matches(k, draws, modulus) for k in range(draws + 1)])[matches].T
    top = bits.max(axis=1, keepdims=True)
    ratios = np.exp2(bits - np.where(np.isfinite(top), top, 0.0))
    totals = ratios.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = ratios / np.where(totals > 0, totals, 1.0)
    return shares


def _law(
    values: NDArray[np.int64], shares: NDArray[np.float64], noise: float, modulus: int
) -> DrawLaw:
    """Return the law of a draw that has one of these values, unless it is recorded wrong."""
    named, places = np.unique(values, return_inverse=True)
    held = np.bincount(places, weights=shares)
    elsewhere = noise / (modulus - 1)
    told = (1 - noise) * held + elsewhere * (1 - held)
    return DrawLaw(dict(zip(named.tolist(), told.tolist(), strict=True)), elsewhere)


def _stake(finding: DatedFinding) -> float:
    return max(finding.scored.stakes(held_out=True))


def _days(question: DatedQuestion) -> list[Day]:
    """Return the dates that have seeds, each with its draws in the order of the file."""
    scope = question.scope
    indexes: dict[dt.date, list[int]] = {}
    for index, date in enumerate(question.dates):
        if date is not None:
            indexes.setdefault(date, []).append(index)
    days = []
    for date, own in sorted(indexes.items()):
        seeds = question.rule.seeds_of(date)
        if seeds:
            fitted = sum(index < scope.fitted for index in own)
            days.append(Day(date, seeds, scope.values[own], fitted))
    return days


def _positions(alignment: Alignment, count: int) -> NDArray[np.int64]:
    return constant_skip_positions(count, alignment.skip_max, offset=alignment.offset)


def _weighed(
    stream: Stream, question: DatedQuestion, days: Sequence[Day], backend: Backend
) -> list[DatedFinding]:
    """Weigh a stream under every alignment."""
    alignments = question.alignments
    shape = (len(alignments), len(NOISE_RATES))
    sums = _Sums(np.zeros(shape), np.zeros(shape), [hashlib.sha256() for _ in alignments])
    # Equivalent streams agree wherever a date has draws: what comes later was never asked for.
    most = max(len(day.values) for day in days)
    positions = np.array([_positions(each, most) for each in alignments])
    for day in days:
        _add_day(sums, stream, question.modulus, day, (positions, backend))
    share = part_bits(question.scope, question.division)
    return [
        DatedFinding(
            stream,
            alignment,
            Scored(
                equivalence=(question.scope.part, "dated", digest.hexdigest()),
                log2_weight=log2_alignment_weight(
                    presets=len(presets_of(stream)),
                    skip_min=alignment.skip_min,
                    skip_max=alignment.skip_max,
                    offset=alignment.offset,
                    part_bits=share,
                ),
                seed_space=question.rule.odds,
                fitted_bits=tuple(fitted.tolist()),
                known_bits=tuple(known.tolist()),
                scope=question.scope.part,
            ),
            question,
        )
        for alignment, digest, fitted, known in zip(
            alignments, sums.digests, sums.fitted, sums.known, strict=True
        )
    ]


def _add_day(
    sums: _Sums, stream: Stream, modulus: int, day: Day, how: tuple[NDArray[np.int64], Backend]
) -> None:
    """Add what one date earns: the mean over its seeds, at each alignment and noise rate.

    Parameters
    ----------
    how
        Positions of the draws, shape (n_alignments, most draws of a date), and what scans.
    """
    positions, backend = how
    own = positions[:, : len(day.values)]
    compared = tables(stream, day, modulus, positions, _COMPARED)
    for digest, given in zip(sums.digests, compared.transpose(1, 0, 2), strict=True):
        digest.update(given.tobytes())
    if day.is_scanned(stream):
        counts = scan_counted(stream, day, modulus, own, backend)
    else:
        few = day.seed_count <= _COMPARED
        given = compared[..., : own.shape[1]] if few else tables(stream, day, modulus, own, None)
        counts = matches_counted(given == day.values, day.fitted)
    allowance = allowance_bits(stream, day.values, modulus)
    sums.fitted += log2_mean(counts[0], modulus) - allowance[: day.fitted].sum()
    sums.known += log2_mean(counts[1], modulus) - allowance.sum()


def _likeliest(finding: DatedFinding, day: Day, rate: int, backend: Backend) -> DatedSeed:
    """Return the seed of a date that gives most of its draws, the first of equals."""
    modulus, count = finding.question.modulus, len(day.values)
    positions = _positions(finding.alignment, count)
    seed, matches, counts = best_seed(finding.stream, day, modulus, positions, backend)
    bits = bits_of_matches(matches, count, modulus)[rate]
    total = float(log2_mean(counts, modulus)[0, rate]) + log2(day.seed_count)
    share = 2.0 ** (bits - total) if np.isfinite(total) else 0.0
    return DatedSeed(day.date, seed, min(1.0, share), matches, count)
