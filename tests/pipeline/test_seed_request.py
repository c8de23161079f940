"""Questions and results as files: what is read is what was written, or it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.generators import Stream, find_preset, find_stream
from seedfleet.generators.boundings import FLOOR_32, MODULO
from seedfleet.pipeline.seed_block import BlockResult, ResultError, write_result
from seedfleet.pipeline.seed_request import RequestError, SeedRequest, digest_of
from seedfleet.sieve import Hits, Leg, Rows, Walk

if TYPE_CHECKING:
    from pathlib import Path

MINSTD = find_preset("minstd").stream
MODULUS = 1000
SEEDS = st.integers(0, 2**64).flatmap(
    lambda start: st.integers(start, 2**64).map(lambda stop: range(start, stop))
)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Rows of even or uneven steps, with draws of their own or the same for all."""
    count, depth = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    gap = st.integers(1, 50)
    even = draw(st.booleans())
    gaps = [draw(gap) if even else [draw(gap) for _ in range(depth)] for _ in range(count)]
    positions = np.array([np.cumsum(np.broadcast_to(each, depth)) for each in gaps]) - 1
    shared = draw(st.booleans())
    value = st.lists(st.integers(0, MODULUS - 1), min_size=depth, max_size=depth)
    values = [draw(value)] * count if shared else [draw(value) for _ in range(count)]
    return Rows(positions, np.array(values), MODULUS, legs(draw, depth))


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    depth = draw(st.integers(1, 5))
    least, width = draw(st.integers(1, 9)), draw(st.integers(0, 9))
    starts = draw(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), min_size=1))
    values = draw(st.lists(st.integers(0, MODULUS - 1), min_size=depth, max_size=depth))
    return Walk(
        np.array([(first, first + more) for first, more in starts]),
        np.array(values),
        MODULUS,
        least,
        least + width,
        legs(draw, depth),
    )


def legs(draw: st.DrawFn, depth: int) -> tuple[Leg, ...]:
    first = draw(st.integers(1, depth))
    sizes = [first, depth - first] if first < depth else [depth]
    return tuple(Leg(size, draw(st.integers(0, size))) for size in sizes)


@given(asked=st.one_of(rows(), walks()), seeds=SEEDS, room=st.integers(0, 10**7))
def test_a_request_read_back_asks_the_same(asked: Rows | Walk, seeds: range, room: int) -> None:
    request = SeedRequest(MINSTD, asked, seeds, room)
    document = json.loads(json.dumps(request.to_document()))
    read = SeedRequest.from_document(document)
    assert (read.stream, read.seeds, read.room) == (MINSTD, seeds, room)
    assert digest_of(read.to_document()) == digest_of(document)
    assert type(read.asked) is type(asked)
    assert vars(read.asked).keys() == vars(asked).keys()
    for name, value in vars(asked).items():
        assert np.array_equal(getattr(read.asked, name), value), name


def question(**changes: Any) -> SeedRequest:
    plain = Rows.exact(np.array([[0, 1, 5]]), np.array([[1, 2, 3]]), MODULUS)
    return replace(SeedRequest(MINSTD, plain, range(5, 50), 9), **changes)


def test_everything_that_decides_the_answer_decides_the_digest() -> None:
    other = Rows.exact(np.array([[0, 1, 5]]), np.array([[1, 2, 4]]), MODULUS)
    requests = [
        question(),
        question(asked=other),
        question(seeds=range(5, 51)),
        question(room=10),
        question(stream=find_stream("minstd", FLOOR_32.name)),
        question(stream=find_preset("xorshift32").stream),
    ]
    assert len({digest_of(each.to_document()) for each in requests}) == len(requests)


def test_a_stream_of_ones_own_does_not_travel() -> None:
    own = replace(MINSTD.generator, output=lambda state: state ^ 1)
    unnamed = replace(MINSTD.generator, name="mine")
    assert question().can_travel
    assert not question(stream=Stream(own, MODULO)).can_travel
    assert not question(stream=Stream(unnamed, MODULO)).can_travel


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"generator": "nobody"}, "cannot be asked here: KeyError.*nobody"),
        ({"first_draws": [[1], [2]]}, "minstd / word % m is defined in another way here"),
        ({"progressions": None, "positions": None}, "cannot be asked here"),
        ({"legs": [[2, 1]]}, "legs must share out the draws"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused(change: dict[str, Any], told: str) -> None:
    document = question().to_document() | change
    with pytest.raises(RequestError, match=told):
        SeedRequest.from_document(document)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    question().write(path)
    read, digest = SeedRequest.read(path)
    assert (read.seeds, digest) == (range(5, 50), digest_of(question().to_document()))
    path.write_text(path.read_text().replace('"room": 9', '"room": 8'))
    with pytest.raises(RequestError, match="was changed since it was written"):
        SeedRequest.read(path)
    path.write_text("[]")
    with pytest.raises(RequestError, match="is no request"):
        SeedRequest.read(path)


@given(
    table=st.lists(
        st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1)),
        max_size=20,
    ),
    legs=st.integers(1, 2),
    before=st.integers(0, 3),
)
def test_results_hold_their_hits_and_whatever_is_not_whole_is_no_result(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[int, int, int]],
    legs: int,
    before: int,
) -> None:
    hits = Hits(
        np.array([seed for seed, _, _ in table], np.uint64),
        np.array([row for _, row, _ in table], np.int64),
        np.array([[matches] * legs for _, _, matches in table], np.int32).reshape(-1, legs),
        tested=50,
    )
    header = BlockResult("digest", 7, 50, len(table), legs)
    buffer = tmp_path_factory.mktemp("block") / "x.hits"
    with buffer.open("wb") as stream:
        write_result(stream, header, hits)
    assert BlockResult.of_file(buffer) == header
    total = len(table) + before
    joined = Hits(
        np.zeros(total, np.uint64), np.zeros(total, np.int64), np.zeros((total, legs), np.int32), 0
    )
    header.read_into(buffer, joined, before)
    for name in ("seeds", "rows", "matches"):
        assert np.array_equal(getattr(joined, name)[before:], getattr(hits, name))
        assert not getattr(joined, name)[:before].any()
    content = buffer.read_bytes()
    for damaged in (content[:-1], content + b"\0", b"", b"{}\n", b"\xff" + content):
        buffer.write_bytes(damaged)
        with pytest.raises(ResultError, match=r"is no result|not as long as it says"):
            BlockResult.of_file(buffer)


def test_more_hits_than_room_are_said_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.hits"
    header = BlockResult("digest", 7, 0, None, 1)
    with path.open("wb") as stream:
        write_result(stream, header, None)
    assert BlockResult.of_file(path) == header
    assert header.size_bytes == 0
