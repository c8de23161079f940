"""The constant skip behind a path of gaps: a law of variable skips has every constant one in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState
from seedfleet.recover.rewinding import begun_after
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Survivor

__all__ = ["constant_skip_of"]

_LEAST_GAPS, _LEAST_SHARE = 4, 0.5  # between matching draws; what share of them are alike


def constant_skip_of(weighed: Weighed, modulus: int) -> Survivor | None:
    """Return a survivor under a variable skip as one under the skip that most of its gaps have.

    None where no skip is so frequent, or where the start of that stream is not to be had.
    """
    survivor, weighing = weighed.survivor, weighed.weighing
    alignment = survivor.alignment
    if alignment.skip_min == alignment.skip_max:
        return None
    sure = weighing.matched[1:] & weighing.matched[:-1]  # a wrong draw may stand anywhere
    values, counts = np.unique(np.diff(weighing.path)[sure], return_counts=True)
    if counts.sum() < _LEAST_GAPS or counts.max() < _LEAST_SHARE * counts.sum():
        return None
    gap = int(values[counts.argmax()])
    # Every matching draw says where draw 0 would stand; wrong ones are outvoted.
    firsts = weighing.path - np.arange(len(weighing.path)) * gap
    places, votes = np.unique(firsts[weighing.matched], return_counts=True)
    skip = gap - 1
    passed = int(places[votes.argmax()]) - skip
    begun = begun_after(survivor.stream, survivor.start, passed, skip=skip, modulus=modulus)
    if begun is None:
        return None
    start, offset = begun
    if isinstance(start, AtState) and not isinstance(survivor.start, AtState) and passed > 0:
        start, offset = survivor.start, passed  # a seed is likelier than the state that it leads to
    return replace(survivor, start=start, alignment=Alignment(offset, skip, skip))
