"""Walk kernel for exact first legs: most seeds are sifted out by vector instructions.

A path can only exist where the first draw is seen at a possible first position, and after that the
second and the third draw not too late. Two sieves ask for that much of a chunk of seeds stepped
side by side, loop over steps outside and seeds inside: a coarse one for the first draw in every
seed, a fine one for all three in what it leaves. Only what passes both is walked. A seed passes
also where a word was rejected, which moves all later positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int64, uint32, uint64

from seedfleet.generators.compiled import jitable
from seedfleet.sieve._walk import new_room, report, seed_walker

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHUNK", "MAX_LEVELS", "walk_sift_factory"]

CHUNK = 2048  # the states and flags of a chunk stay in the first-level cache
MAX_LEVELS = 3


def _state_access(words: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return ``load(states, lane)`` and ``store(states, lane, state)`` for tuples of so many words.

    No words stands for a state that is one scalar and no tuple.
    """
    if words == 0:

        @jitable
        def load(states: Any, lane: Any) -> Any:
            return states[0, lane]

        @jitable
        def store(states: Any, lane: Any, state: Any) -> None:
            states[0, lane] = state

        return load, store
    return _tuple_load(words), _tuple_store(words)


def _tuple_load(words: int) -> Callable[..., Any]:
    last = words - 1
    if words == 1:

        @jitable
        def load_one(states: Any, lane: Any) -> Any:
            return (states[0, lane],)

        return load_one
    load_others = _tuple_load(last)

    @jitable
    def load(states: Any, lane: Any) -> Any:
        return (*load_others(states, lane), states[last, lane])

    return load


def _tuple_store(words: int) -> Callable[..., Any]:
    last = words - 1
    if words == 1:

        @jitable
        def store_one(states: Any, lane: Any, state: Any) -> None:
            states[0, lane] = state[0]

        return store_one
    store_others = _tuple_store(last)

    @jitable
    def store(states: Any, lane: Any, state: Any) -> None:
        store_others(states, lane, state)
        states[last, lane] = state[last]

    return store


def _lookers(
    step: Callable[..., Any],
    output: Callable[..., Any],
    tests: tuple[Callable[..., Any], ...],
    state_words: int,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the loops that step all states once, and four times, and flag what they see.

    Both are ``look(test, radix, states, flags)``; `tests` are `holds` and `rejects`.
    """
    holds, rejects = tests
    load, store = _state_access(state_words)

    @jitable
    def look_on(state: Any, flag: Any, test: Any, radix: Any) -> Any:
        state = step(state)
        word = output(state)
        return state, flag | uint32(holds(word, test)) | uint32(rejects(word, radix))

    @jitable
    def look_once(test: Any, radix: Any, states: Any, flags: Any) -> None:
        for lane in range(len(flags)):
            state, flag = look_on(load(states, lane), flags[lane], test, radix)
            store(states, lane, state)
            flags[lane] = flag

    @jitable
    def look_four_times(test: Any, radix: Any, states: Any, flags: Any) -> None:
        # The loop that takes the time: four steps for each load and store of a state.
        for lane in range(len(flags)):
            state, flag = look_on(load(states, lane), flags[lane], test, radix)
            state, flag = look_on(state, flag, test, radix)
            state, flag = look_on(state, flag, test, radix)
            state, flag = look_on(state, flag, test, radix)
            store(states, lane, state)
            flags[lane] = flag

    return look_once, look_four_times


def _sifter(  # noqa: C901 - its inner functions are counted in
    seed_state: Callable[..., Any],
    step: Callable[..., Any],
    output: Callable[..., Any],
    tests: tuple[Callable[..., Any], ...],
    state_words: int,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the coarse and the fine sieve, ``sieve(seeds, spans, constants, states, flags)``.

    `spans` is an (n_levels, 2) array: the first and last position at which the draw of each level
    is looked for. `tests` are ``test(level, constants)``, ``holds(word, test)`` and
    ``rejects(word, radix)``.
    """
    test_of, holds, rejects = tests
    load, store = _state_access(state_words)
    look_once, look_four_times = _lookers(step, output, (holds, rejects), state_words)

    @jitable
    def pass_later(radix: Any, states: Any, moved: Any) -> None:
        for lane in range(len(moved)):
            state = step(load(states, lane))
            store(states, lane, state)
            moved[lane] |= uint32(rejects(output(state), radix))

    @jitable
    def look(test: Any, states: Any, before: Any, here: Any) -> None:
        for lane in range(len(here)):
            held = uint32(holds(output(load(states, lane)), test))
            here[lane] |= held & before[lane]

    @jitable
    def start(seeds: Any, spans: Any, radix: Any, states: Any, moved: Any) -> None:
        for lane in range(len(seeds)):
            store(states, lane, seed_state(seeds[lane]))
        moved[:] = 0
        for _position in range(spans[0, 0]):
            pass_later(radix, states, moved)

    @jitable
    def coarse(seeds: Any, spans: Any, constants: Any, states: Any, flags: Any) -> None:
        """Flag the seeds in which the first draw is seen."""
        radix, test = constants[0], test_of(0, constants)
        start(seeds, spans, radix, states, flags)
        left = spans[0, 1] - spans[0, 0] + 1
        while left >= 4:
            look_four_times(test, radix, states, flags)
            left -= 4
        while left >= 1:
            look_once(test, radix, states, flags)
            left -= 1

    @jitable
    def fine(seeds: Any, spans: Any, constants: Any, states: Any, flags: Any) -> None:
        """Flag, in the first row, the seeds in which all levels' draws are seen in order."""
        radix = constants[0]
        flags[1] = 1
        flags[2:] = 0
        start(seeds, spans, radix, states, flags[0])
        for position in range(spans[0, 0], spans[-1, 1] + 1):
            pass_later(radix, states, flags[0])
            for after in range(len(spans)):
                level = len(spans) - 1 - after
                if spans[level, 0] <= position <= spans[level, 1]:
                    look(test_of(level, constants), states, flags[level + 1], flags[level + 2])
        flags[0] |= flags[len(spans) + 1]

    return coarse, fine


def walk_sift_factory(  # noqa: C901 - as above
    state_words: int, *, by_residue: bool
) -> Callable[..., Any]:
    """Return the factory of a kernel for boundings of one word and states of so many words.

    The kernel takes what that of `walk_factory` takes, and before the hits a tuple: the spans, the
    constants and the scratch array for states, shape (words of a state, CHUNK).
    The constants are ``(radix, values)`` or, by residue, ``(radix, residues, limits, inverse,
    rotation, dropped)``.
    """

    def factory(  # noqa: C901 - as above
        digest: str,
        seed_state: Callable[..., Any],
        step: Callable[..., Any],
        output: Callable[..., Any],
        *bound: Callable[..., Any],
    ) -> Callable[..., Any]:
        value, rejects, has_residue = bound
        if by_residue:

            @jitable
            def test_of(level: Any, constants: Any) -> Any:
                _radix, residues, limits, inverse, rotation, dropped = constants
                return residues[level], limits[level], inverse, rotation, dropped

            @jitable
            def holds(word: Any, test: Any) -> Any:
                residue, limit, inverse, rotation, dropped = test
                return has_residue(uint32(word >> dropped), residue, inverse, rotation, limit)
        else:

            @jitable
            def test_of(level: Any, constants: Any) -> Any:
                return constants[0], constants[1][level]

            @jitable
            def holds(word: Any, test: Any) -> Any:
                return value(word, test[0]) == test[1]

        coarse, fine = _sifter(seed_state, step, output, (test_of, holds, rejects), state_words)
        walk_seed = seed_walker(seed_state, step, output, (value, rejects), 1)

        def kernel(block: Any, question: Any, base: Any, sieves: Any, hits: Any) -> Any:
            _ = digest
            first, count = block
            spans, constants, states = sieves
            flags, levels = np.empty(CHUNK, uint32), np.empty((len(spans) + 2, CHUNK), uint32)
            seeds, passed = np.empty(CHUNK, uint64), np.empty(2 * CHUNK, uint64)
            matches = np.empty((len(question[0]), len(question[2])), np.int32)
            work = (np.empty(64, np.int32), new_room(), matches)
            found: Any = int64(0)
            waiting: Any = int64(0)
            for start in range(0, count, CHUNK):
                lanes = min(CHUNK, count - start)
                for lane in range(CHUNK):
                    seeds[lane] = first + uint64(start) + uint64(lane)
                coarse(seeds, spans, constants, states, flags)
                for lane in range(lanes):
                    passed[waiting] = seeds[lane]
                    waiting += int64(flags[lane] != 0)
                at_end = start + CHUNK >= count
                while waiting >= CHUNK or (at_end and waiting > 0):
                    lanes = min(CHUNK, waiting)
                    fine(passed[:CHUNK], spans, constants, states, levels)
                    for lane in range(lanes):
                        if levels[0, lane] != 0:
                            work = walk_seed(passed[lane], question, base, work)
                            found = report(passed[lane], matches, hits, found)
                    waiting -= lanes
                    passed[:waiting] = passed[lanes : lanes + waiting].copy()
            return found

        return kernel

    return factory
