"""From solved states to survivors: tried on the draws, and named by a seed where there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING

from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.stakes import start_odds
from seedfleet.generators import AtState, compiled, presets_of
from seedfleet.recover.linear.states import origin_of, seed_before, start_after
from seedfleet.recover.search import Survivor
from seedfleet.sieve.weighing import AHEAD, Alignment

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.recover.linear.families import LinearFamily
    from seedfleet.recover.scope import Scope

__all__ = ["Solved", "linear_survivors"]


@dataclass(frozen=True)
class Solved:
    """A state that some draws give.

    Attributes
    ----------
    words
        Unknown words of a state at the start of a cycle.
    steps
        How many steps it lies after the stream's position 0; negative where it lies before.
    skip
        The constant skip under which it was found.
    """

    words: tuple[int, ...]
    steps: int
    skip: int


def linear_survivors(
    family: LinearFamily, scope: Scope, window: range, solved: Iterable[Solved]
) -> list[Survivor]:
    """Return the streams of a family that give every draw of a window, each named by its seed.

    Parameters
    ----------
    window
        Indices of the draws by which the states were found.

    Notes
    -----
    A run of draws within one cycle fits several phases of it, which differ in what comes next: of
    all that give the window, those are kept that give the most of the draws that may be searched.
    """
    tried: list[tuple[int, Survivor, Solved]] = []
    for each in solved:
        words, before = origin_of(family.generator, each.words, each.steps)
        origin = Solved(words, -before, each.skip)
        start = start_after(family.generator, words, before)
        alignment = Alignment(0, each.skip, each.skip)
        for stream in family.streams:
            survivor = Survivor(stream, scope, start, alignment)
            if _matches(survivor, family.modulus, window) == len(window):
                matches = _matches(survivor, family.modulus, range(scope.fitted))
                tried.append((matches, survivor, origin))
    most = max((matches for matches, _, _ in tried), default=0)
    named = [
        _named(survivor, origin, family.modulus, window)
        for matches, survivor, origin in tried
        if matches == most
    ]
    return _told_apart(named, family.modulus)


def _told_apart(survivors: list[Survivor], modulus: int) -> list[Survivor]:
    """Return one survivor for each future, a seeded one where there is one.

    Under a skip whose stride shares a divisor with the cycle, several phases are one for ever.
    """
    by_future: dict[tuple[Stream, bytes], Survivor] = {}
    for survivor in sorted(survivors, key=_preference):
        known = len(survivor.scope.values)
        future = _draws(survivor, modulus, range(known, known + AHEAD))
        by_future.setdefault((survivor.stream, future.tobytes()), survivor)
    return list(by_future.values())


def _preference(survivor: Survivor) -> tuple[int, ...]:
    """Order seeds before states, and states alike from whatever window they were found."""
    start = survivor.start
    return (1, *start.words) if isinstance(start, AtState) else (0, start)


def _named(survivor: Survivor, origin: Solved, modulus: int, window: range) -> Survivor:
    """Start a survivor from its seed, where it has one that the prior prefers to the state."""
    stream = survivor.stream
    words = stream.bounding.words
    # The first draw may have come before all of its skip.
    seeded = seed_before(stream.generator, origin.words, ahead=origin.skip * words)
    if seeded is None:
        return survivor
    seed, before = seeded
    offset, rest = divmod(before - origin.steps, words)
    alignment = replace(survivor.alignment, offset=offset)
    named = replace(survivor, start=seed, alignment=alignment)
    if _weight(named) <= _weight(survivor):
        return survivor
    # A word rejected on the way would have moved the stream.
    same = rest == 0 and _matches(named, modulus, window) == len(window)
    return named if same else survivor


def _weight(survivor: Survivor) -> float:
    """Return log2 of the prior weight of a survivor's start and offset; -inf beyond its reach."""
    stream, alignment = survivor.stream, survivor.alignment
    weight = log2_alignment_weight(
        presets=len(presets_of(stream)),
        skip_min=alignment.skip_min,
        skip_max=alignment.skip_max,
        offset=alignment.offset,
        part_bits=0.0,  # the same draws either way
    )
    return weight - log2(start_odds(stream.generator, survivor.start))


def _matches(survivor: Survivor, modulus: int, window: range) -> int:
    """Count the draws of a window that a survivor's stream gives."""
    values = _draws(survivor, modulus, window)
    return int((values == survivor.scope.values[window.start : window.stop]).sum())


def _draws(survivor: Survivor, modulus: int, window: range) -> NDArray[np.int64]:
    """Return what a survivor's stream gives for the draws of a window."""
    positions = survivor.alignment.positions(window.stop)[window.start :]
    values, _ = compiled.at_positions(survivor.stream, survivor.start, modulus, positions)
    return values
