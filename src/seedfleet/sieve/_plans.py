"""Which kernel answers a question, and the tables that it is given.

Nothing here looks at a generator's name: a plan follows from the shape of its state, from its leap,
and from what the bounding says of itself. Streams of the MT19937 family are known by the functions
of their definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.compiled import build_kernel
from seedfleet.generators.families.mt19937 import PARTS
from seedfleet.generators.registers import CHUNK, LOADS, STORES
from seedfleet.sieve._count_scan import MAX_DRAWS, count_scan_factory
from seedfleet.sieve._decide import row_decider
from seedfleet.sieve._draw_scan import draw_scan_factory
from seedfleet.sieve._early_plan import EarlyQuestion, early_fill
from seedfleet.sieve._exact_scan import MAX_ROWS, exact_scan_factory
from seedfleet.sieve._lanes import Kind, leaping_lanes, no_leap, register_lanes
from seedfleet.sieve._mt19937_lanes import LANES, SIZE, whole_lanes
from seedfleet.sieve._word_tests import WordTests, word_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, Stream
    from seedfleet.sieve._blocks import Found
    from seedfleet.sieve.rows import Rows

__all__ = ["Pass", "passes", "plan"]

_FORCED_SHARE = 0.2  # above this share of lanes with a rejected word, lanes save nothing
_COUNTED_ROWS = 256  # counts of so many rows stay in the second-level cache
_SELECTIVE = 64  # flags leave about one lane of so many, or fewer
_VERY_SELECTIVE = 10**5  # where a state is dear to make again


@dataclass(frozen=True)
class Pass:
    """One pass over the seeds.

    Attributes
    ----------
    numbers
        The questions that it answers, by their places.
    fill
        What fills in their hits, with the rows of each question numbered after those before.
    """

    numbers: tuple[int, ...]
    fill: Callable[[range, Found], int]


def passes(questions: Sequence[tuple[Stream, Rows]]) -> list[Pass]:
    """Return the passes that answer all questions: one for each generator that has early words.

    Raises
    ------
    ValueError
        A bounding lacks its modulus.
    """
    early = [EarlyQuestion.of(*question) for question in questions]
    shared: dict[Generator, list[int]] = {}
    for number, question in enumerate(early):
        if question is not None:
            shared.setdefault(question.stream.generator, []).append(number)
    alone = [
        Pass((number,), plan(*question))
        for number, question in enumerate(questions)
        if early[number] is None
    ]
    return alone + [
        Pass(tuple(numbers), early_fill([each for n in numbers if (each := early[n]) is not None]))
        for numbers in shared.values()
    ]


def plan(stream: Stream, rows: Rows) -> Callable[[range, Found], int]:
    """Return what fills in the hits of a block of seeds, by the fastest kernel that is exact.

    Raises
    ------
    ValueError
        The bounding lacks the modulus.
    """
    layout = stream.bounding.layout(rows.modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {rows.modulus}")
    early = EarlyQuestion.of(stream, rows)
    if early is not None:
        return early_fill([early])
    fast = _LanePlan.of(stream, rows, *layout)
    if fast is None:
        return _plain(stream, rows, *layout)
    return _merged([fast.fill(group) for group in fast.groups()])


def _plain(stream: Stream, rows: Rows, radix: int, parts: int) -> Callable[[range, Found], int]:
    order = np.argsort(rows.positions, axis=None, kind="stable")
    row_of = np.repeat(np.arange(len(rows)), rows.depth)[order]
    schedule = (rows.positions.reshape(-1)[order], row_of, rows.values.reshape(-1)[order])
    kernel = _draw_kernel(stream)

    def fill(block: range, hits: Found) -> int:
        where = (np.uint64(block.start), block.stop - block.start)
        return int(kernel(where, schedule, _legs(rows), (len(rows), radix, parts), hits))

    return fill


def _merged(fills: list[Callable[[range, Found], int]]) -> Callable[[range, Found], int]:
    """Run one fill for each group of rows, and put their hits into one order."""
    if len(fills) == 1:
        return fills[0]

    def fill(block: range, hits: Found) -> int:
        found, room = 0, len(hits[0])
        for each in fills:
            rest = tuple(array[min(found, room) :] for array in hits)
            found += each(block, rest)  # type: ignore[arg-type]
        if found <= room:
            order = np.lexsort((hits[1][:found], hits[0][:found]))
            for array in hits:
                array[:found] = array[order]
        return found

    return fill


def _legs(rows: Rows) -> NDArray[np.int64]:
    return np.array([(leg.draws, leg.needed) for leg in rows.legs], dtype=np.int64)


@dataclass(frozen=True)
class _Source:
    """How the states of a generator lie side by side, and how far its lanes look."""

    make: Callable[..., Any]
    functions: tuple[Callable[..., Any], ...]
    shape: tuple[int, ...]
    dtype: Any
    tested: int  # draws of a row that flags are made of, or that are counted
    confirmed: int  # draws of a row that the lanes can show

    @classmethod
    def of(cls, stream: Stream, rows: Rows, *, checking: bool) -> _Source | None:
        few, more = rows.depth, rows.depth
        if _is_exact(rows):
            few, more = _draws_for(rows, _SELECTIVE), _draws_for(rows, _VERY_SELECTIVE)
        generator = stream.generator
        own = PARTS.get((generator.seed_state, generator.step))
        if own is not None:
            return cls(whole_lanes, own, (SIZE * LANES,), np.uint32, more, more)
        with np.errstate(over="ignore"):
            state = generator.seed_state(np.uint64(1))
        registers = state if isinstance(state, tuple) else (state,)
        count = len(registers)
        if count > len(LOADS) or not all(isinstance(each, np.generic) for each in registers):
            return None
        make = register_lanes if generator.leap is None or checking else leaping_lanes
        pair = (LOADS[count - 1], STORES[count - 1])
        return cls(make, pair, (count * CHUNK,), registers[0].dtype, few, more)


def _is_exact(rows: Rows) -> bool:
    """Tell whether a row ends with the first miss of its first leg."""
    return rows.legs[0].needed == rows.legs[0].draws


def _draws_for(rows: Rows, selective: int) -> int:
    """Return how many draws of the first leg leave one seed of so many, or all that there are."""
    draws, left = 1, rows.modulus
    while draws < rows.legs[0].draws and left < selective:
        draws, left = draws + 1, left * rows.modulus
    return draws


def _last_word(stream: Stream, rows: Rows, parts: int, draws: int) -> int:
    """Return the position of the last word of so many draws of every row."""
    return (int(rows.positions[:, :draws].max()) + 1) * parts * stream.bounding.words - 1


@dataclass(frozen=True)
class _LanePlan:
    """A question for lanes: flags where the first leg needs every draw, counts otherwise."""

    stream: Stream
    rows: Rows
    radix: int
    parts: int
    tests: WordTests
    source: _Source

    @classmethod
    def of(cls, stream: Stream, rows: Rows, radix: int, parts: int) -> _LanePlan | None:
        bounding, generator = stream.bounding, stream.generator
        source = _Source.of(stream, rows, checking=bounding.rejection(radix) > 0)
        if source is None or (not _is_exact(rows) and rows.depth > MAX_DRAWS):
            return None
        last = _last_word(stream, rows, parts, source.tested)
        if (1 - bounding.rejection(radix)) ** (last + 1) < 1 - _FORCED_SHARE:
            return None
        units = _digits(rows.values[:, : source.confirmed], radix, parts)
        tests = word_tests(bounding, generator.output_bits, radix, units)
        return cls(stream, rows, radix, parts, tests, source)

    @property
    def kind(self) -> Kind:
        checking = self.stream.bounding.rejection(self.radix) > 0
        leaping, kept = self.source.make is leaping_lanes, not _is_exact(self.rows)
        once = _is_exact(self.rows) and len(self.rows) == self.source.tested == self.parts == 1
        immediate = once and not checking and int(self.rows.positions[0, 0]) == 0
        words = self.stream.bounding.words
        return Kind(words, self.tests.direct, leaping, checking, kept, immediate)

    def groups(self) -> list[NDArray[np.int64]]:
        """Share out the rows that can hold at all, near ones together."""
        exact = _is_exact(self.rows)
        able: NDArray[np.bool_] = np.ones(len(self.rows), dtype=np.bool_)
        if exact:
            able &= self.tests.possible.all(axis=1)
        order = np.argsort(self.rows.positions[:, 0], kind="stable")
        chosen = order[able[order]]
        size = MAX_ROWS if exact else _COUNTED_ROWS
        return [np.sort(chosen[at : at + size]) for at in range(0, len(chosen), size)]

    def fill(self, group: NDArray[np.int64]) -> Callable[[range, Found], int]:
        """Return the fill for some of the rows."""
        source = self.source
        kernel = _lane_kernel(self.stream, source, self.kind, self.tests.test, _is_exact(self.rows))
        tests = (self._events(group), self.tests.shared, self._prefix(group))
        asked, bounds = self._asked(group), (self.radix, self.parts, group)

        def fill(block: range, hits: Found) -> int:
            where = (np.uint64(block.start), block.stop - block.start)
            scratch = np.empty(source.shape, source.dtype)
            return int(kernel(where, tests, asked, bounds, scratch, hits))

        return fill

    def _places(self, group: NDArray[np.int64], draws: int) -> NDArray[np.int64]:
        """Return the positions of the parts' first words, one line for each row."""
        first = self.rows.positions[group, :draws, np.newaxis] * self.parts
        parts = (first + np.arange(self.parts)).reshape(len(group), -1)
        return parts * self.stream.bounding.words

    def _events(self, group: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """Return what happens along the stream: gaps, leaps, rows, tests; counts need parts too."""
        places = self._places(group, self.source.tested)
        order = np.argsort(places, axis=None, kind="stable")
        words = places.reshape(-1)[order]
        first, second = _leaps(self.stream.generator, words, leaping=self.kind.leaping)
        low, high, possible = (
            table[group, : places.shape[1]].reshape(-1)[order]
            for table in (self.tests.low, self.tests.high, self.tests.possible)
        )
        events = (words, first, second, order // places.shape[1], low, high)
        return events if _is_exact(self.rows) else (*events, order % self.parts, possible)

    def _prefix(self, group: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """Return the parts of each row that lanes can show: where they are, and their tests."""
        places = self._places(group, self.source.confirmed)
        first, second = _leaps(self.stream.generator, places, leaping=self.kind.leaping)
        limits = np.stack([self.tests.low[group], self.tests.high[group]], axis=-1)
        return np.stack([places.astype(np.uint64), first, second], axis=-1), limits

    def _asked(self, group: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        positions, values = self.rows.positions[group], self.rows.values[group]
        words = positions * (self.parts * self.stream.bounding.words)
        first, second = _leaps(self.stream.generator, words, leaping=self.kind.leaping)
        return positions, values, first, second, _legs(self.rows)


def _digits(values: NDArray[np.int64], radix: int, parts: int) -> NDArray[np.int64]:
    """Return the parts of each draw, most significant first, side by side."""
    weights = radix ** np.arange(parts - 1, -1, -1, dtype=np.int64)
    return (values[:, :, np.newaxis] // weights % radix).reshape(len(values), -1)


def _leaps(
    generator: Generator, words: NDArray[np.int64], *, leaping: bool
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the coefficients of the leap from a seed to each word, in arrays of their shape."""
    if not leaping or generator.leap is None:
        return np.zeros(words.shape, np.uint64), np.zeros(words.shape, np.uint64)
    distinct, places = np.unique(words + 1, return_inverse=True)
    pairs = np.array([generator.leap.coefficients(steps) for steps in distinct.tolist()], np.uint64)
    places = places.reshape(words.shape)
    return pairs[places, 0], pairs[places, 1]


def _lane_kernel(
    stream: Stream, source: _Source, kind: Kind, test: Callable[..., Any], exact: bool
) -> Callable[..., Any]:
    return _built(stream, source.make, source.functions, kind, test, exact)


@cache
def _built(
    stream: Stream,
    make: Callable[..., Any],
    own: tuple[Callable[..., Any], ...],
    kind: Kind,
    test: Callable[..., Any],
    exact: bool,
) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    leap = generator.leap.apply if kind.leaping and generator.leap is not None else no_leap
    return build_kernel(
        (exact_scan_factory if exact else count_scan_factory)(kind),
        make,
        row_decider,
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
        leap,
        test,
        *own,
    )


@cache
def _draw_kernel(stream: Stream) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        draw_scan_factory(bounding.words),
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )
