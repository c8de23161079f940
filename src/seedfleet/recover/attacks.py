"""Every attack there is, as searches of one question."""

from __future__ import annotations

from dataclasses import replace
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
    from collections.abc import Iterator, Sequence

    from seedfleet.generators import Stream
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Coverage, Question, Search
    from seedfleet.sieve import Backend

__all__ = ["searches"]

_SURE = 0.95
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
    split = [search for search in solved if search.coverage.cost_s <= _DEAR_S]
    walked = [
        scan
        for asked, decided in _by_decided(split, question)
        for scan in state_scans([each for each in streams if each not in decided], asked)
    ]
    linear = [
        search
        # A walk along all states is surer than equations, and as fast.
        for asked, decided in _by_decided(walked, question)
        for search in linear_attack.searches([s for s in streams if s not in decided], asked)
    ]
    # What is decided from all states under these skips needs no scan of seeds.
    every = [
        *split,
        *(search for search in (*walked, *linear) if _spares_a_scan(search.coverage, question)),
    ]
    scans = [
        scan
        for asked, decided in _by_decided(every, question)
        for scan in seed_scans(streams, asked, backend, decided=decided)
    ]
    return (
        *lag_searches(streams, question),
        *solved,
        *linear,
        *carry_search.searches(streams, question),
        *walked,
        *gaps_search.searches(streams, question),
        *walk_search.searches(streams, question, backend),
        *dated_search.searches(streams, question, backend),
        *scans,
    )


def _spares_a_scan(coverage: Coverage, question: Question) -> bool:
    """Tell whether a search from states covers what a scan of the streams' seeds would."""
    skips = set(question.scan_skips) <= set(coverage.skips)
    return skips and coverage.cost_s <= _DEAR_S and coverage.power(0.0) >= _SURE


def _by_decided(
    some: Sequence[Search], question: Question
) -> Iterator[tuple[Question, frozenset[Stream]]]:
    """Yield scopes together with the streams that some searches decide in each of them.

    A search decides nothing in a scope with fewer draws than it needs.
    """
    groups: dict[frozenset[Stream], list[Scope]] = {}
    for scope in question.scopes:
        able = [
            search.coverage
            for search in some
            if scope in search.coverage.scopes and scope.fitted >= search.coverage.least_draws
        ]
        streams = frozenset(stream for coverage in able for stream in coverage.streams)
        groups.setdefault(streams, []).append(scope)
    for streams, scopes in groups.items():
        yield replace(question, scopes=tuple(scopes)), streams
