"""A stream that explains a stretch of a history and no more: its ends, its start, and the rest."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted import planted_draws, random_draws, with_noise

from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.verdict import held_out_draws
from seedfleet.generators import AtState, Stream, compiled
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import Weighed, weigh
from seedfleet.recover.search import Question, Survivor
from seedfleet.recover.segments import Segment, rest_of, segment_of
from seedfleet.sieve.weighing import Alignment

_JAVA, _SHIFT = Stream(JAVA_RANDOM, JAVA_NEXT_INT), Stream(XORSHIFT32, MODULO)
_TWISTER = Stream(MT19937, MODULO)


def weighed(
    stream: Stream, start: Any, values: NDArray[np.int64], *skips: int, modulus: int = 1000
) -> Weighed:
    """Weigh a stream that begins with the history, with a skip or a least and a greatest one."""
    scope = Scope(values, len(values) - 5)
    question = Question(modulus=modulus, scopes=(scope,), skips=range(1), scan_skips=range(1))
    alignment = Alignment(0, skips[0], skips[-1])
    return weigh(Survivor(stream, scope, start, alignment), question, Division(len(values)))


def walked_back(seed: int, draws: int) -> int:
    """Return the java seed that gives the stream of `seed` so many draws later."""
    lcg = JAVA_RANDOM.lcg
    assert lcg is not None
    (state,) = compiled_state(seed)
    found = lcg.seed_of_state(lcg.advance(state, -draws))
    assert found is not None
    return found


def compiled_state(seed: int) -> tuple[int, ...]:
    return ((seed ^ 0x5DEECE66D) % 2**48,)


def found(item: Weighed) -> Segment:
    segment = segment_of(item)
    assert segment is not None
    return segment


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("skip", [0, 3])
def test_a_reseed_is_found_with_the_seed_of_the_new_stream(skip: int, noise: float) -> None:
    first = planted_draws(_JAVA, 1234, count=70, skip=skip)
    second = planted_draws(_JAVA, 987654321, count=80, skip=skip)
    values = with_noise(np.concatenate([first, second]), noise, seed=4)
    # As a search from a window in the second half would find it: walked back to the first draw.
    late = weighed(_JAVA, walked_back(987654321, 70 * (skip + 1)), values, skip)
    segment = found(late)
    assert (segment.stop, late.matches >= 60) == (150, True)
    assert abs(segment.start - 70) <= (1 if noise else 0)
    survivor = segment.survivor
    if segment.start == 70:
        assert survivor.start == 987654321
    assert survivor.alignment == Alignment(0, skip, skip)
    assert survivor.scope.segment == (segment.start, 150)
    assert survivor.scope.fitted == 150 - segment.start - 8
    assert survivor.scope.draws_after == 0
    again = weighed(_JAVA, survivor.start, survivor.scope.values, skip)
    assert again.matches >= len(survivor.scope.values) * (0.8 if noise else 1)
    # And from the first half, whose start stays as it was.
    early = found(weighed(_JAVA, 1234, values, skip))
    assert (early.survivor.start, early.start) == (1234, 0)
    assert abs(early.stop - 70) <= (2 if noise else 0)
    assert early.survivor.scope.draws_after == 150 - early.stop
    (rest, *others) = rest_of(late.survivor.scope, early)
    assert rest.segment == (early.stop, 150)
    assert any((scope.segment or (0,))[0] == 70 for scope in (rest, *others))


def test_a_new_seed_is_named_also_where_its_first_draw_came_before_its_skip() -> None:
    first = planted_draws(_JAVA, 1234, count=70, skip=2)
    second = planted_draws(_JAVA, 987654321, count=80, skip=2, offset=-2)
    late = weighed(_JAVA, walked_back(987654321, 70 * 3 + 2), np.concatenate([first, second]), 2)
    segment = found(late)
    assert (segment.start, segment.stop) == (70, 150)
    survivor = segment.survivor
    assert (survivor.start, survivor.alignment) == (987654321, Alignment(-2, 2, 2))


def test_a_segment_of_the_rest_counts_from_the_whole() -> None:
    parts = [planted_draws(_JAVA, seed, count=60) for seed in (5, 6, 7)]
    values = np.concatenate(parts)
    first = found(weighed(_JAVA, 5, values, 0))
    (rest,) = rest_of(Scope(values, 150), first)
    assert rest.segment == (60, 180)
    assert (rest.values == values[60:]).all()
    question = Question(modulus=1000, scopes=(rest,), skips=range(1), scan_skips=range(1))
    item = weigh(Survivor(_JAVA, rest, 6, Alignment(0, 0, 0)), question, Division(180))
    second = found(item)
    assert second.survivor.scope.segment == (60, 120)
    assert second.survivor.scope.draws_after == 60
    (last,) = rest_of(rest, second)
    assert (last.segment, last.draws_after, last.fitted) == ((120, 180), 0, 30)


@pytest.mark.parametrize(
    ("stream", "expected"), [(_SHIFT, int), (_TWISTER, AtState)], ids=["xorshift32", "mt19937"]
)
def test_a_stream_is_walked_to_its_stretch(stream: Stream, expected: type) -> None:
    draws, _ = compiled.at_positions(stream, 99, 1000, np.arange(120))
    values = np.concatenate([random_draws(50), draws[50:]])
    segment = found(weighed(stream, 99, values, 0))
    assert (segment.start, segment.stop) == (50, 120)
    assert isinstance(segment.survivor.start, expected)
    again = weighed(stream, segment.survivor.start, values[50:], 0)
    assert again.matches == 70
    (rest,) = rest_of(Scope(values, 110), segment)
    assert (rest.segment, rest.draws_after, rest.fitted) == ((0, 50), 70, 45)


@given(draws=st.integers(60, 300), ends=st.tuples(st.integers(1, 59), st.integers(1, 59)))
def test_draws_held_out_of_the_whole_are_held_out_of_every_part(
    draws: int, ends: tuple[int, int]
) -> None:
    whole = Scope(np.arange(draws), draws - held_out_draws(draws))
    at = Survivor(_JAVA, whole, 1, Alignment(0, 0, 0))
    rests = [whole]
    for end in ends:
        segment = Segment(at, 0, end, (end, end + 1))
        rests = [part for rest in rests for part in rest_of(rest, segment)]
    assert all(part.fitted > 0 for part in rests)
    assert all(part.searchable.max() < whole.fitted for part in rests)


def test_a_stream_that_explains_all_or_nothing_has_no_segment() -> None:
    values = planted_draws(_JAVA, 5, count=100)
    assert segment_of(weighed(_JAVA, 5, values, 0)) is None
    assert segment_of(weighed(_JAVA, 5, with_noise(values, 0.2), 0)) is None
    for at in ([0], [99], [98, 99]):  # wrong records at an end are no reseed
        wrong = values.copy()
        wrong[at] = (wrong[at] + 1) % 1000
        assert segment_of(weighed(_JAVA, 5, wrong, 0)) is None
    assert segment_of(weighed(_JAVA, 5, random_draws(100), 0)) is None


def test_where_an_end_is_open_the_rest_starts_at_each_candidate() -> None:
    # Modulo 10 the old stream gives a draw or two of the new one by chance.
    hits = {}
    for seed in range(40):
        first = planted_draws(_JAVA, 5, count=140, modulus=10)
        values = np.concatenate(
            [first[:80], planted_draws(_JAVA, 100 + seed, count=60, modulus=10)]
        )
        segment = found(weighed(_JAVA, 5, values, 0, modulus=10))
        starts = [
            scope.segment[0] for scope in rest_of(Scope(values, 130), segment) if scope.segment
        ]
        assert 1 <= len(starts) <= 3
        hits[seed] = (segment.stop == 80, 80 in starts)
    exact, offered = np.mean(list(hits.values()), axis=0)
    assert 0.7 < exact < 1.0
    assert offered > 0.95


def test_a_stretch_under_a_variable_skip() -> None:
    rng = np.random.default_rng(3)
    gaps = rng.integers(1, 4, 60)
    path = np.cumsum(gaps) - 1
    draws, _ = compiled.at_positions(_JAVA, 55, 1000, path)
    values = np.concatenate([draws, random_draws(60, seed=9)])
    segment = found(weighed(_JAVA, 55, values, 0, 2))
    assert segment.start == 0
    assert abs(segment.stop - 60) <= 1
    assert segment.survivor.start == 55
    behind = found(
        weighed(_JAVA, walked_back(55, 90), np.concatenate([values[60:105], draws]), 0, 2)
    )
    assert abs(behind.start - 45) <= 3
    assert behind.stop == 105
    assert behind.survivor.alignment == Alignment(0, 0, 2)
    again = weighed(_JAVA, behind.survivor.start, behind.survivor.scope.values, 0, 2)
    assert again.matches == len(behind.survivor.scope.values)


def test_a_segment_of_chance_is_rare() -> None:
    # The choice among all stretches is paid for: of uniform histories next to none has a segment,
    # though the best stretch of each is worth more than 1.
    segments = [
        segment_of(weighed(_JAVA, seed, random_draws(60, modulus=2, seed=seed), 0, modulus=2))
        for seed in range(300)
    ]
    assert sum(segment is not None for segment in segments) == 0
