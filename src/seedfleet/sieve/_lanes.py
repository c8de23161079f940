"""Lanes: the states of many seeds side by side, moved and tested by loops that vectorise.

Loops run over steps outside and over lanes inside. The registers of generators whose state is a
scalar or a tuple lie one after the other in one array: with constant distances between them the
compiler sees by itself that they do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy import uint32, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHUNK", "LOADS", "STORES", "Kind", "Lanes", "no_leap", "part_test", "register_lanes"]

CHUNK = 1024  # the states and counts of a few rows stay in the first-level cache


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
    """

    words: int
    direct: bool
    leaping: bool
    checking: bool


@dataclass(frozen=True)
class Lanes:
    """The loops over lanes that a scan kernel is made of; `width` lanes side by side.

    Attributes
    ----------
    seed
        ``seed(states, here, first)``: the states before the first step of consecutive seeds.
    move
        ``move(states, here, gap, radix, forced)``: so many words on, ``gap = (words, first,
        second)`` with a leap's coefficients. Lanes that meet a rejected word are marked `forced`:
        their draws are no longer where the lanes look for them.
    view
        ``view(states, here)``: what `hit` reads of the states where they stand.
    hit
        ``hit(view, lane, wanted, shared)``: whether the part that begins there is as wanted.
    confirm
        ``confirm(states, lane, row, prefix, shared)``: whether more draws of a flagged lane are as
        wanted, where that is cheaper than to begin with its seed again.
    """

    width: int
    seed: Callable[..., Any]
    move: Callable[..., Any]
    view: Callable[..., Any]
    hit: Callable[..., Any]
    confirm: Callable[..., Any]


def no_leap(state: Any, _first: Any, _second: Any) -> Any:
    """Stand in where a generator has no leap."""
    return state


def _load_1(states: Any, lane: Any) -> Any:
    return states[lane]


def _load_2(states: Any, lane: Any) -> Any:
    return states[lane], states[CHUNK + lane]


def _load_3(states: Any, lane: Any) -> Any:
    return states[lane], states[CHUNK + lane], states[2 * CHUNK + lane]


def _load_4(states: Any, lane: Any) -> Any:
    return (*_load_3(states, lane), states[3 * CHUNK + lane])


def _load_5(states: Any, lane: Any) -> Any:
    return (*_load_4(states, lane), states[4 * CHUNK + lane])


def _load_6(states: Any, lane: Any) -> Any:
    return (*_load_5(states, lane), states[5 * CHUNK + lane])


def _store_1(states: Any, lane: Any, state: Any) -> None:
    states[lane] = state


def _store_2(states: Any, lane: Any, state: Any) -> None:
    states[lane], states[CHUNK + lane] = state[0], state[1]


def _store_3(states: Any, lane: Any, state: Any) -> None:
    _store_2(states, lane, state)
    states[2 * CHUNK + lane] = state[2]


def _store_4(states: Any, lane: Any, state: Any) -> None:
    _store_3(states, lane, state)
    states[3 * CHUNK + lane] = state[3]


def _store_5(states: Any, lane: Any, state: Any) -> None:
    _store_4(states, lane, state)
    states[4 * CHUNK + lane] = state[4]


def _store_6(states: Any, lane: Any, state: Any) -> None:
    _store_5(states, lane, state)
    states[5 * CHUNK + lane] = state[5]


# By registers, less one.
LOADS = (_load_1, _load_2, _load_3, _load_4, _load_5, _load_6)
STORES = (_store_1, _store_2, _store_3, _store_4, _store_5, _store_6)


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


def register_lanes(kind: Kind, *functions: Callable[..., Any]) -> Lanes:  # noqa: C901 - all counted
    """Return the loops for states of one to six registers; `functions` as for `scan_factory`."""
    seed_state, step, output, value, rejects, leap, test, load, store = functions
    leaping, checking, matches = kind.leaping, kind.checking, part_test(kind, value, test)

    @jitable
    def seed(states: Any, _here: Any, first: Any) -> None:
        for lane in range(CHUNK):
            store(states, lane, seed_state(first + uint64(lane)))

    @jitable
    def one_step(states: Any, radix: Any, forced: Any) -> None:
        for lane in range(CHUNK):
            state = step(load(states, lane))
            store(states, lane, state)
            if checking:
                forced[lane] |= uint32(1) if rejects(output(state), radix) else uint32(0)

    @jitable
    def move(states: Any, _here: Any, gap: Any, radix: Any, forced: Any) -> None:
        steps, first, second = gap
        if leaping:
            for lane in range(CHUNK):
                store(states, lane, leap(load(states, lane), first, second))
        else:
            for _ in range(steps):
                one_step(states, radix, forced)

    @jitable
    def view(states: Any, _here: Any) -> Any:
        return states

    @jitable
    def hit_one(states: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        word = output(load(states, lane))
        return matches(word, word, wanted, shared)

    @jitable
    def hit_two(states: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        state = load(states, lane)
        return matches(output(state), output(step(state)), wanted, shared)

    @jitable
    def confirm(_states: Any, _lane: Any, _row: Any, _prefix: Any, _shared: Any) -> Any:
        return True

    hit = hit_one if kind.words == 1 else hit_two
    return Lanes(CHUNK, seed, move, view, hit, confirm)
