"""Whether a search may know what was found by another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from seedfleet.generators import Stream
    from seedfleet.recover.search import Coverage, Survivor
    from seedfleet.sieve.weighing import Alignment

__all__ = ["looks_for_rivals"]

_RIVAL_S = 1.0  # a search for other names of what was found may take so long


def looks_for_rivals(coverage: Coverage, survivors: Collection[Survivor]) -> bool:
    """Tell whether a search may name what was found otherwise, and soon.

    Streams of one recurrence can give the same draws under other skips, constant ones where the
    skip that was found is constant. A law around one that has been found would name the same stream
    again, and earn less.
    """
    found = {_recurrence(survivor.stream) for survivor in survivors} - {None}
    asked = {_recurrence(stream) for stream in coverage.streams}
    known = any(_is_settled(coverage.variable_skip, each.alignment) for each in survivors)
    return bool(found & asked) and not known and coverage.cost_s <= _RIVAL_S


def _is_settled(law: tuple[int, int] | None, known: Alignment) -> bool:
    """Tell whether an alignment leaves nothing to learn of a law of variable skips."""
    if law is None or law == (known.skip_min, known.skip_max):
        return False
    is_around = law[0] <= known.skip_min and known.skip_max <= law[1]
    return is_around or known.gaps == 1


def _recurrence(stream: Stream) -> tuple[int, int, int] | None:
    """Return what makes the states of a linear congruential stream; None of others."""
    lcg = stream.generator.lcg
    return None if lcg is None else (lcg.multiplier, lcg.increment, lcg.modulus_bits)
