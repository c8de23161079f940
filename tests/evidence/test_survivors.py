"""Survivors that a sieve lets through, against E_pairs and E_seeds, by tests that can fail.

A hash of the seed as a generator is as ideal as chance assumes, so that counts must agree with the
binomial mean and scatter. Generators of the catalogue keep the mean, over all histories, but not
the scatter: under every history alike they let through nearly the same number of seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy import uint32, uint64
from uniform_histories import Floats, Ints, generator_of

from seedfleet.evidence.chance import expected_pairs, expected_seeds
from seedfleet.generators import Generator, Stream
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.sieve import CpuBackend, Leg, Rows

_MODULUS, _SEEDS, _REPLICATES = 10, 3000, 150
_LEGS = (Leg(3, 1), Leg(2, 1))
_PLAIN = [(leg.draws, leg.needed) for leg in _LEGS]
_ROWS = 6  # alignments at draws of their own, so that they too are independent


def _seed_state(seed: Any) -> Any:
    return uint64(seed)


def _step(state: Any) -> Any:
    return uint64(state + uint64(0x9E3779B97F4A7C15))


def _output(state: Any) -> Any:
    # SplitMix64: Steele, Lea and Flood, OOPSLA 2014, with the finaliser of Stafford's variant 13.
    word = uint64((state ^ (state >> uint64(30))) * uint64(0xBF58476D1CE4E5B9))
    word = uint64((word ^ (word >> uint64(27))) * uint64(0x94D049BB133111EB))
    return uint32((word ^ (word >> uint64(31))) >> uint64(32))


# Seeds of a range below 2**32 meet no other's states within a few steps: a hash of seed and step.
HASH = Generator("hash", range(2**64), 2**64, 64, _seed_state, _step, _output)


@dataclass(frozen=True)
class Counts:
    """Survivors of each replicate: pairs of seed and alignment, and seeds."""

    pairs: Ints
    seeds: Ints


def survivors(
    stream: Stream, rng: np.random.Generator, *, legs: tuple[Leg, ...], rows: int, seeds: int
) -> Counts:
    """Sieve so many fresh seeds with a random history, again and again."""
    depth = sum(leg.draws for leg in legs)
    positions = np.arange(rows * depth).reshape(rows, depth)
    pairs, some = [], []
    for _ in range(_REPLICATES):
        history = np.broadcast_to(rng.integers(0, _MODULUS, depth), positions.shape)
        start = int(rng.integers(2**31))
        asked = range(start, start + seeds)
        hits = CpuBackend().scan(stream, Rows(positions, history, _MODULUS, legs), asked)
        pairs.append(len(hits.seeds))
        some.append(len(np.unique(hits.seeds)))
    return Counts(np.array(pairs), np.array(some))


def deviations(counts: Ints, trials: int, expected: float) -> tuple[float, float]:
    """Return how many standard errors the mean, and a chi-square of the counts, are off."""
    variance = expected * (1 - expected / trials)
    squares = float(((counts - expected) ** 2 / variance).sum())
    mean = (counts.mean() - expected) / np.sqrt(variance / len(counts))
    return float(mean), float((squares - len(counts)) / np.sqrt(2 * len(counts)))


def of_the_hash(rng: np.random.Generator) -> Counts:
    """Return survivors of the hash under a threshold in both legs."""
    return survivors(Stream(HASH, MODULO), rng, legs=_LEGS, rows=_ROWS, seeds=_SEEDS)


def off_chance(counts: Counts) -> list[float]:
    """Return the deviations of the pairs, and those of the seeds."""
    pairs = expected_pairs(_SEEDS * _ROWS, _PLAIN, _MODULUS)
    seeds = expected_seeds(_SEEDS, _ROWS, _PLAIN, _MODULUS)
    return [
        *deviations(counts.pairs, _SEEDS * _ROWS, pairs),
        *deviations(counts.seeds, _SEEDS, seeds),
    ]


@pytest.fixture(scope="module")
def ideal() -> Counts:
    return of_the_hash(generator_of(20))


@pytest.mark.slow
def test_an_ideal_generator_survives_as_chance_says(ideal: Counts) -> None:
    assert 100 < expected_pairs(_SEEDS * _ROWS, _PLAIN, _MODULUS) < 1000
    assert max(map(abs, off_chance(ideal))) < 4


@pytest.mark.slow
@pytest.mark.calibration
def test_an_ideal_generator_survives_as_chance_says_again_and_again() -> None:
    off = np.array([off_chance(of_the_hash(generator_of(22, at))) for at in range(20)])
    assert np.abs(off).max() < 4.5
    # Twenty means of a standard normal have a standard error of 0.22.
    assert np.abs(off.mean(axis=0)).max() < 4 / np.sqrt(20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: expected_pairs(_SEEDS * (_ROWS - 1), _PLAIN, _MODULUS),  # an alignment forgotten
        lambda: expected_pairs(_SEEDS * _ROWS, [(5, 2)], _MODULUS),  # two legs taken as one
        lambda: expected_pairs(_SEEDS * _ROWS, _PLAIN, _MODULUS) * 1.1,
    ],
    ids=["alignment", "legs", "a tenth"],
)
def test_a_wrong_expectation_is_seen(ideal: Counts, wrong: Callable[[], float]) -> None:
    mean, chi_square = deviations(ideal.pairs, _SEEDS * _ROWS, wrong())
    assert abs(mean) > 4
    assert chi_square > 4


@pytest.mark.slow
def test_seeds_that_pass_twice_are_counted_once(ideal: Counts) -> None:
    pairs = expected_pairs(_SEEDS * _ROWS, _PLAIN, _MODULUS)
    mean, _ = deviations(ideal.seeds, _SEEDS, pairs)
    assert mean < -4


def scatter(counts: Ints) -> float:
    return float(counts.var(ddof=1) / counts.mean())


@pytest.mark.slow
def test_real_generators_keep_the_mean_but_not_the_scatter() -> None:
    # Two draws of neighbouring seeds are spread more evenly than by chance: 48-bit states differ
    # little, and the high bits of their successors fill the square of values like a lattice. So a
    # control measures the scatter over its replicates instead of taking the binomial one.
    exact = (Leg(2, 2),)
    java, ideal = (
        survivors(Stream(generator, MODULO), generator_of(21), legs=exact, rows=1, seeds=_SEEDS)
        for generator in (JAVA_RANDOM, HASH)
    )
    expected = expected_pairs(_SEEDS, [(2, 2)], _MODULUS)
    for counts in (java, ideal):
        assert abs(deviations(counts.pairs, _SEEDS, expected)[0]) < 4
    assert scatter(java.pairs) < 0.5
    assert 0.6 < scatter(ideal.pairs) < 1.5
    assert deviations(java.pairs, _SEEDS, expected)[1] < -4


def variances_of_java_lcg() -> Floats:
    """Return variance / mean of survivors over all histories of n draws modulo 100, n = 1, 2, 3."""
    state = np.arange(10**5, dtype=np.uint64)
    codes, ratios = np.zeros(10**5, dtype=np.int64), []
    for draws in range(1, 4):
        state = (state * uint64(0x5DEECE66D) + uint64(11)) & uint64(2**48 - 1)
        codes = codes * 100 + ((state >> uint64(16)).astype(np.uint32) % 100).astype(np.int64)
        counts = np.bincount(codes, minlength=100**draws)
        ratios.append(counts.var() / counts.mean())
    return np.array(ratios)


def test_the_classic_java_lcg_is_under_dispersed_until_draws_outnumber_its_seeds() -> None:
    one, two, three = variances_of_java_lcg()
    assert one < 0.02
    assert 0.2 < two < 0.6
    assert 0.9 < three < 1.1
