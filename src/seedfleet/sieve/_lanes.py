"""Lanes: the states of many seeds side by side, moved and tested by loops that vectorise.

Loops run over steps outside and over lanes inside. The registers of generators whose state is a
scalar or a tuple lie in one array (`seedfleet.generators.registers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint8, uint64

from seedfleet.generators.compiled import jitable
from seedfleet.generators.registers import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Kind", "Lanes", "leaping_lanes", "no_leap", "part_test", "register_lanes"]


@dataclass(frozen=True)
class Kind:
    """What of a stream and a question becomes part of the machine code.

    Attributes
    ----------
    words
        Output words of a part.
    direct
        Whether a part is compared through the bounding's `value`, for want of a word test.
    leaping
        Whether gaps are jumped over; only where no word is ever rejected.
    checking
        Whether words may be rejected, so that each word passed must be looked at.
    kept
        Whether lanes that leap keep the states of their seeds: where they are looked at often.
    immediate
        Whether lanes that step are looked at once, at word 0, so that no state is kept at all.
    """

    words: int
    direct: bool
    leaping: bool
    checking: bool
    kept: bool
    immediate: bool


@dataclass(frozen=True)
class Lanes:
    """The loops over lanes that a scan kernel is made of; `width` lanes side by side.

    Where lanes stand is a tuple ``place = (first seed, word, first, second)``: the word's position
    in the stream, and the coefficients of the leap to it from the seed's state.

    Attributes
    ----------
    seed
        ``seed(states, first)``: the states before the first step of consecutive seeds.
    move
        ``move(states, before, place, radix, forced)``: on to `place` from the word `before`. Lanes
        that meet a rejected word are marked `forced`: their draws are no longer where the lanes
        look for them.
    hit
        ``hit(states, place, lane, wanted, shared)``: whether the part that begins at `place`, where
        the lanes stand, is as wanted.
    confirm
        ``confirm(states, start, lane, leaps, limits, (shared, radix))``: whether more draws of a
        flagged lane are as wanted, as far as it is cheaper to tell than by a decision. For each
        part, `leaps` has the word and the leap to it, `limits` what is wanted.
    """

    width: int
    seed: Callable[..., Any]
    move: Callable[..., Any]
    hit: Callable[..., Any]
    confirm: Callable[..., Any]


def no_leap(state: Any, _first: Any, _second: Any) -> Any:
    """Stand in where a generator has no leap."""
    return state


def part_test(
    kind: Kind, value: Callable[..., Any], test: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``matches(word, other, wanted, shared)``, `other` being the second of two words."""

    @jitable
    def of_two(word: Any, other: Any, wanted: Any, shared: Any) -> Any:
        return value(word, other, shared) == wanted[0]

    @jitable
    def of_value(word: Any, _other: Any, wanted: Any, shared: Any) -> Any:
        return value(word, shared) == wanted[0]

    @jitable
    def of_test(word: Any, _other: Any, wanted: Any, shared: Any) -> Any:
        return test(word, wanted[0], wanted[1], shared)

    made: Callable[..., Any] = of_two if kind.words == 2 else of_value if kind.direct else of_test
    return made


def leaping_lanes(kind: Kind, *functions: Callable[..., Any]) -> Lanes:
    """Return the loops for streams with a leap, each word straight from the state of the seed.

    `functions` are those of `exact_scan_factory`, and how a lane's registers are loaded and stored.
    """
    seed_state, step, output, value, _, leap, test, load, store = functions
    two_words, kept, matches = kind.words == 2, kind.kept, part_test(kind, value, test)

    @jitable
    def seed(states: Any, first: Any) -> None:
        if kept:
            for lane in range(CHUNK):
                store(states, lane, seed_state(first + uint64(lane)))

    @jitable
    def move(_states: Any, _before: Any, _place: Any, _radix: Any, _forced: Any) -> None:
        pass

    @jitable
    def hit(states: Any, place: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        state = load(states, lane) if kept else seed_state(place[0] + uint64(lane))
        state = leap(state, place[2], place[3])
        word = output(state)
        return matches(word, output(step(state)) if two_words else word, wanted, shared)

    @jitable
    def confirm(states: Any, start: Any, lane: Any, leaps: Any, limits: Any, common: Any) -> bool:
        for part in range(len(leaps)):
            there = (start, leaps[part, 0], leaps[part, 1], leaps[part, 2])
            if not hit(states, there, lane, (limits[part, 0], limits[part, 1]), common[0]):
                return False
        return True

    return Lanes(CHUNK, seed, move, hit, confirm)


def register_lanes(  # noqa: C901 - its inner functions are counted in
    kind: Kind, *functions: Callable[..., Any]
) -> Lanes:
    """Return the loops for states of one to six registers, which are kept and stepped.

    `functions` are those of `exact_scan_factory`, and how a lane's registers are loaded and stored.
    """
    seed_state, step, output, value, rejects, _, test, load, store = functions
    two_words, checking, matches = kind.words == 2, kind.checking, part_test(kind, value, test)
    immediate = kind.immediate

    @jitable
    def seed(_states: Any, _first: Any) -> None:
        pass  # the first move does it, so that the seeds' states are never stored

    @jitable
    def arrive(states: Any, lane: Any, state: Any, radix: Any, forced: Any) -> None:
        store(states, lane, state)
        if checking:
            forced[lane] |= uint8(1) if rejects(output(state), radix) else uint8(0)

    @jitable
    def move(states: Any, before: Any, place: Any, radix: Any, forced: Any) -> None:
        if immediate:
            return
        if before < 0:
            for lane in range(CHUNK):
                arrive(states, lane, step(seed_state(place[0] + uint64(lane))), radix, forced)
        for _ in range(place[1] - max(before, 0)):
            for lane in range(CHUNK):
                arrive(states, lane, step(load(states, lane)), radix, forced)

    @jitable
    def part_is(state: Any, wanted: Any, shared: Any) -> Any:
        word = output(state)
        return matches(word, output(step(state)) if two_words else word, wanted, shared)

    @jitable
    def hit(states: Any, place: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        if immediate:
            return part_is(step(seed_state(place[0] + uint64(lane))), wanted, shared)
        return part_is(load(states, lane), wanted, shared)

    @jitable
    def confirm(_states: Any, start: Any, lane: Any, leaps: Any, limits: Any, common: Any) -> bool:
        shared, radix = common
        state, reached = seed_state(start + uint64(lane)), -1
        for part in range(len(leaps)):
            while reached < np.int64(leaps[part, 0]):
                state, reached = step(state), reached + 1
                if checking and rejects(output(state), radix):
                    return True  # the words behind it stand elsewhere: for a decision to tell
            if not part_is(state, (limits[part, 0], limits[part, 1]), shared):
                return False
        return True

    return Lanes(CHUNK, seed, move, hit, confirm)
