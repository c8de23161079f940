"""What chance lets through a sieve: the figures that stand beside what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, expm1, inf, log, log1p, log2
from typing import TYPE_CHECKING, assert_never

import numpy as np

from seedfleet.evidence.chance import log_pass
from seedfleet.evidence.path_chance import WalkShape, walk_chance
from seedfleet.evidence.uneven_chance import draw_shares, log_pass_of_shares
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.sieve import ConstantSkip, Question, VariableSkip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Chance", "chance_of", "power_of", "problems_of_room"]

_MOST_SIMULATED, _LEAST_SIMULATED = 2000, 20  # streams, for the chance of a variable skip ...
_SIMULATED_POSITIONS = 2**28  # ... which have so many positions together
_MOST_ERROR = 0.25  # relative; a worse estimate is no better than the bound
_FEW_DRAWS = 16  # which are simulated at once, whatever the gaps
_NEARLY_EVEN = 0.1  # relative; shares that differ by more are not simulated by their mean
_SMALLEST_LOG = -700.0  # exp() of less is no normal float


@dataclass(frozen=True)
class Chance:
    """How often a wrong seed passes, by the chances with which its bounding gives the draws.

    Attributes
    ----------
    log_passing
        ``ln P`` at one alignment: exact for a constant skip, simulated for a variable one.
    log_bound
        An upper bound on it: each path of a variable skip counted as if it were alone.
    alignments
        H, tried for each seed.
    relative_error
        Standard error of P by simulation, divided by P.
    is_bound
        Whether `log_passing` is but that bound: too few simulated streams would pass, or the
        bounding favours some of the draws too much for them.
    bits_a_draw
        What a matching draw earns at most, the mean over the draws looked at: log2 m where the
        bounding is uniform.
    never_given
        Draws looked at that the bounding never gives: no seed matches them.
    """

    log_passing: float
    log_bound: float
    alignments: int
    relative_error: float
    is_bound: bool
    bits_a_draw: float
    never_given: int

    def expected_pairs(self, seeds: int) -> float:
        """Return ``|S| * H * P``, pairs of seed and alignment."""
        return _times(seeds * self.alignments, self.log_passing)

    def bound_on_pairs(self, seeds: int) -> float:
        """Return the same with the bound on P."""
        return _times(seeds * self.alignments, self.log_bound)

    def expected_seeds(self, seeds: int) -> float:
        """Return ``|S| * (1 - (1 - P)**H)``, seeds that pass at one alignment at least."""
        chance = _times(1, self.log_passing)
        if chance >= 1:
            return float(seeds)
        return -seeds * expm1(self.alignments * log1p(-chance))


def _times(count: int, log_factor: float) -> float:
    exponent = log(count) + log_factor if count else -float("inf")
    return exp(exponent) if exponent > _SMALLEST_LOG else 0.0


def chance_of(question: Question, *, positions: int = _SIMULATED_POSITIONS) -> Chance:
    """Return how often independent draws, distributed as the bounding distributes them, pass.

    Parameters
    ----------
    positions
        Of simulated streams, that may be looked at for a variable skip; some 2**25 take a second.
    """
    shares = _shares(question)
    match question.skips:
        case ConstantSkip():
            log_bound = log_pass_of_shares(_legs(question), shares)
            log_passing, relative_error = log_bound, 0.0
        case VariableSkip():
            log_bound = _path_bound(question, question.skips, shares)
            simulated = _simulated(question, question.skips, shares, positions)
            log_passing, relative_error = simulated or (log_bound, inf)
        case _:
            assert_never(question.skips)
    values = _looked_at(question)
    allowance = allowance_bits(question.stream, values, question.modulus)
    return Chance(
        log_passing=min(log_bound, log_passing),
        log_bound=log_bound,
        alignments=len(question.alignments),
        relative_error=relative_error if relative_error < inf else 0.0,
        is_bound=relative_error == inf and log_bound > -inf,
        bits_a_draw=log2(question.modulus) - float(allowance.mean()),
        never_given=int((shares == 0).sum()),
    )


def power_of(question: Question, noise: float) -> float:
    """Return the chance that the true seed passes when that share of the draws is wrong.

    A draw that the bounding never gives is recorded wrong, whatever the share.
    """
    right = np.where(_shares(question) > 0, 1 - noise, 0.0)
    return exp(log_pass_of_shares(_legs(question), right))


def problems_of_room(question: Question, chance: Chance, seeds: int, room: int) -> Iterator[str]:
    """Tell where chance alone lets more pairs pass than there is room for, and what would do.

    Parameters
    ----------
    chance
        That of the question.
    seeds
        ``|S|`` that are tested.
    room
        For so many pairs of seed and alignment.
    """
    expected = chance.expected_pairs(seeds)
    if expected <= room:
        return
    hint = _enough_threshold(question, seeds, room)
    advice = (
        f"thresholds of {hint:.4g} would do"
        if hint is not None
        else "no threshold would do; look at more draws or fewer seeds"
    )
    yield (
        f"thresholds: chance alone would let {expected:,.0f} pairs of seed and alignment pass, "
        f"more than the {room:,} there is room for; {advice}"
    )


def _enough_threshold(question: Question, seeds: int, room: int) -> float | None:
    """Return the least threshold, asked of both parts, under which few enough pass by chance."""
    draws = max(len(question.forward), len(question.reverse))
    low, high = 0, draws + 1  # in draws of a part; `low` is too few
    while high - low > 1:
        middle = (low + high) // 2
        asked = middle / draws
        stricter = replace(question, forward_threshold=asked, reverse_threshold=asked)
        few = chance_of(stricter).expected_pairs(seeds) <= room
        low, high = (low, middle) if few else (middle, high)
    return None if high > draws else high / draws


def _path_bound(question: Question, skips: VariableSkip, shares: NDArray[np.float64]) -> float:
    """Return ``ln(paths * P)``, at most 0."""
    paths = log(_start_width(question, skips)) + (len(shares) - 1) * log(skips.gaps)
    return min(0.0, paths + log_pass_of_shares(_legs(question), shares))


def _simulated(
    question: Question, skips: VariableSkip, shares: NDArray[np.float64], positions: int
) -> tuple[float, float] | None:
    """Return an estimate of ``ln P`` and its relative error; None where it would be no better.

    Streams are simulated with as many even values as the mean share stands for; what the shares
    differ from that is made good by the ratio of the chances of a single path.
    """
    if np.ptp(shares) > _NEARLY_EVEN * shares.max() or not shares.any():
        return None
    legs = tuple(_legs(question))
    labels = np.unique(_looked_at(question), return_inverse=True)[1]
    modulus = max(2, int(labels.max()) + 1, round(1 / shares.mean()))
    gaps = skips.skip_min + 1, skips.skip_max + 1
    shape = WalkShape(labels, modulus, *gaps, _start_width(question, skips), legs)
    streams = min(_MOST_SIMULATED, positions // (len(labels) ** 2 * skips.gaps))
    # Where w reaches m, the values are soon within reach of all, and the bound says so.
    telling = skips.gaps < modulus or len(labels) <= _FEW_DRAWS
    if streams < _LEAST_SIMULATED or not telling:
        return None
    chance = walk_chance(shape, rng=np.random.default_rng(0), streams=streams)
    if chance.relative_error > _MOST_ERROR:
        return None
    unevenness = log_pass_of_shares(legs, shares) - log_pass(legs, modulus)
    return chance.log2_estimate * log(2) + unevenness, chance.relative_error


def _start_width(question: Question, skips: VariableSkip) -> int:
    """Return how many positions the first draw looked at may have."""
    return (skips.gaps - 1) * (question.looked_at.start + 1) + 1


def _shares(question: Question) -> NDArray[np.float64]:
    return draw_shares(question.stream, _looked_at(question), question.modulus)


def _looked_at(question: Question) -> NDArray[np.int64]:
    return question.draws[question.looked_at.start : question.looked_at.stop]


def _legs(question: Question) -> list[tuple[int, int]]:
    return [(leg.draws, leg.needed) for leg in question.legs]
