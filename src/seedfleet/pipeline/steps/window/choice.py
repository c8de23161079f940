"""Which of the trials is chosen: the best, or one as good that leaves more to be ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.steps.survivor_table import LEAST_STREAMS
from seedfleet.pipeline.steps.window.configuration import SkipLaw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.pipeline.steps.window.configuration import Configuration
    from seedfleet.pipeline.steps.window.sampling import Sampler
    from seedfleet.pipeline.steps.window.study import Tried

__all__ = ["choose", "most_rows", "used_configuration"]

_AS_GOOD_BITS = 1.0
# The draws that trials are judged by differ, and hold more or fewer wrong records: of 64 draws of
# which a tenth is wrong the bits differ by a twelfth (one standard deviation), from one window to
# the next.
_AS_GOOD_SHARE = 0.2
_VARIABLE_COST = 50  # a path is that much dearer to follow than a fixed position


def most_rows(law: SkipLaw, max_survivors: int) -> int:
    """Return how many survivors are handed on; fewer where each has all its paths followed."""
    return max_survivors if law is SkipLaw.CONSTANT else max(1, max_survivors // _VARIABLE_COST)


def choose(
    tried: Sequence[Tried], max_survivors: int, draws: Mapping[tuple[str, ...], int]
) -> Tried | None:
    """Return the trial whose configuration is used; None where all were pruned.

    Every trial is judged by the same number of draws. Where sessions share one stream, each of them
    alone has as much evidence a draw as all together, so the best choice of sessions is that with
    most evidence over all of its draws.

    As good as the best are those within a bit of it. Where there is evidence, these are of its own
    sessions, have the same best survivor, and are of the skip law which that survivor has. A
    variable trial weighs constant skips too, and its bits are then those of a constant one, but for
    the wrong records among the draws judged, which differ from window to window: which law had more
    trials, and so the luckiest window, has no say. Constant trials as good have the same survivor
    and differ by wrong records alone; a variable law that is wider than need be costs bits at every
    draw, so there the bit is all that is allowed. Among them the one with most survivors is chosen
    that are still not too many, so that there is something to rank.

    Parameters
    ----------
    draws
        How many there are of each choice of sessions.
    """
    judged = [each for each in tried if each.outcome.objective is not None]
    if not judged:
        return None
    best = max(judged, key=_objective)
    if _objective(best) > 0:
        whose = max(
            (each.configuration.sessions for each in judged),
            key=lambda sessions: _most(judged, sessions) * draws[sessions],
        )
        as_good = _as_good_as_the_best(_of(judged, whose))
    else:
        least = _objective(best) - _AS_GOOD_BITS
        as_good = [each for each in judged if _objective(each) >= least]
    fitting = [
        each
        for each in as_good
        if (each.outcome.observed or 0) <= most_rows(each.configuration.law, max_survivors)
    ]
    if not fitting:
        return min(as_good, key=lambda each: each.outcome.observed or 0)
    return max(fitting, key=lambda each: (each.outcome.observed or 0, _objective(each)))


def used_configuration(chosen: Tried | None, sampler: Sampler) -> Configuration:
    """Return what is sieved by: what was chosen, or where it leaves nothing to rank, near it.

    Where the survivor that leads a variable trial has a constant skip, and no constant trial came
    to as much, constant skips are sieved for in the same window.
    """
    if chosen is None:
        return next(sampler.set_ones())
    configuration = chosen.configuration
    if _objective(chosen) > 0 and _law_found(chosen) is not configuration.law:
        constant = sampler.with_constant_skips(configuration, _found(chosen)["generator"])
        if constant is not None:
            return sampler.populated(constant)
    if (chosen.outcome.observed or 0) < LEAST_STREAMS:
        # Lower thresholds let some more pass.
        return sampler.populated(configuration)
    return configuration


def _as_good_as_the_best(judged: Sequence[Tried]) -> list[Tried]:
    """Return those of the same finding, and where it skips by a constant of that law.

    The best trial's own law stands in where no other was asked, or came to much less.
    """
    best = max(judged, key=_objective)
    near = [each for each in judged if _objective(each) >= _objective(best) - _AS_GOOD_BITS]
    constant = [each for each in near if _law_found(each) is SkipLaw.CONSTANT]
    if constant:
        best = max(constant, key=_objective)
    alike = [each for each in judged if _found(each).get("seed") == _found(best).get("seed")]
    for law in (_law_found(best), best.configuration.law):
        share = _AS_GOOD_SHARE if law is SkipLaw.CONSTANT else 0.0
        least = _objective(best) * (1 - share) - _AS_GOOD_BITS
        kin = [each for each in alike if each.configuration.law is law]
        as_good = [each for each in kin if _objective(each) >= least]
        if as_good:
            break
    return as_good


def _law_found(tried: Tried) -> SkipLaw:
    """Return the law of the survivor that leads a trial; the trial's own where nothing does."""
    found = _found(tried)
    if not found or tried.configuration.law is SkipLaw.CONSTANT:
        return tried.configuration.law
    return SkipLaw.CONSTANT if found["skip_min"] == found["skip_max"] else SkipLaw.VARIABLE


def _found(tried: Tried) -> Mapping[str, Any]:
    return tried.outcome.best or {}


def _of(tried: Sequence[Tried], sessions: tuple[str, ...]) -> list[Tried]:
    return [each for each in tried if each.configuration.sessions == sessions]


def _most(tried: Sequence[Tried], sessions: tuple[str, ...]) -> float:
    return max(map(_objective, _of(tried, sessions)))


def _objective(tried: Tried) -> float:
    bits = tried.outcome.objective
    return -float("inf") if bits is None else bits
