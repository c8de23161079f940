"""Which laws of variable skips are searched: the one asked for, and narrower ones before it.

The work grows with a high power of the number of gaps, so that a law of half as many costs next to
nothing beside the whole. Programs that vary their skip little are found by it in no time, from
fewer draws, and where the whole does not fit into the budget.
"""

from __future__ import annotations

from seedfleet.recover.gaps.solver import Depth, GapFamily, Gaps

__all__ = ["laws_within"]

_DEAR_S = 1.0  # for one window: a law that costs less is searched as a whole at once
_CHEAP_S = 0.1  # narrower laws than one that costs so little are not worth searches of their own
_STEP = 4.0  # each law costs as many times the one before: at most a third is done twice
_MAX_COST_S = 86400.0


def laws_within(family: GapFamily, gaps: Gaps) -> tuple[Gaps, ...]:
    """Return the laws that are worth a search, narrowest first, none that would take days.

    Narrower laws keep the least gap. The last is `gaps` itself, unless a window of it would take
    more than a day. O(w).
    """
    laws: list[Gaps] = []
    whole_s = Depth.of(family, gaps).cost_s
    last_s = 0.0
    for most in range(gaps.least + 1, gaps.most if whole_s > _DEAR_S else gaps.least):
        law = Gaps(gaps.least, most)
        cost_s = Depth.of(family, law).cost_s
        if cost_s > min(whole_s / _STEP, _MAX_COST_S):
            break
        if cost_s <= _CHEAP_S:
            laws, last_s = [law], cost_s
        elif cost_s >= _STEP * last_s:
            laws, last_s = [*laws, law], cost_s
    return (*laws, gaps) if whole_s <= _MAX_COST_S else tuple(laws)
