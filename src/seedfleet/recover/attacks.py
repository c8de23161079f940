"""Every attack there is, as searches of one question."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedfleet.recover.lags import lag_searches
from seedfleet.recover.lane import lane_families
from seedfleet.recover.lane_search import first_window, sliding_windows
from seedfleet.recover.seed_scan import seed_scans
from seedfleet.recover.state_scan import state_scans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators import Stream
    from seedfleet.recover.lane import LaneFamily
    from seedfleet.recover.search import Question, Search
    from seedfleet.sieve import Backend

__all__ = ["searches"]


def searches(streams: Sequence[Stream], question: Question, backend: Backend) -> tuple[Search, ...]:
    """Return every search that applies to some of the streams, in any order.

    Parameters
    ----------
    backend
        Runs the scans of seeds.
    """
    families = lane_families(streams, question.modulus)
    split = {stream for family in families for stream in family.streams}
    states = state_scans([stream for stream in streams if stream not in split], question)
    walked = {stream for scan in states for stream in scan.coverage.streams}
    decided = split | walked if set(question.scan_skips) <= set(question.skips) else split
    return (
        *lag_searches(streams, question),
        *_by_lanes(families, question),
        *states,
        *seed_scans(streams, question, backend, decided=decided),
    )


def _by_lanes(families: Sequence[LaneFamily], question: Question) -> Iterator[Search]:
    for family in families:
        for scope in question.scopes:
            asked = replace(question, scopes=(scope,))
            yield first_window(family, asked)
            yield from sliding_windows(family, asked)
