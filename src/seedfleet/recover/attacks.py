"""Every attack there is, as searches of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.recover import lane_search, lattice_search
from seedfleet.recover.seed_scan import seed_scans

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    return (
        *lane_search.searches(streams, question),
        *lattice_search.searches(streams, question),
        *seed_scans(streams, question, backend),
    )
