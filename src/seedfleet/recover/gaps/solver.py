"""The complete state space of a power-of-two generator under variable skips.

Between the first few draws of a window every tuple of gaps is tried. For each, and for each low
part of the state whose lanes fit, the high parts are the points of a lattice in a box, of which
there are few; each is a state, which has to give the other draws on some path of gaps. No state is
left out, and no path within the skips.

The same serves remainders, whose cofactor is the odd part of the modulus, and the intervals of
``floor(u * m)``: those have no low part, and the box is the interval itself.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from math import gamma, pi
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Bounding, Monotone, PowerOfTwoLcg, Residue, Stream
from seedfleet.generators.boundings import FLOOR_26_27
from seedfleet.recover.gaps._kernel import Layout, gaps_kernel
from seedfleet.recover.watch import Unwatched, Watch
from seedfleet.sieve.residues import odd_part
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Depth", "GapFamily", "Gaps", "Solved", "gap_families", "solve"]

_MAX_STATE_BITS = 62  # products modulo 2**62 and below survive the wrap of int64
_LOW_WORD_BITS = 32
_MAX_DIMENSION = 14
_MAX_DEPTH = 8
_ROOM = 4096
_DROPPED = 64  # first words that FLOOR_26_27 takes for one
# Seconds on one core: a lattice by dimension squared, a node of an enumeration, a position walked.
_REDUCTION_S, _NODE_S, _POSITION_S = 0.5e-6, 20e-9, 4e-9

_Problem = tuple[Layout, "NDArray[np.int64]", "NDArray[np.int64]"]


@dataclass(frozen=True)
class Gaps:
    """The positions from one draw to the next: from `least` to `most`, at least 1."""

    least: int
    most: int

    @property
    def count(self) -> int:
        """``w``: how many there are."""
        return self.most - self.least + 1


@dataclass(frozen=True)
class GapFamily:
    """Streams that show the same of the same states.

    Attributes
    ----------
    lcg
        The generator's algebra; at most 62 bits.
    bounding, modulus
        How a word shows a draw; the streams may differ in what they reject.
    low_bits, lane_bits
        State bits that evolve by themselves, and how many of their top ones a draw shows.
    cofactor
        A draw shows the other bits modulo this; 1 where it shows an interval of them.
    streams
        The streams.
    """

    lcg: PowerOfTwoLcg
    bounding: Bounding
    modulus: int
    low_bits: int
    lane_bits: int
    cofactor: int
    streams: tuple[Stream, ...]

    @property
    def layout(self) -> tuple[int, int]:
        """Radix and parts of a draw."""
        layout = self.bounding.layout(self.modulus)
        if layout is None:
            raise ValueError(f"{self.bounding.name} has no modulus {self.modulus}")
        return layout

    @property
    def stride(self) -> int:
        """Output words of a draw."""
        return self.layout[1] * self.bounding.words

    @property
    def high_bits(self) -> int:
        """State bits above the low ones."""
        return self.lcg.modulus_bits - self.low_bits

    @property
    def rejection(self) -> float:
        """Largest share of words that one of the streams rejects."""
        return max(stream.bounding.rejection(self.layout[0]) for stream in self.streams)

    def shown(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what draws show of the states at their words.

        Parameters
        ----------
        values
            int64 array, shape (n,): draws in ``[0, modulus)``.

        Returns
        -------
        NDArray
            int64 array, shape (3, n * parts): lanes, residues and spans of the words that show
            something; the high bits are a residue plus the cofactor times 0 to the span.
        """
        radix, parts = self.layout
        powers = radix ** np.arange(parts - 1, -1, -1, dtype=np.int64)
        digits = (values[:, np.newaxis] // powers % radix).reshape(-1)
        if self.cofactor == 1:
            shift = self.lcg.output_shift
            edges = [
                _states_of(self.bounding, radix, shift, self.high_bits, int(d)) for d in digits
            ]
            least, most = np.array(edges, dtype=np.int64).T
            return np.stack([np.zeros_like(least), least, most - least])
        residues = digits >> self.lane_bits
        spans = (2**self.high_bits - 1 - residues) // self.cofactor
        return np.stack([digits & (2**self.lane_bits - 1), residues, spans])


@cache
def _states_of(
    bounding: Bounding, radix: int, shift: int, state_bits: int, value: int
) -> tuple[int, int]:
    """Return the least and the greatest state whose word may give `value`, by bisection.

    Of two words of a draw only the first is looked at.
    """
    least = _first_word(bounding, radix, state_bits - shift, value)
    after = _first_word(bounding, radix, state_bits - shift, value + 1)
    if bounding.words == 2:
        # The word before the edge may pass it by its second word, and so may those that differ from
        # it only in the low bits that the double leaves out.
        least = max(0, least - 1) // _DROPPED * _DROPPED
    return least << shift, max(after << shift, (least + 1) << shift) - 1


def _first_word(bounding: Bounding, radix: int, bits: int, value: int) -> int:
    """Return the first word of so many bits that gives `value` or more."""
    low, high = 0, 1 << bits
    while low < high:
        middle = (low + high) // 2
        if _value(bounding, radix, bits, middle) >= value:
            high = middle
        else:
            low = middle + 1
    return low


def _value(bounding: Bounding, radix: int, bits: int, word: int) -> int:
    kind = np.uint32 if bits <= 32 else np.uint64
    words = [kind(word)] + [kind(0)] * (bounding.words - 1)
    return int(bounding.value(*words, np.int64(radix)))


def gap_families(streams: Iterable[Stream], modulus: int) -> tuple[GapFamily, ...]:
    """Group the streams whose states can be found from draws below this modulus."""
    families: dict[tuple[object, ...], GapFamily] = {}
    for stream in streams:
        family = _family(stream, modulus)
        if family is None:
            continue
        lcg = family.lcg
        algebra = (lcg.multiplier, lcg.increment, lcg.modulus_bits, lcg.output_shift)
        shows = (family.low_bits, family.layout, family.cofactor)
        key = (*algebra, *shows, None if family.cofactor > 1 else stream.bounding)
        known = families.get(key, family)
        joined = known.streams if known is family else (*known.streams, stream)
        families[key] = replace(known, streams=joined)
    return tuple(families.values())


def _family(stream: Stream, modulus: int) -> GapFamily | None:
    lcg, bounding = stream.generator.lcg, stream.bounding
    layout = bounding.layout(modulus)
    if lcg is None or layout is None or lcg.modulus_bits > _MAX_STATE_BITS:
        return None
    radix, _parts = layout
    shape = bounding.shape(radix)
    if isinstance(shape, Monotone) or bounding is FLOOR_26_27:
        return GapFamily(lcg, bounding, modulus, 0, 0, 1, (stream,))
    twos, odd = odd_part(radix)
    if not isinstance(shape, Residue) or shape.modulus != radix or odd == 1:
        return None
    dropped = lcg.output_shift + shape.dropped_bits
    lane_bits = min(twos, _LOW_WORD_BITS - dropped)
    if lane_bits < 0:
        return None
    low_bits = dropped + lane_bits
    return GapFamily(lcg, bounding, modulus, low_bits, lane_bits, radix >> lane_bits, (stream,))


@dataclass(frozen=True)
class Depth:
    """How many draws the lattices look at, and what that is expected to cost.

    Attributes
    ----------
    draws
        Draws between which every tuple of gaps is tried, from 3 on.
    cost_s
        Rough seconds on two cores for one window.
    """

    draws: int
    cost_s: float

    @classmethod
    def of(cls, family: GapFamily, gaps: Gaps) -> Depth:
        """Return the cheapest depth.

        Raises
        ------
        ValueError
            A draw has more parts than lattices of any depth have room for.
        """
        parts = family.layout[1]
        depths = range(3, min(_MAX_DEPTH, _MAX_DIMENSION // parts) + 1)
        if not depths:
            raise ValueError(f"{family.bounding.name}: {parts} parts of a draw are too many")
        return min((cls(depth, _cost_s(family, gaps, depth)) for depth in depths), key=_by_cost)


def _by_cost(depth: Depth) -> float:
    return depth.cost_s


def _cost_s(family: GapFamily, gaps: Gaps, depth: int) -> float:
    """Return the tuples, low parts and points that there are, times what each costs.

    For each point in a box the enumeration passes about twice as many nodes as the ball around the
    box is larger than the box.
    """
    dimension = depth * family.layout[1]
    tuples = float(gaps.count) ** (depth - 1)
    lows = tuples * 2.0 ** (family.low_bits - family.lane_bits * dimension)
    points = tuples * 2.0**family.lcg.modulus_bits / float(family.modulus) ** depth
    ball = (pi * dimension / 4) ** (dimension / 2) / gamma(dimension / 2 + 1)
    nodes = lows * dimension + points * 2 * ball
    reduced_s = tuples * min(1.0, lows / tuples) * _REDUCTION_S * dimension**2
    walked_s = points * _POSITION_S * gaps.most * family.stride
    return float(reduced_s + nodes * _NODE_S + walked_s) / 2


@dataclass(frozen=True)
class Solved:
    """The states that a window leaves.

    Attributes
    ----------
    states
        At the first word of draw 0, ascending, once for each tuple of gaps between the draws of
        the lattice that gives them.
    share
        Of the pairs of gaps that were asked for, those that were decided.
    """

    states: tuple[int, ...]
    share: float


def solve(
    family: GapFamily,
    values: NDArray[np.int64],
    gaps: Gaps,
    *,
    first_gaps: Sequence[tuple[int, int]] | None = None,
    watch: Watch | None = None,
) -> Solved:
    """Return every state that gives all draws of a window on some path of gaps.

    Parameters
    ----------
    values
        int64 array, shape (n,): successive draws, at least as many as `Depth.of` says.
    first_gaps
        Only paths that begin with one of these pairs of gaps; default all.
    watch
        Told of the pairs that are done; once it expires the others are left out.

    Raises
    ------
    ValueError
        There are fewer draws than the lattices look at.

    Notes
    -----
    O(w**(d-1) * lows + states that the first d draws leave). Words that the bounding rejected
    inside the window are not allowed for (`GapFamily.rejection` a word).
    """
    depth = Depth.of(family, gaps).draws
    if len(values) < depth:
        raise ValueError(f"{len(values)} draws are fewer than the {depth} that lattices look at")
    problem = _problem(family, values, gaps, depth)
    span = range(gaps.least, gaps.most + 1)
    pairs = [(a, b) for a in span for b in span] if first_gaps is None else list(first_gaps)
    lows = _low_parts(problem)
    fitting = {
        first: _showing(problem, lows, draw=1, position=first) for first in {a for a, _ in pairs}
    }
    gaps_kernel()  # built before several threads would build it at once
    return _over_pairs(partial(_solve_pair, problem, fitting), pairs, watch or Unwatched())


def _over_pairs(
    one: Callable[[tuple[int, int]], list[int]], pairs: list[tuple[int, int]], watch: Watch
) -> Solved:
    """Solve the pairs on every core, a few ahead of the oldest, until time is up."""
    workers = os.cpu_count() or 1
    left, waiting = iter(pairs), deque[Future[list[int]]]()
    states: list[int] = []
    decided, expired = 0, False
    with ThreadPool(workers) as pool:
        while True:
            room = 0 if expired else 2 * workers - len(waiting)
            waiting.extend(pool.submit(one, pair) for pair in islice(left, room))
            if not waiting:
                return Solved(tuple(sorted(states)), decided / len(pairs))
            states += waiting.popleft().result()
            decided += 1
            watch.progress(decided / len(pairs))
            expired = expired or watch.expired()


def _problem(family: GapFamily, values: NDArray[np.int64], gaps: Gaps, depth: int) -> _Problem:
    """Put what the kernel asks for into its tuple."""
    lcg, high_bits = family.lcg, family.high_bits
    layout = Layout(
        stride=family.stride,
        parts=family.layout[1],
        mask=lcg.modulus - 1,
        low_bits=family.low_bits,
        lane_shift=family.low_bits - family.lane_bits,
        low_mask=2**family.low_bits - 1,
        inverse=pow(family.cofactor, -1, 2**high_bits),
        high_mask=2**high_bits - 1,
        cofactor=family.cofactor,
        least=gaps.least,
        most=gaps.most,
        depth=depth,
        draws=len(values),
    )
    return layout, family.shown(values), _jumps(lcg, ((depth + 1) * gaps.most + 1) * family.stride)


@cache
def _jumps(lcg: PowerOfTwoLcg, count: int) -> NDArray[np.int64]:
    """Return a (2, count) table of the jumps over 0 .. count-1 words."""
    return np.array([lcg.jump(steps) for steps in range(count)], dtype=np.int64).T.copy()


def _low_parts(problem: _Problem) -> NDArray[np.int64]:
    """Return the low parts that show draw 0."""
    layout, shown, _jumps = problem
    lane = int(shown[0, 0])
    lows = (lane << layout.lane_shift) + np.arange(1 << layout.lane_shift, dtype=np.int64)
    return _showing(problem, lows, draw=0, position=0)


def _showing(
    problem: _Problem, lows: NDArray[np.int64], *, draw: int, position: int
) -> NDArray[np.int64]:
    """Return those of the low parts that show a draw at a position."""
    layout, shown, jumps = problem
    for part in range(layout.parts):
        steps = position * layout.stride + part
        lanes = (lows * jumps[0, steps] + jumps[1, steps] & layout.low_mask) >> layout.lane_shift
        lows = lows[lanes == shown[0, draw * layout.parts + part]]
    return lows


def _solve_pair(
    problem: _Problem, fitting: dict[int, NDArray[np.int64]], pair: tuple[int, int]
) -> list[int]:
    room = np.empty(_ROOM, dtype=np.int64)
    while (found := gaps_kernel()(fitting[pair[0]], pair, problem, room)) > len(room):
        room = np.empty(found, dtype=np.int64)
    return [int(state) for state in room[:found]]
