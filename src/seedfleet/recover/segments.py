"""Parts of a history: the stretch that a stream explains, and what is left beside it.

A generator that was seeded anew inside a history explains a stretch of it and nothing else. The
stretch is the one of greatest likelihood ratio, and the prior pays for the choice among all
stretches. Where its ends lie is certain up to a draw or two: a wrong stream matches by chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.prior import noise_weights
from seedfleet.evidence.skip_paths import log2_ratios_by_noise
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.evidence.verdict import held_out_draws
from seedfleet.recover.rewinding import named, walked
from seedfleet.recover.tolerance import LEAST_GAIN_BITS, NEAR_DRAWS
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Survivor

__all__ = ["LEAST_REST", "Segment", "likely_stops", "part_of", "rest_of", "segment_of"]

LEAST_REST = 12  # draws of a rest that are worth a search
_LEAST_STRETCH_BITS = 20.0  # a signal
_MAX_STARTS = 3


@dataclass(frozen=True)
class Segment:
    """A stretch of a scope that one stream explains, while it does not explain the rest.

    Attributes
    ----------
    survivor
        The stream on the stretch alone, seeded or in its state right before the first draw's skip.
    start, stop
        The stretch: indices into the draws of the scope that it was found in.
    stops
        Where the stretch may end, likeliest first; at most three.
    """

    survivor: Survivor
    start: int
    stop: int
    stops: tuple[int, ...]


def segment_of(weighed: Weighed) -> Segment | None:
    """Return the stretch that a stream explains; None where that is all draws, or nothing.

    O(n); with variable skip O(n**2 * w).
    """
    earned = _earned(weighed)
    stretches = [_best_stretch(row) for row in earned]
    sums = [bits + log2(w) for (bits, _, _), w in zip(stretches, noise_weights(), strict=True)]
    likely = int(np.argmax(sums))
    bits, start, stop = stretches[likely]
    draws = earned.shape[1]
    choices = max(1, draws * (draws + 1) // 2 - 1)
    whole = log2_sum(
        float(row.sum()) + log2(w) for row, w in zip(earned, noise_weights(), strict=True)
    )
    # The choice among all stretches is paid for.
    gained = sums[likely] - log2(choices) - whole
    if stop - start == draws or gained < LEAST_GAIN_BITS:
        return None
    if bits - log2(choices) < _LEAST_STRETCH_BITS:
        return None
    survivor = _anchored(weighed, start, stop)
    return Segment(survivor, start, stop, likely_stops(earned[likely], stop))


def rest_of(scope: Scope, segment: Segment) -> tuple[Scope, ...]:
    """Return what a segment leaves of the scope that it was found in, where it is worth a search.

    The draws before it, and those after it: from up to three neighbouring starts, likeliest first,
    where the draws do not tell with which of them a new stream began. The last draws of each part
    are held out.
    """
    draws = len(scope.values)
    spans = [(0, segment.start), *((stop, draws) for stop in segment.stops)]
    parts = (part_of(scope, a, b) for a, b in spans if b - a >= LEAST_REST)
    return tuple(part for part in parts if part.fitted)


def _earned(weighed: Weighed) -> NDArray[np.float64]:
    """Return what each draw earns at each noise rate, given those before it.

    Bits, shape (n_rates, n); ``-inf`` where a draw cannot be. For a constant skip every draw is its
    own; for a variable one the sums run over all paths, and a draw that finds the stream again
    after a gap earns little until its position is known.
    """
    survivor, weighing, modulus = weighed.survivor, weighed.weighing, weighed.modulus
    values, alignment = survivor.scope.values, survivor.alignment
    allowance = allowance_bits(survivor.stream, values, modulus)
    if alignment.skip_min == alignment.skip_max:
        hit, miss = (np.array(bits_of_matches(k, 1, modulus))[:, np.newaxis] for k in (1, 0))
        return np.where(weighing.matched, hit, miss) - allowance
    running = log2_ratios_by_noise(weighing.stream_draws, values, alignment.path_model(modulus))
    earned = np.full_like(running, -np.inf)
    possible = np.isfinite(running)
    before = np.concatenate([np.zeros((len(running), 1)), running[:, :-1]], axis=1)
    earned[possible] = running[possible] - before[possible]
    return earned - allowance


def _best_stretch(earned: NDArray[np.float64]) -> tuple[float, int, int]:
    """Return the greatest sum over neighbouring draws, and where they start and stop. O(n)."""
    best, best_start, best_stop = 0.0, 0, 0
    total, start = 0.0, 0
    for index, bits in enumerate(earned.tolist()):
        total += bits
        if total <= 0:
            total, start = 0.0, index + 1
        elif total > best:
            best, best_start, best_stop = total, start, index + 1
    return best, best_start, best_stop


def likely_stops(earned: NDArray[np.float64], stop: int) -> tuple[int, ...]:
    """Return where a stretch may end without losing much, likeliest first."""
    losses = {stop: 0.0}
    for near in range(stop - 1, max(0, stop - NEAR_DRAWS) - 1, -1):
        losses[near] = losses[near + 1] + float(earned[near])
    for near in range(stop + 1, min(len(earned), stop + NEAR_DRAWS) + 1):
        losses[near] = losses[near - 1] - float(earned[near - 1])
    close = [near for near, bits in losses.items() if bits < LEAST_GAIN_BITS]
    return tuple(sorted(close, key=lambda near: (losses[near], near))[:_MAX_STARTS])


def part_of(scope: Scope, start: int, stop: int) -> Scope:
    """Return a stretch of a scope as a scope of its own; its last draws are held out.

    So are those that the scope itself holds out: no search ever looks at them.
    """
    values = scope.values[start:stop]
    own = len(values) - held_out_draws(len(values))
    base = scope.segment[0] if scope.segment else 0
    return replace(
        scope,
        values=values,
        fitted=max(0, min(own, scope.fitted - start)),
        segment=(base + start, base + stop),
        draws_after=scope.draws_after + len(scope.values) - stop,
    )


def _anchored(weighed: Weighed, start: int, stop: int) -> Survivor:
    """Return the stream on a stretch alone, its origin at the stretch's first draw."""
    survivor = weighed.survivor
    alignment = survivor.alignment
    if start == 0:
        return replace(survivor, scope=part_of(survivor.scope, 0, stop))
    # Before the first draw's own skip; a variable one is taken from the likeliest path.
    path = weighed.weighing.path
    passed = int(path[start - 1]) + 1
    there = walked(survivor.stream, survivor.start, passed, weighed.modulus)
    least, most = alignment.skip_min, alignment.skip_max
    begun, offset = named(
        survivor.stream, there, skip=least if least == most else 0, modulus=weighed.modulus
    )
    return replace(
        survivor,
        scope=part_of(survivor.scope, start, stop),
        start=begun,
        alignment=Alignment(offset, least, most),
    )
