"""What the features of one slice of draws have in common: temporal windows, lanes, bins, chances.

The readable reference and the kernel both start from these, so that they differ in nothing but
how the sums are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.scoring.settings import ScoringSettings

__all__ = ["MOST_BINS", "Windows", "bin_shift", "digit_chance", "digit_places", "lane_chance"]

MOST_BINS = 4096  # of a histogram; of larger moduli, neighbouring values share a bin


@dataclass(frozen=True)
class Windows:
    """The temporal windows of a slice: `size` draws each, from each of `starts` on.

    Spread evenly from draw `max_offset` to the end of the slice. A window is never longer than
    what there is; windows overlap where they do not fit side by side.
    """

    starts: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, draws: int, settings: ScoringSettings) -> Windows:
        """Lay the windows of these settings over so many draws, at least 1."""
        first = min(settings.max_offset, draws - 1)
        size = min(settings.temporal_window_size, draws - first)
        count = settings.temporal_num_windows
        room = draws - first - size
        return cls(tuple(first + room * k // max(count - 1, 1) for k in range(count)), size)

    def covered(self, draws: int) -> NDArray[np.bool_]:
        """Return which of so many draws lie in a window: bool array, shape (draws,)."""
        inside = np.zeros(draws, dtype=bool)
        for start in self.starts:
            inside[start : start + self.size] = True
        return inside


def bin_shift(values: int) -> int:
    """Return the least k for which ``[0, values) >> k`` has at most `MOST_BINS` members."""
    return max(0, (values - 1).bit_length() - (MOST_BINS.bit_length() - 1))


def digit_places(modulus: int) -> int:
    """Return how many decimal digits a draw in ``[0, modulus)`` is written with."""
    return len(str(modulus - 1))


def lane_chance(lane: int, modulus: int) -> float:
    """Return the chance that two uniform draws in ``[0, modulus)`` agree modulo `lane`.

    1 / lane where that divides the modulus; ``sum over residues of (values / modulus)**2`` always.
    """
    whole, rest = divmod(modulus, lane)
    return (rest * (whole + 1) ** 2 + (lane - rest) * whole**2) / modulus**2


def digit_chance(modulus: int) -> float:
    """Return the chance that two uniform draws agree in a digit, the mean over their places.

    1/10 where the modulus is a power of ten.
    """
    chances = [_place_chance(modulus, 10**place) for place in range(digit_places(modulus))]
    return sum(chances) / len(chances)


def _place_chance(modulus: int, unit: int) -> float:
    rounds, rest = divmod(modulus, 10 * unit)
    counts = [rounds * unit + min(max(rest - digit * unit, 0), unit) for digit in range(10)]
    return sum(count**2 for count in counts) / modulus**2
