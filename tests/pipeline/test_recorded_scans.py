"""Answers that outlive the process that asked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedfleet.generators import Stream
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.pipeline.recorded_scans import RecordedBackend
from seedfleet.sieve import Backend, CpuBackend, Hits, Leg, Rows, Walk

pytestmark = pytest.mark.slow

_STREAM = Stream(XORSHIFT32, MODULO)
_ROWS = Rows.exact(np.array([[0], [1]]), np.array([[5], [5]]), 100)
_WALK = Walk(np.array([[0, 2]]), np.array([5, 6]), 100, 1, 3, (Leg(2, 2),))
_SEEDS = range(1, 5001)


class Counting:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self._backend = CpuBackend(1)

    def scan(self, *args: Any, **options: Any) -> Hits:
        self.asked += 1
        return self._backend.scan(*args, **options)

    def scan_together(self, *args: Any, **options: Any) -> tuple[Hits, ...]:
        self.asked += 1
        return self._backend.scan_together(*args, **options)

    def walk(self, *args: Any, **options: Any) -> Hits:
        self.asked += 1
        return self._backend.walk(*args, **options)


def recorded(backend: Backend, folder: Path, *, long_s: float = 0.0) -> RecordedBackend:
    return RecordedBackend(backend, folder, long_s=long_s)


def same(one: Hits, other: Hits) -> bool:
    columns = ((one.seeds, other.seeds), (one.rows, other.rows), (one.matches, other.matches))
    return one.tested == other.tested and all(np.array_equal(*pair) for pair in columns)


@pytest.mark.parametrize(("way", "asked"), [("scan", _ROWS), ("walk", _WALK)])
def test_a_later_process_reads_what_an_earlier_one_was_answered(
    way: str, asked: object, tmp_path: Path
) -> None:
    first, later = Counting(), Counting()
    answer = getattr(recorded(first, tmp_path), way)(_STREAM, asked, _SEEDS)
    told: list[int] = []
    again = getattr(recorded(later, tmp_path), way)(_STREAM, asked, _SEEDS, progress=told.append)
    assert (first.asked, later.asked) == (1, 0)
    assert same(answer, again)
    assert len(answer.seeds) > 0
    assert told == [len(_SEEDS)]


def test_questions_that_were_answered_together_are_remembered_one_by_one(tmp_path: Path) -> None:
    backend = Counting()
    other = Rows.exact(_ROWS.positions, _ROWS.values + 1, 100)
    both = [(_STREAM, _ROWS), (_STREAM, other)]
    together = recorded(backend, tmp_path).scan_together(both, _SEEDS)
    assert backend.asked == 1
    again = recorded(backend, tmp_path).scan_together(both, _SEEDS)
    alone = recorded(backend, tmp_path).scan(_STREAM, other, _SEEDS)
    assert backend.asked == 1
    assert all(same(*pair) for pair in zip(together, again, strict=True))
    assert same(alone, together[1])


def test_another_question_is_asked(tmp_path: Path) -> None:
    backend = Counting()
    remembering = recorded(backend, tmp_path)
    remembering.scan(_STREAM, _ROWS, _SEEDS)
    remembering.scan(_STREAM, _ROWS, range(1, 5000))
    remembering.scan(_STREAM, Rows.exact(_ROWS.positions, _ROWS.values + 1, 100), _SEEDS)
    assert backend.asked == 3


def test_a_damaged_answer_is_asked_again(tmp_path: Path) -> None:
    backend = Counting()
    answer = recorded(backend, tmp_path).scan(_STREAM, _ROWS, _SEEDS)
    (path,) = tmp_path.glob("*.hits")
    path.write_bytes(path.read_bytes()[:-1])
    assert same(recorded(backend, tmp_path).scan(_STREAM, _ROWS, _SEEDS), answer)
    assert backend.asked == 2


def test_short_answers_leave_no_files(tmp_path: Path) -> None:
    recorded(CpuBackend(1), tmp_path / "scans", long_s=1e9).scan(_STREAM, _ROWS, _SEEDS)
    assert not (tmp_path / "scans").exists()
