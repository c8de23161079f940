"""The e-value, the posterior and the held-out evidence are parts of one mixture."""

from dataclasses import replace
from itertools import product
from math import inf, isclose, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence import Scored, mix, predictive_bits
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.prior import NULL_WEIGHT


def of_matches(
    name: str,
    log2_weight: float,
    seeds: int,
    matches: tuple[int, int],
    draws: tuple[int, int],
    modulus: int,
) -> Scored:
    """Return a stream with its matches among the fitted draws, and among those held out."""
    return Scored(
        name,
        log2_weight,
        seeds,
        bits_of_matches(matches[0], draws[0], modulus),
        bits_of_matches(sum(matches), sum(draws), modulus),
    )


def scored(name: str, fitted: int, held_out: int = 0, *, draws: int = 30, later: int = 5) -> Scored:
    return of_matches(name, -12.5, 2**32, (fitted, held_out), (draws, later), 1000)


def items() -> st.SearchStrategy[list[Scored]]:
    counts = st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 5))
    return st.lists(counts.map(lambda c: scored(*c)), max_size=6)


@given(items=items(), held_out=st.booleans())
def test_posteriors_and_null_sum_to_one(items: list[Scored], held_out: bool) -> None:
    mixture = mix(items, held_out=held_out)
    assert isclose(mixture.null(None) + sum(map(sum, mixture.posterior)), 1.0, rel_tol=1e-9)
    assert isclose(mixture.null(None) + sum(mixture.classes.values()), 1.0, rel_tol=1e-9)
    assert set(mixture.classes) == {item.equivalence for item in items}
    assert mixture.evidence_bits >= log2(NULL_WEIGHT)


@given(items=items(), more=items(), held_out=st.booleans())
def test_what_was_not_searched_only_lowers_the_evidence(
    items: list[Scored], more: list[Scored], held_out: bool
) -> None:
    alone, together = mix(items, held_out=held_out), mix([*items, *more], held_out=held_out)
    assert alone.evidence_bits <= together.evidence_bits
    assert together.null(None) <= alone.null(None)


def test_the_evidence_is_written_out_for_one_perfect_fit() -> None:
    # 1/2 + 1/2 w |S|**-1 (1/2 m**n + 1/8 sum of (1 - noise)**n m**n), with w = 2**-12.5.
    noisy = sum((1 - rate) ** 6 for rate in (0.01, 0.05, 0.1, 0.25))
    expected = 0.5 + 0.5 * 2**-12.5 * 2**-32 * 1000**6 * (0.5 + 0.125 * noisy)
    mixture = mix([scored("a", 6, draws=6)], held_out=False)
    assert isclose(mixture.evidence_bits, log2(expected), rel_tol=1e-12)
    assert isclose(mixture.null(None), 0.5 / expected, rel_tol=1e-9)


def test_held_out_draws_count_only_when_asked_for() -> None:
    item = scored("a", 30, 0)
    without, together = mix([item], held_out=False), mix([item], held_out=True)
    assert without.evidence_bits > together.evidence_bits + 20
    assert sum(without.posterior[0]) > 0.999


@pytest.mark.parametrize("fitted", [(4, 4), (4, 3), (0, 2)])
def test_held_out_evidence_averages_to_one_over_all_draws_to_come(fitted: tuple[int, int]) -> None:
    # Two streams that foretell (1, 2) and (1, 7); uniform draws to come, all hundred of them.
    told = ((1, 2), (1, 7))
    total = 0.0
    for future in product(range(10), repeat=2):
        listed = [
            of_matches(
                str(i), -2.0, 50, (fitted[i], sum(map(int.__eq__, future, told[i]))), (4, 2), 10
            )
            for i in range(2)
        ]
        bits = predictive_bits(listed)
        assert bits is not None
        total += 2.0**bits
    assert isclose(total / 100, 1.0, rel_tol=1e-9)


def test_nothing_scored_predicts_nothing() -> None:
    assert predictive_bits([]) is None
    assert mix([], held_out=True).null(None) == 1.0


@given(terms=st.lists(st.floats(-300, 300), max_size=8))
def test_log2_sum(terms: list[float]) -> None:
    direct = sum(2.0**term for term in terms)
    assert isclose(log2_sum(terms), log2(direct) if terms else -inf, abs_tol=1e-9)


def test_log2_sum_beyond_the_range_of_floats() -> None:
    assert log2_sum([5000.0, 5000.0]) == 5001.0
    assert log2_sum([-inf, -inf]) == -inf


def test_streams_of_two_sessions_are_no_rivals_but_each_competes_with_a_shared_one() -> None:
    noon, night = (replace(scored(name, 30), scope=name) for name in ("noon", "night"))
    apart = mix([noon, night], held_out=False)
    assert all(weight > 0.999 for weight in apart.classes.values())
    shared = mix([noon, night, scored("all", 60, draws=60)], held_out=False)
    assert shared.classes["all"] > 0.999
    assert shared.classes["noon"] < 0.001
