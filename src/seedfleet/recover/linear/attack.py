"""The attack by linear equations over GF(2): which searches a question calls for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedfleet.recover.linear.families import linear_families
from seedfleet.recover.linear.rows import unknown_count
from seedfleet.recover.linear.search import LinearSearch, window_length
from seedfleet.recover.linear.whole_state import WholeStateSearch, whole_state_length
from seedfleet.recover.windows import window_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seedfleet.generators import Stream
    from seedfleet.recover.linear.families import LinearFamily
    from seedfleet.recover.search import Question, Search

__all__ = ["searches"]

_SMALL = 1024  # unknowns up to which all skips are worth trying
_WHOLE_WINDOWS = 4
_SKIP_GROUPS = (1, 3, 9, 33, 129)  # of the skips of a large generator, cheaper ones apart
_LEAST_POWER = 0.5  # of draws recorded right; below, a bounding rejects too many words


def searches(streams: Iterable[Stream], question: Question) -> tuple[Search, ...]:
    """Return the searches for the streams whose draws are linear equations.

    Left out are generators whose words are not linear in their state (as the sums of xoshiro256++;
    for those of V8 from 14.4 on see `carry_search`), draws that show no bit of a word (an odd
    modulus of plain remainders), and boundings that reject so many words that no run of draws has
    known positions: only scans of their seeds find those.
    """
    streams = tuple(streams)
    found: list[Search] = []
    for scope in question.scopes:
        if scope.fitted == 0:
            continue
        asked = replace(question, scopes=(scope,))
        for family in linear_families(streams, question.modulus, scope.searchable):
            small = unknown_count(family.generator) <= _SMALL
            made = _small(family, asked) if small else _whole(family, asked)
            found += [search for search in made if search.coverage.power(0.0) >= _LEAST_POWER]
    return tuple(found)


def _small(family: LinearFamily, question: Question) -> Iterator[LinearSearch]:
    """Search from the first draws, then from many windows."""
    yield LinearSearch(family, question, starts=(0,))
    (scope,) = question.scopes
    length = window_length(family, scope)
    if scope.fitted > length:
        for starts in window_batches(scope.fitted, length):
            yield LinearSearch(family, question, starts=starts)


def _whole(family: LinearFamily, question: Question) -> Iterator[WholeStateSearch]:
    """Search from the first draws under the least skip, then elsewhere, then under more skips."""
    (scope,) = question.scopes
    length = whole_state_length(family, scope)
    starts = tuple(range(length, scope.fitted - length + 1, length))[: _WHOLE_WINDOWS - 1]
    begun = 0
    for end in (*_SKIP_GROUPS, len(question.skips)):
        skips = question.skips[begun:end]
        if len(skips):
            asked = replace(question, skips=skips)
            yield WholeStateSearch(family, asked, starts=(0,))
            if begun == 0 and starts:
                yield WholeStateSearch(family, asked, starts=starts)
        begun = max(begun, end)
