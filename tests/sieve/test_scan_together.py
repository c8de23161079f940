"""Several scans in one pass find what each finds by itself; back ends that do not are found out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seedfleet.generators import Stream, compiled, generators
from seedfleet.generators.boundings import (
    BIT_COUNT,
    FLOOR_27_26,
    JAVA_NEXT_INT_DIGITS,
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
from seedfleet.sieve._early_plan import EarlyQuestion
from seedfleet.sieve._plans import passes
from seedfleet.sieve.testing import BrokenLawError, check_scan, check_together

_GLIBC = generators()["glibc random TYPE_3"]
_MT19937 = generators()["mt19937"]
_STREAMS = [Stream(_GLIBC, bounding) for bounding in (MODULO, FLOOR_27_26, MASK)]
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
    check_scan(CpuBackend, asked=[_STREAMS[2], Stream(_GLIBC, JAVA_NEXT_INT_DIGITS), by_array])


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
