"""A stream that goes on where records are missing is one stream, with one seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted import planted_draws, random_draws, with_noise

from seedfleet.generators import Start, Stream, compiled, find_preset
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.recover.missing_records import joined, without_unseen_jumps
from seedfleet.recover.rewinding import rewound
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Survivor
from seedfleet.recover.segments import Segment
from seedfleet.sieve.weighing import Alignment

_JAVA, _TWISTER = Stream(JAVA_RANDOM, JAVA_NEXT_INT), Stream(MT19937, MODULO)
_DRAND = find_preset("c_drand48").stream  # few of its states are a seed's
_SEED = 1_714_444_444_444


def with_jumps(
    stream: Stream, seed: int, alignment: Alignment, *, count: int, modulus: int = 1000
) -> NDArray[np.int64]:
    values, _ = compiled.at_positions(stream, seed, modulus, alignment.positions(count))
    return values


def walked_on(
    values: NDArray[np.int64],
    stretch: tuple[int, int],
    start: Start,
    alignment: Alignment,
    *,
    stream: Stream = _JAVA,
    modulus: int = 1000,
) -> Segment | None:
    whole = Scope(values, len(values) - 10)
    return joined(Survivor(stream, whole, start, alignment), stretch, whole, modulus)


def java_at(outputs: int) -> Start:
    """Return the start of a stream that is so many outputs further than that of the seed."""
    start = rewound(_JAVA, _SEED, -outputs, 1000)
    assert start is not None
    return start


@given(
    offset=st.integers(0, 5),
    skip=st.integers(0, 4),
    jumps=st.dictionaries(st.integers(1, 29), st.integers(0, 9), max_size=4),
)
def test_positions_are_those_of_the_records_that_are_left(
    offset: int, skip: int, jumps: dict[int, int]
) -> None:
    ordered = tuple(sorted(jumps.items()))
    position, expected = offset - 1, []
    for draw in range(30):
        position += skip + 1 + jumps.get(draw, 0)
        expected.append(position)
    assert Alignment(offset, skip, skip, ordered).positions(30).tolist() == expected


@pytest.mark.parametrize("leg", [(0, 30, 0), (30, 70, 3), (70, 147, 9)])
def test_a_stream_is_whole_from_whichever_part_of_it_was_found(leg: tuple[int, int, int]) -> None:
    truth = Alignment(0, 2, 2, ((30, 3), (70, 6)))
    values = with_jumps(_JAVA, _SEED, truth, count=147)
    start, stop, away = leg
    found = walked_on(values, (start, stop), java_at(away), Alignment(0, 2, 2))
    assert found is not None
    assert (found.start, found.stop) == (0, 147)
    assert (found.survivor.start, found.survivor.alignment) == (_SEED, truth)
    assert found.survivor.scope.part is None


def test_wrong_draws_and_calls_of_others_do_not_part_a_stream() -> None:
    for outputs in (-2, 1, 5, 3 * 64):
        truth = Alignment(0, 2, 2, ((45, outputs),))
        clean = with_jumps(_JAVA, _SEED, truth, count=120)
        values = with_noise(clean, 0.06, seed=7)
        found = walked_on(values, (0, 45), _SEED, Alignment(0, 2, 2))
        assert found is not None
        ((draw, told),) = found.survivor.alignment.jumps
        assert (abs(draw - 45) <= 2, told) == (True, outputs)
        assert found.stop - found.start >= 118


def test_a_generator_that_cannot_be_run_back_is_walked_on_from_its_seed() -> None:
    truth = Alignment(0, 2, 2, ((40, 3),))
    values = with_jumps(_TWISTER, 20240317, truth, count=100)
    found = walked_on(values, (0, 40), 20240317, Alignment(0, 2, 2), stream=_TWISTER)
    assert found is not None
    assert (found.survivor.start, found.survivor.alignment) == (20240317, truth)
    # From behind the gap the earlier draws are there too, as far as the seed is before them.
    found = walked_on(values, (40, 100), 20240317, Alignment(3, 2, 2), stream=_TWISTER)
    assert found is not None
    assert (found.survivor.start, found.survivor.alignment) == (20240317, truth)


@pytest.mark.parametrize("stream", [_DRAND, _JAVA, _TWISTER], ids=["few", "all", "not run back"])
@pytest.mark.parametrize("outputs", [3, 1])
def test_a_stream_stays_one_also_where_its_first_draw_came_before_its_skip(
    stream: Stream, outputs: int
) -> None:
    for offset in (-1, -2):
        truth = Alignment(offset, 2, 2, ((40, outputs),))
        values = with_jumps(stream, 20240317, truth, count=100)
        for stretch, away in (((0, 40), 0), ((40, 100), outputs)):
            told = Alignment(offset + away, 2, 2)
            found = walked_on(values, stretch, 20240317, told, stream=stream)
            assert found is not None
            assert (found.start, found.stop) == (0, 100)
            assert (found.survivor.start, found.survivor.alignment) == (20240317, truth)


@pytest.mark.slow
def test_no_stream_is_run_for_more_than_some_million_outputs() -> None:
    """Of 4,096 outputs a draw and 64 records either way, 895 draws take 2**22, and no more."""
    truth = Alignment(0, 4095, 4095, ((40, 4096),))
    values = with_jumps(_JAVA, _SEED, truth, count=896)
    longer, shorter = (
        walked_on(values[:count], (0, 40), _SEED, Alignment(0, 4095, 4095)) for count in (896, 895)
    )
    assert longer is None
    assert shorter is not None
    assert shorter.survivor.alignment == truth


def test_two_seeds_are_two_streams() -> None:
    for seed in range(20):
        before = planted_draws(_JAVA, _SEED, count=50, skip=2, modulus=10)
        after = planted_draws(_JAVA, _SEED + 1 + seed, count=70, skip=2, modulus=10)
        values = np.concatenate([before, after])
        alignment = Alignment(0, 2, 2)
        assert walked_on(values, (0, 50), _SEED, alignment, modulus=10) is None


def test_chance_joins_nothing() -> None:
    clean = planted_draws(_JAVA, _SEED, count=40, modulus=6)
    joins = [
        walked_on(
            np.concatenate([clean, random_draws(50, modulus=6, seed=seed)]),
            (0, 40),
            _SEED,
            Alignment(0, 0, 0),
            modulus=6,
        )
        for seed in range(200)
    ]
    assert sum(each is not None for each in joins) <= 2


def test_a_jump_that_only_held_out_draws_tell_of_has_a_rival_without_it() -> None:
    truth = Alignment(0, 2, 2, ((30, 3), (93, 3)))
    values = with_jumps(_JAVA, _SEED, truth, count=100)
    found = walked_on(values, (0, 30), _SEED, Alignment(0, 2, 2))
    assert found is not None
    assert found.survivor.alignment == truth
    rival = without_unseen_jumps(found.survivor)
    assert rival is not None
    assert rival.alignment == Alignment(0, 2, 2, ((30, 3),))
    assert without_unseen_jumps(rival) is None
