"""Verdicts by their table, and the number of draws that a verdict needs."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence import Scored, Verdict, decide, mix, predictive_bits
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.verdict import draws_in_principle, draws_needed, held_out_draws


@pytest.mark.parametrize(
    ("evidence", "predictive", "posterior", "powered", "verdict"),
    [
        (40.0, 20.0, 0.9991, True, Verdict.RECOVERED),
        (40.0, 20.0, 0.9991, False, Verdict.RECOVERED),
        (39.9, 20.0, 0.9991, True, Verdict.SIGNAL),
        (40.0, 19.9, 0.9991, True, Verdict.SIGNAL),
        (40.0, None, 0.9991, True, Verdict.SIGNAL),
        (40.0, 20.0, 0.999, True, Verdict.SIGNAL),
        (20.0, -5.0, 0.1, False, Verdict.SIGNAL),
        (19.9, 90.0, 1.0, True, Verdict.NO_EVIDENCE),
        (19.9, 90.0, 1.0, False, Verdict.UNDER_POWERED),
        (-1.0, None, 0.0, True, Verdict.NO_EVIDENCE),
        (-1.0, None, 0.0, False, Verdict.UNDER_POWERED),
    ],
)
def test_table(
    evidence: float, predictive: float | None, posterior: float, powered: bool, verdict: Verdict
) -> None:
    assert decide(evidence, predictive, posterior, powered=powered) is verdict


def verdict_on_clean_draws(
    draws: int, seed_space: int, log2_weight: float, modulus: int
) -> Verdict:
    """Return the verdict where one stream gives every draw."""
    later = held_out_draws(draws)
    fitted = draws - later
    item = Scored(
        "one",
        log2_weight,
        seed_space,
        bits_of_matches(fitted, fitted, modulus),
        bits_of_matches(draws, draws, modulus),
    )
    mixture = mix([item], held_out=False)
    best = mixture.classes["one"]
    return decide(mixture.evidence_bits, predictive_bits([item]), best, powered=False)


@given(
    space_bits=st.integers(1, 64),
    weight_bits=st.floats(0, 30),
    modulus=st.integers(2, 40) | st.integers(2, 2**31) | st.sampled_from([2, 4, 16, 1000, 1024]),
)
def test_so_many_draws_are_needed_and_no_fewer(
    space_bits: int, weight_bits: float, modulus: int
) -> None:
    question = (2**space_bits, -weight_bits, modulus)
    needed = draws_needed(*question)
    assert verdict_on_clean_draws(needed, *question) is Verdict.RECOVERED
    assert verdict_on_clean_draws(needed - 1, *question) is not Verdict.RECOVERED


def test_draws_needed_by_hand() -> None:
    # 48 bits of states, 10 of alignment, 1 of the null, 0.44 of noise rates and 40 of proof are
    # 99.44 bits or 9.98 draws modulo 1000; 5 more are held out.
    assert draws_needed(2**48, -10.0, 1000) == 15


@given(draws=st.integers(0, 2000))
def test_held_out_draws(draws: int) -> None:
    held_out = held_out_draws(draws)
    assert held_out <= draws
    assert min(5, draws) <= held_out <= 50
    assert 50 <= draws < 500 or held_out in (min(draws, 5), 50)
    if 50 <= draws < 500:
        assert held_out == draws // 10


@given(
    seeds=st.integers(1, 2**64),
    alignments=st.integers(1, 10**6),
    modulus=st.integers(2, 2**31),
    data=st.data(),
)
def test_draws_in_principle_are_the_least_with_sixty_bits_to_spare(
    seeds: int, alignments: int, modulus: int, data: st.DataObject
) -> None:
    gaps = data.draw(st.integers(1, min(modulus - 1, 1000)))
    draws = draws_in_principle(seeds, alignments, modulus, gaps)
    assert draws is not None
    a_draw = log2(modulus) - log2(gaps)
    spare = [n * a_draw - log2(seeds) - log2(alignments) for n in (draws, draws - 1)]
    assert spare[0] >= 60 - 1e-6
    assert spare[1] < 60 + 1e-6


def test_draws_in_principle_by_hand() -> None:
    # 32 + 60 bits; a draw modulo 1000 tells log2 1000 = 9.97 bits, less log2 51 = 5.67 for its gap.
    assert draws_in_principle(2**32, 1, 1000) == 10
    assert draws_in_principle(2**32, 1, 1000, 51) == 22
    assert draws_in_principle(2**32, 1, 1000, 1000) is None
    assert draws_in_principle(2**32, 1, 10, 11) is None
