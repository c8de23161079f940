"""Scans find exactly the seeds that brute force through the readable reference finds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.generators import Stream, compiled, find_preset, reference
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO, PHP_RANGE
from seedfleet.generators.catalogue import generators
from seedfleet.sieve import CpuBackend, Hits, Leg, Rows, constant_skip_positions
from seedfleet.sieve.testing import scanned

_XORSHIFT, _JAVA, _MT19937 = (
    generators()[name] for name in ("xorshift32", "java.util.Random", "mt19937")
)
_STREAMS = {
    stream.name: stream
    for stream in (
        Stream(_XORSHIFT, MODULO),
        Stream(_JAVA, JAVA_NEXT_INT),
        Stream(generators()["java_lcg"], MODULO),
        Stream(_MT19937, PHP_RANGE),
    )
}
# The first seeds, where a signed word ends, and the last ones; no multiple of any number of lanes.
_RANGES = (range(31), range(2**31 - 15, 2**31 + 16), range(2**64 - 31, 2**64))


def table(hits: Hits) -> list[tuple[int, ...]]:
    columns = zip(hits.seeds.tolist(), hits.rows.tolist(), hits.matches.tolist(), strict=True)
    return [(seed, row, *matches) for seed, row, matches in columns]


@st.composite
def questions(draw: st.DrawFn, stream: Stream, seeds: range) -> Rows:
    """Ask for what seeds of the range give; half of the first legs need every draw."""
    modulus = draw(st.sampled_from([10, 1000, 3 * 2**29]))
    depth, reach = draw(st.integers(1, 5)), draw(st.sampled_from([6, 40, 240]))
    choice = st.lists(st.integers(0, reach), min_size=depth, max_size=depth, unique=True)
    positions = [sorted(draw(choice)) for _ in range(draw(st.integers(1, 40)))]
    chosen = [draw(st.sampled_from(seeds)) for _ in positions]
    values = [
        reference.at_positions(stream, seed, modulus, row)
        for seed, row in zip(chosen, positions, strict=True)
    ]
    first = draw(st.integers(1, depth))
    legs = [Leg(first, draw(st.just(first) | st.integers(0, first)))]
    if first < depth:
        legs.append(Leg(depth - first, draw(st.integers(0, depth - first))))
    return Rows(np.array(positions), np.array(values), modulus, tuple(legs))


@pytest.mark.slow
@pytest.mark.parametrize("name", _STREAMS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_scan_equals_brute_force_however_the_range_is_cut(name: str, data: st.DataObject) -> None:
    stream, seeds = _STREAMS[name], data.draw(st.sampled_from(_RANGES))
    rows = data.draw(questions(stream, seeds))
    hits = CpuBackend(1).scan(stream, rows, seeds)
    assert table(hits) == scanned(stream, rows, seeds)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(seeds)), max_size=3)))
    shards = [seeds[a:b] for a, b in pairwise([0, *cuts, len(seeds)])]
    parts = [
        CpuBackend(2).scan(stream, rows, shard) for shard in data.draw(st.permutations(shards))
    ]
    assert sorted(pair for part in parts for pair in table(part)) == table(hits)
    assert sum(part.tested for part in parts) == hits.tested == len(seeds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slug", "needed"),
    [
        ("pcg32", 3),
        ("philox4x32", 2),
        ("sfc64", 3),
        ("xoshiro256pp", 2),
        ("numpy_default_rng", 3),
        ("java_next_double", 3),
        ("php_mt_rand_520", 3),
        ("php_mt_rand_521", 3),
    ],
)
def test_wide_words_many_registers_and_other_twists(slug: str, needed: int) -> None:
    stream, modulus, places = find_preset(slug).stream, 10, [[0, 2, 5], [1, 3, 4]]
    for seeds in _RANGES:
        values = [reference.at_positions(stream, seeds[7], modulus, row) for row in places]
        legs = (Leg(3, needed),)
        rows = Rows(np.array(places), np.array(values), modulus, legs)
        assert table(CpuBackend(1).scan(stream, rows, seeds)) == scanned(stream, rows, seeds)


@pytest.mark.slow
@pytest.mark.parametrize("needed", [1, 2])
def test_more_hits_than_room_over_several_blocks(needed: int) -> None:
    # A quarter or three quarters of all seeds hold, far more than a block has room for at first.
    stream, seeds = _STREAMS["xorshift32 / word % m"], range(5, 5 + 2**21 + 77)
    rows = Rows(np.array([[0, 3]]), np.array([[1, 1]]), 2, (Leg(2, needed),))
    reports: list[int] = []
    hits = CpuBackend(2).scan(stream, rows, seeds, progress=reports.append)
    state = _XORSHIFT.seed_state(np.arange(seeds.start, seeds.stop, dtype=np.uint64))
    states = [state := _XORSHIFT.step(state) for _ in range(4)]
    matches = (states[0] % 2).astype(int) + states[3] % 2
    expected = np.flatnonzero(matches >= needed)
    assert np.array_equal(hits.seeds, expected + seeds.start)
    assert np.array_equal(hits.matches[:, 0], matches[expected])
    assert reports == sorted(reports)
    assert reports[-1] == hits.tested == len(seeds)


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["xorshift32", "sfc64"])
@pytest.mark.parametrize("seeds", _RANGES, ids=["first", "middle", "last"])
def test_one_row_from_word_0_on(slug: str, seeds: range) -> None:
    # Nothing is stepped over, so no state is kept; modulo 100 one draw alone sets the flags.
    stream, positions = find_preset(slug).stream, [0, 1, 5]
    for seed in (seeds[0], seeds[17], seeds[-1]):
        wanted = reference.at_positions(stream, seed, 100, positions)
        rows = Rows.exact(np.array([positions]), np.array([wanted]), 100)
        found = table(CpuBackend(1).scan(stream, rows, seeds))
        assert (seed, 0, 3) in found
        assert found == scanned(stream, rows, seeds)


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["numpy_randint", "java_next_int", "numpy_philox"])
def test_words_rejected_anywhere_lose_no_seed(slug: str) -> None:
    # One word in forty is rejected modulo 1000 by the mask, one in ten modulo 1932735270 by
    # the others: before the first draw, between two that the lanes look at, and behind them.
    stream, modulus = find_preset(slug).stream, 1000 if slug == "numpy_randint" else 1_932_735_270
    seeds, positions = range(5000, 5032), 5 + 3 * np.arange(6)
    values = [reference.at_positions(stream, seed, modulus, positions.tolist()) for seed in seeds]
    rows = Rows.exact(np.array([positions] * len(seeds)), np.array(values), modulus)
    hits = CpuBackend(1).scan(stream, rows, seeds)
    assert {(seed, row) for seed, row, _ in table(hits)} >= {
        (seed, row) for row, seed in enumerate(seeds)
    }


@pytest.mark.slow
@pytest.mark.parametrize("skip", [0, 3])
def test_thousands_of_draws_under_a_low_threshold(skip: int) -> None:
    stream, seed, count = _STREAMS["java_lcg / word % m"], 2**40 + 12345, 3000
    positions = constant_skip_positions(count, skip)
    values, _ = compiled.at_positions(stream, seed, 1000, positions)
    kept = np.random.default_rng(3).random(count) < 0.02
    values = np.where(kept, values, (values + 1) % 1000)
    rows = Rows(positions[np.newaxis], values[np.newaxis], 1000, (Leg(count, 30),))
    hits = CpuBackend().scan(stream, rows, range(seed - 1500, seed + 1500))
    assert (seed, 0) in {pair[:2] for pair in table(hits)}
    assert hits.matches[hits.seeds == seed].tolist() == [[int(kept.sum())]]


@pytest.mark.slow
@pytest.mark.parametrize("name", _STREAMS)
@pytest.mark.parametrize("needed", [2, 3])
def test_positions_far_out(name: str, needed: int) -> None:
    stream, seed = _STREAMS[name], 2**32 - 5
    positions = np.array([10**6, 10**6 + 1, 10**6 + 50_000])
    values, _ = compiled.at_positions(stream, seed, 1000, positions)
    rows = Rows(positions[np.newaxis], values[np.newaxis], 1000, (Leg(3, needed),))
    hits = CpuBackend().scan(stream, rows, range(seed - 2, seed + 2))
    assert table(hits) == [(seed, 0, 3)]


def test_an_empty_range_is_decided_at_once() -> None:
    stream = _STREAMS["xorshift32 / word % m"]
    hits = CpuBackend().scan(stream, Rows.exact(np.array([[0]]), np.array([[1]]), 10), range(7, 7))
    assert (table(hits), hits.tested) == ([], 0)
    assert hits.matches.shape == (0, 1)


@pytest.mark.parametrize(
    ("positions", "values", "message"),
    [
        ([[0, 1]], [[1]], "equal"),
        ([0, 1], [1, 2], "equal"),
        ([[]], [[]], "at least one position"),
        ([[-1, 0]], [[1, 2]], "none below 0"),
        ([[3, 3]], [[1, 2]], "increase"),
        ([[3, 2]], [[1, 2]], "increase"),
        ([[0]], [[-1]], r"\[0, 1000\)"),
        ([[0]], [[1000]], r"\[0, 1000\)"),
    ],
)
def test_rows_that_a_kernel_would_misread_are_refused(
    positions: list[object], values: list[object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Rows.exact(np.array(positions, np.int64), np.array(values, np.int64), 1000)


@given(count=st.integers(0, 50), skip=st.integers(0, 20), offset=st.integers(0, 20))
def test_positions_of_a_constant_skip(count: int, skip: int, offset: int) -> None:
    expected, position = [], offset - 1
    for _ in range(count):
        position += skip + 1
        expected.append(position)
    assert constant_skip_positions(count, skip, offset=offset).tolist() == expected
