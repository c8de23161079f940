"""The first words of many seeds by plain steps, lane by lane, for states of a few 64-bit registers.

One seed after the other, each step waits for the one before, and a loop that only seeds keeps a
whole scan from vectorising. With steps outside and lanes inside, both go at the rate of the vector
units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint64

from seedfleet.generators.algebra import EarlyWords
from seedfleet.generators.compiled import jitable
from seedfleet.generators.registers import CHUNK, LOADS, STORES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["stepped_words"]

_COUNT = 1024


def stepped_words(
    seeded: Callable[..., Any],
    step: Callable[..., Any],
    turns: Callable[..., Any],
    shown: Callable[..., Any],
    *,
    registers: int,
) -> EarlyWords:
    """Return the early words of a generator that steps cheaply.

    Parameters
    ----------
    seeded
        ``seeded(seed)``: a tuple of uint64 registers, of which all words follow by steps.
    step
        ``step(state)``: the registers one step on.
    turns
        ``turns(position)``: how many steps after `seeded` the word at a position is shown.
    shown
        ``shown(state, position)``: that word.
    registers
        How many registers there are, 2 to 6.
    """
    functions = (seeded, step, turns, shown, LOADS[registers - 1], STORES[registers - 1])
    return EarlyWords(_COUNT, _FACTORIES[registers], functions)


def _factory_of(  # noqa: C901 - its inner functions are counted in
    registers: int,
) -> Callable[..., Callable[..., Any]]:
    size = registers * CHUNK

    def factory(  # noqa: C901 - its inner functions are counted in
        digest: str, *functions: Callable[..., Any]
    ) -> Callable[..., Any]:
        seeded, step, turns, shown, load, store = functions
        jitable(in_order)  # here and not above, where it would load the compiler with this module

        @jitable
        def begin(first: Any, rows: Any) -> None:
            for lane in range(CHUNK):
                store(rows, lane, seeded(first + uint64(lane)))

        @jitable
        def advance(steps: Any, rows: Any) -> None:
            for _ in range(steps):
                for lane in range(CHUNK):
                    store(rows, lane, step(load(rows, lane)))

        @jitable
        def emit(rows: Any, position: Any, words: Any) -> None:
            for lane in range(len(words)):
                words[lane] = shown(load(rows, lane), position)

        def fill(first: Any, positions: Any, words: Any) -> None:
            _ = digest
            due = np.array([turns(position) for position in positions])
            rows = np.empty(size, np.uint64)
            for base in range(0, words.shape[1], CHUNK):
                begin(first + uint64(base), rows)
                reached, width = 0, min(CHUNK, words.shape[1] - base)
                for place in in_order(due):
                    advance(due[place] - reached, rows)
                    reached = due[place]
                    emit(rows, positions[place], words[place, base : base + width])

        return fill

    return factory


# One for each number of registers, so that generators of one shape share a factory.
_FACTORIES = {registers: _factory_of(registers) for registers in range(2, 7)}


def in_order(due: Any) -> Any:
    """Return the places in the order of what is due, equal ones as they stand."""
    order = np.empty(len(due), np.int64)
    for place in range(len(due)):
        rank = 0
        for other in range(len(due)):
            if due[other] < due[place] or (due[other] == due[place] and other < place):
                rank += 1
        order[rank] = place
    return order
