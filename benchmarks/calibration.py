"""Whether stated probabilities come true: simulated histories, planted and random.

Each world is drawn from the prior itself, so that a probability of 30 % has to come true three
times in ten: half of the worlds are random draws, the others begin with a stream of a generator at
a constant or a variable skip, with draws recorded wrong at a rate of the prior; some of these end
before the last known draw, and all that follows is random. What is predicted goes the way of step
6: the survivors of the skip laws that were asked for, joined by those of the narrower ones, tilted
as an accepted model does, against the null and against streams that have ended.

The published prior spreads its stake over all seeds; here only the first few of each generator are
drawn from, and the stakes on them are raised by one factor, worked out from the published numbers
and not from what the code gives, until together they are the other half. Histories have so few
draws that it is often open what they are, and sometimes too few to tell anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from math import log2, sqrt
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row
from seedfleet.draws import History
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import noise_weights
from seedfleet.generators import find_preset, presets_of
from seedfleet.generators.compiled import at_positions
from seedfleet.models.tilt import Tilt
from seedfleet.pipeline.steps.predict.narrowing import narrowed
from seedfleet.pipeline.steps.predict.outlook import foresee
from seedfleet.pipeline.steps.predict.turns import Turns
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import DrawLaw

__all__ = ["Bin", "Prior", "Told", "null_reliability", "reliability", "rows", "simulate"]

_HISTORIES = int(os.environ.get("SEEDFLEET_CALIBRATION_HISTORIES", "1200"))  # fewer: a quick run
_GENERATORS = ("java_lcg", "xorshift32", "mt19937")
_BINS = (0.0, 0.05, 0.12, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0)


@dataclass(frozen=True)
class Prior:
    """Which streams there may be, and what is asked of them.

    Attributes
    ----------
    presets
        Generators; each as many times as likely as the catalogue has presets of its stream.
    seeds
        How many of each one's canonical seeds.
    skips
        Least and most of each alignment that is asked for; a constant skip where they are equal. A
        stream may have any law within one of them.
    modulus
        Of the draws.
    draws
        Least and most of a history, apart from the draw to be predicted.
    sessions
        Of the history; all of them share the stream.
    tau
        How far a model's word about each seed tilts the stakes, and rightly so; 0 for no model.
    """

    presets: tuple[str, ...] = ("xorshift32",)
    seeds: int = 12
    skips: tuple[tuple[int, int], ...] = ((0, 0), (0, 2))
    modulus: int = 10
    draws: tuple[int, int] = (2, 8)
    sessions: int = 1
    tau: float = 0.0

    @cached_property
    def laws(self) -> tuple[tuple[int, int], ...]:
        """Every law within those that are asked for."""
        within = {
            (low, high)
            for least, most in self.skips
            for low in range(least, most + 1)
            for high in range(low, most + 1)
        }
        return tuple(sorted(within))

    def table(self, skips: tuple[tuple[int, int], ...]) -> SurvivorTable:
        """Return every stream under some laws, as a table of survivors."""
        count = len(self.presets) * len(skips) * self.seeds
        rows = np.zeros(count, ROW)
        shape = len(self.presets), len(skips), self.seeds
        preset, skip, seed = np.unravel_index(np.arange(count), shape)
        first = [find_preset(name).stream.generator.seeds.start for name in self.presets]
        rows["preset"], rows["end"] = preset, NO_END
        rows["seed"] = np.array(first, np.uint64)[preset] + seed.astype(np.uint64)
        rows["skip_min"], rows["skip_max"] = np.array(skips)[skip].T
        return SurvivorTable(self.presets, (), rows)

    def stakes(self, skips: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
        """Return the published stake on each row of `table`, by its text: float64, shape (n,).

        Half on all streams; a preset 1/64; a law of skips 1/2; a skip 1/16 an octave, and its
        least evenly below the most; offset 0 7/16; all draws as one stream 1/2, and half of that
        where there are several sessions; a seed 1/2, evenly over those that there are.
        """
        stakes = []
        scope = 1 / 2 if self.sessions == 1 else 1 / 4
        for name in self.presets:
            stream = find_preset(name).stream
            for least, most in skips:
                octave = 2.0 ** -((most + 1).bit_length() - 1) / 16
                law = octave / 2 / (most if least < most else 1)
                each = 0.5 * len(presets_of(stream)) / 64 * law * 7 / 16 * scope / 2
                stakes += [each / stream.generator.seed_count] * self.seeds
        return np.array(stakes)

    def words(self, skips: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
        """Return what a model says of each row, the same for all laws of a seed."""
        said = np.random.default_rng(len(self.presets)).normal(
            size=(len(self.presets), 1, self.seeds)
        )
        shape = len(self.presets), len(skips), self.seeds
        return np.broadcast_to(said, shape).reshape(-1)

    def tilted(self) -> NDArray[np.float64]:
        """Return log2 of the stakes on all laws, as a model's word tilts them.

        Seeds under the laws asked for have as much as before, all together.
        """
        asked, said = self.words(self.skips), self.words(self.laws)
        factors = [np.exp(self.tau * (each - asked.mean()) / asked.std()) for each in (asked, said)]
        plain = self.stakes(self.skips)
        factor = plain.sum() / (plain * factors[0]).sum()
        stakes: NDArray[np.float64] = self.stakes(self.laws) * factors[1] * factor
        return np.log2(stakes)


@dataclass(frozen=True)
class Told:
    """What was said of one coming draw, and what came.

    Attributes
    ----------
    kind
        What made the history: `random`, `ended`, `constant` or `variable`.
    noise
        The rate at which its draws were recorded wrong.
    law
        The probabilities that were stated.
    null
        The null's, and of streams that have ended.
    value
        The draw that came.
    modulus
        Of the draws.
    """

    kind: str
    noise: float
    law: DrawLaw
    null: float
    value: int
    modulus: int

    @property
    def goes_on(self) -> bool:
        """Whether a stream makes the draw that came."""
        return self.kind in ("constant", "variable")

    @property
    def log2_score(self) -> float:
        """log2 of the probability that was stated of the draw that came."""
        return log2(self.law.probability(self.value))


def simulate(
    prior: Prior,
    histories: int,
    *,
    seed: int,
    broken: float = 1.0,
    trusted: float = 1.0,
    narrow: bool = True,
) -> Iterator[Told]:
    """Draw worlds, predict the next draw of each, and see it come.

    Parameters
    ----------
    broken
        A factor on all weights of the survivors: a mistake, to see that it is found.
    trusted
        A factor on how far the model's word is believed: another mistake.
    narrow
        Whether survivors are joined by themselves under narrower laws.
    """
    rng = np.random.default_rng(seed)
    table = prior.table(prior.skips)
    tilt = Tilt.of(prior.tau * trusted, prior.words(prior.skips))
    for _ in range(histories):
        count = int(rng.integers(prior.draws[0], prior.draws[1] + 1))
        # A stretch of n draws has its share of all n (n + 1) / 2 of them, less the whole.
        ended = (count - 1) / (count * (count + 1) / 2 - 1)
        raised = -1 - log2(np.exp2(prior.tilted()).sum() * (1 + ended))
        kind, noise, draws = _world(prior, count, ended / (1 + ended), rng)
        history = _history(draws[:-1], prior)
        evidence = SurvivorEvidence.of(table, history)
        weights = tilt.log2_weights(evidence.log2_prior, prior.words(prior.skips))
        if narrow:
            evidence, weights = narrowed(evidence, weights, history)
        outlook = foresee(Turns.of(evidence, weights + raised + log2(broken)), 1)
        yield Told(kind, noise, outlook.coming[0].law, outlook.null, int(draws[-1]), prior.modulus)


def _world(
    prior: Prior, count: int, ended: float, rng: np.random.Generator
) -> tuple[str, float, NDArray[np.int64]]:
    """Return what kind of world it is, its noise, and its draws with the one to come."""
    draws = rng.integers(prior.modulus, size=count + 1)
    if rng.random() < 0.5:
        return "random", 0.0, draws
    table, stakes = prior.table(prior.laws), np.exp2(prior.tilted())
    row = int(rng.choice(len(table), p=stakes / stakes.sum()))
    noise = float(rng.choice(NOISE_RATES, p=noise_weights()))
    made = _made(table, row, noise, prior.modulus, (count + 1, rng))
    if rng.random() < ended:
        last = int(rng.integers(1, count))
        return "ended", noise, np.concatenate([made[:last], draws[last:]])
    entry = table.rows[row]
    return ("constant" if entry["skip_min"] == entry["skip_max"] else "variable"), noise, made


def _made(
    table: SurvivorTable,
    row: int,
    noise: float,
    modulus: int,
    asked: tuple[int, np.random.Generator],
) -> NDArray[np.int64]:
    """Return the draws of a stream, some of them recorded wrong."""
    count, rng = asked
    entry = table.rows[row]
    gaps = rng.integers(entry["skip_min"] + 1, entry["skip_max"] + 2, size=count)
    stream = table.stream(int(entry["preset"]))
    draws, _ = at_positions(stream, table.start(row), modulus, np.cumsum(gaps) - 1)
    wrong = rng.random(count) < noise
    other = (draws + rng.integers(1, modulus, size=count)) % modulus
    return np.where(wrong, other, draws)


def _history(draws: NDArray[np.int64], prior: Prior) -> History:
    none = (None,) * len(draws)
    names = tuple(f"s{index % prior.sessions}" for index in range(len(draws)))
    sessions = none if prior.sessions == 1 else names
    modulus = prior.modulus
    return History(
        "simulated", "simulated", "0" * 64, draws, none, sessions, none, modulus, False, ()
    )


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
    """Sort the null's probabilities into bins: in how many of those no stream went on."""
    listed = list(told)
    nulls = np.array([each.null for each in listed])
    return _bins(nulls, np.array([not each.goes_on for each in listed]))


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
    """Yield reliability tables and log scores by kind, each beside what would be right."""
    plain = Prior()
    asked = {
        "one stream": plain,
        "two sessions": replace(plain, sessions=2),
        "tilted by a model": replace(plain, tau=1.0),
        "three generators": replace(plain, presets=_GENERATORS, seeds=4),
    }
    for number, (name, prior) in enumerate(asked.items()):
        histories = _HISTORIES // 2 if prior.sessions > 1 or prior.tau else _HISTORIES
        told = list(simulate(prior, histories, seed=20260101 + number))
        yield from _tables(name, told)
        yield from _scores(name, told)
    wide = {"as asked": False, "with the narrower laws": True}
    for name, narrow in wide.items():
        told = list(simulate(_WIDE, _HISTORIES // 10, seed=3, narrow=narrow))
        yield from _scores(f"skips 0..8 asked, {name}", told)


_WIDE = Prior(seeds=4, skips=((0, 8),), draws=(50, 100))


def _tables(name: str, told: list[Told]) -> Iterator[Row]:
    for what, found in (("a value", reliability(told)), ("no stream", null_reliability(told))):
        for each in found:
            said = (
                f"{name}: {what}, {each.low:.2f}..{each.high:.2f}: {each.count} of {len(told)} "
                f"histories, error {each.error:.3f}"
            )
            yield Row(
                said, each.observed, each.stated, "share", "stated", each.observed / each.stated
            )
        surprise = sum(each.deviation**2 for each in found)
        said = f"{name}: {what}, all bins: sum of squared deviations in standard errors"
        yield Row(said, surprise, float(len(found)), "", "bins", surprise / len(found))


def _scores(name: str, told: list[Told]) -> Iterator[Row]:
    """Yield the log score of each kind, beside that of uniform draws and what was expected."""
    for kind in ("random", "ended", "constant", "variable"):
        for noisy in (False, True):
            own = [each for each in told if each.kind == kind and (each.noise > 0) is noisy]
            if not own:
                continue
            score, uniform = (
                float(np.mean([each.log2_score for each in own])),
                -log2(own[0].modulus),
            )
            wrong = ", some draws wrong" if noisy else ""
            what = f"{name}: log2 score a draw, {len(own)} {kind} histories{wrong}"
            yield Row(what, score, uniform, "bits", "uniform", score / uniform)
