"""A search's controls: the same kernels on draws whose answer is known, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TARGET_SURVIVORS", "Control", "negative_control", "positive_control"]

TARGET_SURVIVORS = 500  # chance survivors that a negative control aims for: 100 to 1,000
LEAST_SURVIVORS = 20  # fewer than these could not tell a kernel that finds nothing
PLANTED_SEEDS = 4
_STANDARD_ERRORS = 6.0


@dataclass(frozen=True)
class Control:
    """One check of a search on draws whose answer is known.

    Attributes
    ----------
    kind
        "negative": shuffled draws, cut so short that chance passes some; "positive": planted seeds.
    expected, observed
        Pairs that pass, or seeds found.
    least, most
        Within which what is observed agrees with what is expected.
    passed
        Whether the two agree.
    text
        What was done, in a sentence.
    """

    kind: str
    expected: float
    observed: int
    least: int
    most: int
    passed: bool
    text: str


def negative_control(
    counts: Sequence[int], expected_each: float, *, text: str, relative_error: float = 0.0
) -> Control:
    """Compare survivors on shuffled draws with chance.

    Parameters
    ----------
    counts
        Survivors of each replicate, at least two.
    expected_each
        What chance gives in each; where that is 0, nothing may be found.
    relative_error
        Standard error of that, divided by it, where it was simulated.

    Notes
    -----
    It passes within six standard errors of what is expected. The scatter is measured over the
    replicates: real generators scatter less or more than independent trials would, and seeds whose
    streams overlap pass together. It is taken as at least that of independent trials, so that a
    lucky narrow sample fails nothing. A kernel that passes several times too many also scatters as
    many times more, which must not excuse it, so the scatter is scaled back to what is expected.
    """
    total, expected = sum(counts), expected_each * len(counts)
    excess = max(1.0, total / expected) if expected else 1.0
    scatter = float(np.var(counts, ddof=1)) / excess**2
    variance = max(scatter, expected_each) * len(counts) + (relative_error * expected) ** 2
    margin = _STANDARD_ERRORS * sqrt(max(variance, 1.0)) if expected else 0.0
    least, most = max(0, ceil(expected - margin)), floor(expected + margin)
    return Control("negative", expected, total, least, most, least <= total <= most, text)


def positive_control(found: int, expected: float, *, text: str) -> Control:
    """Compare how many of `PLANTED_SEEDS` came back with how many should.

    Parameters
    ----------
    expected
        The sum of the chances of each to be found; all of them unless the bounding rejects words.
    """
    miss = 1 - expected / PLANTED_SEEDS
    few = expected - _STANDARD_ERRORS * sqrt(max(0.0, expected * miss))
    least = max(0, ceil(round(few, 6)))
    return Control("positive", expected, found, least, PLANTED_SEEDS, found >= least, text)
