"""Every attack there is, as searches of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.recover import dated_search
from seedfleet.recover.congruential import lane_search, lattice_search
from seedfleet.recover.gaps import search as gaps_search
from seedfleet.recover.gaps import walk_search
from seedfleet.recover.linear import attack as linear_attack
from seedfleet.recover.linear import carry_search
from seedfleet.recover.scans.lags import lag_searches
from seedfleet.recover.scans.seed_scan import seed_scans
from seedfleet.recover.scans.state_scan import state_scans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedfleet.generators import Stream
    from seedfleet.recover.search import Question, Search
    from seedfleet.sieve import Backend

__all__ = ["searches"]

_DEAR_S = 60.0  # an attack on states that takes longer leaves their seeds to a scan as well


def searches(streams: Sequence[Stream], question: Question, backend: Backend) -> tuple[Search, ...]:
    """Return every search that applies to some of the streams, in any order.

    Parameters
    ----------
    backend
        Runs the scans of seeds.
    """
    solved = (
        *lane_search.searches(streams, question),
        *lattice_search.searches(streams, question),
    )
    split = _covered(search for search in solved if search.coverage.cost_s <= _DEAR_S)
    walked = state_scans([stream for stream in streams if stream not in split], question)
    walkable = _covered(walked)  # all states in a walk: surer than equations, and as fast
    # What is decided from all states under these skips needs no scan of seeds.
    decided = split | walkable if set(question.scan_skips) <= set(question.skips) else split
    return (
        *lag_searches(streams, question),
        *solved,
        *linear_attack.searches([each for each in streams if each not in walkable], question),
        *carry_search.searches(streams, question),
        *walked,
        *gaps_search.searches(streams, question),
        *walk_search.searches(streams, question, backend),
        *dated_search.searches(streams, question, backend),
        *seed_scans(streams, question, backend, decided=decided),
    )


def _covered(some: Iterable[Search]) -> set[Stream]:
    return {stream for search in some for stream in search.coverage.streams}
