"""Whether stated probabilities come true: simulated histories, planted and random.

Each world is drawn from the prior itself, so that a probability of 30 % has to come true three
times in ten: half of the worlds are random draws, the others are a stream of a generator at a
constant or a variable skip, with draws recorded wrong at a rate of the prior. The published prior
spreads its stake over all seeds; here only the first few of each generator are drawn from, and the
stakes on them are raised by one factor, worked out from the published numbers and not from what the
code gives, until together they are the other half. Histories have so few draws that it is often
open what they are, and sometimes too few to tell anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, sqrt
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row
from seedfleet.draws import History
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights
from seedfleet.generators import find_preset, presets_of
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import DrawLaw

__all__ = ["Bin", "Prior", "Told", "null_reliability", "reliability", "rows", "simulate"]

_HISTORIES = 1200
_BINS = (0.0, 0.05, 0.12, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0)


@dataclass(frozen=True)
class Prior:
    """Which streams there may be.

    Attributes
    ----------
    presets
        Generators; each as many times as likely as the catalogue has presets of its stream.
    seeds
        How many of each one's canonical seeds.
    skips
        Least and most of each alignment; a constant skip where they are equal.
    modulus
        Of the draws.
    draws
        Least and most of a history, apart from the draw to be predicted.
    """

    presets: tuple[str, ...] = ("java_lcg", "xorshift32", "mt19937")
    seeds: int = 32
    skips: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (2, 2), (0, 1))
    modulus: int = 10
    draws: tuple[int, int] = (2, 14)

    def table(self) -> SurvivorTable:
        """Return every stream, as a table of survivors."""
        count = len(self.presets) * len(self.skips) * self.seeds
        rows = np.zeros(count, ROW)
        shape = len(self.presets), len(self.skips), self.seeds
        preset, skip, seed = np.unravel_index(np.arange(count), shape)
        first = [find_preset(name).stream.generator.seeds.start for name in self.presets]
        rows["preset"], rows["end"] = preset, NO_END
        rows["seed"] = np.array(first, np.uint64)[preset] + seed.astype(np.uint64)
        rows["skip_min"], rows["skip_max"] = np.array(self.skips)[skip].T
        return SurvivorTable(self.presets, (), rows)

    def stakes(self) -> NDArray[np.float64]:
        """Return the published stake on each row of `table`, by its text: float64, shape (n,).

        Half on all streams; a preset 1/64; a law of skips 1/2; a skip 1/16 an octave, and its
        least evenly below the most; offset 0 1/2; all draws as one stream 1/2; a seed 1/2, evenly
        over those that there are.
        """
        stakes = []
        for name in self.presets:
            stream = find_preset(name).stream
            for least, most in self.skips:
                octave = 2.0 ** -((most + 1).bit_length() - 1) / 16
                law = octave / 2 / (most if least < most else 1)
                each = 0.5 * len(presets_of(stream)) / 64 * law / 2 / 2 / 2
                stakes += [each / stream.generator.seed_count] * self.seeds
        return np.array(stakes)


@dataclass(frozen=True)
class Told:
    """What was said of one coming draw, and what came.

    Attributes
    ----------
    planted
        Whether a stream made the history.
    law
        The probabilities that were stated.
    null
        The null's.
    value
        The draw that came.
    modulus
        Of the draws.
    """

    planted: bool
    law: DrawLaw
    null: float
    value: int
    modulus: int

    @property
    def log2_score(self) -> float:
        """log2 of the probability that was stated of the draw that came."""
        return log2(self.law.probability(self.value))


def simulate(prior: Prior, histories: int, *, seed: int, broken: float = 1.0) -> Iterator[Told]:
    """Draw worlds, predict the next draw of each, and see it come.

    Parameters
    ----------
    broken
        A factor on all weights of the survivors: a mistake, to see that it is found.
    """
    rng = np.random.default_rng(seed)
    table, stakes = prior.table(), prior.stakes()
    raised = log2((1 - NULL_WEIGHT) / stakes.sum())
    for index in range(histories):
        planted = index % 2 == 0
        count = int(rng.integers(prior.draws[0], prior.draws[1] + 1))
        draws = _draws(prior, table, stakes, count + 1, rng) if planted else None
        if draws is None:
            draws = rng.integers(prior.modulus, size=count + 1)
        evidence = SurvivorEvidence.of(table, _history(draws[:-1], prior.modulus))
        weights = evidence.log2_prior + raised + log2(broken)
        posterior, null = evidence.posterior(weights, range(count))
        law = evidence.coming(posterior, 1)[0].law
        yield Told(planted, law, null, int(draws[-1]), prior.modulus)


def _draws(
    prior: Prior,
    table: SurvivorTable,
    stakes: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the draws of a stream of the prior, some of them recorded wrong."""
    row = int(rng.choice(len(table), p=stakes / stakes.sum()))
    entry = table.rows[row]
    gaps = rng.integers(entry["skip_min"] + 1, entry["skip_max"] + 2, size=count)
    stream = table.stream(int(entry["preset"]))
    draws, _ = at_positions(stream, table.start(row), prior.modulus, np.cumsum(gaps) - 1)
    wrong = rng.random(count) < rng.choice(NOISE_RATES, p=noise_weights())
    other = (draws + rng.integers(1, prior.modulus, size=count)) % prior.modulus
    return np.where(wrong, other, draws)


def _history(draws: NDArray[np.int64], modulus: int) -> History:
    none = (None,) * len(draws)
    return History("simulated", "simulated", "0" * 64, draws, none, none, none, modulus, False, ())


@dataclass(frozen=True)
class Bin:
    """Statements of like probability, and how often they came true.

    Attributes
    ----------
    low, high
        The bin's bounds.
    count
        Statements.
    stated, observed
        Mean probability, and the share that came true.
    error
        Standard error of that, were the statements right.
    """

    low: float
    high: float
    count: int
    stated: float
    observed: float
    error: float

    @property
    def deviation(self) -> float:
        """How many standard errors lie between what was stated and what came."""
        return (self.observed - self.stated) / self.error


def reliability(told: Iterable[Told]) -> list[Bin]:
    """Sort the probabilities of the most probable values into bins; empty ones are left out."""
    stated, came = [], []
    for each in told:
        value = max(range(each.modulus), key=each.law.probability)
        stated.append(each.law.probability(value))
        came.append(value == each.value)
    return _bins(np.array(stated), np.array(came))


def null_reliability(told: Iterable[Told]) -> list[Bin]:
    """Sort the null's probabilities into bins: how many of those histories were random."""
    listed = list(told)
    nulls = np.array([each.null for each in listed])
    return _bins(nulls, np.array([not each.planted for each in listed]))


def _bins(stated: NDArray[np.float64], came: NDArray[np.bool_]) -> list[Bin]:
    places = np.clip(np.searchsorted(_BINS, stated, side="right") - 1, 0, len(_BINS) - 2)
    found = []
    for place in np.unique(places).tolist():
        own = stated[places == place]
        # At least that of one statement in two, since a few certain ones have next to none.
        error = max(sqrt(float((own * (1 - own)).sum())), 0.5) / len(own)
        share = float(came[places == place].mean())
        low, high = _BINS[place], _BINS[place + 1]
        found.append(Bin(low, high, len(own), float(own.mean()), share, error))
    return found


def rows() -> Iterator[Row]:
    """Yield both reliability tables and the log scores, each beside what would be right."""
    told = list(simulate(Prior(), _HISTORIES, seed=20260101))
    for name, found in (("a value", reliability(told)), ("chance", null_reliability(told))):
        for each in found:
            what = (
                f"{name}, {each.low:.2f}..{each.high:.2f}: {each.count} of {_HISTORIES} histories, "
                f"error {each.error:.3f}"
            )
            ratio = each.observed / each.stated
            yield Row(what, each.observed, each.stated, "share", "stated", ratio)
    for name, planted in (("planted", True), ("random", False)):
        scores = [each.log2_score for each in told if each.planted is planted]
        uniform = -log2(Prior().modulus)
        score = float(np.mean(scores))
        what = f"log2 score a draw, {len(scores)} {name} histories"
        yield Row(what, score, uniform, "bits", "uniform", score / uniform)
