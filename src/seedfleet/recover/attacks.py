"""Every attack there is, as searches of one question."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedfleet.recover.lane import lane_families
from seedfleet.recover.lane_search import first_window, sliding_windows
from seedfleet.recover.seed_scan import seed_scans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators import Stream
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
    return (*_by_lanes(streams, question), *seed_scans(streams, question, backend))


def _by_lanes(streams: Sequence[Stream], question: Question) -> Iterator[Search]:
    for family in lane_families(streams, question.modulus):
        for scope in question.scopes:
            asked = replace(question, scopes=(scope,))
            yield first_window(family, asked)
            yield from sliding_windows(family, asked)
