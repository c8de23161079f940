"""What many streams give under constant skips: one row of draws for each seed.

Generators that leap fill a row from 16 states that stand at neighbouring draws and jump over one
another, so that their loop vectorises; the others pass their words one by one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float64, int64, uint64

from seedfleet.generators import Residue
from seedfleet.generators.compiled import build_kernel, draw_maker, jitable
from seedfleet.generators.definition import never

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Stream

__all__ = ["ConstantSkips"]

_LANES = 16
_EXACT_BITS = 48  # of words whose remainder by an inverse in floating point is exact


class ConstantSkips:
    """Rows of draws of one stream.

    Parameters
    ----------
    stream
        Generator and bounding.
    modulus
        One that the bounding has.
    alignments
        int64 array, shape (a, 2): skips from 0 on, and offsets from ``-skip`` on.
    """

    def __init__(self, stream: Stream, modulus: int, alignments: NDArray[np.int64]) -> None:
        layout = stream.bounding.layout(modulus)
        if layout is None:
            raise ValueError(f"{stream.bounding.name} has no modulus {modulus}")
        self._stream, self._layout, self._alignments = stream, layout, alignments
        self._leaping = stream.generator.leap is not None and stream.bounding.rejects is never
        self._leaps = self._coefficients() if self._leaping else alignments
        self._dropped = _dropped_bits(stream, layout[0])

    def fill(self, seeds: NDArray[np.uint64], which: NDArray[np.int64], pred: NDArray[Any]) -> None:
        """Write row k of `pred`, shape (k, n): the draws of seed k under alignment ``which[k]``."""
        radix, parts = self._layout
        kernel = _kernel(self._stream, self._leaping, self._dropped is not None)
        shared = (radix, parts, uint64(self._dropped or 0), 1.0 / radix)
        kernel(seeds, which, self._leaps, shared, pred)

    def _coefficients(self) -> NDArray[np.uint64]:
        """Return the leaps to the first `_LANES` draws, and over `_LANES` draws: (a, 17, 2)."""
        leap = self._stream.generator.leap
        assert leap is not None  # noqa: S101 - for the type checker
        words = self._layout[1] * self._stream.bounding.words
        rows = [
            [
                *(leap.coefficients(words * (offset + skip + lane * (skip + 1))) for lane in lanes),
                leap.coefficients(words * _LANES * (skip + 1)),
            ]
            for lanes in [range(_LANES)]
            for offset, skip in self._alignments.tolist()
        ]
        return np.array(rows, dtype=np.uint64)


def _dropped_bits(stream: Stream, radix: int) -> int | None:
    """Return the low bits that a plain remainder leaves out; None for what is no remainder."""
    shape = stream.bounding.shape(radix)
    bits = stream.generator.output_bits
    if isinstance(shape, Residue) and shape.modulus == radix and bits <= _EXACT_BITS:
        return shape.dropped_bits
    return None


def _remainder(word: Any, radix: Any, dropped: Any, inverse: Any) -> Any:
    """Return ``(word >> dropped) % radix`` by a multiplication.

    A half away from every whole number, the quotient's rounding errors cannot reach the next one.
    """
    kept = int64(uint64(word) >> dropped)
    return kept - int64((float64(kept) + 0.5) * inverse) * radix


def _of_value(value: Callable[..., Any]) -> Callable[..., Any]:
    @jitable
    def plain(word: Any, radix: Any, _dropped: Any, _inverse: Any) -> Any:
        return value(word, radix)

    made: Callable[..., Any] = plain
    return made


@cache
def _kernel(stream: Stream, leaping: bool, by_inverse: bool) -> Callable[..., None]:
    generator, bounding = stream.generator, stream.bounding
    own = (generator.seed_state, generator.step, generator.output, bounding.value)
    inverse = (_remainder,) if by_inverse and bounding.words == 1 else ()
    if leaping:
        assert generator.leap is not None  # noqa: S101 - for the type checker
        return build_kernel(_leaping_factory(bounding.words), *own, generator.leap.apply, *inverse)
    if bounding.rejects is never:
        return build_kernel(_stepping_factory(bounding.words), *own, *inverse)
    return build_kernel(_drawing_factory(bounding.words), *own, bounding.rejects)


def _part_maker(
    words: int,
    step: Callable[..., Any],
    output: Callable[..., Any],
    value: Callable[..., Any],
    remainder: tuple[Callable[..., Any], ...],
) -> Callable[..., Any]:
    """Return ``part(state, shared) -> (state, value)`` where no word is ever rejected."""
    one = remainder[0] if remainder else _of_value(value)

    @jitable
    def of_one_word(state: Any, shared: Any) -> Any:
        state = step(state)
        return state, one(output(state), shared[0], shared[2], shared[3])

    @jitable
    def of_two_words(state: Any, shared: Any) -> Any:
        state = step(state)
        first = output(state)
        state = step(state)
        return state, value(first, output(state), shared[0])

    made: Callable[..., Any] = of_one_word if words == 1 else of_two_words
    return made


def _leaping_row(part: Callable[..., Any], leap: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``fill(start, jumps, shared, lanes, mine)``: one row from its seed's state on."""

    @jitable
    def one_draw(state: Any, shared: Any) -> Any:
        drawn = int64(0)
        for _part in range(shared[1]):
            state, digit = part(state, shared)
            drawn = drawn * shared[0] + digit
        return drawn

    @jitable
    def fill(start: Any, jumps: Any, shared: Any, lanes: Any, mine: Any) -> None:
        first, second = jumps[_LANES, 0], jumps[_LANES, 1]
        for lane in range(_LANES):
            lanes[lane] = leap(start, jumps[lane, 0], jumps[lane, 1])
        whole = len(mine) // _LANES
        for block in range(whole):
            drawn = mine[block * _LANES : (block + 1) * _LANES]
            if shared[1] == 1:  # apart, for a loop of parts does not vectorise
                for lane in range(_LANES):
                    drawn[lane] = part(lanes[lane], shared)[1]
                    lanes[lane] = leap(lanes[lane], first, second)
            else:
                for lane in range(_LANES):
                    drawn[lane] = one_draw(lanes[lane], shared)
                    lanes[lane] = leap(lanes[lane], first, second)
        for lane in range(len(mine) - whole * _LANES):
            mine[whole * _LANES + lane] = one_draw(lanes[lane], shared)

    made: Callable[..., Any] = fill
    return made


def _leaping_factory(words: int) -> Callable[..., Callable[..., Any]]:
    def factory(
        digest: str,
        seed_state: Callable[..., Any],
        step: Callable[..., Any],
        output: Callable[..., Any],
        value: Callable[..., Any],
        leap: Callable[..., Any],
        *remainder: Callable[..., Any],
    ) -> Callable[..., Any]:
        fill = _leaping_row(_part_maker(words, step, output, value, remainder), leap)

        def kernel(seeds: Any, which: Any, leaps: Any, shared: Any, pred: Any) -> None:
            _ = digest
            lanes = np.empty(_LANES, dtype=np.uint64)
            for row in range(len(seeds)):
                fill(seed_state(seeds[row]), leaps[which[row]], shared, lanes, pred[row])

        return kernel

    return factory


def _stepping_factory(words: int) -> Callable[..., Callable[..., Any]]:
    def factory(
        digest: str,
        seed_state: Callable[..., Any],
        step: Callable[..., Any],
        output: Callable[..., Any],
        value: Callable[..., Any],
        *remainder: Callable[..., Any],
    ) -> Callable[..., Any]:
        part = _part_maker(words, step, output, value, remainder)

        def kernel(seeds: Any, which: Any, alignments: Any, shared: Any, pred: Any) -> None:
            _ = digest
            for row in range(len(seeds)):
                state = seed_state(seeds[row])
                offset, skip = alignments[which[row], 0], alignments[which[row], 1]
                mine = pred[row]
                for i in range(len(mine)):
                    dropped = skip if i > 0 else offset + skip
                    for _word in range(dropped * shared[1] * words):
                        state = step(state)
                    drawn = int64(0)
                    for _part in range(shared[1]):
                        state, digit = part(state, shared)
                        drawn = drawn * shared[0] + digit
                    mine[i] = drawn

        return kernel

    return factory


def _drawing_factory(words: int) -> Callable[..., Callable[..., Any]]:
    def factory(
        digest: str,
        seed_state: Callable[..., Any],
        step: Callable[..., Any],
        output: Callable[..., Any],
        value: Callable[..., Any],
        rejects: Callable[..., Any],
    ) -> Callable[..., Any]:
        draw = draw_maker(step, output, value, rejects, words=words)

        def kernel(seeds: Any, which: Any, alignments: Any, shared: Any, pred: Any) -> None:
            _ = digest
            for row in range(len(seeds)):
                state = seed_state(seeds[row])
                offset, skip = alignments[which[row], 0], alignments[which[row], 1]
                mine = pred[row]
                for i in range(len(mine)):
                    for _drawn in range(skip if i > 0 else offset + skip):
                        state, _value = draw(state, shared[0], shared[1])
                    state, drawn = draw(state, shared[0], shared[1])
                    mine[i] = drawn

        return kernel

    return factory
