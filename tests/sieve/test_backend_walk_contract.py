"""Back ends whose walks break the contract are found out, fault by fault."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seedfleet.generators import Stream, generators
from seedfleet.generators.boundings import MODULO
from seedfleet.sieve import DEFAULT_ROOM, CpuBackend, Hits, TooManyHitsError, Walk
from seedfleet.sieve.testing import BrokenLawError, check_backend, check_scan, check_walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FEW = [Stream(generators()["xorshift32"], MODULO)]


class Asks(CpuBackend):
    """Ask for another walk than the one asked for."""

    fault: Callable[[Walk], Walk]

    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        return super().walk(stream, self.fault(walk), seeds, **options)


class TakesAGapTooWide(Asks):
    fault = staticmethod(lambda walk: replace(walk, most_gap=walk.most_gap + 1))


class LeavesOutTheWidestGap(Asks):
    fault = staticmethod(lambda w: replace(w, most_gap=max(w.least_gap, w.most_gap - 1)))


class MissesAnEnd(Asks):
    fault = staticmethod(
        lambda w: replace(w, starts=np.maximum(w.starts[:, :1], w.starts - [0, 1]))
    )


class ForgetsTheSecondLeg(Asks):
    fault = staticmethod(
        lambda w: replace(w, legs=(w.legs[0], *(replace(leg, needed=0) for leg in w.legs[1:])))
    )


class Answers(CpuBackend):
    """Answer wrongly."""

    fault: Callable[[Hits], Hits]

    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        return self.fault(super().walk(stream, walk, seeds, **options))


class MiscountsALeg(Answers):
    fault = staticmethod(lambda hits: replace(hits, matches=hits.matches[:, ::-1]))


class CountsAMatchTooFew(Answers):
    fault = staticmethod(lambda hits: replace(hits, matches=np.maximum(0, hits.matches - 1)))


class MiscountsTested(Answers):
    fault = staticmethod(lambda hits: replace(hits, tested=hits.tested + 1))


class CountsInWideIntegers(Answers):
    fault = staticmethod(lambda hits: replace(hits, matches=hits.matches.astype(np.int64)))


class Careless(CpuBackend):
    """Take no heed of something that stands beside the question."""

    fault: Callable[[dict[str, Any]], dict[str, Any]]

    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        return super().walk(stream, walk, seeds, **self.fault(options))


class SwallowsProgress(Careless):
    fault = staticmethod(lambda options: {**options, "progress": None})


class HasAnyRoom(Careless):
    fault = staticmethod(lambda options: {**options, "room": DEFAULT_ROOM})


class TellsAnotherRoom(CpuBackend):
    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        try:
            return super().walk(stream, walk, seeds, **options)
        except TooManyHitsError as error:
            raise TooManyHitsError(error.room + 1) from error


class TakesSeedsBelowZero(CpuBackend):
    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        return super().walk(stream, walk, range(max(0, seeds.start), seeds.stop), **options)


class DropsTheFirstSeedOfParts(CpuBackend):
    """Answers rightly where a range begins at 0 or lies at an edge, and loses a seed elsewhere."""

    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        hits = super().walk(stream, walk, seeds, **options)
        kept = hits.seeds != seeds.start if len(seeds) > 20 and seeds.start > 1 else slice(None)
        return replace(
            hits, seeds=hits.seeds[kept], rows=hits.rows[kept], matches=hits.matches[kept]
        )


class RemembersTheQuestion(CpuBackend):
    """Keeps what it is asked where another call overwrites it."""

    _asked: tuple[Stream, Walk]

    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        self._asked = stream, walk
        if len(seeds) > 100:
            Event().wait(0.01)
        return super().walk(*self._asked, seeds, **options)


_ENDED = Event()


class LeavesAThread(CpuBackend):
    def walk(self, stream: Stream, walk: Walk, seeds: range, **options: Any) -> Hits:
        if options.get("progress"):
            Thread(target=_ENDED.wait, daemon=True).start()
        return super().walk(stream, walk, seeds, **options)


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    _ENDED.clear()
    yield
    _ENDED.set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (TakesAGapTooWide, "walk equals brute force"),
        (LeavesOutTheWidestGap, "walk equals brute force"),
        (MissesAnEnd, "walk equals brute force"),
        (ForgetsTheSecondLeg, "walk equals brute force"),
        (MiscountsALeg, "walk equals brute force"),
        (CountsAMatchTooFew, "walk equals brute force"),
        (DropsTheFirstSeedOfParts, "brute force|in parts"),
        (MiscountsTested, "tested counts"),
        (CountsInWideIntegers, "types"),
        (SwallowsProgress, "progress"),
        (HasAnyRoom, "room"),
        (TellsAnotherRoom, "is told as"),
        (RemembersTheQuestion, "several threads"),
        (TakesSeedsBelowZero, "refused"),
        (LeavesAThread, "threads end"),
    ],
)
def test_a_fault_of_a_walk_is_named(broken: type[CpuBackend], law: str) -> None:
    with pytest.raises(BrokenLawError, match=law):
        check_walk(broken, asked=_FEW)


@pytest.mark.slow
def test_the_whole_contract_holds_both_halves() -> None:
    check_scan(TakesAGapTooWide, asked=_FEW)
    with pytest.raises(BrokenLawError, match="walk equals brute force"):
        check_backend(TakesAGapTooWide, asked=_FEW)
