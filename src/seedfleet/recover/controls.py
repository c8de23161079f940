"""How a search's controls are judged."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.recover.search import Control

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TARGET_SURVIVORS", "negative_control", "positive_control"]

TARGET_SURVIVORS = 500  # chance survivors that a negative control aims for: 100 to 1,000
_STANDARD_ERRORS = 6.0


def negative_control(counts: Sequence[int], expected_each: float, *, text: str) -> Control:
    """Compare survivors on shuffled draws with chance.

    Parameters
    ----------
    counts
        Survivors of each replicate, at least two.
    expected_each
        What chance gives in each.

    Notes
    -----
    The scatter is measured over the replicates, since real generators scatter less or more than
    independent trials would; it is taken as at least that of independent trials, so that a lucky
    narrow sample fails nothing. A kernel that passes several times too many also scatters as many
    times more, which must not excuse it, so the scatter is scaled back to what is expected.
    """
    total, expected = sum(counts), expected_each * len(counts)
    excess = max(1.0, total / expected)
    scatter = float(np.var(counts, ddof=1)) / excess**2
    variance = max(scatter, expected_each) * len(counts)
    return Control(
        kind="negative",
        expected=expected,
        observed=total,
        passed=abs(total - expected) <= _STANDARD_ERRORS * sqrt(max(variance, 1.0)),
        text=text,
    )


def positive_control(*, found: bool, text: str) -> Control:
    """Report whether a planted seed came back."""
    return Control(kind="positive", expected=1.0, observed=int(found), passed=found, text=text)
