"""Scan kernels over words that lie ready: which seeds may hold a row, and which of them do.

The words of many seeds come from the generator's `EarlyWords`, row by row. What is asked of them
needs no generator: one kernel for each bounding looks through them, whoever made them. A lane that
holds a row as far as its words show is decided by itself, draw by draw from its seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint8, uint64

from seedfleet.generators.compiled import jitable
from seedfleet.generators.registers import CHUNK
from seedfleet.sieve._early_bits import flagging_accepted
from seedfleet.sieve._exact_scan import next_left
from seedfleet.sieve._lanes import Kind, part_test

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Sifting", "decision_factory", "sift_factory"]

_CHUNK = uint64(CHUNK)


@dataclass(frozen=True)
class Sifting:
    """What of a bounding becomes part of the machine code of a sift.

    Attributes
    ----------
    words
        Output words of a part.
    direct
        Whether a part is compared through the bounding's `value`, for want of a word test.
    checking
        Whether words may be rejected, so that the words before a part say where it stands.
    scattered
        Whether that happens so often that the parts of many seeds stand elsewhere.
    """

    words: int
    direct: bool
    checking: bool
    scattered: bool

    @property
    def kind(self) -> Kind:
        """The same as lanes and decisions are told it."""
        return Kind(
            words=self.words,
            direct=self.direct,
            leaping=False,
            checking=self.checking,
            kept=False,
            immediate=False,
        )


def sift_factory(sifting: Sifting) -> Callable[..., Any]:
    """Return the factory of a kernel that picks out lanes which may hold a row.

    The factory takes the functions ``value, rejects, test``. The kernel takes the words, a 2-d
    array with a line for each position and a lane for each seed; the tests ``(places, checks, low,
    high, shared, layout)``; and the arrays for lanes and rows. It returns how many it found, and
    counts on beyond their length without writing. `places`, shape (n_rows, parts): the line of a
    part's first word, or, where words may be rejected, how many parts come before it. `checks` are
    what lanes are flagged by: ``(places, rows, values, (low, high), lines)``, the first parts of
    all rows by ascending places, each with the number of its test, then those tests, and how many
    lines to look through. `layout`: the radix, and how many lines, from the first on, stand at the
    positions 0, 1, 2, ...
    """

    def factory(
        digest: str,
        value: Callable[..., Any],
        rejects: Callable[..., Any],
        test: Callable[..., Any],
    ) -> Callable[..., Any]:
        matches = part_test(sifting.kind, value, test)
        flag, holds = _flagging(sifting, matches, rejects), _holding(sifting, matches, rejects)

        def kernel(words: Any, tests: Any, found: Any) -> int:
            _ = digest
            lanes, rows = found
            flags = np.zeros((len(tests[0]), CHUNK), uint8)
            eights = flags.view(uint64)
            count = 0
            for base in range(0, words.shape[1], CHUNK):
                width = min(CHUNK, words.shape[1] - base)
                if width < CHUNK:
                    flags[:] = uint8(0)
                flag(words, uint64(base), uint64(width), tests, flags)
                for row in range(len(flags)):
                    lane = next_left(eights[row], flags[row], 0)
                    while lane < width:
                        if holds(words, base + lane, row, tests):
                            if count < len(lanes):
                                lanes[count], rows[count] = base + lane, row
                            count += 1
                        lane = next_left(eights[row], flags[row], lane + 1)
            return count

        return kernel

    return factory


def _flagging(
    sifting: Sifting, matches: Callable[..., Any], rejects: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``flag(words, base, width, tests, flags)``: the first parts of each row."""
    if sifting.scattered:
        return flagging_accepted(matches, rejects)
    return _flagging_in_place(sifting, matches, rejects)


def _holding(
    sifting: Sifting, matches: Callable[..., Any], rejects: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``holds(words, lane, row, tests)``: all parts of a row."""
    return _following(matches, rejects) if sifting.checking else _looking(sifting, matches)


def _flagging_in_place(
    sifting: Sifting, matches: Callable[..., Any], rejects: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``flag(words, base, width, tests, flags)`` for words that are hardly ever rejected.

    A lane that has met a rejected word is flagged from there on: its parts stand elsewhere.
    """
    second, checking = sifting.words - 1, sifting.checking

    @jitable
    def meet(column: Any, radix: Any, forced: Any) -> None:
        for lane in range(len(column)):
            forced[lane] |= uint8(1) if rejects(column[lane], radix) else uint8(0)

    @jitable
    def compare(column: Any, others: Any, test: Any, forced: Any, flags: Any) -> None:
        wanted, shared = test
        for lane in range(len(column)):
            held = matches(column[lane], others[lane], wanted, shared)
            flags[lane] &= uint8(1) if held else forced[lane]

    @jitable
    def flag(words: Any, base: Any, width: Any, tests: Any, flags: Any) -> None:
        (lines, rows, values, (low, high), _last), shared = tests[1], tests[4]
        forced, end, met = np.zeros(CHUNK, uint8), base + width, 0
        flags[:, :width] = uint8(1)
        for check in range(len(lines)):
            at, value = lines[check], values[check]
            if checking:
                while met <= at:
                    meet(words[met, base:end], tests[5][0], forced)
                    met += 1
            test, column = ((low[value], high[value]), shared), words[at, base:end]
            compare(column, words[at + second, base:end], test, forced, flags[rows[check]])

    made: Callable[..., Any] = flag
    return made


def _looking(sifting: Sifting, matches: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``holds`` for words that stand where the parts do."""
    second = sifting.words - 1

    @jitable
    def holds(words: Any, lane: Any, row: Any, tests: Any) -> bool:
        places, _checks, low, high, shared, _layout = tests
        for part in range(1, places.shape[1]):
            at = places[row, part]
            word, other = words[at, lane], words[at + second, lane]
            if not matches(word, other, (low[row, part], high[row, part]), shared):
                return False
        return True

    made: Callable[..., Any] = holds
    return made


def _following(matches: Callable[..., Any], rejects: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``holds`` for words that may be rejected: word after word, as far as they lie here."""

    @jitable
    def holds(words: Any, lane: Any, row: Any, tests: Any) -> bool:
        places, _checks, low, high, shared, (radix, lines) = tests
        accepted, part = 0, 0
        for line in range(lines):
            word = words[line, lane]
            if rejects(word, radix):
                continue
            if accepted == places[row, part]:
                if not matches(word, word, (low[row, part], high[row, part]), shared):
                    return False
                part += 1
                if part == places.shape[1]:
                    return True
            accepted += 1
        return True  # there were too few words to tell

    made: Callable[..., Any] = holds
    return made


def decision_factory(words: int) -> Callable[..., Any]:
    """Return the factory of a kernel that decides the pairs that a sift picked out.

    `words` is the number of output words of a part. The factory takes the maker of decisions and
    the functions ``seed_state, step, output, value, rejects, leap``; the kernel the first seed, the
    lanes and rows, what the decider is asked, and the arrays for hits.
    """
    kind = Sifting(words, direct=False, checking=False, scattered=False).kind

    def factory(
        digest: str, make_decider: Callable[..., Any], *functions: Callable[..., Any]
    ) -> Callable[..., Any]:
        decide = make_decider(kind, *functions)

        def kernel(first: Any, lanes: Any, rows: Any, asked: Any, bounds: Any, hits: Any) -> int:
            _ = digest
            seeds, numbers, counts = hits
            matches = np.zeros(len(asked[4]), np.int32)
            found = 0
            for index in range(len(lanes)):
                seed = first + uint64(lanes[index])
                if decide(seed, rows[index], asked, bounds, matches):
                    if found < len(seeds):
                        seeds[found], numbers[found] = seed, bounds[2][rows[index]]
                        for leg in range(len(matches)):
                            counts[found, leg] = matches[leg]
                    found += 1
            return found

        return kernel

    return factory
