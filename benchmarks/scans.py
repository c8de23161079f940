"""Scans of seeds and of states, beside the times we ask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, streams
from seedfleet.recover.scans.seed_scan import seed_scans
from seedfleet.recover.scans.state_scan import state_scans
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve import constant_skip_positions, local_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.generators import Stream

_MODULUS, _SEEDS, _SKIP, _DRAWS = 1000, 2**32, 3, 60
# (generator, seeds of a slice, seconds asked for all 2**32 and every bounding), skips 0..8
_SCANNED = (("mt19937", 2**24, 90.0), ("mt19937 by array", 2**20, 480.0))
_WALKED = (("xorshift32", 10.0), ("minstd", 5.0))


def rows() -> Iterator[Row]:
    """Time slices of seed scans and whole walks along all states, from a warm cache."""
    for name, size, bound_s in _SCANNED:
        taken_s = _slice_s(_streams(name), size) * _SEEDS / size
        what = f"{name}: 2^32 seeds from 2^{size.bit_length() - 1}, all boundings"
        yield Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)
    for name, bound_s in _WALKED:
        taken_s = _walk_s(_streams(name)[0])
        what = f"{name}: all states, skips 0..500"
        yield Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)


def _streams(name: str) -> list[Stream]:
    return [stream for stream in streams() if stream.generator.name == name]


def _question(stream: Stream, seed: int) -> Question:
    positions = constant_skip_positions(_DRAWS, _SKIP)
    draws, _ = compiled.at_positions(stream, seed, _MODULUS, positions)
    return Question(_MODULUS, (Scope(draws, _DRAWS - 5),), range(501), range(9))


def _slice_s(members: list[Stream], size: int) -> float:
    """Return what a slice takes, and hold the scan to the seed that is planted in it."""
    first, backend = 2**31, local_backend()
    seed = first + size // 3
    scan = seed_scans(members, _question(members[0], seed), backend)[-1]  # of all seeds
    part = range(first, first + size)
    if seed not in {survivor.start for survivor in scan.decide(part, _unheard).survivors}:
        raise RuntimeError(f"{members[0].name}: the planted seed was not found")
    return seconds(lambda: scan.decide(part, _unheard), runs=3)


def _unheard(_share: float) -> None:
    pass


def _walk_s(stream: Stream) -> float:
    seed = 1_234_567_890
    (scan,) = state_scans([stream], _question(stream, seed))
    if seed not in {survivor.start for survivor in scan.run(Unwatched()).survivors}:
        raise RuntimeError(f"{stream.name}: the planted seed was not found")
    return seconds(lambda: scan.run(Unwatched()), runs=1)
