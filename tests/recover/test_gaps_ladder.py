"""Narrower laws of variable skips before a dear one: which, what they cover, what they earn."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted import UNWATCHED, history_of, silent

from seedfleet.evidence import Verdict
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.generators import Stream, compiled, presets_of
from seedfleet.generators.boundings import FLOOR_48, JAVA_NEXT_INT
from seedfleet.generators.families.lcg48 import DRAND48, JAVA_RANDOM
from seedfleet.recover import Options, Status, recover
from seedfleet.recover.gaps.ladder import laws_within
from seedfleet.recover.gaps.search import searches
from seedfleet.recover.gaps.solver import Depth, GapFamily, Gaps, gap_families
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.sieve.weighing import Alignment

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_DRAND48 = Stream(DRAND48, FLOOR_48)
_MODULI = st.sampled_from([10, 30, 49, 50, 75, 99, 100, 200, 365, 1000])


def family_of(stream: Stream, modulus: int) -> GapFamily:
    (family,) = gap_families([stream], modulus)
    return family


def asked(values: NDArray[np.int64], modulus: int, variable_skip: tuple[int, int]) -> Question:
    return Question(
        modulus=modulus,
        scopes=(Scope(values, len(values) - 20),),
        skips=range(1),
        scan_skips=range(1),
        variable_skip=variable_skip,
    )


def drawn(
    seed: int, most_skip: int, modulus: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return draws of java.util.Random, and the skips before them."""
    skips = np.random.default_rng(seed).integers(0, most_skip + 1, count)
    values, _ = compiled.at_positions(_JAVA, seed, modulus, np.cumsum(skips + 1) - 1)
    return values, skips


@given(
    stream=st.sampled_from([_JAVA, _DRAND48]),
    modulus=_MODULI,
    least=st.integers(1, 5),
    width=st.integers(2, 21),
)
def test_narrower_laws_cost_little_beside_the_law_asked_for(
    stream: Stream, modulus: int, least: int, width: int
) -> None:
    family, gaps = family_of(stream, modulus), Gaps(least, least + width - 1)
    laws = laws_within(family, gaps)
    costs_s = [Depth.of(family, law).cost_s for law in laws]
    assert {law.least for law in laws} <= {least}
    assert all(1 < law.count <= gaps.count for law in laws)
    assert all(narrow.most < wide.most for narrow, wide in pairwise(laws))
    day_s = 86400.0
    assert all(cost_s <= day_s for cost_s in costs_s)
    whole_s = Depth.of(family, gaps).cost_s
    assert (gaps in laws) == (whole_s <= day_s)
    assert sum(cost_s for law, cost_s in zip(laws, costs_s, strict=True) if law != gaps) <= max(
        whole_s / 3, 0.1
    )


@pytest.mark.parametrize("modulus", [1000, 999, 256])
def test_a_law_that_costs_next_to_nothing_is_searched_at_once(modulus: int) -> None:
    gaps = Gaps(1, 3)
    assert laws_within(family_of(_DRAND48, modulus), gaps) == (gaps,)


@pytest.mark.parametrize("modulus", [49, 50, 75])
def test_a_dear_law_is_led_up_to(modulus: int) -> None:
    family = family_of(_JAVA, modulus)
    first, *between, last = laws_within(family, Gaps(1, 9))
    assert Depth.of(family, first).cost_s < 1
    assert len(between) >= 1
    assert last == Gaps(1, 9)


def test_each_law_promises_its_own_and_no_more() -> None:
    found = searches([_JAVA], asked(np.zeros(300, np.int64), 100, (0, 8)))
    laws = laws_within(family_of(_JAVA, 100), Gaps(1, 9))
    assert len(laws) > 1
    by_law = {
        law: [s.coverage for s in found if s.coverage.variable_skip == (0, law.most - 1)]
        for law in laws
    }
    assert sum(map(len, by_law.values())) == len(found)
    for law, coverages in by_law.items():
        assert {coverage.gaps for coverage in coverages} == {law.count}
        assert {coverage.space for coverage in coverages} == {2**48}
        assert coverages[0].windows == 1
        first_s = Depth.of(family_of(_JAVA, 100), law).cost_s
        assert coverages[0].cost_s == pytest.approx(0.02 + first_s)
    (narrow, *_), *_, (whole, *_) = by_law.values()
    assert narrow.least_draws < whole.least_draws
    assert narrow.draws_used < whole.draws_used
    assert narrow.power(0.1) > whole.power(0.1)


@pytest.mark.slow
def test_a_narrow_law_finds_its_own_streams_alone() -> None:
    values, skips = drawn(20_240_117, 5, 100, 80)
    assert skips[:20].max() > 3
    for search in searches([_JAVA], asked(values, 100, (0, 8))):
        least, most = search.coverage.variable_skip or (0, 0)
        if most < 8 and search.coverage.windows == 1:
            found = search.run(UNWATCHED)
            assert found.tested == 2**48
            alignments = [survivor.alignment for survivor in found.survivors]
            assert alignments == ([Alignment(0, least, most)] if most >= 5 else [])


@pytest.mark.slow
def test_a_minute_is_enough_for_skips_that_vary_little_at_a_hundred() -> None:
    values, skips = drawn(887_766_554_433, 3, 100, 300)
    options = Options(controls=False)  # which change nothing in what is found
    recovery = recover(history_of(values, modulus=100), options, progress=silent)
    assert recovery.verdict is Verdict.RECOVERED
    item = recovery.items[0]
    assert item.survivor.alignment == Alignment(0, 0, 3)
    assert item.matches == len(values)
    # Of the draws half the stake is on all of them, half on those between two reseeds.
    weight = log2_alignment_weight(
        presets=len(presets_of(_JAVA)), skip_min=0, skip_max=3, offset=0, part_bits=-1.0
    )
    assert item.scored.log2_weight == pytest.approx(weight)
    path = np.diff(item.weighing.path) - 1
    assert np.array_equal(path[~item.ambiguous_gaps[1:]], skips[1:][~item.ambiguous_gaps[1:]])
    own = [each for each in recovery.searches if _JAVA in each.coverage.streams]
    assert {each.coverage.variable_skip for each in own if each.found and each.found.survivors} == {
        (0, 3)
    }
    wider = [each for each in own if (each.coverage.variable_skip or (0, 0))[1] > 3]
    assert {each.status for each in wider} == {Status.NOT_NEEDED}
