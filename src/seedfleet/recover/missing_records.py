"""A stream that goes on after a place where records are missing: one stream, not several.

Where a stream ends inside a history, its own next outputs are looked for in the draws after it
(and those before it in the draws before), a few records or calls away. That costs next to nothing,
since the state is known. What is found is one bet on all these draws: the prior pays for the place
and the size of every jump.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.jump_prior import log2_jump_weight
from seedfleet.evidence.likelihood import log2_likelihood_ratio
from seedfleet.generators import compiled
from seedfleet.recover.rewinding import begun_after, rewound
from seedfleet.recover.segments import Segment, likely_stops, part_of
from seedfleet.recover.tolerance import LEAST_GAIN_BITS, NEAR_DRAWS
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.generators import Start, Stream
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Survivor

__all__ = ["joined", "without_unseen_jumps"]

_MOST_RECORDS, _MOST_CALLS = 64, 8  # that may be missing in one place; calls more or less
_NOISE = 0.05
_AHEAD = 48  # draws by which jumps are compared
_MOST_OUTPUTS = 2**22  # to which a stream is run


@dataclass(frozen=True, eq=False)
class _Orbit:
    """A stream, and where the draws of the whole scope would stand in it without any jump.

    Attributes
    ----------
    stream, start
        Where position 0 is.
    is_rewound
        Whether that is before the survivor's own start.
    places
        int64 array, shape (n,): the draws' positions; negative ones are not to be had.
    scope
        All draws of that session or machine.
    skip, modulus
        The constant skip, and the draws' modulus.
    """

    stream: Stream
    start: Start
    is_rewound: bool
    places: NDArray[np.int64]
    scope: Scope
    skip: int
    modulus: int

    def earned(self, draws: NDArray[np.int64], away: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the bits of some draws where they stand so many outputs away from their places.

        Returns
        -------
        NDArray
            float64 array, shape (len(away), len(draws)).
        """
        positions = self.places[draws] + away[:, np.newaxis]
        span = np.arange(max(0, int(positions.min())), max(1, int(positions.max()) + 1))
        outputs, _ = compiled.at_positions(self.stream, self.start, self.modulus, span)
        given = np.where(positions >= 0, outputs[np.maximum(0, positions - span[0])], -1)
        hit, miss = (
            log2_likelihood_ratio(hits, 1, noise=_NOISE, modulus=self.modulus) for hits in (1, 0)
        )
        return np.where(given == self.scope.values[draws], hit, miss)


@dataclass(frozen=True)
class _Legs:
    """Stretches of one scope that one stream explains, between jumps.

    Attributes
    ----------
    start, stop
        The first draw, and the one after the last.
    first, last
        Outputs by which the first and the last leg are away from the orbit's places.
    jumps
        ``(draw, outputs)``, draws of the scope, ascending.
    """

    start: int
    stop: int
    first: int = 0
    last: int = 0
    jumps: tuple[tuple[int, int], ...] = ()


def joined(
    survivor: Survivor, stretch: tuple[int, int], whole: Scope, modulus: int
) -> Segment | None:
    """Return the stream of a stretch on all draws that it explains beyond jumps, before and after.

    Parameters
    ----------
    survivor
        Its scope is `whole`, or a segment of it.
    stretch
        Its draws, as a half-open range of indices into `whole`.
    whole
        All draws of that session or machine.

    Returns
    -------
    Segment or None
        In the indices of `whole`. None where the stream does not go on, where its skip varies, and
        where it would have to be run for more than 2**22 outputs: the draws and twice the longest
        jump, times ``skip + 1``. O(n * (skip + 1)) outputs and some 1,000 comparisons of draws for
        each jump.
    """
    alignment = survivor.alignment
    if alignment.skip_min < alignment.skip_max or alignment.jumps:
        return None
    orbit = _orbit(survivor, stretch[0], whole, modulus)
    if orbit is None:
        return None
    legs = _Legs(*stretch)
    while (more := _forward(legs, orbit)) is not None:
        legs = more
    while (more := _backward(legs, orbit)) is not None:
        legs = more
    return _as_segment(legs, orbit, survivor) if legs.jumps else None


def without_unseen_jumps(survivor: Survivor) -> Survivor | None:
    """Return the rival of a stream whose jumps the held-out draws alone tell of; None without any.

    Both are bets, and only what both together foretold of the held-out draws was foretold.
    """
    jumps, fitted = survivor.alignment.jumps, survivor.scope.fitted
    seen = tuple(jump for jump in jumps if jump[0] < fitted)
    if seen == jumps:
        return None
    return replace(survivor, alignment=replace(survivor.alignment, jumps=seen))


def _orbit(survivor: Survivor, first: int, whole: Scope, modulus: int) -> _Orbit | None:
    """Return the survivor's orbit, from before all draws where it can be; None if too long."""
    alignment, origin = survivor.alignment, (survivor.scope.segment or (0, 0))[0]
    skip, draws = alignment.skip_max, len(whole.values)
    reach = _MOST_RECORDS * (skip + 1) + _MOST_CALLS
    if draws * (skip + 1) + 2 * reach > _MOST_OUTPUTS:
        return None
    back = origin * (skip + 1) + reach if first else 0
    start = rewound(survivor.stream, survivor.start, back, modulus) if back else None
    moved = 0 if start is None else back
    places = moved + alignment.offset + skip + (np.arange(draws) - origin) * (skip + 1)
    begin = survivor.start if start is None else start
    return _Orbit(survivor.stream, begin, moved > 0, places, whole, skip, modulus)


def _forward(legs: _Legs, orbit: _Orbit) -> _Legs | None:
    """Add a leg after the last one, if there is one."""
    least = max(legs.start, *(draw for draw, _ in legs.jumps), 0) + 1
    near = np.arange(max(least, legs.stop - NEAR_DRAWS), len(orbit.places))
    found = _next_leg(orbit, near, legs.last, legs.stop - int(near[0]) if len(near) else 0, 1)
    if found is None:
        return None
    outputs, begun, length = found
    draw = int(near[0]) + begun
    jumps = (*legs.jumps, (draw, outputs))
    return replace(legs, stop=draw + length, last=legs.last + outputs, jumps=jumps)


def _backward(legs: _Legs, orbit: _Orbit) -> _Legs | None:
    """Add a leg before the first one, if there is one."""
    most = min(legs.stop, *(draw for draw, _ in legs.jumps), len(orbit.places)) - 1
    near = np.arange(min(most, legs.start + NEAR_DRAWS) - 1, -1, -1)
    known = int(near[0]) + 1 - legs.start if len(near) else 0
    found = _next_leg(orbit, near, legs.first, known, -1)
    if found is None:
        return None
    outputs, begun, length = found
    draw = int(near[0]) + 1 - begun
    jumps = ((draw, outputs), *legs.jumps)
    return replace(legs, start=draw - length, first=legs.first - outputs, jumps=jumps)


def _next_leg(
    orbit: _Orbit, order: NDArray[np.int64], away: int, known: int, sign: int
) -> tuple[int, int, int] | None:
    """Return the likeliest jump to a next leg: its outputs, where it is, and the leg's draws.

    Parameters
    ----------
    order
        Draws of the scope, from where a jump may be on, in the order of the walk.
    away
        Outputs by which the leg that was walked along is away from its places.
    known
        How many of them that leg explains.
    sign
        1 for a walk to later draws, -1 for one to earlier ones.
    """
    if len(order) <= known:
        return None
    jumps = _jumps(orbit.skip)
    near = order[:_AHEAD]
    own = np.append(0.0, orbit.earned(near, np.array([away]))[0].cumsum())
    sums = orbit.earned(near, away + sign * jumps).cumsum(axis=1)
    sums = np.concatenate([np.zeros((len(jumps), 1)), sums], axis=1)
    ahead = np.maximum.accumulate(sums[:, ::-1], axis=1)[:, ::-1] - sums
    choices = slice(min(known + NEAR_DRAWS, len(near)))
    gains = (own + ahead)[:, choices] - own[known] + _prices(orbit)[:, np.newaxis]
    best, begun = np.unravel_index(int(gains.argmax()), gains.shape)
    if gains[best, begun] < LEAST_GAIN_BITS:
        return None
    outputs = int(jumps[best])
    leg = orbit.earned(order[int(begun) :], np.array([away + sign * outputs]))[0]
    return outputs, int(begun), int(leg.cumsum().argmax()) + 1


def _jumps(skip: int) -> NDArray[np.int64]:
    """Return the jumps that are tried: records, and a few calls more or less than records."""
    records = np.arange(_MOST_RECORDS + 1) * (skip + 1)
    calls = np.arange(-_MOST_CALLS, _MOST_CALLS + 1)
    jumps = np.unique(records[:, np.newaxis] + calls)
    tried: NDArray[np.int64] = jumps[(jumps >= -skip) & (jumps != 0)]
    return tried


def _prices(orbit: _Orbit) -> NDArray[np.float64]:
    draws = len(orbit.places)
    return np.array(
        [
            log2_jump_weight(((1, outputs),), skip=orbit.skip, draws=draws)
            for outputs in _jumps(orbit.skip).tolist()
        ]
    )


def _as_segment(legs: _Legs, orbit: _Orbit, survivor: Survivor) -> Segment | None:
    """Return the legs as one stream; None where its first draw would be before its seed."""
    scope, skip = orbit.scope, orbit.skip
    begun = _begun(legs, orbit)
    if begun is None:
        return None
    start, offset = begun
    jumps = tuple((draw - legs.start, outputs) for draw, outputs in legs.jumps)
    is_all = legs.stop - legs.start == len(scope.values)
    part = scope if is_all else part_of(scope, legs.start, legs.stop)
    found = replace(
        survivor, scope=part, start=start, alignment=Alignment(offset, skip, skip, jumps)
    )
    earned = orbit.earned(np.arange(len(scope.values)), np.array([legs.last]))[0]
    return Segment(found, legs.start, legs.stop, likely_stops(earned, legs.stop))


def _begun(legs: _Legs, orbit: _Orbit) -> tuple[Start, int] | None:
    """Return the start and the offset of the first leg, a seed where one is known."""
    first = int(orbit.places[legs.start]) + legs.first
    if first < 0:
        return None
    passed = first - orbit.skip  # draws of the orbit before the first one's skip
    if not (orbit.is_rewound or legs.start):
        return orbit.start, passed
    return begun_after(orbit.stream, orbit.start, passed, skip=orbit.skip, modulus=orbit.modulus)
