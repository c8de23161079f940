"""From a state inside a history back to where its stream starts.

The gaps before a window are not known. The draws before it are weighed over all paths that end at
the window, wrong draws allowed for, which gives the positions that draw 0 may have. The first gap
is unknown by nature: the streams that begin within one skip range of each other are the same for
every draw that was made. Of those the one whose seed is nearest to 0 is named, since programs seed
with small numbers; where no seed leads there, the state from which draw 0 stands as early as it
may.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState, compiled
from seedfleet.generators.canonical import distance_from_0
from seedfleet.recover.search import Survivor
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import PowerOfTwoLcg, Stream
    from seedfleet.recover.gaps.solver import GapFamily, Gaps
    from seedfleet.recover.scope import Scope

__all__ = ["Sighting", "streams_sighted", "survivors_of"]

_LEAST_NOISE = 0.01  # a draw before the window may be wrong, whatever was said
_LIKELY = 0.25  # of the best start's weight: what a start must have to be named


@dataclass(frozen=True)
class Sighting:
    """One stream of states that a window of draws has shown.

    Attributes
    ----------
    draw
        Index of the window's first draw.
    state
        The last of the states that may have made it.
    earlier
        How many positions before that the others lie; 0 first, ascending.
    """

    draw: int
    state: int
    earlier: tuple[int, ...]


def streams_sighted(
    family: GapFamily, gaps: Gaps, draws: int, hits: Iterable[tuple[int, int]]
) -> Iterator[Sighting]:
    """Join the states that lie on one stream, over all windows; yield each stream once.

    Parameters
    ----------
    draws
        Of the whole history.
    hits
        ``(index of the window's first draw, state there)``.
    """
    windows: dict[int, set[int]] = {}
    for draw, state in hits:
        windows.setdefault(draw, set()).add(state)
    known: set[int] = set()
    for draw, states in windows.items():
        while fresh := states - known:
            around = _around(family, min(fresh), range(-draws * gaps.most, draws * gaps.most))
            known.update(around)
            places = sorted((around[state] for state in states & around.keys()), reverse=True)
            last = next(state for state, place in around.items() if place == places[0])
            yield Sighting(draw, last, tuple(places[0] - place for place in places))


def _around(family: GapFamily, state: int, positions: range) -> dict[int, int]:
    """Return the states at positions around one, each with its position."""
    lcg, stride = family.lcg, family.stride
    multiplier, increment = lcg.jump(stride)
    mask = lcg.modulus - 1
    state = lcg.advance(state, positions.start * stride)
    around = {}
    for position in positions:
        around[state] = position
        state = (multiplier * state + increment) & mask
    return around


def survivors_of(
    family: GapFamily, gaps: Gaps, scope: Scope, sighting: Sighting, *, noise: float
) -> list[Survivor]:
    """Name where the stream of a sighting starts, for every stream that may start there.

    Parameters
    ----------
    noise
        Share of draws recorded wrong.
    """
    alignment = Alignment(0, gaps.least - 1, gaps.most - 1)
    survivors, stateless = [], True
    for stream in family.streams:
        starts = _starts(stream, family, gaps, scope.values[: sighting.draw], (sighting, noise))
        lcg = family.lcg if stream.generator.lcg is None else stream.generator.lcg
        befores = [_before(lcg, sighting.state, start * family.stride) for start in starts]
        seeds = [seed for state in befores if (seed := lcg.seed_of_state(state)) is not None]
        if seeds:
            stateless = False
            named = min(seeds, key=partial(distance_from_0, stream.generator))
            survivors.append(Survivor(stream, scope, named, alignment))
        else:
            survivors.append(Survivor(stream, scope, AtState((befores[-1],)), alignment))
    # A state that no seed leads to is worth naming only where no other stream has a seed for it.
    return [s for s in survivors if stateless or not isinstance(s.start, AtState)]


def _before(lcg: PowerOfTwoLcg, state: int, words: int) -> int:
    """Return the state before the step that makes the word so many words after `state`."""
    return lcg.advance(state, words - 1)


def _starts(
    stream: Stream,
    family: GapFamily,
    gaps: Gaps,
    before: NDArray[np.int64],
    seen: tuple[Sighting, float],
) -> list[int]:
    """Return the likely places of position 0, against the sighting's state, ascending.

    Draw 0 stands ``skip_min`` to ``skip_max`` positions after position 0.
    """
    sighting, noise = seen
    row = np.zeros(sighting.earlier[-1] + 1)
    row[list(sighting.earlier)] = 1.0
    reach = sighting.earlier[-1] + len(before) * gaps.most
    if len(before):
        values = _values_before(stream, family, sighting.state, reach)
        row = _first_draw_weights(row, values, before[::-1], gaps, (family.modulus, noise))
    # row[k] weighs draw 0 at `base + k` positions before the state
    base = len(before) * gaps.least
    spread = np.convolve(row, np.ones(gaps.count))
    likely = np.flatnonzero(spread >= _LIKELY * spread.max())
    return sorted(-(base + int(at) + gaps.least - 1) for at in likely)


def _values_before(
    stream: Stream, family: GapFamily, state: int, positions: int
) -> NDArray[np.int64]:
    """Return the draws that a stream gives before a state, the nearest first."""
    start = _before(family.lcg, state, -positions * family.stride)
    places = np.arange(positions, dtype=np.int64)
    values, _ = compiled.at_positions(stream, AtState((start,)), family.modulus, places)
    return values[::-1]


def _first_draw_weights(
    row: NDArray[np.float64],
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    gaps: Gaps,
    law: tuple[int, float],
) -> NDArray[np.float64]:
    """Weigh how far back the last of `draws` lies, over all paths; both run back in time.

    Entry k of a row stands for ``least * draws so far + k`` positions back.
    """
    modulus, noise = law
    noise = max(noise, _LEAST_NOISE)
    hit, miss = 1 - noise, noise / (modulus - 1)
    for index, draw in enumerate(draws, 1):
        row = np.convolve(row, np.ones(gaps.count))
        first = index * gaps.least - 1  # values[0] lies one position back
        row = row * np.where(values[first : first + len(row)] == draw, hit, miss)
        row = row / row.max()
    return row
