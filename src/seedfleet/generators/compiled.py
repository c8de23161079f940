"""From a definition to machine code: the one place where generator functions meet numba.

Kernels are closures over the plain definition functions, which numba's on-disk cache can key. Two
things have to be added to that. The key knows the functions by name only, so `build_kernel` adds a
digest of their source: a changed definition is compiled anew and never answered from an old cache.
And machine code from the cache is linked by symbol names, which number the functions of one process
only: two kernels of one factory, compiled by two processes, would get one name, and a third process
that loads both would run the first one twice. So every kernel carries that digest in its name.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.start import AtState, state_of_words, state_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators.definition import Generator, Stream
    from seedfleet.generators.start import Start

__all__ = ["at_positions", "build_kernel", "definition_digest", "draw_maker", "jitable"]


_PACKAGE = __name__.rpartition(".")[0] + "."


def _callees(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """List the plain functions that `function` calls in its module and in this package."""
    named = [function.__globals__.get(name) for name in function.__code__.co_names]
    return [
        callee
        for callee in named
        if inspect.isfunction(callee)
        and (callee.__module__ == function.__module__ or callee.__module__.startswith(_PACKAGE))
    ]


@cache
def jitable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let numba inline `function` into kernels, and what it calls in this package."""
    from numba.extending import register_jitable  # noqa: PLC0415 - as below

    for callee in _callees(function):
        jitable(callee)
    registered: Callable[..., Any] = register_jitable(function)
    return registered


def build_kernel(
    factory: Callable[..., Callable[..., Any]], *functions: Callable[..., Any]
) -> Callable[..., Any]:
    """Compile ``factory(digest, *functions)``, cached on disk across processes.

    Parameters
    ----------
    factory
        Returns a function that closes over the given plain functions and over `digest`, which it
        must mention so that it becomes part of the cache key.
    functions
        Module-level functions of a definition.

    Returns
    -------
    Callable
        The compiled kernel; it releases the interpreter lock while it runs.
    """
    import numba  # noqa: PLC0415 - slow to start, and definitions are read where nothing is compiled

    digest = _source_digest(*functions)
    kernel = factory(digest, *(jitable(function) for function in functions))
    _name_apart(kernel, digest, set())
    compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True)(kernel)
    return compiled


def _name_apart(function: Callable[..., Any], digest: str, done: set[int]) -> None:
    """Put `digest` into the names of `function` and of the inner functions that it closes over."""
    if id(function) in done or "<locals>" not in function.__qualname__:
        return
    done.add(id(function))
    function.__name__ += f"_{digest[:16]}"
    function.__qualname__ += f"_{digest[:16]}"
    for cell in function.__closure__ or ():
        if inspect.isfunction(cell.cell_contents):
            _name_apart(cell.cell_contents, digest, done)


def _source_digest(*functions: Callable[..., Any]) -> str:
    names = [f"{function.__module__}.{function.__qualname__}" for function in functions]
    reached = list(functions)
    for function in reached:  # which grows on the way
        reached += [callee for callee in _callees(function) if callee not in reached]
    modules = sorted({function.__module__ for function in reached})
    sources = [inspect.getsource(sys.modules[module]) for module in modules]
    return hashlib.sha256("\0".join(names + sources).encode()).hexdigest()


def definition_digest(stream: Stream) -> str:
    """Return SHA-256 of the source of everything that defines a stream, in hexadecimal."""
    generator, bounding = stream.generator, stream.bounding
    return _source_digest(
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )


def draw_maker(
    step: Callable[..., Any],
    output: Callable[..., Any],
    value: Callable[..., Any],
    rejects: Callable[..., Any],
    *,
    words: int,
) -> Callable[..., Any]:
    """Return ``draw(state, radix, parts) -> (state, value)``: the next draw, for a kernel.

    To be called in the factory of a kernel, with the functions that the factory was given.

    Parameters
    ----------
    words
        Output words of a part, 1 or 2.
    """

    @jitable
    def of_one_word(state: Any, radix: Any) -> Any:
        state = step(state)
        word = output(state)
        while rejects(word, radix):
            state = step(state)
            word = output(state)
        return state, value(word, radix)

    @jitable
    def of_two_words(state: Any, radix: Any) -> Any:
        state = step(state)
        first = output(state)
        state = step(state)
        return state, value(first, output(state), radix)

    part = of_one_word if words == 1 else of_two_words

    @jitable
    def draw(state: Any, radix: Any, parts: Any) -> Any:
        drawn = np.int64(0)
        for _part in range(parts):
            state, digit = part(state, radix)
            drawn = drawn * radix + digit
        return state, drawn

    made: Callable[..., Any] = draw
    return made


def _at_positions_factory(words: int) -> Callable[..., Any]:
    def factory(
        digest: str,
        step: Callable[..., Any],
        output: Callable[..., Any],
        value: Callable[..., Any],
        rejects: Callable[..., Any],
    ) -> Callable[..., Any]:
        draw = draw_maker(step, output, value, rejects, words=words)

        def kernel(state: Any, radix: Any, parts: Any, positions: Any, values: Any) -> Any:
            _ = digest
            filled = 0
            for position in range(positions[-1] + 1):
                state, drawn = draw(state, radix, parts)
                if position == positions[filled]:
                    values[filled] = drawn
                    filled += 1
            return state

        return kernel

    return factory


@cache
def _at_positions_kernel(stream: Stream) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        _at_positions_factory(bounding.words),
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )


@cache
def _seeding_kernel(generator: Generator) -> Callable[..., Any]:
    def factory(digest: str, seed_state: Callable[..., Any]) -> Callable[..., Any]:
        def kernel(seed: Any) -> Any:
            _ = digest
            return seed_state(seed)

        return kernel

    return build_kernel(factory, generator.seed_state)


def _starting_state(generator: Generator, start: Start) -> Any:
    """Return the state before the first step: the caller's own, also where it is an array."""
    if not isinstance(start, AtState):
        # What comes out of a kernel has lost its width.
        start = AtState(state_words(_seeding_kernel(generator)(np.uint64(start % 2**64))))
    return state_of_words(generator, start.words)


def at_positions(
    stream: Stream, start: Start, modulus: int, positions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], AtState]:
    """Return the draws of `stream` at `positions`, at machine speed, and the state after them.

    Parameters
    ----------
    start
        Where the stream begins; a seed is taken modulo 2**64 as the languages do.
    modulus
        One that the bounding has.
    positions
        int64 array, shape (n,), n >= 1, strictly increasing, from 0 on.

    Returns
    -------
    values : NDArray
        int64 array, shape (n,), in ``[0, modulus)``. O(last position).
    state : AtState
        The generator's state right after the last of them.

    Raises
    ------
    ValueError
        The bounding has no such modulus, or the start is no state of this generator.
    """
    layout = stream.bounding.layout(modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {modulus}")
    radix, parts = layout
    values = np.empty(len(positions), dtype=np.int64)
    state = _at_positions_kernel(stream)(
        _starting_state(stream.generator, start), radix, parts, positions, values
    )
    return values, AtState(state_words(state))
