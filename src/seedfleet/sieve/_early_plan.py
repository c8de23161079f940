"""Questions about one generator in one pass: its first words, made once and sifted for each.

A question is fit for it where a seed ends with the first miss and the words that leave next to no
seed lie among those that the generator's `EarlyWords` has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.compiled import build_kernel
from seedfleet.generators.definition import never
from seedfleet.sieve._decide import row_decider
from seedfleet.sieve._early_scan import Sifting, decision_factory, sift_factory
from seedfleet.sieve._lanes import no_leap
from seedfleet.sieve._word_tests import WordTests, word_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Bounding, Generator, Stream
    from seedfleet.generators.algebra import EarlyWords
    from seedfleet.sieve._blocks import Found
    from seedfleet.sieve.rows import Rows

__all__ = ["EarlyQuestion", "early_fill"]

_SELECTIVE = 1000  # of so many seeds for each row, one is decided from its seed on, or fewer
_MOST_ROWS = 64  # the flags of so many rows, a chunk of seeds each, stay in the caches
_FLAGGED = 8  # seeds for each row and flag, or more
_DEVIATIONS = 3  # of the number of rejected words, that the words made allow for
_RARELY = 1e-4  # rejected words: such seeds are decided from their start
_BUFFER = 2**18  # words that lie ready at once; they stay in the second-level cache
_LEAST_LANES, _MOST_LANES = 2**11, 2**15


@dataclass(frozen=True)
class EarlyQuestion:
    """A stream and rows, and how much of each row the early words show.

    Attributes
    ----------
    stream, rows
        What is asked.
    radix, parts
        Layout of the stream's draws.
    shown
        Draws of each row that are looked at among the early words.
    """

    stream: Stream
    rows: Rows
    radix: int
    parts: int
    shown: int

    @classmethod
    def of(cls, stream: Stream, rows: Rows) -> EarlyQuestion | None:
        """Return the question, or None where another kernel has to answer it."""
        early, layout = stream.generator.early, stream.bounding.layout(rows.modulus)
        leg = rows.legs[0]
        if early is None or layout is None or leg.needed < leg.draws or len(rows) > _MOST_ROWS:
            return None
        shown, left = 1, rows.modulus
        while shown < leg.draws and left < _SELECTIVE * (len(rows) + 1):
            shown, left = shown + 1, left * rows.modulus
        made = cls(stream, rows, *layout, shown)
        return made if made.lines[-1] < early.count else None

    @property
    def rejection(self) -> float:
        """The share of words that are thrown away."""
        return self.stream.bounding.rejection(self.radix)

    @property
    def places(self) -> NDArray[np.int64]:
        """Parts before each part that is shown, shape (n_rows, parts shown)."""
        first = self.rows.positions[:, : self.shown, np.newaxis] * self.parts
        return (first + np.arange(self.parts)).reshape(len(self.rows), -1)

    @property
    def lines(self) -> NDArray[np.int64]:
        """Positions of the words that are needed, ascending."""
        if self.rejection > 0:
            return np.arange(_words_for(int(self.places.max()) + 1, self.rejection))
        words = self.stream.bounding.words
        needed = self.places.reshape(-1, 1) * words + np.arange(words)
        return np.unique(needed)

    def sifter(self, lines: NDArray[np.int64]) -> _Sifter:
        """Make ready what answers the question from words at the positions `lines`."""
        digits = _digits(self.rows.values[:, : self.shown], self.radix, self.parts)
        generator, bounding = self.stream.generator, self.stream.bounding
        tests = word_tests(bounding, generator.output_bits, self.radix, digits)
        able = np.flatnonzero(tests.possible.all(axis=1))
        last = int(self.places.max()) + 1
        scattered = _words_for(last, self.rejection) > last
        sifting = Sifting(bounding.words, tests.direct, self.rejection > 0, scattered)
        return _Sifter(self, sifting, tests, able[np.argsort(self.places[able, 0])], lines)


@dataclass(frozen=True)
class _Sifter:
    """A question with its kernels' arguments; `able` are the rows that can hold at all."""

    question: EarlyQuestion
    sifting: Sifting
    tests: WordTests
    able: NDArray[np.int64]
    lines: NDArray[np.int64]

    def bound(self, number: int) -> Callable[..., int]:
        """Return ``sift(first, words, hits)``, which reports row i as row ``number + i``."""
        asked, able = self.question, self.able
        stream, tests = asked.stream, self._tests()
        sift = _sift_kernel(stream.bounding, self.sifting, self.tests.test)
        decide = _decision_kernel(stream)
        none = np.zeros((1, 1), np.uint64)
        legs = np.array([(leg.draws, leg.needed) for leg in asked.rows.legs], dtype=np.int64)
        about = asked.rows.positions[able], asked.rows.values[able], none, none, legs
        bounds = asked.radix, asked.parts, able + number

        def answer(first: np.uint64, words: NDArray[Any], hits: Found) -> int:
            lanes, rows = _picked(sift, words, tests)
            if len(lanes) == 0:
                return 0
            return int(decide(first, lanes, rows, about, bounds, hits))

        return answer

    def _tests(self) -> tuple[Any, ...]:
        places, low, high = (
            table[self.able] for table in (self.question.places, self.tests.low, self.tests.high)
        )
        if not self.sifting.checking:
            places = np.searchsorted(self.lines, places * self.sifting.words)
        gaps = np.flatnonzero(self.lines != np.arange(len(self.lines)))
        layout = self.question.radix, int(gaps[0]) if len(gaps) else len(self.lines)
        checks = self._checks(places, low, high, layout[1])
        return places, checks, low, high, self.tests.shared, layout

    def _checks(
        self, places: NDArray[np.int64], low: NDArray[Any], high: NDArray[Any], lines: int
    ) -> tuple[Any, ...]:
        """Return the parts of each row that lanes are flagged by, in the order of their places."""
        looked, left = 1, self.question.radix
        while looked < places.shape[1] and left < _FLAGGED * len(places):
            looked, left = looked + 1, left * self.question.radix
        flat = places[:, :looked].reshape(-1)
        order = np.argsort(flat, kind="stable")
        lows, first, values = np.unique(low[:, :looked], return_index=True, return_inverse=True)
        wanted = lows, high[:, :looked].reshape(-1)[first]
        lines = min(lines, _words_for(int(flat.max()) + 1, self.question.rejection))
        return flat[order], order // looked, values.reshape(-1)[order], wanted, lines


def early_fill(questions: Sequence[EarlyQuestion]) -> Callable[[range, Found], int]:
    """Return what fills in the hits of a block of seeds, for questions about one generator.

    The rows of the second question are numbered after those of the first, and so on.
    """
    generator = questions[0].stream.generator
    lines = np.unique(np.concatenate([question.lines for question in questions]))
    sifters = [question.sifter(lines) for question in questions]
    numbers = np.cumsum([0, *(len(question.rows) for question in questions)]).tolist()
    answers = [
        sifter.bound(number)
        for sifter, number in zip(sifters, numbers, strict=False)
        if len(sifter.able)
    ]
    make = _fill_kernel(generator)
    size = min(max(_BUFFER // len(lines), _LEAST_LANES), _MOST_LANES)

    def fill(block: range, hits: Found) -> int:
        found, length = 0, block.stop - block.start
        words = np.empty((len(lines), min(size, length)), _word_type(generator))
        for base in range(0, length if answers else 0, size):
            first, lanes = np.uint64(block.start + base), words[:, : min(size, length - base)]
            lanes = np.ascontiguousarray(lanes)
            make(first, lines, lanes)
            found = _joined(answers, first, lanes, hits, found)
        return found

    return fill


def _joined(
    answers: Sequence[Callable[..., int]],
    first: np.uint64,
    words: NDArray[Any],
    hits: Found,
    found: int,
) -> int:
    """Add the hits of some seeds, put into order, to those found before; return how many now."""
    begin, room = found, len(hits[0])
    for answer in answers:
        found += answer(first, words, tuple(array[min(found, room) :] for array in hits))
    if begin < found <= room:
        order = begin + np.lexsort((hits[1][begin:found], hits[0][begin:found]))
        for array in hits:
            array[begin:found] = array[order]
    return found


def _picked(
    sift: Callable[..., int], words: NDArray[Any], tests: tuple[Any, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lanes and rows that the words leave, whatever their number."""
    size = 256
    while True:
        lanes, rows = np.empty(size, np.int64), np.empty(size, np.int64)
        found = int(sift(words, tests, (lanes, rows)))
        if found <= size:
            return lanes[:found], rows[:found]
        size = found


def _words_for(parts: int, rejection: float) -> int:
    """Return how many words nearly always have so many that are not rejected."""
    if parts * rejection < _RARELY:
        return parts
    spread = _DEVIATIONS * math.sqrt(parts * rejection)
    return math.ceil((parts + spread) / (1 - rejection))


def _digits(values: NDArray[np.int64], radix: int, parts: int) -> NDArray[np.int64]:
    """Return the parts of each draw, most significant first, side by side."""
    weights = radix ** np.arange(parts - 1, -1, -1, dtype=np.int64)
    return (values[:, :, np.newaxis] // weights % radix).reshape(len(values), -1)


def _word_type(generator: Generator) -> type[np.uint32 | np.uint64]:
    return np.uint64 if generator.output_bits > 32 else np.uint32


@cache
def _fill_kernel(generator: Generator) -> Callable[..., Any]:
    early: EarlyWords | None = generator.early
    if early is None:
        raise ValueError(f"{generator.name} has no early words")
    return build_kernel(early.factory, *early.functions)


@cache
def _sift_kernel(
    bounding: Bounding, sifting: Sifting, test: Callable[..., Any]
) -> Callable[..., Any]:
    rejects = bounding.rejects if sifting.checking else never  # which names the kernels apart
    return build_kernel(sift_factory(sifting), bounding.value, rejects, test)


@cache
def _decision_kernel(stream: Stream) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        decision_factory(bounding.words),
        row_decider,
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
        no_leap,
    )
