"""The processor's back end keeps the contract, and back ends that do not are found out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seedfleet.generators import Stream, generators
from seedfleet.generators.boundings import JAVA_NEXT_INT_DIGITS, MASK, MODULO, PHP_RANGE
from seedfleet.generators.definition import never
from seedfleet.sieve import DEFAULT_ROOM, CpuBackend, Hits, Rows
from seedfleet.sieve.testing import BrokenLawError, check_backend, check_scan

_XORSHIFT = generators()["xorshift32"]
_FEW = [Stream(_XORSHIFT, MODULO), Stream(_XORSHIFT, MASK)]
# What takes the other kernels: digits, and states that are arrays. Each takes seconds to compile.
_HARDER = [
    Stream(generators()["java.util.Random"], JAVA_NEXT_INT_DIGITS),
    Stream(generators()["mt19937"], PHP_RANGE),
]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_processor_keeps_the_contract(workers: int) -> None:
    check_backend(lambda: CpuBackend(workers), asked=_FEW + _HARDER, seed=workers)


class Broken(CpuBackend):
    """Ask and answer through a fault."""

    ask: Callable[[Stream, Rows], tuple[Stream, Rows]] = staticmethod(lambda s, r: (s, r))
    answer: Callable[[Hits, range], Hits] = staticmethod(lambda hits, _: hits)

    def scan(self, stream: Stream, rows: Rows, seeds: range, **options: Any) -> Hits:
        return self.answer(super().scan(*self.ask(stream, rows), seeds, **options), seeds)


def chosen(hits: Hits, mask: np.ndarray) -> Hits:
    return replace(hits, seeds=hits.seeds[mask], rows=hits.rows[mask], matches=hits.matches[mask])


class DropsTheEdge(Broken):
    answer = staticmethod(lambda hits, seeds: chosen(hits, hits.seeds != seeds.stop - 1))


class DropsBlockEdges(Broken):
    answer = staticmethod(lambda hits, _: chosen(hits, hits.seeds % 1024 != 1023))


class ForgetsARow(Broken):
    answer = staticmethod(lambda hits, _: chosen(hits, hits.rows != 2))


class MiscountsTested(Broken):
    answer = staticmethod(lambda hits, _: replace(hits, tested=hits.tested + 1))


class MiscountsALeg(Broken):
    answer = staticmethod(lambda hits, _: replace(hits, matches=hits.matches[:, ::-1]))


class IgnoresRejection(Broken):
    ask = staticmethod(
        lambda s, r: (replace(s, bounding=replace(s.bounding, rejects=never, shape=_none)), r)
    )


class OffByOneInALeg(Broken):
    ask = staticmethod(
        lambda s, r: (
            s,
            replace(r, legs=tuple(replace(x, needed=max(0, x.needed - 1)) for x in r.legs)),
        )
    )


class SwallowsProgress(Broken):
    def scan(self, stream: Stream, rows: Rows, seeds: range, **options: Any) -> Hits:
        return super().scan(stream, rows, seeds, **{**options, "progress": None})


class HasAnyRoom(Broken):
    def scan(self, stream: Stream, rows: Rows, seeds: range, **options: Any) -> Hits:
        return super().scan(stream, rows, seeds, **{**options, "room": DEFAULT_ROOM})


class TakesGaps(Broken):
    def scan(self, stream: Stream, rows: Rows, seeds: range, **options: Any) -> Hits:
        return super().scan(stream, rows, range(max(0, seeds.start), seeds.stop), **options)


def _none(_radix: int) -> None:
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (DropsTheEdge, "brute force"),
        (DropsBlockEdges, "brute force"),
        (ForgetsARow, "brute force"),
        (MiscountsALeg, "brute force"),
        (OffByOneInALeg, "brute force"),
        (IgnoresRejection, "brute force"),
        (MiscountsTested, "tested counts"),
        (SwallowsProgress, "progress"),
        (HasAnyRoom, "room"),
        (TakesGaps, "refused"),
    ],
)
def test_a_fault_is_named(broken: type[Broken], law: str) -> None:
    with pytest.raises(BrokenLawError, match=law):
        check_scan(broken, asked=_FEW)
