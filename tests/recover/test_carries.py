"""Sums of two words: what draws show of them, what the decoder makes of it, what a search finds."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import UNWATCHED, planted_draws, question, random_draws, with_noise

from seedfleet.generators import AtState, Stream, compiled, find_preset
from seedfleet.generators.boundings import FLOOR_53, MODULO
from seedfleet.generators.families.v8 import V8_SUM
from seedfleet.recover.linear._carry_kernel import CHECKS, TRIES, UNKNOWNS
from seedfleet.recover.linear.carries import carry_errors, doubtful_equations, word_ranges
from seedfleet.recover.linear.carry_decoding import (
    CarryDecoder,
    DecodingChance,
    decoding_orders,
)
from seedfleet.recover.linear.carry_search import CarrySearch, searches
from seedfleet.recover.linear.families import LinearFamily
from seedfleet.recover.search import Survivor
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment

_SUM = Stream(V8_SUM, FLOOR_53)


@pytest.mark.parametrize("modulus", [3, 7, 10, 49])
def test_doubts_are_those_of_all_pairs_of_short_words(modulus: int) -> None:
    bits = 10
    first, second = np.indices((2**bits, 2**bits)).reshape(2, -1)
    values = (first + second) % 2**bits * modulus >> bits
    edges = -(-np.arange(modulus + 1) * 2**bits // modulus)
    ranges = (edges[:-1].astype(np.uint64), (edges[1:] - 1).astype(np.uint64))
    equations = doubtful_equations(ranges, bits=bits, radix=modulus)
    assert len(equations) > modulus
    for draw, bit, right, doubt in zip(
        equations.draws, equations.bits, equations.right, equations.doubts, strict=True
    ):
        shown = (first ^ second)[values == draw] >> bit & 1
        wrong = float((shown != right).mean())
        # The last of so few bits is no fraction any more: it is never carried into.
        assert wrong == pytest.approx(doubt, abs=2.0 ** -(bit + 1))


def test_errors_are_as_frequent_as_doubts_say() -> None:
    rng = np.random.default_rng(1)
    ranges = word_ranges(FLOOR_53, 64, 1000, random_draws(50))
    equations = doubtful_equations(ranges, bits=64, radix=1000).surest(300)
    assert np.all(np.diff(equations.doubts) >= 0)
    words = rng.integers(*ranges, (4000, 50), dtype=np.uint64, endpoint=True)
    share = carry_errors(equations, words, rng).mean(axis=0)
    assert np.abs(share - equations.doubts).max() < 0.04  # five standard errors


def decoder_of(values: NDArray[np.int64], line: tuple[int, int], modulus: int = 1000) -> Any:
    """Set up the decoder of one system."""
    family = LinearFamily((_SUM,), modulus)
    every = CarryDecoder.of(family, values, range(line[1], line[1] + 1))
    return CarryDecoder(every.pool, every.table, np.array([line]))


def decoded_plainly(decoder: CarryDecoder, order: NDArray[np.int64], most: int) -> set[int]:
    """Decode one system on Python integers: a bit for each unknown, then one for each row used."""
    pool, ((place, stride),) = decoder.pool, decoder.lines.tolist()
    basis: list[tuple[int, int]] = []  # pivot, row with the bits of the rows it is the sum of
    sides: list[int] = []
    checks: list[tuple[int, int]] = []
    for e in order.tolist():
        bit = int(np.searchsorted(decoder.table.bits, pool.bits[e]))
        low, high = decoder.table.rows[place + stride * pool.draws[e], bit].tolist()
        row, right = low | high << 64, int(pool.right[e])
        for pivot, other in basis:
            row ^= other if row >> pivot & 1 else 0
        unknowns = row % 2**UNKNOWNS
        if unknowns:
            row |= 1 << UNKNOWNS + len(sides)
            basis.append(((unknowns & -unknowns).bit_length() - 1, row))
            sides.append(right)
        elif len(checks) < CHECKS:
            checks.append((row >> UNKNOWNS, right))
        if (len(sides), len(checks)) == (UNKNOWNS, CHECKS):
            break
    found = set()
    packed = sum(side << k for k, side in enumerate(sides))
    failing = sum(
        (((taken & packed).bit_count() + right) % 2) << k for k, (taken, right) in enumerate(checks)
    )
    part = [sum((taken >> k & 1) << j for j, (taken, _) in enumerate(checks)) for k in range(128)]
    flips = [(), *((k,) for k in range(128)), *combinations(range(128), 2)]
    assert len(flips) == TRIES
    for flipped in flips:
        failed = failing
        for k in flipped:
            failed ^= part[k]
        if failed.bit_count() <= most:
            found.add(solved_plainly(basis, packed ^ sum(1 << k for k in flipped)))
    return found


def solved_plainly(basis: list[tuple[int, int]], packed: int) -> int:
    state = 0
    for pivot, row in sorted(basis, reverse=True):
        side = ((row >> UNKNOWNS) & packed).bit_count() + (row % 2**UNKNOWNS & state).bit_count()
        state |= (side % 2) << pivot
    return state


@pytest.mark.slow
@pytest.mark.parametrize(("line", "most"), [((0, 1), 13), ((5, 1), 18), ((0, 3), 18)])
def test_the_decoder_finds_what_plain_elimination_finds(line: tuple[int, int], most: int) -> None:
    decoder = decoder_of(planted_draws(_SUM, 5, count=450), line)
    orders = np.arange(256)[np.newaxis]  # the surest first
    candidates = decoder.candidates(orders, most_failed=most)
    assert {tuple(each) for each in candidates[:, :2].tolist()} <= {line}
    found = {low | high << 64 for low, high in candidates[:, 2:].tolist()}
    assert found == decoded_plainly(decoder, orders[0], most)
    assert found


@pytest.mark.slow
@pytest.mark.parametrize(("modulus", "count"), [(1000, 150), (100, 250)])
def test_systems_are_decoded_as_often_as_simulated(modulus: int, count: int) -> None:
    family, histories, orders = LinearFamily((_SUM,), modulus), 60, 32
    rng = np.random.default_rng(4)
    found, chances = 0, []
    for seed in rng.integers(1, 2**32, histories).tolist():
        values = planted_draws(_SUM, seed, count=count, modulus=modulus)
        decoder = decoder_of(values, (0, 1), modulus)
        candidates = decoder.candidates(decoding_orders(decoder.pool, orders, rng))
        states = {tuple(each) for each in candidates[:, 2:].tolist()}
        draws = [
            compiled.at_positions(_SUM, AtState((*words, 64)), modulus, np.arange(count))[0]
            for words in states
        ]
        found += any(np.array_equal(each, values) for each in draws)
        chances.append(DecodingChance.of(family, values, 0.0).after(orders))
    chance = float(np.mean(chances))
    assert 0.2 < chance < 0.95
    assert abs(found / histories - chance) < 4 * np.sqrt(chance * (1 - chance) / histories)


def found_by(values: Any, **asked: Any) -> tuple[Survivor, ...]:
    """Run the searches of one stream by their cost, until one finds something."""
    for search in sorted(searches([_SUM], question(values, **asked)), key=cost):
        survivors = search.run(UNWATCHED).survivors
        if survivors:
            return survivors
    return ()


def cost(search: CarrySearch) -> float:
    return search.coverage.cost_s


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modulus", "count", "skip", "offset", "noise"),
    [
        (1000, 150, 0, 0, 0.0),
        (1000, 400, 5, 77, 0.0),
        (100, 900, 0, 640, 0.0),
        (49, 600, 0, 3, 0.0),
        (1000, 500, 0, 0, 0.03),
        (999_983, 120, 1, 0, 0.0),
    ],
)
def test_planted_seed(modulus: int, count: int, skip: int, offset: int, noise: float) -> None:
    seed = 987654321
    positions = constant_skip_positions(count, skip) + offset
    exact, _ = compiled.at_positions(_SUM, seed, modulus, positions)
    values = with_noise(exact, noise, modulus=modulus)
    survivors = found_by(values, modulus=modulus)
    assert {each.start for each in survivors} == {seed}
    assert {each.alignment for each in survivors} == {Alignment(offset, skip, skip)}


@pytest.mark.slow
def test_a_state_that_no_seed_leads_to() -> None:
    start = AtState((0x123456789ABCDEF, 0xFEDCBA987654321, 17))
    values, _ = compiled.at_positions(_SUM, start, 1000, constant_skip_positions(400, 2))
    (survivor,) = found_by(values)
    assert survivor.start == start
    assert survivor.alignment == Alignment(0, 2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [100, 1000])
def test_random_draws_have_no_survivor(modulus: int) -> None:
    asked = question(random_draws(300, modulus=modulus), modulus=modulus, skips=range(3))
    for search in searches([_SUM], asked)[:2]:
        found = search.run(UNWATCHED)
        assert (found.survivors, found.passed) == ((), 0)
        assert found.tested == search.coverage.space


def test_a_search_stops_when_its_time_is_up() -> None:
    class Late:
        def progress(self, share: float) -> None:
            raise AssertionError(share)

        def expired(self) -> bool:
            return True

    (search, *_) = searches([_SUM], question(random_draws(300)))
    found = search.run(Late())
    assert (found.survivors, found.tested) == ((), 0)


def test_power_grows_with_draws_and_orders_and_falls_with_noise() -> None:
    short, long = (
        {search.coverage.attack: search.coverage for search in searches([_SUM], question(values))}
        for values in (random_draws(120), random_draws(450))
    )
    few, many = "equations with carries, orders: 256", "equations with carries, orders: 8192"
    assert short[few].power(0.0) < short[many].power(0.0) < long[many].power(0.0)
    assert 1 >= long[few].power(0.0) > long[few].power(0.05) > long[few].power(0.25)
    assert 64 < short[many].least_draws <= short[few].least_draws < 120


@pytest.mark.parametrize(
    ("stream", "modulus"),
    [
        (find_preset("v8_math_random_53").stream, 1000),
        (find_preset("xoshiro256pp").stream, 1000),
        (Stream(V8_SUM, MODULO), 1000),
        (_SUM, 2),
        (_SUM, 10),  # likely only in one history of twenty
    ],
)
def test_not_to_be_decoded(stream: Stream, modulus: int) -> None:
    values = random_draws(600, modulus=modulus)
    assert searches([stream], question(values, modulus=modulus)) == ()


@pytest.mark.slow
def test_controls_pass() -> None:
    (search, *_) = searches([_SUM], question(planted_draws(_SUM, 5, count=120)))
    negative, positive = search.controls(np.random.default_rng(1))
    assert negative.passed
    assert 100 <= negative.expected <= 1000
    assert positive.passed
    assert positive.observed >= 3
