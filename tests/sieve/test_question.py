"""A sieve's question: which draws are looked at, where, and how many must match."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedfleet.generators import find_preset
from seedfleet.sieve import (
    ConstantSkip,
    Direction,
    Leg,
    Question,
    QuestionError,
    Rows,
    VariableSkip,
    Walk,
)

STREAM = find_preset("xorshift32").stream
DRAWS = np.random.default_rng(3).integers(1000, size=40)


def question(**asked: Any) -> Question:
    return Question(**{"stream": STREAM, "draws": DRAWS, "modulus": 1000, "skips": SKIPS, **asked})


SKIPS = ConstantSkip(range(3))


@example(draws=100, numerator=7, denominator=100)  # 0.07 * 100 is a little more than 7
@given(st.integers(1, 400), st.integers(0, 400), st.integers(1, 400))
def test_a_threshold_asks_for_the_least_matches_whose_share_reaches_it(
    draws: int, numerator: int, denominator: int
) -> None:
    threshold = min(1.0, numerator / denominator)
    values = np.zeros(2 * draws, dtype=np.int64)
    asked = question(draws=values, forward_threshold=threshold)
    needed = asked.legs[0].needed
    assert asked.legs[0].draws == draws
    assert needed / draws >= threshold
    assert needed == 0 or (needed - 1) / draws < threshold


@given(st.integers(1, 40), st.integers(0, 39))
def test_the_parts_share_out_the_window_the_older_half_rounded_up(size: int, start: int) -> None:
    if start + size > 40:
        size = 40 - start
    asked = question(window_start=start, window_size=size, direction=Direction.FORWARD)
    assert [*asked.forward, *asked.reverse] == list(range(start, start + size))
    assert 0 <= len(asked.forward) - len(asked.reverse) <= 1


@given(
    st.integers(0, 30),
    st.integers(2, 10),
    st.integers(0, 5),
    st.sampled_from(list(Direction)),
)
def test_every_alignment_stands_where_the_domain_says(
    start: int, size: int, offset: int, direction: Direction
) -> None:
    asked = question(
        window_start=start,
        window_size=size,
        offsets=range(offset, offset + 2),
        direction=direction,
    )
    (rows,) = asked.batches()
    assert isinstance(rows, Rows)
    looked_at = list(asked.looked_at)
    for positions, values, (at, skip, most) in zip(
        rows.positions, rows.values, asked.alignments, strict=True
    ):
        assert skip == most
        assert positions.tolist() == [at + skip + i * (skip + 1) for i in looked_at]
        assert values.tolist() == DRAWS[looked_at].tolist()
    assert sum(leg.draws for leg in rows.legs) == len(looked_at)


@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 6), st.integers(0, 20))
def test_a_walk_begins_wherever_a_path_may_have_come(
    least: int, more: int, offset: int, start: int
) -> None:
    skips = VariableSkip(least, least + more)
    asked = question(skips=skips, offsets=range(offset, offset + 1), window_start=start)
    (walk,) = asked.batches()
    assert isinstance(walk, Walk)
    reached = {offset - 1}
    for _ in range(start + 1):
        reached = {at + gap for at in reached for gap in range(least + 1, least + more + 2)}
    assert walk.starts.tolist() == [[min(reached), max(reached)]]
    assert len(reached) == max(reached) - min(reached) + 1
    assert (walk.least_gap, walk.most_gap) == (least + 1, least + more + 1)
    assert skips.gaps == more + 1


def test_many_alignments_come_in_batches_that_keep_their_order() -> None:
    draws = np.zeros(3000, dtype=np.int64)
    asked = question(draws=draws, skips=ConstantSkip(range(40)), offsets=range(20))
    batches = list(asked.batches())
    assert len(batches) > 1
    starts = np.concatenate([batch.positions[:, 0] for batch in batches if isinstance(batch, Rows)])
    assert starts.tolist() == [offset + skip for offset, skip, _ in asked.alignments]
    assert max(batch.positions.size for batch in batches if isinstance(batch, Rows)) <= 2**20


def test_each_direction_asks_for_its_own_part() -> None:
    legs = {
        direction: question(
            window_size=9, direction=direction, forward_threshold=0.5, reverse_threshold=1
        ).legs
        for direction in Direction
    }
    assert legs == {
        Direction.FORWARD: (Leg(5, 3),),
        Direction.REVERSE: (Leg(4, 4),),
        Direction.BIDIRECTIONAL: (Leg(5, 3), Leg(4, 4)),
    }


def test_a_question_that_cannot_be_asked_lists_everything() -> None:
    with pytest.raises(QuestionError) as caught:
        question(
            draws=np.array([5, 1000, -1]),
            skips=ConstantSkip(range(0)),
            offsets=range(3, 3),
            window_start=2,
            window_size=9,
            forward_threshold=1.1,
            reverse_threshold=float("nan"),
        )
    said = "; ".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    for word in ("draws", "window size", "forward threshold", "reverse threshold"):
        assert word in said
    assert "skips: give at least one" in said
    assert "offsets: give at least one" in said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"modulus": 1}, "modulus: 1 is not within"),
        ({"modulus": 2**31 + 1}, "modulus"),
        ({"window_start": 40}, "window start: 40 is not one of the 40 draws"),
        ({"window_start": -1}, "window start"),
        ({"window_size": 0}, "window size: 0 is not within 1..40"),
        ({"window_size": -2}, "window size: -2"),
        ({"window_start": 39}, "reverse part is empty"),
        ({"window_start": 39, "direction": Direction.REVERSE}, "reverse part is empty"),
        ({"draws": DRAWS[:0]}, "window start: 0 is not one of the 0 draws"),
        ({"skips": VariableSkip(4, 3)}, "skips: give at least one"),
        ({"skips": VariableSkip(-1, 3)}, "skips: give at least one"),
        ({"skips": ConstantSkip(range(-1, 3))}, "skips: give at least one"),
        ({"skips": ConstantSkip(range(2**64))}, "lead beyond stream position"),
        ({"offsets": range(2**64)}, "lead beyond stream position"),
        ({"offsets": range(2**30)}, "more than 1048576 alignments"),
        ({"offsets": range(2**19)}, "more than 1048576 alignments"),
        ({"offsets": range(0, 8, 2)}, "offsets: give at least one"),
    ],
)
def test_each_limit_is_named(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(QuestionError, match=said):
        question(**asked)


def test_the_limits_themselves_can_be_asked() -> None:
    assert len(question(offsets=range(2**18)).alignments) == 3 * 2**18
    assert question(window_start=39, direction=Direction.FORWARD).legs == (Leg(1, 1),)
    assert replace(question(), modulus=2**31).modulus == 2**31


@pytest.mark.parametrize(
    "draws",
    [
        DRAWS.astype(np.float64),
        np.full(40, np.nan),
        DRAWS.astype(bool),
        DRAWS.tolist(),
        DRAWS[None],
        np.int64(3),
        None,
    ],
    ids=["floats", "nan", "bools", "a list", "two dimensions", "a number", "nothing"],
)
def test_draws_that_are_no_integers_are_told_beside_all_else(draws: Any) -> None:
    with pytest.raises(QuestionError, match="one-dimensional array of integers") as caught:
        question(draws=draws, modulus=1, forward_threshold=2, offsets=range(0))
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_any_integers_are_kept_as_one_type(dtype: type) -> None:
    asked = question(draws=(DRAWS % 10).astype(dtype))
    assert asked.draws.dtype == np.int64
    assert asked.draws.tolist() == (DRAWS % 10).tolist()


def test_a_draw_beyond_all_integers_is_told() -> None:
    with pytest.raises(QuestionError, match="not all are within"):
        question(draws=np.array([2**64 - 1, 3], dtype=np.uint64))


@pytest.mark.parametrize("name", ["window_size", "window_start"])
def test_a_window_beyond_all_machines_is_told(name: str) -> None:
    with pytest.raises(QuestionError, match=f"{name.replace('_', ' ')}: {2**70} is not"):
        question(**{name: 2**70})


@pytest.mark.parametrize("kind", [np.float64, bool, list])
def test_rows_and_walks_are_asked_in_integers(kind: Any) -> None:
    def as_kind(values: list[Any]) -> Any:
        return values if kind is list else np.array(values, dtype=kind)

    ones, pairs, leg = np.array([1, 1]), np.array([[0, 1]]), (Leg(2, 2),)
    with pytest.raises(ValueError, match=r"two equal .* integers; the modulus 1 is"):
        Rows(as_kind([[0, 1]]), np.array([[1, 1]]), 1, leg)
    with pytest.raises(ValueError, match=r"two equal .* integers"):
        Rows(pairs, as_kind([[1, 1]]), 10, leg)
    with pytest.raises(ValueError, match=r"starts must be .* of integers"):
        Walk(as_kind([[0, 1]]), ones, 10, 1, 2, leg)
    with pytest.raises(ValueError, match=r"values must be a \(depth,\) array .*; gaps 2..1"):
        Walk(pairs, as_kind([1, 1]), 10, 2, 1, leg)
    small = Rows(pairs.astype(np.uint8), pairs.astype(np.int16), 10, leg)
    assert {small.positions.dtype, small.values.dtype} == {np.dtype(np.int64)}
