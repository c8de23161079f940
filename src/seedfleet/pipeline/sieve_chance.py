"""What chance lets through a sieve: the figures that stand beside what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, expm1, log, log1p
from typing import TYPE_CHECKING, assert_never

import numpy as np

from seedfleet.evidence.chance import log_pass, pass_power
from seedfleet.evidence.path_chance import WalkShape, walk_chance
from seedfleet.sieve import ConstantSkip, Question, VariableSkip

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chance", "chance_of", "power_of", "problems_of_room"]

_MOST_SIMULATED, _LEAST_SIMULATED = 2000, 20  # streams, for the chance of a variable skip ...
_SIMULATED_POSITIONS = 2**28  # ... which have so many positions together
_MOST_ERROR = 0.25  # relative; a worse estimate is no better than the bound
_FEW_DRAWS = 16  # which are simulated at once, whatever the gaps
_SMALLEST_LOG = -700.0  # exp() of less is no normal float


@dataclass(frozen=True)
class Chance:
    """How often a wrong seed passes.

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
        Whether `log_passing` is but that bound, since too few simulated streams would pass.
    """

    log_passing: float
    log_bound: float
    alignments: int
    relative_error: float
    is_bound: bool

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
    """Return how often independent uniform draws pass.

    Parameters
    ----------
    positions
        Of simulated streams, that may be looked at for a variable skip; some 2**25 take a second.
    """
    alignments = len(question.alignments)
    match question.skips:
        case ConstantSkip():
            exact = log_pass(_legs(question), question.modulus)
            return Chance(exact, exact, alignments, 0.0, is_bound=False)
        case VariableSkip():
            return _simulated(_walk_shape(question, question.skips), alignments, positions)
        case _:
            assert_never(question.skips)


def power_of(question: Question, noise: float) -> float:
    """Return the chance that the true seed passes when that share of the draws is wrong."""
    return pass_power(_legs(question), noise)


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


def _simulated(shape: WalkShape, alignments: int, positions: int) -> Chance:
    bound = min(0.0, shape.log2_path_bound * log(2))
    streams = min(_MOST_SIMULATED, positions // (len(shape.draws) ** 2 * shape.gaps))
    # Where w reaches m, the values are soon within reach of all, and the bound says so.
    telling = shape.gaps < shape.modulus or len(shape.draws) <= _FEW_DRAWS
    if streams >= _LEAST_SIMULATED and telling:
        chance = walk_chance(shape, rng=np.random.default_rng(0), streams=streams)
        if chance.relative_error <= _MOST_ERROR:
            estimate = min(bound, chance.log2_estimate * log(2))
            return Chance(estimate, bound, alignments, chance.relative_error, is_bound=False)
    return Chance(bound, bound, alignments, 0.0, is_bound=True)


def _walk_shape(question: Question, skips: VariableSkip) -> WalkShape:
    looked_at = question.looked_at
    return WalkShape(
        question.draws[looked_at.start : looked_at.stop],
        question.modulus,
        skips.skip_min + 1,
        skips.skip_max + 1,
        (skips.gaps - 1) * (looked_at.start + 1) + 1,
        tuple(_legs(question)),
    )


def _legs(question: Question) -> list[tuple[int, int]]:
    return [(leg.draws, leg.needed) for leg in question.legs]
