"""Scans find exactly the seeds that brute force through the readable reference finds."""

import dataclasses
from functools import cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.generators import Generator, reference
from seedfleet.generators.families.lcg31 import MINSTD
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.sieve import (
    LAST_POSITION,
    MAX_QUERIES,
    Queries,
    constant_skip_positions,
    scan,
)

# Around 0 and 1, where xorshift32 stands still and minstd's seeds coincide; where a signed word and
# minstd's modulus end; at the last seeds. 150 is no multiple of the lanes that run side by side.
_RANGES = (range(150), range(2**31 - 75, 2**31 + 75), range(2**32 - 150, 2**32))
_SCANNED = {"xorshift32": XORSHIFT32, "minstd": MINSTD, "mt19937": MT19937}


@cache
def words_of(generator: Generator, seeds: range) -> NDArray[np.int64]:
    """Return all words that a scan can look at, shape (seeds, LAST_POSITION + 1)."""
    count = LAST_POSITION + 1
    return np.array([list(islice(reference.words(generator, seed), count)) for seed in seeds])


def brute_force(words: NDArray[np.int64], seeds: range, queries: Queries) -> list[tuple[int, int]]:
    found = []
    for row, (positions, residues) in enumerate(
        zip(queries.positions, queries.residues, strict=True)
    ):
        seen = (words[:, positions] >> queries.dropped_bits) % queries.modulus
        found += [(seeds[i], row) for i in np.flatnonzero((seen == residues).all(axis=1))]
    return sorted(found)


def found_by_scan(
    generator: Generator, queries: Queries, seeds: range, *, workers: int | None = 1
) -> list[tuple[int, int]]:
    result = scan(generator, queries, seeds, workers=workers)
    assert result.tested == len(seeds)
    hits = list(zip(result.seeds.tolist(), result.rows.tolist(), strict=True))
    assert hits == sorted(hits)
    return hits


@st.composite
def planted_queries(draw: st.DrawFn, words: NDArray[np.int64]) -> Queries:
    """Ask for what seeds of the range give, sometimes with one residue changed."""
    modulus = draw(st.sampled_from([2, 3, 10, 125, 1000, 1024, 2**31]))
    dropped = draw(st.integers(0, 3))
    count = draw(st.integers(1, 4))
    depth = draw(st.integers(1, 4))
    rows = []
    for _ in range(count):
        choice = st.lists(st.integers(0, LAST_POSITION), min_size=depth, max_size=depth)
        positions = np.array(sorted(draw(choice.filter(lambda p: len(set(p)) == len(p)))))
        seed = draw(st.integers(0, len(words) - 1))
        residues = (words[seed, positions] >> dropped) % modulus
        if draw(st.integers(0, 3)) == 0:
            residues[-1] = (residues[-1] + 1) % modulus
        rows.append((positions, residues))
    return Queries(
        np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), modulus, dropped
    )


@pytest.mark.slow
@pytest.mark.parametrize("seeds", _RANGES, ids=["first", "middle", "last"])
@pytest.mark.parametrize("name", _SCANNED)
@settings(max_examples=40)
@given(data=st.data())
def test_scan_equals_brute_force(name: str, seeds: range, data: st.DataObject) -> None:
    generator = _SCANNED[name]
    words = words_of(generator, seeds)
    queries = data.draw(planted_queries(words))
    assert found_by_scan(generator, queries, seeds) == brute_force(words, seeds, queries)


@pytest.mark.slow
@pytest.mark.parametrize("name", _SCANNED)
@settings(max_examples=15)
@given(data=st.data())
def test_a_split_range_in_any_order_is_the_whole_range(name: str, data: st.DataObject) -> None:
    seeds = data.draw(st.sampled_from(_RANGES))
    queries = data.draw(planted_queries(words_of(_SCANNED[name], seeds)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(seeds)), max_size=4)))
    edges = zip([0, *cuts], [*cuts, len(seeds)], strict=True)
    shards = data.draw(st.permutations([seeds[a:b] for a, b in edges]))
    together = [hit for shard in shards for hit in found_by_scan(_SCANNED[name], queries, shard)]
    assert sorted(together) == found_by_scan(_SCANNED[name], queries, seeds, workers=2)


@pytest.mark.parametrize("name", _SCANNED)
def test_as_many_queries_as_fit_are_all_answered(name: str) -> None:
    seeds = _RANGES[1]
    words = words_of(_SCANNED[name], seeds)
    positions = np.array([constant_skip_positions(3, skip) for skip in range(MAX_QUERIES)])
    queries = Queries(positions, words[np.arange(MAX_QUERIES)[:, None], positions] % 100, 100, 0)
    hits = found_by_scan(_SCANNED[name], queries, seeds)
    assert {(seeds[row], row) for row in range(MAX_QUERIES)} <= set(hits)
    assert hits == brute_force(words, seeds, queries)


@pytest.mark.slow
def test_more_hits_than_room_over_several_blocks() -> None:
    # Half of all seeds hold, thousands of times what a block has room for at first, and the range
    # ends 77 seeds into its third block.
    seeds = range(5, 5 + 2**24 + 77)
    queries = Queries(np.array([[3]]), np.array([[1]]), 2, 0)
    reports: list[int] = []
    result = scan(XORSHIFT32, queries, seeds, progress=reports.append)
    state = XORSHIFT32.seed_state(np.arange(seeds.start, seeds.stop, dtype=np.uint64))
    for _ in range(4):
        state = XORSHIFT32.step(state)
    assert np.array_equal(result.seeds, np.flatnonzero(state % 2 == 1) + seeds.start)
    assert not result.rows.any()
    assert result.tested == len(seeds)
    assert reports == [2**23, 2**24, len(seeds)]


def test_an_empty_range_is_decided_at_once() -> None:
    result = scan(MINSTD, Queries(np.array([[0]]), np.array([[1]]), 10, 0), range(7, 7))
    assert (result.seeds.tolist(), result.rows.tolist(), result.tested) == ([], [], 0)


def test_a_failing_progress_report_ends_the_scan() -> None:
    def refuse(tested: int) -> None:
        raise RuntimeError(f"{tested} seen")

    with pytest.raises(RuntimeError, match="150 seen"):
        scan(MINSTD, one_query([0]), _RANGES[0], progress=refuse)


def one_query(positions: list[int]) -> Queries:
    return Queries(np.array([positions]), np.zeros((1, len(positions)), dtype=np.int64), 1000, 0)


@pytest.mark.parametrize(
    ("positions", "residues", "message"),
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
def test_queries_that_a_kernel_would_misread_are_refused(
    positions: list[object], residues: list[object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Queries(np.array(positions, np.int64), np.array(residues, np.int64), 1000, 0)


def test_what_no_kernel_answers_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 32 queries fit into one scan, not 33"):
        scan(MINSTD, Queries(np.zeros((33, 1), int), np.zeros((33, 1), int), 10, 0), range(9))
    with pytest.raises(ValueError, match="up to position 226"):
        scan(MT19937, one_query([0, 227]), range(9))
    longer = dataclasses.replace(MINSTD, name="two_words", state_words=2)
    with pytest.raises(ValueError, match="no scan kernel for two_words"):
        scan(longer, one_query([0]), range(9))


def test_a_range_with_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        scan(MINSTD, one_query([0]), range(0, 100, 2))


@given(count=st.integers(0, 50), skip=st.integers(0, 20), offset=st.integers(0, 20))
def test_positions_of_a_constant_skip(count: int, skip: int, offset: int) -> None:
    expected, position = [], offset - 1
    for _ in range(count):
        position += skip + 1
        expected.append(position)
    assert constant_skip_positions(count, skip, offset=offset).tolist() == expected
