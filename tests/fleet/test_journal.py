"""The journal under crashes and damage: either the same truth, or a refusal that says where."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet import core, messages, outcome
from seedfleet.fleet.engines.base import Ended, Gpu, Node, NodeDown, NodeUp
from seedfleet.fleet.errors import HeadLostError, JournalDamagedError
from seedfleet.fleet.journal import CODEC, Journal, JournalFollower
from seedfleet.fleet.spec import Job
from seedfleet.fleet.state import Plan, State

if TYPE_CHECKING:
    from pathlib import Path

NODE = Node("n", "cuda", (Gpu(0, "GPU-1", None, 1.5),), 2)
EVENTS: tuple[messages.Event, ...] = (
    messages.Opened((NODE,), (1, 0)),
    Ended("a", 1, outcome.Failed(3, None), "2026-01-01T00:00:00+00:00", None, 1.5, 3, "ü\n", "x"),
    Ended("b", 1, outcome.Succeeded((outcome.ProducedFile("b", 1, "0" * 64),))),
    messages.Published("b", 1),
    Ended("a", 2, outcome.Lost("n", "gone")),
    NodeDown("n", "cable", for_good=False),
    messages.NodeLost("n", 1),
    NodeUp(NODE),
    messages.Probation("n", 1),
    messages.CancelAsked(("a",)),
    messages.DrainAsked(),
)
PLAN = Plan(
    tuple(Job(job_id=name, script="s", args=(), expected_output=name) for name in ("a", "b")), 1
)


def clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def replay(events: tuple[messages.Event, ...]) -> State:
    state = core.initial(PLAN)
    for event in events:
        state, _ = core.decide(state, event)
    return state


def read_journal(path: Path) -> tuple[messages.Event, ...]:
    return tuple(event for _, event in JournalFollower(path).read())


def write(path: Path, *batches: tuple[messages.Event, ...]) -> None:
    with Journal(path, clock) as journal:
        for batch in batches:
            journal.append(batch)


@pytest.mark.slow
def test_a_crash_at_every_byte_of_a_write_leaves_a_prefix_of_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on disk before the write is always there; of the write, whole lines or nothing."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of them, tested below
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS[:2])
    before = path.stat().st_size
    write(path, EVENTS[2:])
    whole = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(before, len(whole) + 1):
        path.write_bytes(whole[:size])
        complete = sum(end <= size for end in ends)
        assert read_journal(path) == EVENTS[:complete]
        with Journal(path, clock) as journal:
            assert replay(journal.events) == replay(EVENTS[:complete])
            journal.append(EVENTS[complete:])
        assert path.read_bytes() == whole, "the next head writes on as if nothing had happened"
    assert complete == len(EVENTS)


def test_reading_does_not_change_a_torn_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS)
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)
    read_journal(path)
    assert path.read_bytes() == torn


@pytest.mark.slow
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_any_changed_byte_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    """Harmless is a change of the last line feed, which looks like a torn write, and no change."""
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    write(path, EVENTS)
    content = bytearray(path.read_bytes())
    place %= len(content)
    changed = content[place] != value
    content[place] = value
    path.write_bytes(content)
    if changed and place < len(content) - 1:
        with pytest.raises(JournalDamagedError) as damage:
            read_journal(path)
        start = bytes(content[:place]).rfind(b"\n") + 1
        assert damage.value.offset == start, "the damaged line is named"
    else:
        assert read_journal(path) == EVENTS[: len(EVENTS) - changed]


def without_line(lines: list[bytes]) -> list[bytes]:
    return lines[:1] + lines[2:]


def swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def doubled(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[0], *lines[1:]]


@pytest.mark.parametrize("damage", [without_line, swapped, doubled])
def test_whole_lines_cannot_go_missing_or_move(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(damage(lines)))  # type: ignore[operator]
    with pytest.raises(JournalDamagedError, match="line 2"):
        Journal(path, clock)


def test_a_line_of_another_journal_does_not_fit_in(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.jsonl", tmp_path / "theirs.jsonl"
    write(ours, EVENTS)
    write(theirs, (EVENTS[0], EVENTS[4], *EVENTS[2:]))
    lines = ours.read_bytes().splitlines(keepends=True)
    lines[1] = theirs.read_bytes().splitlines(keepends=True)[1]
    ours.write_bytes(b"".join(lines))
    with pytest.raises(JournalDamagedError, match="line 3"):
        read_journal(ours)


def test_a_long_torn_end_leaves_nothing_behind_a_short_new_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS[:1])
    with path.open("ab") as stream:
        stream.write(b"x" * 5000)
    write(path, (messages.DrainAsked(),))
    assert read_journal(path) == (EVENTS[0], messages.DrainAsked())
    assert b"xxx" not in path.read_bytes()


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS)
    line = json.loads(path.read_bytes().splitlines()[0])
    path.write_text(json.dumps(line | {"version": 99}) + "\n")
    with pytest.raises(JournalDamagedError, match="written by version 99"):
        read_journal(path)


def test_a_batch_is_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    with Journal(tmp_path / "journal.jsonl", clock) as journal:
        monkeypatch.setattr(os, "fsync", sync)
        journal.append(EVENTS)
    assert len(synced) == 1


def test_what_the_disk_has_not_confirmed_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS[:2])

    def broken(descriptor: int) -> None:
        del descriptor
        raise OSError(5, "Input/output error")

    with Journal(path, clock) as journal:
        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(HeadLostError, match="Input/output error"):
            journal.append(EVENTS[2:])
    assert read_journal(path) == EVENTS[:2], "nobody has acted on the others"


@pytest.mark.parametrize("wrote", [0, 1, 50])
def test_a_full_disk_ends_the_head_and_not_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrote: int
) -> None:
    path = tmp_path / "journal.jsonl"
    real, calls = os.pwrite, [0]

    def full(descriptor: int, text: bytes, offset: int) -> int:
        calls[0] += 1
        if calls[0] == 1 and wrote:
            return real(descriptor, text[:wrote], offset)
        raise OSError(28, "No space left on device")

    with Journal(path, clock) as journal:
        journal.append(EVENTS[:2])
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            with pytest.raises(HeadLostError, match="No space left"):
                journal.append(EVENTS[2:])
        assert read_journal(path) == EVENTS[:2]
        journal.append(EVENTS[2:])
    assert read_journal(path) == EVENTS


OUTCOMES = st.one_of(
    *(
        st.from_type(each)
        for each in (
            outcome.Succeeded,
            outcome.Failed,
            outcome.TimedOut,
            outcome.OutputMissing,
            outcome.OutputEmpty,
            outcome.OutputInvalid,
            outcome.FailedToStart,
            outcome.Lost,
            outcome.Superseded,
            outcome.Cancelled,
        )
    )
)


@given(OUTCOMES)
def test_every_outcome_survives_the_journal(made: outcome.Outcome) -> None:
    if isinstance(made, outcome.TimedOut) and made.limit_s != made.limit_s:
        return  # NaN equals nothing, itself included
    text = json.dumps(CODEC.encode(Ended("j", 1, made)))
    assert CODEC.decode(json.loads(text)) == Ended("j", 1, made)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind 'surprise'"):
        CODEC.decode({"kind": "surprise"})
    with pytest.raises(ValueError, match="does not have these fields"):
        CODEC.decode({"kind": "published", "job_id": "a"})
