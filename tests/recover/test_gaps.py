"""Every state under every path of gaps: against brute force, and on planted seeds of 48 bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.generators import (
    Bounding,
    Generator,
    Monotone,
    PowerOfTwoLcg,
    Residue,
    Stream,
    compiled,
)
from seedfleet.generators.boundings import (
    FLOOR_26_27,
    FLOOR_48,
    JAVA_NEXT_INT,
    JAVA_NEXT_INT_DIGITS,
    MODULO,
    MODULO_31,
)
from seedfleet.generators.families.lcg48 import DRAND48, JAVA_LCG, JAVA_RANDOM, RAND48
from seedfleet.recover.gaps.solver import Depth, GapFamily, Gaps, gap_families, solve
from seedfleet.recover.watch import Unwatched

_BITS, _SHIFT = 16, 5
_WORDS = 2 ** (_BITS - _SHIFT)


def remainder(word: Any, radix: Any) -> Any:
    return np.int64(word >> np.uint64(1)) % radix


def share_of_range(word: Any, radix: Any) -> Any:
    return np.int64(word) * radix // _WORDS


def toy(*, interval: bool, parts: int) -> Stream:
    """Return a stream of 16-bit states; its remainders leave out the low bit of a word."""
    lcg = PowerOfTwoLcg(0x5DEECE66D % 2**_BITS, 11, _BITS, _SHIFT, lambda state: state)
    generator = Generator(
        name="toy",
        seeds=range(2**_BITS),
        seed_modulus=2**_BITS,
        seed_bits=_BITS,
        seed_state=lambda seed: seed,
        step=lambda state: state,
        output=lambda state: state,
        output_bits=_BITS - _SHIFT,
        lcg=lcg,
    )
    bounding = Bounding(
        "toy",
        share_of_range if interval else remainder,
        lambda modulus: (round(modulus ** (1 / parts)), parts),
        lambda radix: Monotone() if interval else Residue(1, radix),
    )
    return Stream(generator, bounding)


def family_of(stream: Stream, modulus: int) -> GapFamily:
    (family,) = gap_families([stream], modulus)
    return family


def brute_force(family: GapFamily, draws: NDArray[np.int64], gaps: Gaps) -> NDArray[np.int64]:
    """Return the states that have a path, by going back from the last draw over all states."""
    radix, parts = family.layout
    after = np.arange(2**_BITS, dtype=np.uint64)
    step = (after * np.uint64(family.lcg.multiplier) + np.uint64(11)) % np.uint64(2**_BITS)
    shown = family.bounding.value(after >> np.uint64(_SHIFT), np.int64(radix))
    value, state = np.zeros(2**_BITS, np.int64), after
    for _part in range(parts):
        value, state = value * radix + shown[state], step[state]
    left = value == draws[-1]
    for draw in draws[-2::-1]:
        reached, place = np.zeros(2**_BITS, bool), np.arange(2**_BITS)
        for gap in range(1, gaps.most + 1):
            for _word in range(parts):
                place = step[place]
            if gap >= gaps.least:
                reached |= left[place]
        left = reached & (value == draw)
    return np.flatnonzero(left)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    interval=st.booleans(),
    layout=st.sampled_from([(5, 1), (6, 1), (7, 1), (12, 1), (25, 1), (40, 1), (9, 2), (36, 2)]),
    least=st.integers(1, 4),
    width=st.integers(2, 4),
    length=st.integers(0, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_all_states_and_all_paths_of_16_bits(
    interval: bool, layout: tuple[int, int], least: int, width: int, length: int, seed: int
) -> None:
    modulus, parts = layout
    family, gaps = (
        family_of(toy(interval=interval, parts=parts), modulus),
        Gaps(least, least + width - 1),
    )
    draws = np.random.default_rng(seed).integers(0, modulus, Depth.of(family, gaps).draws + length)
    expected = brute_force(family, draws, gaps)
    assert np.array_equal(np.unique(solve(family, draws, gaps).states), expected)


def plant(stream: Stream, seed: int, modulus: int, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    values, _ = compiled.at_positions(stream, seed, modulus, np.cumsum(steps) - 1)
    return values


_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "gaps", "count"),
    [
        (_JAVA, 1000, Gaps(1, 9), 8),
        (_JAVA, 1000, Gaps(4, 7), 8),
        (_JAVA, 100, Gaps(1, 3), 6),
        (_JAVA, 999, Gaps(1, 3), 2),
        (_JAVA, 1024, Gaps(1, 9), 6),  # by the high bits
        (Stream(JAVA_LCG, MODULO), 1000, Gaps(1, 9), 8),
        (Stream(RAND48, MODULO_31), 1000, Gaps(1, 9), 6),
        (Stream(JAVA_RANDOM, FLOOR_26_27), 1000, Gaps(1, 9), 8),
        (Stream(JAVA_RANDOM, JAVA_NEXT_INT_DIGITS), 1000, Gaps(1, 2), 3),
        (Stream(DRAND48, FLOOR_48), 1000, Gaps(1, 9), 8),
        (Stream(DRAND48, FLOOR_48), 100, Gaps(1, 4), 6),
        (Stream(DRAND48, FLOOR_48), 49, Gaps(2, 4), 4),
    ],
)
def test_planted_states_come_back_alone(
    stream: Stream, modulus: int, gaps: Gaps, count: int
) -> None:
    family = family_of(stream, modulus)
    rng = np.random.default_rng(modulus * gaps.most)
    length = int(70 / (np.log2(modulus) - np.log2(gaps.count))) + 2
    for _ in range(count):
        seed = stream.generator.seeds[int(rng.integers(stream.generator.seed_count))]
        steps = rng.integers(gaps.least, gaps.most + 1, length)
        states = solve(family, plant(stream, seed, modulus, steps), gaps).states
        before = int(stream.generator.seed_state(np.uint64(seed)))
        planted = family.lcg.advance(before, (int(steps[0]) - 1) * family.stride + 1)
        assert planted in states
        # Others are the same stream a few positions on, where draw 0 happens to be seen as well.
        near = {family.lcg.advance(planted, at * family.stride) for at in range(-30, 31)}
        assert set(states) <= near


class Impatient(Unwatched):
    def expired(self) -> bool:
        return True


def test_what_time_leaves_undecided_is_told() -> None:
    family, gaps = family_of(toy(interval=False, parts=1), 25), Gaps(1, 9)
    draws = np.random.default_rng(1).integers(0, 25, 9)
    solved = solve(family, draws, gaps, watch=Impatient())
    assert 0 < solved.share < 1
    assert solve(family, draws, gaps).share == 1


def test_too_few_draws_are_refused() -> None:
    family, gaps = family_of(_JAVA, 1000), Gaps(1, 9)
    with pytest.raises(ValueError, match="3 draws are fewer than the 4"):
        solve(family, np.zeros(3, np.int64), gaps)


def test_families_join_streams_that_show_the_same() -> None:
    streams = [_JAVA, Stream(RAND48, MODULO_31), Stream(JAVA_RANDOM, FLOOR_26_27)]
    assert [len(family.streams) for family in gap_families(streams, 1000)] == [2, 1]


@pytest.mark.parametrize("modulus", [4, 1024])
def test_remainders_of_powers_of_two_show_no_high_bits(modulus: int) -> None:
    assert gap_families([Stream(JAVA_LCG, MODULO)], modulus) == ()


@pytest.mark.parametrize("stream", [Stream(DRAND48, FLOOR_48), Stream(JAVA_RANDOM, FLOOR_26_27)])
@given(state=st.integers(0, 2**48 - 1), modulus=st.integers(2, 10**6))
def test_intervals_hold_every_state_that_gives_the_draw(
    stream: Stream, state: int, modulus: int
) -> None:
    family = family_of(stream, modulus)
    words = [stream.generator.output(np.uint64(family.lcg.advance(state, k))) for k in range(2)]
    value = stream.bounding.value(*words[: stream.bounding.words], np.int64(modulus))
    _lane, (least,), (span,) = family.shown(np.array([value]))
    assert least <= state <= least + span
    # And hardly more: an interval is an m-th of all states, but for the doubles that straddle.
    assert span <= 2**48 / modulus + 2**23


def test_a_second_word_may_carry_a_draw_past_the_edge() -> None:
    stream = Stream(JAVA_RANDOM, FLOOR_26_27)
    family = family_of(stream, 1000)
    passed = 0
    for draw in (1, 333, 998):
        below = -(-draw * 2**26 // 1000) - 1  # the last 26 bits that give less by themselves
        lows = np.random.default_rng(draw).integers(0, 2**22, 2**10, dtype=np.uint64)
        states = (np.uint64(below) << np.uint64(22)) | lows
        with np.errstate(over="ignore"):
            pairs = [(state, stream.generator.step(state)) for state in states]
            words = [
                (stream.generator.output(here), stream.generator.output(after))
                for here, after in pairs
            ]
        given = np.array([stream.bounding.value(*pair, np.int64(1000)) for pair in words])
        _lane, (least,), (span,) = family.shown(np.array([draw]))
        carried = states[given == draw].astype(np.int64)
        assert np.all((least <= carried) & (carried <= least + span))
        passed += len(carried)
    assert passed > 100
