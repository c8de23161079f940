"""The equations' left sides: which unknown bits of a state add up to a bit of a later word.

A linear generator is run from each state with a single bit, by its own definition: bit b of a word
then says whether that unknown takes part in bit b of the word. 64 such runs, side by side, give
a word of every row.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint64

from seedfleet.generators.compiled import build_kernel
from seedfleet.generators.start import state_of_words, state_words
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, LinearState

__all__ = ["fill_rows", "ran_on", "trace_words", "unknown_count"]

_LANES = 64


def _trace_factory(
    digest: str, step: Callable[..., Any], output: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``kernel(state, places, words) -> state``: the words at ascending places."""

    def kernel(state: Any, places: Any, words: Any) -> Any:
        _ = digest
        filled = 0
        for place in range(places[-1] + 1):
            state = step(state)
            if place == places[filled]:
                words[filled] = output(state)
                filled += 1
        return state

    return kernel


def _pack_factory(digest: str) -> Callable[..., Any]:
    """Return ``kernel(words, picks, bits, column)``: bits of 64 runs side by side, packed."""

    def kernel(words: Any, picks: Any, bits: Any, column: Any) -> None:
        _ = digest
        for e in range(len(picks)):
            lanes, bit = words[picks[e]], uint64(bits[e])
            packed = uint64(0)
            for lane in range(_LANES):
                packed |= (lanes[lane] >> bit & uint64(1)) << uint64(lane)
            column[e] = packed

    return kernel


@cache
def _trace_kernel(step: Callable[..., Any], output: Callable[..., Any]) -> Callable[..., Any]:
    return build_kernel(_trace_factory, step, output)


@cache
def _pack_kernel() -> Callable[..., Any]:
    return build_kernel(_pack_factory)


@cache
def unknown_count(generator: Generator) -> int:
    """Return how many bits of a state of a linear generator are unknown.

    Raises
    ------
    ValueError
        The generator is not linear.
    """
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(1))
    first: Any = state[0] if isinstance(state, tuple | np.ndarray) else state
    return 8 * int(first.itemsize) * _linear(generator).words


def _linear(generator: Generator) -> LinearState:
    if generator.linear is None:
        raise ValueError(f"{generator.name} is not linear")
    return generator.linear


def _state(generator: Generator, words: Iterable[int]) -> Any:
    """Return the state at the start of a cycle, of the definition's own type."""
    return state_of_words(generator, (*words, *_linear(generator).controls))


def _basis_state(generator: Generator, unknown: int) -> Any:
    count = _linear(generator).words
    index, bit = divmod(unknown, unknown_count(generator) // count)
    zero = _zero_state(generator)
    if isinstance(zero, np.ndarray):  # much faster than by way of 625 integers
        state = zero.copy()
        state[index] = 1 << bit
        return state
    return _state(generator, [(1 << bit) * (index == each) for each in range(count)])


@cache
def _zero_state(generator: Generator) -> Any:
    return _state(generator, [0] * _linear(generator).words)


def fill_rows(
    generator: Generator,
    places: NDArray[np.int64],
    equations: tuple[NDArray[np.int64], NDArray[np.int64]],
    rows: NDArray[np.uint64],
    *,
    pause: Callable[[float], bool] | None = None,
) -> bool:
    """Write the left sides of equations over the state at the start of a cycle.

    Where the words are sums, the equations are about those without carries.

    Parameters
    ----------
    places
        int64 array, strictly ascending: word j of the stream from that state is at place j.
    equations
        int64 arrays, shape (n,): for each an index into `places`, and a bit of the word there.
    rows
        uint64 array, shape (n, words), zero; takes the coefficient of unknown j (bit ``j % width``
        of state word ``j // width``) in bit ``j % 64`` of word ``j // 64``.
    pause
        Called now and then with the share done; True ends the work.

    Returns
    -------
    bool
        Whether all was done. O(unknowns * last place).
    """
    unknowns = unknown_count(generator)
    trace = _trace_kernel(generator.step, _linear(generator).carryless or generator.output)
    pack = _pack_kernel()

    def fill(column: int) -> None:
        words = np.zeros((len(places), _LANES), dtype=np.uint64)
        for lane in range(min(_LANES, unknowns - _LANES * column)):
            trace(_basis_state(generator, _LANES * column + lane), places, words[:, lane])
        pack(words, *equations, rows[:, column])

    fill(0)  # alone, so that two threads do not build the kernels at once
    columns = range(1, -(-unknowns // _LANES))
    workers = os.cpu_count() or 1
    with ThreadPool(workers) as pool:
        for start in range(0, len(columns), 4 * workers):
            batch = columns[start : start + 4 * workers]
            list(pool.map(fill, batch))
            if pause is not None and pause(start / len(columns)):
                return False
    return True


def trace_words(
    generator: Generator, states: Sequence[tuple[int, ...]], places: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return the words at ascending places after each of some states at the start of a cycle.

    Parameters
    ----------
    states
        Their unknown words.

    Returns
    -------
    NDArray
        uint64 array, shape (len(places), len(states)).
    """
    words = np.zeros((len(places), len(states)), dtype=np.uint64)
    trace = _trace_kernel(generator.step, generator.output)
    for index, state in enumerate(states):
        trace(_state(generator, state), places, words[:, index])
    return words


def ran_on(generator: Generator, state: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """Return the state, with its controls, so many steps after one at the start of a cycle.

    Parameters
    ----------
    state
        Its unknown words.
    steps
        From 0 on. O(steps).
    """
    begun = _state(generator, state)
    if steps == 0:
        return state_words(begun)
    trace = _trace_kernel(generator.step, generator.output)
    last = np.array([steps - 1])
    return state_words(trace(begun, last, np.zeros(1, dtype=np.uint64)))
