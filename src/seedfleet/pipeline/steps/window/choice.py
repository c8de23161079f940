"""Which of the trials is chosen: the best, or one as good that leaves more to be ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.pipeline.steps.window.configuration import SkipLaw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.pipeline.steps.window.study import Tried

__all__ = ["choose", "most_rows"]

_AS_GOOD_BITS = 1.0
# The draws that trials are judged by differ, and hold more or fewer wrong records: of 64 draws of
# which a tenth is wrong the bits differ by a twelfth (one standard deviation), from one window to
# the next.
_AS_GOOD_SHARE = 0.2
_VARIABLE_COST = 50  # a path is that much dearer to follow than a fixed position


def most_rows(law: SkipLaw, max_survivors: int) -> int:
    """Return how many survivors are handed on; fewer where each has all its paths followed."""
    return max_survivors if law is SkipLaw.CONSTANT else max(1, max_survivors // _VARIABLE_COST)


def choose(tried: Sequence[Tried], max_survivors: int) -> Tried | None:
    """Return the trial whose configuration is used; None where all were pruned.

    As good as the best are those within a bit of it. Where there is evidence, these are of its own
    skip law and sessions and have the same best survivor, whose bits differ by its wrong records
    from window to window; a variable law that is wider than need be costs bits at every draw, so
    there the bit is all that is allowed. Among them the one with most survivors is chosen that are
    still not too many, so that there is something to rank.
    """
    judged = [each for each in tried if each.outcome.objective is not None]
    if not judged:
        return None
    best = max(judged, key=_objective)
    least = _objective(best) - _AS_GOOD_BITS
    if _objective(best) > 0:
        if best.configuration.law is SkipLaw.CONSTANT:
            least -= _AS_GOOD_SHARE * _objective(best)
        alike = [each for each in judged if _kin(each) == _kin(best)]
    else:
        alike = judged
    as_good = [each for each in alike if _objective(each) >= least]
    fitting = [
        each
        for each in as_good
        if (each.outcome.observed or 0) <= most_rows(each.configuration.law, max_survivors)
    ]
    if not fitting:
        return min(as_good, key=lambda each: each.outcome.observed or 0)
    return max(fitting, key=lambda each: (each.outcome.observed or 0, _objective(each)))


def _objective(tried: Tried) -> float:
    bits = tried.outcome.objective
    return -float("inf") if bits is None else bits


def _kin(tried: Tried) -> object:
    found = dict(tried.outcome.best or {})
    return tried.configuration.law, tried.configuration.sessions, found.get("seed")
