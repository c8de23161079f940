"""The first look at the generators of `auto`: each sieved once, cheap ones first, within a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from seedfleet.generators.compile_time import compile_timed
from seedfleet.pipeline.steps.window.configuration import SkipLaw
from seedfleet.pipeline.steps.window.trial import run_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedfleet.pipeline.steps.window.ground import Family, Ground
    from seedfleet.pipeline.steps.window.sampling import Sampler

__all__ = ["Look", "first_look"]

_NAMES = ("kept", "looked_at", "left_out")
_MOST_KEPT = 2  # generators that a study goes on with
_SURE_BITS = 40.0  # those of a verdict: from which on nothing else is looked at
_LEAST_LOOKS = 12  # the six generators that are met most often, under both laws
_FREE_COMPILING = 2.0  # times the budget
_FEW_SEEDS = 2**16  # up to which a look at variable skips costs little beside the generator itself


@dataclass(frozen=True)
class Look:
    """What was looked at, and what the study goes on with.

    Attributes
    ----------
    kept
        Names of presets, best first.
    looked_at, left_out
        Names with their skip law, in the order of the look; those left out came too late, or after
        one that leaves no doubt.
    sure
        Whether there was such a one.
    """

    kept: tuple[str, ...]
    looked_at: tuple[str, ...]
    left_out: tuple[str, ...]
    sure: bool = False

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {name: list(getattr(self, name)) for name in _NAMES} | {"sure": self.sure}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Look:
        """Read what `to_document` wrote."""
        kept, looked_at, left_out = (tuple(document[name]) for name in _NAMES)
        return cls(kept, looked_at, left_out, document["sure"])


def first_look(sampler: Sampler, budget_s: float, progress: Callable[[float], None]) -> Look:
    """Sieve every family under each law, with the whole range of skips, on each choice of sessions.

    Where seeds are few, each family is asked for both laws at once, else for constant skips first.
    The look ends with a family that leaves no doubt, and when time is up; but some are looked at,
    the generators that are met most often where seeds are few, however little time there is.
    Compiling, once on a machine, takes many times as long as a look at few seeds, and is not
    charged, but for what it takes beyond twice the time.
    """
    with compile_timed(lambda: None) as compiling:
        return _looked_within(budget_s, sampler, progress, lambda: compiling.spent_s)


def _looked_within(
    budget_s: float,
    sampler: Sampler,
    progress: Callable[[float], None],
    compiled_s: Callable[[], float],
) -> Look:
    started = inf  # the first one waits for kernels that all share, which is nobody's fault
    compiled_before_s = 0.0
    ground = sampler.ground
    asked = _in_turn(sampler)
    least = _LEAST_LOOKS if _are_few(ground.families) else 1
    best: dict[str, float] = {}
    looked_at: list[str] = []
    for law, family in asked:
        spent = time.perf_counter() - started
        spent -= min(compiled_s() - compiled_before_s, _FREE_COMPILING * budget_s)
        late = spent > budget_s and len(looked_at) >= least
        if looked_at and (late or _is_sure(best, family)):
            break
        progress(len(looked_at) / len(asked))
        found = _best_of(replace(ground, families=(family,)), sampler, law)
        best[family.preset] = max(found, best.get(family.preset, found))
        looked_at.append(_named(law, family))
        if started == inf:
            started, compiled_before_s = time.perf_counter(), compiled_s()
    sure = max(best.values()) > _SURE_BITS
    kept = sorted(best, key=lambda preset: -best[preset])[: 1 if sure else _MOST_KEPT]
    left_out = [_named(law, family) for law, family in asked[len(looked_at) :]]
    return Look(tuple(kept), tuple(looked_at), tuple(left_out), sure)


def _in_turn(sampler: Sampler) -> list[tuple[SkipLaw, Family]]:
    families = sampler.ground.families
    if _are_few(families):
        pairs = [(law, family) for family in families for law in sampler.laws]
    else:
        pairs = [(law, family) for law in sampler.laws for family in families]
    return [(law, family) for law, family in pairs if law in family.laws]


def _are_few(families: Sequence[Family]) -> bool:
    return all(family.seeds.stop - family.seeds.start <= _FEW_SEEDS for family in families)


def _is_sure(best: Mapping[str, float], following: Family) -> bool:
    """Tell whether one leaves no doubt, and is asked for nothing more now."""
    preset = max(best, key=lambda each: best[each])
    return best[preset] > _SURE_BITS and following.preset != preset


def _best_of(ground: Ground, sampler: Sampler, law: SkipLaw) -> float:
    """Return the best objective of a family over the choices of sessions."""
    own = replace(sampler, ground=ground)
    outcomes = [run_trial(ground, own.first_look(part, law)) for part in ground.parts]
    return max(
        (each.objective for each in outcomes if each.objective is not None),
        default=-ground.paid_bits,
    )


def _named(law: SkipLaw, family: Family) -> str:
    return family.preset + ("_hybrid" if law is SkipLaw.VARIABLE else "")
