"""A sieve lets through the true seed, and exactly what brute force lets through."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.generators import Stream, find_preset, reference
from seedfleet.sieve import (
    ConstantSkip,
    CpuBackend,
    Direction,
    Hits,
    Question,
    TooManyHitsError,
    VariableSkip,
    sieve,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.sieve import Rows, Survivors

XORSHIFT = find_preset("xorshift32").stream
STREAMS = {slug: find_preset(slug).stream for slug in ("xorshift32", "minstd", "java_lcg")}
SEEDS = range(1000, 1200)
OUTPUTS = 160


@cache
def outputs(stream: Stream, modulus: int) -> NDArray[np.int64]:
    """Return the draws of all SEEDS by the readable reference, shape (seeds, OUTPUTS)."""
    return np.array(
        [list(islice(reference.draws(stream, seed, modulus), OUTPUTS)) for seed in SEEDS]
    )


def brute_force(question: Question) -> list[tuple[int, int, int, int, int]]:
    """Decide every seed and alignment from the words of the domain alone."""
    drawn = outputs(question.stream, question.modulus)
    start, size = question.window_start, question.window_size or len(question.draws)
    half = (size + 1) // 2
    parts = {"forward": range(start, start + half), "reverse": range(start + half, start + size)}
    found = []
    for offset, skip, _ in question.alignments:
        matches, passes = {}, np.ones(len(SEEDS), dtype=bool)
        for part, index in parts.items():
            positions = [offset + skip + i * (skip + 1) for i in index]
            hits = (drawn[:, positions] == question.draws[list(index)]).sum(axis=1)
            decides = question.direction.value in (part, "bidirectional")
            matches[part] = hits if decides else np.full(len(SEEDS), -1)
            if decides:
                passes &= hits / len(positions) >= getattr(question, f"{part}_threshold")
        found += [
            (SEEDS[at], offset, skip, int(matches["forward"][at]), int(matches["reverse"][at]))
            for at in np.flatnonzero(passes)
        ]
    return sorted(found)


def rows(survivors: Survivors) -> list[tuple[int, int, int, int, int]]:
    return [
        (seed, offset, least, forward, reverse)
        for seed, offset, least, most, forward, reverse in survivors.table.tolist()
        if least == most
    ]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Ask for draws that one of the seeds gives, some of them recorded wrong."""
    stream = STREAMS[draw(st.sampled_from(sorted(STREAMS)))]
    modulus = draw(st.sampled_from([2, 3, 10, 1000]))
    offset, skip = draw(st.integers(0, 9)), draw(st.integers(0, 4))
    count = draw(st.integers(2, 24))
    drawn = outputs(stream, modulus)[draw(st.integers(0, len(SEEDS) - 1))]
    values = drawn[offset + skip + np.arange(count) * (skip + 1)].copy()
    for wrong in draw(st.lists(st.integers(0, count - 1), max_size=3)):
        values[wrong] = (values[wrong] + 1) % modulus
    start = draw(st.integers(0, count - 2))
    share = st.sampled_from([0.0, 0.01, 1 / 3, 0.5, 0.7, 1.0])
    return Question(
        stream,
        values,
        modulus,
        ConstantSkip(range(max(0, skip - 1), skip + 2)),
        offsets=range(max(0, offset - 1), offset + 2),
        window_start=start,
        window_size=draw(st.integers(2, count - start)),
        forward_threshold=draw(share),
        reverse_threshold=draw(share),
        direction=draw(st.sampled_from(list(Direction))),
    )


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(questions())
def test_survivors_are_those_of_brute_force(question: Question) -> None:
    survivors = sieve(question, SEEDS)
    assert rows(survivors) == brute_force(question)
    assert survivors.requested == survivors.tested == len(SEEDS)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(questions(), st.integers(0, len(SEEDS)))
def test_a_range_in_two_parts_gives_what_the_whole_gives(question: Question, at: int) -> None:
    parts = [sieve(question, SEEDS[:at]), sieve(question, SEEDS[at:])]
    assert [row for part in parts for row in rows(part)] == rows(sieve(question, SEEDS))
    assert sum(part.tested for part in parts) == len(SEEDS)


@st.composite
def planted(draw: st.DrawFn) -> tuple[Question, int, tuple[int, int, int]]:
    """Plant a seed at an alignment; other sessions' draws stand between and are filtered out."""
    stream = STREAMS[draw(st.sampled_from(sorted(STREAMS)))]
    seed = draw(st.integers(1, 2**31 - 3))
    offset, least = draw(st.integers(0, 300)), draw(st.integers(0, 5))
    most = least + draw(st.integers(0, 3))
    count = draw(st.integers(8, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    gaps = rng.integers(least + 1, most + 2, size=count)
    positions = offset - 1 + np.cumsum(gaps)
    evening = np.array(reference.at_positions(stream, seed, 1000, positions.tolist()))
    day = np.column_stack([rng.integers(1000, size=count), evening]).reshape(-1)
    start = draw(st.integers(0, count - 2))
    question = Question(
        stream,
        day[np.arange(2 * count) % 2 == 1],
        1000,
        ConstantSkip(range(least, least + 1)) if least == most else VariableSkip(least, most),
        offsets=range(offset, offset + draw(st.integers(1, 3))),
        window_start=start,
        window_size=draw(st.integers(2, count - start)),
        direction=draw(st.sampled_from(list(Direction))),
    )
    return question, seed, (offset, least, most)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(planted())
def test_the_true_seed_passes(case: tuple[Question, int, tuple[int, int, int]]) -> None:
    question, seed, alignment = case
    survivors = sieve(question, range(seed - 1, seed + 2))
    passed = survivors.table[["seed", "offset", "skip_min", "skip_max"]].tolist()
    assert (seed, *alignment) in passed
    full = survivors.table[passed.index((seed, *alignment))]
    if question.direction is not Direction.REVERSE:
        assert full["forward_matches"] == len(question.forward)
    if question.direction is not Direction.FORWARD:
        assert full["reverse_matches"] == len(question.reverse)


@pytest.mark.slow
@pytest.mark.parametrize("direction", list(Direction))
def test_a_window_of_3000_draws_with_a_threshold_of_one_in_a_hundred(direction: Direction) -> None:
    seed, skip, wrong = 987654321, 2, 0.95
    rng = np.random.default_rng(8)
    positions = 4 + skip + np.arange(3200) * (skip + 1)
    draws = np.array(reference.at_positions(XORSHIFT, seed, 1000, positions.tolist()))
    lost = rng.random(3200) < wrong
    draws[lost] = rng.integers(1000, size=int(lost.sum()))
    question = Question(
        XORSHIFT,
        draws,
        1000,
        ConstantSkip(range(4)),
        offsets=range(6),
        window_start=100,
        window_size=3000,
        forward_threshold=0.01,
        reverse_threshold=0.01,
        direction=direction,
    )
    assert question.legs[0] == question.legs[-1]
    assert (question.legs[0].draws, question.legs[0].needed) == (1500, 15)
    table = sieve(question, range(seed - 40, seed + 40)).table
    assert table[["seed", "offset", "skip_min"]].tolist() == [(seed, 4, skip)]
    kept = draws == np.array(reference.at_positions(XORSHIFT, seed, 1000, positions.tolist()))
    if direction is not Direction.REVERSE:
        assert table["forward_matches"] == kept[100:1600].sum()
    if direction is not Direction.FORWARD:
        assert table["reverse_matches"] == kept[1600:3100].sum()


def one_draw(**asked: Any) -> Question:
    """Ask for so little that every 10th seed passes at each alignment."""
    plain = {"stream": XORSHIFT, "draws": np.array([3, 5]), "modulus": 10}
    plain |= {"skips": ConstantSkip(range(2)), "direction": Direction.FORWARD}
    return Question(**{**plain, **asked})


class _Forgetful(CpuBackend):
    """Gives up some seeds of each batch, as a machine that broke would."""

    def __init__(self, missing: list[int]) -> None:
        super().__init__(1)
        self._missing = missing

    def scan(self, stream: Stream, rows: Rows, seeds: range, **asked: Any) -> Hits:
        hits = super().scan(stream, rows, seeds, **asked)
        return Hits(hits.seeds, hits.rows, hits.matches, hits.tested - self._missing.pop(0))


def test_seeds_that_any_batch_missed_are_never_counted_as_tested() -> None:
    draws = np.zeros(3000, dtype=np.int64)
    question = one_draw(draws=draws, skips=ConstantSkip(range(700)))
    assert len(list(question.batches())) == 2
    survivors = sieve(question, range(1, 101), backend=_Forgetful([7, 5]))
    assert (survivors.requested, survivors.tested) == (100, 88)


def test_more_than_there_is_room_for_is_refused_with_the_room_that_there_was() -> None:
    passed = len(sieve(one_draw(), range(1, 2001)).table)
    assert passed > 300
    assert len(sieve(one_draw(), range(1, 2001), room=passed).table) == passed
    with pytest.raises(TooManyHitsError) as caught:
        sieve(one_draw(), range(1, 2001), room=passed - 1)
    assert caught.value.room == passed - 1


def test_the_room_is_one_for_all_batches() -> None:
    draws = np.zeros(3000, dtype=np.int64)
    question = one_draw(draws=draws, skips=ConstantSkip(range(700)), forward_threshold=0.0)
    assert [len(batch) for batch in question.batches()] == [699, 1]
    with pytest.raises(TooManyHitsError, match="more than 1399 pairs") as caught:
        sieve(question, range(2), room=1399)
    assert caught.value.room == 1399
    assert len(sieve(question, range(2), room=1400).table) == 1400


def test_no_seeds_are_no_survivors() -> None:
    survivors = sieve(one_draw(), range(5, 5))
    assert (survivors.requested, survivors.tested, len(survivors.table)) == (0, 0, 0)


def test_progress_rises_to_the_end() -> None:
    told: list[float] = []
    sieve(one_draw(), range(1000), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
