"""The first look at the generators of `auto`: each sieved once, cheap ones first, within a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.steps.window.configuration import SkipLaw
from seedfleet.pipeline.steps.window.trial import run_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedfleet.pipeline.steps.window.ground import Family, Ground
    from seedfleet.pipeline.steps.window.sampling import Sampler

__all__ = ["Look", "first_look"]

_MOST_KEPT = 2  # generators that a study goes on with


@dataclass(frozen=True)
class Look:
    """What was looked at, and what the study goes on with.

    Attributes
    ----------
    kept
        Names of presets, best first.
    looked_at, left_out
        Names with their skip law, in the order of the look; those left out came too late.
    """

    kept: tuple[str, ...]
    looked_at: tuple[str, ...]
    left_out: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {name: list(getattr(self, name)) for name in ("kept", "looked_at", "left_out")}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Look:
        """Read what `to_document` wrote."""
        return cls(**{name: tuple(each) for name, each in document.items()})


def first_look(sampler: Sampler, budget_s: float, progress: Callable[[float], None]) -> Look:
    """Sieve every family under each law, with the whole range of skips, on each choice of sessions.

    Constant skips come first. At least one family is looked at, however little time there is.
    """
    started = time.perf_counter()
    ground = sampler.ground
    asked = [
        (law, family) for law in sampler.laws for family in ground.families if law in family.laws
    ]
    best: dict[str, float] = {}
    looked_at: list[str] = []
    for law, family in asked:
        spent = time.perf_counter() - started
        if looked_at and spent > budget_s:
            break
        progress(len(looked_at) / len(asked))
        found = _best_of(replace(ground, families=(family,)), sampler, law)
        best[family.preset] = max(found, best.get(family.preset, found))
        looked_at.append(_named(law, family))
    kept = sorted(best, key=lambda preset: -best[preset])[:_MOST_KEPT]
    left_out = [_named(law, family) for law, family in asked[len(looked_at) :]]
    return Look(tuple(kept), tuple(looked_at), tuple(left_out))


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
