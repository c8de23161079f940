"""Walks find exactly what trying every path of gaps finds, on the readable reference."""

import dataclasses
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.generators import Stream, reference
from seedfleet.generators.boundings import FLOOR_26_27, FLOOR_32, MASK, MODULO
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.generators.families.xorshift32 import XORSHIFT32
from seedfleet.sieve import (
    CpuBackend,
    Direction,
    Hits,
    Leg,
    Question,
    Rows,
    TooManyHitsError,
    VariableSkip,
    Walk,
    sieve,
)


def _three_words(seed: Any) -> Any:
    return np.uint32(seed), np.uint32(seed >> np.uint64(32)), np.uint32(88675123)


def _step_of_three(state: Any) -> Any:
    one, two, three = state
    one = np.uint32(one ^ (one << np.uint32(11)))
    return two, three, np.uint32(three + (one ^ (one >> np.uint32(8))))


def _last_word(state: Any) -> Any:
    return state[2]


TUPLE_STATE = dataclasses.replace(
    XORSHIFT32,
    name="three words",
    seed_state=_three_words,
    step=_step_of_three,
    output=_last_word,
)
# A whole word, a mask that rejects, two words for a draw, and states that are no single word.
STREAMS = {
    "plain": Stream(XORSHIFT32, MODULO),
    "rejecting": Stream(XORSHIFT32, MASK),
    "two words": Stream(XORSHIFT32, FLOOR_26_27),
    "tuple state": Stream(TUPLE_STATE, FLOOR_32),
    "array state": Stream(MT19937, MODULO),
}
Found = dict[tuple[int, int], tuple[int, ...]]


@cache
def drawn(stream: Stream, seed: int, modulus: int) -> tuple[int, ...]:
    return tuple(islice(reference.draws(stream, seed, modulus), 60))


def by_all_paths(seen: tuple[int, ...], walk: Walk, row: int) -> tuple[int, ...] | None:
    """Follow every path by itself; return the most matches of each leg, or None."""
    first, last = (int(each) for each in walk.starts[row])
    best = [-1] * len(walk.legs)
    ends = {(leg_end(walk, leg) - 1): leg for leg in range(len(walk.legs))}

    def follow(index: int, position: int, matches: int) -> None:
        matches += seen[position] == walk.values[index]
        if index in ends:
            leg = ends[index]
            if matches < walk.legs[leg].needed:
                return
            best[leg] = max(best[leg], matches)
            matches = 0
        if index + 1 < len(walk.values):
            for gap in range(walk.least_gap, walk.most_gap + 1):
                follow(index + 1, position + gap, matches)

    for start in range(first, last + 1):
        follow(0, start, 0)
    return tuple(best) if best[-1] >= 0 else None


def leg_end(walk: Walk, leg: int) -> int:
    return sum(each.draws for each in walk.legs[: leg + 1])


def by_brute_force(stream: Stream, walk: Walk, seeds: range) -> Found:
    results = {
        (seed, row): by_all_paths(drawn(stream, seed, walk.modulus), walk, row)
        for seed in seeds
        for row in range(len(walk))
    }
    return {pair: matches for pair, matches in results.items() if matches is not None}


def as_found(hits: Hits) -> Found:
    pairs = list(zip(hits.seeds.tolist(), hits.rows.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    return dict(zip(pairs, (tuple(each) for each in hits.matches.tolist()), strict=True))


@st.composite
def walks(draw: st.DrawFn, stream: Stream, seeds: range, *, moduli: tuple[int, ...]) -> Walk:
    """Ask for what a seed of the range gives along some path, sometimes with a draw changed."""
    modulus = draw(st.sampled_from(moduli))
    least = draw(st.integers(1, 3))
    most = least + draw(st.integers(0, 2))
    lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))
    legs = tuple(Leg(length, draw(st.integers(0, length))) for length in lengths)
    if draw(st.booleans()):
        legs = (Leg(lengths[0], lengths[0]), *legs[1:])
    start = draw(st.integers(0, 12))
    rows = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    starts = [(start + shift, start + shift + draw(st.integers(0, 3))) for shift in rows]
    gaps = st.integers(least, most)
    position = draw(st.integers(*starts[0]))
    path = [position]
    for _ in range(sum(lengths) - 1):
        path.append(path[-1] + draw(gaps))
    seen = drawn(stream, draw(st.sampled_from(seeds)), modulus)
    values = np.array([seen[position] for position in path])
    if draw(st.integers(0, 2)) == 0:
        values[draw(st.integers(0, len(values) - 1))] = draw(st.integers(0, modulus - 1))
    return Walk(np.array(starts), values, modulus, least, most, legs)


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=50)
@given(data=st.data())
def test_a_walk_equals_every_path_tried(name: str, data: st.DataObject) -> None:
    stream = STREAMS[name]
    seeds = data.draw(st.sampled_from([range(6), range(2**32 - 4, 2**32), range(2**64 - 4, 2**64)]))
    moduli = (2, 3, 10, 1000) if name == "plain" else (3, 10, 1000)
    walk = data.draw(walks(stream, seeds, moduli=moduli))
    hits = CpuBackend(1).walk(stream, walk, seeds)
    assert hits.tested == len(seeds)
    assert as_found(hits) == by_brute_force(stream, walk, seeds)


@pytest.mark.slow
@settings(max_examples=20)
@given(data=st.data())
def test_one_gap_is_the_scan_of_that_constant_skip(data: st.DataObject) -> None:
    stream = STREAMS[data.draw(st.sampled_from(["plain", "rejecting"]))]
    gap, start = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 5))
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=2))
    legs = tuple(Leg(n, data.draw(st.integers(max(0, n - 2), n))) for n in lengths)
    positions = start + gap * np.arange(sum(lengths), dtype=np.int64)
    values = np.array(drawn(stream, 50, 10))[positions]
    walk = Walk(np.array([[start, start]]), values, 10, gap, gap, legs)
    rows = Rows(positions[None], values[None], 10, legs)
    back_end, seeds = CpuBackend(1), range(3000)
    assert as_found(back_end.walk(stream, walk, seeds)) == as_found(
        back_end.scan(stream, rows, seeds)
    )


def planted(stream: Stream, seed: int, *, skips: list[int], modulus: int) -> NDArray[np.int64]:
    positions = np.cumsum(np.array(skips) + 1) - 1
    return np.array(reference.at_positions(stream, seed, modulus, positions.tolist()))


@pytest.mark.slow
@pytest.mark.parametrize("direction", Direction)
@settings(max_examples=15)
@given(data=st.data())
def test_a_planted_path_is_always_found(direction: Direction, data: st.DataObject) -> None:
    stream = STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))]
    least = data.draw(st.integers(0, 3))
    most = least + data.draw(st.integers(0, 8))
    skips = data.draw(st.lists(st.integers(least, most), min_size=12, max_size=20))
    seed = data.draw(st.integers(1, 2**32 - 1))
    question = Question(
        stream,
        planted(stream, seed, skips=skips, modulus=1000),
        1000,
        VariableSkip(least, most),
        window_start=data.draw(st.integers(0, 4)),
        forward_threshold=data.draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])),
        reverse_threshold=data.draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])),
        direction=direction,
    )
    (walk,) = question.batches()
    assert isinstance(walk, Walk)
    hits = CpuBackend(1).walk(stream, walk, range(seed - 1, seed + 2))
    assert as_found(hits)[seed, 0] == tuple(leg.draws for leg in walk.legs)


def test_a_path_of_another_gap_is_not_found() -> None:
    stream = STREAMS["plain"]
    values = planted(stream, 77, skips=[0, 3, 4, 1, 5, 2, 0, 1], modulus=2**31)
    for most, found in ((4, []), (5, [77])):
        walk = Walk(np.array([[0, most]]), values, 2**31, 1, most + 1, (Leg(8, 8),))
        assert CpuBackend(1).walk(stream, walk, range(200)).seeds.tolist() == found


def test_threshold_zero_lets_every_seed_pass_with_its_best_path() -> None:
    stream = STREAMS["plain"]
    values = planted(stream, 9, skips=[1, 0, 2, 2, 0, 1], modulus=10)
    walk = Walk(np.array([[0, 2]]), values, 10, 1, 3, (Leg(3, 0), Leg(3, 0)))
    hits = CpuBackend(1).walk(stream, walk, range(20))
    assert hits.seeds.tolist() == list(range(20))
    assert as_found(hits) == by_brute_force(stream, walk, range(20))
    assert as_found(hits)[9, 0] == (3, 3)


@pytest.mark.slow
def test_a_long_window_of_which_little_is_asked_for() -> None:
    rng = np.random.default_rng(5)
    stream = STREAMS["plain"]
    skips = rng.integers(0, 9, 3000).tolist()
    question = Question(
        stream,
        planted(stream, 4242, skips=skips, modulus=1000),
        1000,
        VariableSkip(0, 8),
        forward_threshold=0.01,
        reverse_threshold=0.01,
    )
    survivors = sieve(question, range(4240, 4245), backend=CpuBackend(1))
    best = {int(each["seed"]): int(each["forward_matches"]) for each in survivors.table}
    assert best[4242] == 1500
    assert all(15 <= matches < 400 for seed, matches in best.items() if seed != 4242)


@pytest.mark.slow
@settings(max_examples=10)
@given(data=st.data())
def test_a_split_range_in_any_order_is_the_whole_range(data: st.DataObject) -> None:
    stream = STREAMS[data.draw(st.sampled_from(["plain", "rejecting"]))]
    skips = data.draw(st.lists(st.integers(0, 6), min_size=5, max_size=5))
    walk = Walk(
        np.array([[0, 6], [2, 8]]),
        planted(stream, 500, skips=skips, modulus=100),
        100,
        1,
        7,
        (Leg(3, 3), Leg(2, 1)),
    )
    seeds = range(20_000)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(seeds)), max_size=4)))
    edges = zip([0, *cuts], [*cuts, len(seeds)], strict=True)
    shards = data.draw(st.permutations([seeds[a:b] for a, b in edges]))
    parts = [as_found(CpuBackend(1).walk(stream, walk, shard)) for shard in shards]
    together = {pair: matches for part in parts for pair, matches in part.items()}
    whole = as_found(CpuBackend(2).walk(stream, walk, seeds))
    assert (500, 0) in whole
    assert sum(map(len, parts)) == len(together)
    assert together == whole


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "rejecting", "tuple state"])
def test_seeds_that_are_sifted_by_the_thousand_are_those_walked_one_by_one(name: str) -> None:
    # Where the first leg may miss, no seed can be sifted out.
    stream = STREAMS[name]
    values = planted(stream, 123_456, skips=[1, 3, 0, 2, 0, 3], modulus=100)
    starts, seeds = np.array([[0, 3], [1, 4]]), range(100_003, 160_000)
    sifted = Walk(starts, values, 100, 1, 4, (Leg(3, 3), Leg(3, 0)))
    fast = as_found(CpuBackend(2).walk(stream, sifted, seeds))
    assert (123_456, 0) in fast
    lenient = dataclasses.replace(sifted, legs=(Leg(3, 2), Leg(3, 0)))
    plain = as_found(CpuBackend(2).walk(stream, lenient, seeds))
    assert len(fast) > 5
    assert fast.keys() == {pair for pair, matches in plain.items() if matches[0] == 3}


def test_more_hits_than_room_are_refused() -> None:
    walk = Walk(np.array([[0, 1]]), np.array([1]), 2, 1, 2, (Leg(1, 0),))
    with pytest.raises(TooManyHitsError, match="more than 99 pairs"):
        CpuBackend(1).walk(STREAMS["plain"], walk, range(100), room=99)
    assert len(CpuBackend(1).walk(STREAMS["plain"], walk, range(100), room=100).seeds) == 100


def test_what_cannot_be_walked_is_refused() -> None:
    walk = Walk(np.array([[0, 1]]), np.array([1]), 2, 1, 2, (Leg(1, 1),))
    with pytest.raises(ValueError, match="contiguous"):
        CpuBackend(1).walk(STREAMS["plain"], walk, range(0, 10, 2))
    odd = dataclasses.replace(MODULO, name="none", layout=lambda _modulus: None)
    with pytest.raises(ValueError, match="none has no modulus 2"):
        CpuBackend(1).walk(Stream(XORSHIFT32, odd), walk, range(10))
