"""Streams that are one: the same orbit, found at several draws as its first or last.

Where chance hides with which draw a stream began, it is found from each of its neighbours. These
share their orbit and most of their draws, and one of them speaks for all.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.mixture import log2_sum
from seedfleet.generators import AtState, compiled
from seedfleet.generators.start import state_bits
from seedfleet.recover.rewinding import rewound
from seedfleet.recover.segments import part_of
from seedfleet.recover.tolerance import NEAR_DRAWS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Survivor

__all__ = ["evidence_of", "shifted", "unspoken"]


def shifted(survivor: Survivor, whole: Scope, modulus: int) -> list[Survivor]:
    """Return a stream as begun up to three draws earlier or later, within its session or machine.

    Parameters
    ----------
    survivor
        Under a constant skip, on a segment of `whole`; of others, and of those whose generator
        cannot be run back, there are no copies.
    """
    segment, alignment = survivor.scope.segment, survivor.alignment
    if segment is None or alignment.skip_min < alignment.skip_max or alignment.jumps:
        return []
    first, stop = segment
    copies = []
    for at in range(max(1, first - NEAR_DRAWS), min(first + NEAR_DRAWS + 1, stop)):
        outputs = (first - at) * (alignment.skip_max + 1)
        start = rewound(survivor.stream, survivor.start, outputs, modulus) if outputs else None
        if start is not None:
            copies.append(replace(survivor, scope=part_of(whole, at, stop), start=start))
    return [each for each in copies if each.scope.fitted]


def unspoken(items: Iterable[Weighed]) -> list[Weighed]:
    """Return those for whose streams others speak.

    Of streams in one orbit that share draws of one session or machine, under two choices of draws,
    the one with the most evidence speaks: of nearly as much, the one with the shortest seed, since
    seeds that people and clocks set are short. O(items**2) comparisons of states at worst.
    """
    classes: dict[Hashable, list[Weighed]] = {}
    for item in items:
        classes.setdefault(item.scored.equivalence, []).append(item)
    ranked = sorted(classes.values(), key=_worth, reverse=True)
    speaking: list[list[Weighed]] = []
    silent: list[Weighed] = []
    for members in ranked:
        if any(_are_one(members, others) for others in speaking):
            silent += members
        elif evidence_of(members) > 0:
            speaking.append(members)
    return silent


def evidence_of(members: Iterable[Weighed]) -> float:
    """Return the bits that streams earn together on all known draws, all that was tried counted."""
    return log2_sum(stake for item in members for stake in item.scored.stakes(held_out=True))


def _worth(members: Sequence[Weighed]) -> float:
    """Return the evidence, less the bits that it takes to write the shortest start."""
    return evidence_of(members) - min(map(_start_bits, members))


def _start_bits(item: Weighed) -> int:
    start = item.survivor.start
    if isinstance(start, AtState):
        return state_bits(item.survivor.stream.generator)
    return start.bit_length()


def _are_one(members: Sequence[Weighed], others: Sequence[Weighed]) -> bool:
    return any(_is_same(one, other) for one, other in product(members, others))


def _is_same(one: Weighed, other: Weighed) -> bool:
    """Tell whether two streams are in one state after a draw that both explain."""
    a, b = one.survivor, other.survivor
    if a.scope.part == b.scope.part or a.stream != b.stream:
        return False
    if (a.scope.session, a.scope.machine) != (b.scope.session, b.scope.machine):
        return False
    draw = _shared(one, other)
    return draw is not None and _state_after(one, draw) == _state_after(other, draw)


def _shared(one: Weighed, other: Weighed) -> int | None:
    """Return a draw of their session or machine that both give right; None without any.

    The one in the middle of them: at its ends a stretch may hold a draw of another by chance.
    """
    first = max(_origin(one), _origin(other))
    a, b = (each.weighing.matched[first - _origin(each) :] for each in (one, other))
    count = min(len(a), len(b))
    shared = np.flatnonzero(a[:count] & b[:count])
    return first + int(shared[len(shared) // 2]) if len(shared) else None


def _origin(item: Weighed) -> int:
    return (item.survivor.scope.segment or (0, 0))[0]


def _state_after(item: Weighed, draw: int) -> AtState:
    survivor, at = item.survivor, draw - _origin(item)
    position = item.weighing.path[at : at + 1]
    _, state = compiled.at_positions(survivor.stream, survivor.start, item.modulus, position)
    return state
