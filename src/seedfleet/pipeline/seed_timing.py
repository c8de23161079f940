"""How long seeds take to be tested, by the time of a sample of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from seedfleet.pipeline.seed_request import SeedRequest
from seedfleet.sieve import DEFAULT_ROOM, local_backend

if TYPE_CHECKING:
    from seedfleet.pipeline.sieve_plan import Plan

__all__ = ["expected_core_s", "expected_sieve_core_s"]

_SAMPLE_S = 0.2  # long enough for a clock, short enough to be spent on every question
_FIRST_SAMPLE = 2**10
_SOON_DONE = 2**24  # pairs of seed and alignment, which nobody waits for long


def expected_core_s(request: SeedRequest) -> float:
    """Return the seconds that one core would take for all seeds, by a sample of the first ones."""
    backend, seeds, size = local_backend(workers=1), request.seeds, _FIRST_SAMPLE
    request.ask(backend, seeds[:1])  # the compiler's time is not to be measured
    while True:
        sample = seeds[:size]
        started = time.perf_counter()
        request.ask(backend, sample)
        elapsed_s = time.perf_counter() - started
        tested, asked = sample.stop - sample.start, seeds.stop - seeds.start
        if elapsed_s >= _SAMPLE_S or size >= asked:
            return elapsed_s * asked / max(1, tested)
        size *= 4


def expected_sieve_core_s(plan: Plan) -> float:
    """Return the same for all searches of a sieve; those that are soon done count nothing.

    Of many alignments a batch is timed for all. O(1): a fraction of a second for each search, and
    the compilation that it needs in any case.
    """
    expected_s = 0.0
    for search in plan.searches:
        if search.seed_count * search.alignments < _SOON_DONE:
            continue
        batch = next(search.question.batches())
        request = SeedRequest(search.stream, batch, search.seeds, DEFAULT_ROOM)
        expected_s += expected_core_s(request) * search.alignments / len(batch)
    return expected_s
