"""Several scans in one pass find what each finds by itself; back ends that do not are found out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.generators import Stream, compiled, generators
from seedfleet.generators.boundings import (
    BIT_COUNT,
    FLOOR_27_26,
    FLOOR_53,
    JAVA_NEXT_INT_DIGITS,
    LEMIRE,
    MASK,
    MODULO,
)
from seedfleet.sieve import (
    DEFAULT_ROOM,
    CpuBackend,
    Hits,
    Leg,
    Rows,
    constant_skip_positions,
    one_by_one,
)
from seedfleet.sieve._blocks import over_blocks
from seedfleet.sieve._early_plan import EarlyQuestion, _fill_kernel
from seedfleet.sieve._plans import _plain, passes
from seedfleet.sieve.testing import BrokenLawError, check_scan, check_together

_GLIBC = generators()["glibc random TYPE_3"]
_MT19937 = generators()["mt19937"]
_STREAMS = [Stream(_GLIBC, bounding) for bounding in (MODULO, FLOOR_27_26, MASK)]
_LUA = Stream(generators()["Lua 5.4 random"], MASK)
_V8 = Stream(generators()["V8 xorshift128+"], FLOOR_53)
_PLANTED = 54321


def planted(stream: Stream, modulus: int, skips: Sequence[int], depth: int = 8) -> Rows:
    """Ask for what one seed gives at the last of the skips."""
    positions = np.array([constant_skip_positions(depth, skip) for skip in skips])
    draws, _ = compiled.at_positions(stream, _PLANTED, modulus, positions[-1])
    return Rows.exact(positions, np.array([draws] * len(skips)), modulus)


def found(hits: Hits) -> list[tuple[int, ...]]:
    table = zip(hits.seeds.tolist(), hits.rows.tolist(), hits.matches.tolist(), strict=True)
    return [(seed, row, *matches) for seed, row, matches in table]


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [10, 1000, 1024])
def test_together_finds_what_each_finds(modulus: int) -> None:
    questions = [(each, planted(each, modulus, range(0, 9, 4), 12)) for each in _STREAMS]
    seeds = range(_PLANTED - 3000, _PLANTED + 3000)
    answers = CpuBackend().scan_together(questions, seeds)
    for (stream, rows), hits in zip(questions, answers, strict=True):
        assert (_PLANTED, 2, 12) in found(hits)
        assert found(hits) == found(CpuBackend().scan(stream, rows, seeds))


def test_questions_about_one_generator_share_a_pass() -> None:
    others = [Stream(generators()["xorshift32"], MODULO), Stream(_MT19937, MASK)]
    questions = [(each, planted(each, 1000, [0])) for each in (*_STREAMS, *others)]
    assert sorted(each.numbers for each in passes(questions)) == [(0, 1, 2), (3,), (4,)]


@pytest.mark.parametrize(
    ("rows", "fit"),
    [
        (planted(_STREAMS[0], 1000, [0]), True),
        (planted(_STREAMS[0], 1000, [400]), True),
        (planted(_STREAMS[0], 1000, [600]), False),  # its second draw is word 1201
        (planted(_STREAMS[0], 1000, range(100)), False),
        (replace(planted(_STREAMS[0], 1000, [0]), legs=(Leg(8, 7),)), False),
        (replace(planted(_STREAMS[0], 1000, [0]), legs=(Leg(4, 4), Leg(4, 1))), True),
    ],
)
def test_what_early_words_answer(rows: Rows, fit: bool) -> None:
    assert (EarlyQuestion.of(_STREAMS[0], rows) is not None) == fit


@pytest.mark.slow
def test_the_processor_keeps_the_contract_together() -> None:
    check_together(CpuBackend, asked=[*_STREAMS, Stream(generators()["xorshift32"], MODULO)])


@pytest.mark.slow
def test_early_words_keep_the_contract_of_scans() -> None:
    by_array = Stream(generators()["mt19937 by array"], BIT_COUNT)
    check_scan(CpuBackend, asked=[_LUA, Stream(_GLIBC, JAVA_NEXT_INT_DIGITS), by_array])


# Modulo 33 nearly half of all words under a mask are rejected, so that many a seed's words run out
# of a window of 32: of those that do not, the draws of the longer skips stand in later windows.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "skips"),
    [
        (_LUA, 33, (0, 3, 20, 60)),
        (_LUA, 10, range(9)),
        (Stream(_GLIBC, MASK), 33, (0, 3, 20, 60)),
        (Stream(_GLIBC, MASK), 10, range(9)),
        (_V8, 33, (0, 3, 63, 90)),
    ],
)
@settings(max_examples=4, deadline=None)
@given(first=st.sampled_from([1, 2**31 - 5000, 2**32 - 20000]) | st.integers(1, 2**32 - 20000))
def test_early_words_find_what_draws_one_by_one_do(
    stream: Stream, modulus: int, skips: Sequence[int], first: int
) -> None:
    rows = planted(stream, modulus, skips, 2)
    assert EarlyQuestion.of(stream, rows) is not None
    seeds = range(first, first + 9000)
    expected = over_blocks(_plain(stream, rows, modulus, 1), seeds, 1, 1, DEFAULT_ROOM, None)
    assert len(expected.seeds) > 0
    assert found(CpuBackend().scan(stream, rows, seeds)) == found(expected)


@pytest.mark.slow
def test_seeds_are_found_behind_a_word_that_is_hardly_ever_rejected() -> None:
    stream, modulus, first = Stream(_MT19937, LEMIRE), 40001, 1
    words = np.empty((1, 2**19), np.uint32)
    _fill_kernel(_MT19937)(np.uint64(first), np.array([0]), words)
    with np.errstate(over="ignore"):
        low = words[0] * np.uint32(modulus)
    (lanes,) = np.nonzero(low < 2**32 % modulus)
    assert 0 < len(lanes) < 20
    for seed in (lanes + first).tolist():
        positions = np.array([constant_skip_positions(4, skip) for skip in (0, 1)])
        draws, _ = compiled.at_positions(stream, seed, modulus, positions[0])
        rows = Rows.exact(positions, np.array([draws] * 2), modulus)
        assert (seed, 0, 4) in found(CpuBackend().scan(stream, rows, range(seed - 9, seed + 9)))


class Broken(CpuBackend):
    """Answer one question after the other, through a fault."""

    changed: Callable[[tuple[Hits, ...]], tuple[Hits, ...]] = staticmethod(lambda hits: hits)

    def scan_together(
        self, questions: Sequence[tuple[Stream, Rows]], seeds: range, **options: Any
    ) -> tuple[Hits, ...]:
        asked = {"room": DEFAULT_ROOM, "progress": None, **options}
        scan = super().scan_together

        def one(stream: Stream, rows: Rows, part: range, **more: Any) -> Hits:
            return scan([(stream, rows)], part, **more)[0]

        return self.changed(one_by_one(one, questions, seeds, **asked))


class TurnsAnswersAround(Broken):
    changed = staticmethod(lambda hits: hits[::-1])


class AnswersTooFew(Broken):
    changed = staticmethod(lambda hits: hits[1:])


class GivesEachItsRoom(Broken):
    def scan_together(self, questions: Any, seeds: range, **options: Any) -> Any:
        room = options.pop("room", DEFAULT_ROOM)
        return super().scan_together(questions, seeds, room=room * 2, **options)


class ForgetsTheQuestionsBefore(Broken):
    def scan_together(self, questions: Any, seeds: range, **options: Any) -> Any:
        progress = options.pop("progress", None)
        told = None if progress is None else lambda tested: progress(tested // 2)
        return super().scan_together(questions, seeds, progress=told, **options)


@pytest.mark.slow
def test_one_by_one_keeps_the_contract() -> None:
    check_together(Broken, asked=[Stream(generators()["xorshift32"], MODULO)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (TurnsAnswersAround, "brute force"),
        (AnswersTooFew, "each question has its hits"),
        (GivesEachItsRoom, "room"),
        (ForgetsTheQuestionsBefore, "progress"),
    ],
)
def test_a_fault_is_named(broken: type[Broken], law: str) -> None:
    with pytest.raises(BrokenLawError, match=law):
        check_together(broken, asked=[Stream(generators()["xorshift32"], MODULO)])
