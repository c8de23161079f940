"""Variable skips over spaces of seeds: planted seeds, offsets, a later window, the controls."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import UNWATCHED

from seedfleet.evidence import Verdict
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import Stream, compiled, find_stream
from seedfleet.generators.boundings import MODULO
from seedfleet.recover.gaps.walk_search import searches
from seedfleet.recover.judgement import judge
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Question
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve.weighing import Alignment

_WHOLE = find_stream("xorshift32", "word % m")
# The same stream with fewer canonical seeds: every one is walked in a moment.
_SMALL = Stream(replace(_WHOLE.generator, seeds=range(1, 2**16)), MODULO)


def drawn(seed: int, count: int, *, offset: int = 0, most: int = 8) -> NDArray[np.int64]:
    skips = np.random.default_rng(seed).integers(0, most + 1, count)
    skips[0] = most * (seed % 2)
    values, _ = compiled.at_positions(_SMALL, seed, 1000, offset + np.cumsum(skips + 1) - 1)
    return values


def asked(values: NDArray[np.int64], *, noise: float = 0.0, offsets: range = range(1)) -> Question:
    return Question(
        modulus=1000,
        scopes=(Scope(values, len(values)),),
        skips=range(9),
        scan_skips=range(3),
        variable_skip=(0, 8),
        offsets=offsets,
        noise=noise,
    )


@pytest.mark.slow
def test_planted_seeds_come_back() -> None:
    for seed in (1, 31336, 2**16 - 2):
        (search,) = searches([_SMALL], asked(drawn(seed, 20)))
        found = search.run(UNWATCHED)
        assert [survivor.start for survivor in found.survivors] == [seed]
        assert found.survivors[0].alignment == Alignment(0, 0, 8)
        assert found.tested == 2**16 - 1


@pytest.mark.slow
def test_neighbours_on_one_orbit_are_one_stream() -> None:
    """Seed 1 leads to state 48271, so that its paths are those of seed 48271 with a longer gap."""
    minstd = find_stream("minstd", "word % m")
    small = Stream(replace(minstd.generator, seeds=range(1, 2**16)), MODULO)
    skips = np.random.default_rng(8).integers(0, 9, 60)
    skips[0] = 2
    values, _ = compiled.at_positions(small, 48271, 1000, np.cumsum(skips + 1) - 1)
    scope = Scope(values, 50)
    question = replace(asked(values), scopes=(scope,))
    (search,) = searches([small], question)
    survivors = search.run(UNWATCHED).survivors
    assert [survivor.start for survivor in survivors] == [1, 48271]
    named = [replace(survivor, stream=minstd) for survivor in survivors]
    items = [weigh(survivor, question, Division(60)) for survivor in named]
    assert len({item.scored.equivalence for item in items}) == 1
    judged = judge(items, [], [], question, lambda _: 0.0)
    assert judged.verdict is Verdict.RECOVERED
    assert judged.reason.startswith("one stream")


@pytest.mark.slow
def test_the_least_offset_that_reaches_the_draws_is_named() -> None:
    (search,) = searches([_SMALL], asked(drawn(4242, 20, offset=30), offsets=range(50)))
    (survivor,) = search.run(UNWATCHED).survivors
    assert survivor.start == 4242
    assert 30 - 8 <= survivor.alignment.offset <= 30
    missed = asked(drawn(4242, 20, offset=30), offsets=range(5))
    assert searches([_SMALL], missed)[0].run(UNWATCHED).survivors == ()


@pytest.mark.slow
def test_a_later_window_outlives_a_wrong_first_draw() -> None:
    values = drawn(777, 30)
    values[2] = (values[2] + 1) % 1000
    first, later = searches([_SMALL], asked(values, noise=0.1))
    assert first.run(UNWATCHED).survivors == ()
    assert [survivor.start for survivor in later.run(UNWATCHED).survivors] == [777]
    assert later.coverage.cost_s > first.coverage.cost_s
    assert first.coverage.power(0.1) == pytest.approx(0.9**first.coverage.draws_used)


@pytest.mark.slow
def test_controls_agree_with_chance() -> None:
    values = np.random.default_rng(1).integers(0, 1000, 60)
    negative, positive = searches([_WHOLE], asked(values))[0].controls(np.random.default_rng(2))
    assert negative.passed
    assert 50 <= negative.expected <= 1000
    assert positive.passed


class Impatient(Unwatched):
    def expired(self) -> bool:
        return True


@pytest.mark.slow
def test_time_that_is_up_ends_the_walk_and_is_told() -> None:
    (search,) = searches([_SMALL], asked(drawn(5, 20)))
    assert search.run(Impatient()).tested == 2**10


@pytest.mark.parametrize("variable_skip", [None, (3, 3), (0, 999)])
def test_nothing_is_covered_where_nothing_can_be_told(
    variable_skip: tuple[int, int] | None,
) -> None:
    question = replace(asked(np.zeros(30, np.int64)), variable_skip=variable_skip)
    assert searches([_SMALL], question) == ()


def test_spaces_of_more_than_32_bits_are_left_to_others() -> None:
    java = find_stream("java.util.Random", "nextInt(m)")
    assert searches([java, _WHOLE], asked(np.zeros(30, np.int64)))[0].coverage.streams == (_WHOLE,)


def test_costs_of_arrays_are_those_of_their_seeding() -> None:
    word, array = searches(
        [_WHOLE, find_stream("mt19937", "word % m")], asked(np.zeros(30, np.int64))
    )
    assert word.coverage.cost_s < 20
    assert array.coverage.cost_s > 3600


def test_few_values_a_draw_cost_a_walk_for_each_seed() -> None:
    """No first draw rules seeds out there, as it does of a thousand values: 0.4 us a seed."""
    draws = np.zeros(1000, np.int64)
    few, many = (
        searches([_WHOLE], replace(asked(draws), modulus=modulus))[0].coverage
        for modulus in (10, 1000)
    )
    assert few.cost_s > 100 * many.cost_s
