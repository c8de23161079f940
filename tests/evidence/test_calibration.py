"""The e-value keeps its promise under chance, by a check that errors of size do not pass.

An ideal hash stands for the generators: a table of independent draws for each seed and alignment.
Five draws modulo 10 make 100,000 histories, few enough to score every one of them, so means and
tails over uniform histories are exact here, for tables as random as they come.
"""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from seedfleet.evidence import Scored, mix
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.prior import NULL_WEIGHT, log2_alignment_weight

_MODULUS, _DRAWS, _ALIGNMENTS = 10, 5, 10
_BUSY, _QUIET = 10**4, 10  # seeds: about one chance fit for each history, and one in a thousand
_SPREAD = [-np.log2(_ALIGNMENTS)] * _ALIGNMENTS  # all of the stake on what is searched
_PUBLISHED = [
    log2_alignment_weight(
        presets=1, skip_min=skip, skip_max=skip, offset=0, session_count=1, all_sessions=True
    )
    for skip in range(_ALIGNMENTS)
]

Floats = NDArray[np.float64]


def hash_streams(rng: np.random.Generator, seeds: int) -> NDArray[np.int64]:
    """Return ideal draws, shape (alignments, seeds, draws)."""
    return rng.integers(0, _MODULUS, (_ALIGNMENTS, seeds, _DRAWS))


def item(matches: int, seeds: int, log2_weight: float) -> Scored:
    bits = bits_of_matches(matches, _DRAWS, _MODULUS)
    return Scored("hash", float(log2_weight), seeds, bits, bits)


def fits(draws: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, for every history and k, the seeds that match k of its draws.

    Returns shape (draws + 1, 10, 10, 10, 10, 10). Seeds that agree at least in a set of places are
    counted by summing out the others; inclusion and exclusion leaves those that agree in k places.
    """
    table = np.zeros((_MODULUS,) * _DRAWS, dtype=np.int64)
    np.add.at(table, tuple(draws.T), 1)
    at_least = np.zeros((_DRAWS + 1, *table.shape), dtype=np.int64)
    for size in range(_DRAWS + 1):
        for others in combinations(range(_DRAWS), _DRAWS - size):
            at_least[size] += table.sum(axis=others, keepdims=True)
    exactly = np.zeros_like(at_least)
    for k in reversed(range(_DRAWS + 1)):
        exactly[k] = at_least[k]
        for more in range(k + 1, _DRAWS + 1):
            ways = len(list(combinations(range(more), k)))
            exactly[k] -= ways * exactly[more]
    return exactly


def e_values(
    streams: NDArray[np.int64], log2_weights: list[float], *, planted_error: float = 1.0
) -> Floats:
    """Return e of all 100,000 histories, shape (10, 10, 10, 10, 10)."""
    seeds = streams.shape[1]
    total = np.full((_MODULUS,) * _DRAWS, NULL_WEIGHT)
    for draws, log2_weight in zip(streams, log2_weights, strict=True):
        for k, counts in enumerate(fits(draws)):
            stakes = item(k, seeds, log2_weight).stakes(held_out=False)
            total += planted_error * 2.0 ** log2_sum(stakes) * counts
    return total


def mean_is_kept(e: Floats, log2_weights: list[float], histories: NDArray[np.int64]) -> bool:
    """Check the mean over a sample of histories, to 3 standard errors, both ways."""
    searched = float((2.0 ** np.array(log2_weights)).sum())
    sample = e.reshape(-1)[histories]
    error = sample.std(ddof=1) / np.sqrt(len(sample))
    expected = NULL_WEIGHT + (1 - NULL_WEIGHT) * searched
    return bool(abs(sample.mean() - expected) <= 3 * error)


def tail_is_kept(e: Floats) -> bool:
    """Check P(e >= 2**b) <= 2**-b at every value that e takes."""
    values, counts = np.unique(e.round(9), return_counts=True)
    at_least = counts[::-1].cumsum()[::-1] / e.size
    return bool((at_least * values <= 1 + 1e-9).all())


def sample_of_histories(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    return rng.integers(0, _MODULUS**_DRAWS, count)


@pytest.mark.parametrize("seeds", [_BUSY, _QUIET])
@pytest.mark.parametrize("log2_weights", [_SPREAD, _PUBLISHED], ids=["all staked", "published"])
def test_mean_and_tail_under_chance(seeds: int, log2_weights: list[float]) -> None:
    rng = np.random.default_rng(20240229)
    e = e_values(hash_streams(rng, seeds), log2_weights)
    searched = float((2.0 ** np.array(log2_weights)).sum())
    assert e.mean() == pytest.approx(NULL_WEIGHT + (1 - NULL_WEIGHT) * searched, rel=1e-9)
    assert mean_is_kept(e, log2_weights, sample_of_histories(rng, 20_000))
    assert tail_is_kept(e)


@pytest.mark.parametrize("planted_error", [10.0, 0.1, float(_BUSY)], ids=["10", "0.1", "no |S|"])
@pytest.mark.parametrize("log2_weights", [_SPREAD, _PUBLISHED], ids=["all staked", "published"])
def test_planted_errors_do_not_pass_the_mean(
    planted_error: float, log2_weights: list[float]
) -> None:
    rng = np.random.default_rng(7)
    e = e_values(hash_streams(rng, _BUSY), log2_weights, planted_error=planted_error)
    assert not mean_is_kept(e, log2_weights, sample_of_histories(rng, 10_000))


@pytest.mark.parametrize("planted_error", [10.0, float(_QUIET)], ids=["10", "no |S|"])
def test_planted_errors_do_not_pass_the_tail(planted_error: float) -> None:
    # With few seeds a chance fit is rare and pays much: the tail comes within a factor of 4 of its
    # bound, and e ten times too large breaks it.
    streams = hash_streams(np.random.default_rng(7), _QUIET)
    assert not tail_is_kept(e_values(streams, _SPREAD, planted_error=planted_error))


@pytest.mark.slow
def test_the_shortcut_is_the_mixture() -> None:
    rng = np.random.default_rng(11)
    for seeds, log2_weights, histories in ((_QUIET, _SPREAD, 30), (1000, _PUBLISHED, 2)):
        streams = hash_streams(rng, seeds)
        e = e_values(streams, log2_weights)
        for history in rng.integers(0, _MODULUS, (histories, _DRAWS)):
            items = [
                item(int((draws == history).sum()), seeds, log2_weight)
                for alignment, log2_weight in zip(streams, log2_weights, strict=True)
                for draws in alignment
            ]
            whole = mix(items, held_out=False)
            assert 2.0**whole.evidence_bits == pytest.approx(e[tuple(history)], rel=1e-9)


@pytest.mark.slow
def test_mean_and_tail_over_many_tables() -> None:
    rng = np.random.default_rng(3)
    kept = []
    for seeds in [_BUSY] * 20 + [_QUIET] * 20:
        e = e_values(hash_streams(rng, seeds), _SPREAD)
        assert tail_is_kept(e)
        assert e.mean() == pytest.approx(1.0, rel=1e-9)
        kept.append(mean_is_kept(e, _SPREAD, sample_of_histories(rng, 50_000)))
    # Of 40 checks to 3 standard errors one may fail by chance; three do so once in 10,000 runs.
    assert kept.count(False) <= 2
