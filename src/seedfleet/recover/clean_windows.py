"""Windows of neighbouring draws that slide until one is clean, and the chance that one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["chance_of_clean_window", "window_batches"]

_MAX_WINDOWS = 256


def window_batches(fitted: int, length: int) -> tuple[tuple[int, ...], ...]:
    """Return where windows of `length` of more than so many draws start, far-apart ones first."""
    stride = -(-(fitted - length) // _MAX_WINDOWS)
    starts = range(0, fitted - length + 1, stride)
    far, near = set(starts[::16]), set(starts[::4])
    batches = (far, near - far, set(starts) - near)
    return tuple(tuple(sorted(batch)) for batch in batches if batch)


def chance_of_clean_window(
    starts: Iterable[int], length: int, clean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the chance that some window has no bad draw inside.

    Parameters
    ----------
    starts
        Index of each window's first draw.
    length
        Draws of a window.
    clean
        float array, shape (k,): the chance of a draw to be good, for k cases at once.

    Returns
    -------
    NDArray
        float array, shape (k,). O(length * last start), by recursion over the run of good draws.
    """
    begun = set(starts)
    # chance_of_run[k]: the chance of k clean draws up to here, capped, and no clean window yet
    chance_of_run = np.zeros((length + 1, len(clean)))
    chance_of_run[0] = 1.0
    power = np.zeros(len(clean))
    for end in range(1, max(begun) + length + 1):
        wrong = chance_of_run.sum(axis=0) * (1 - clean)
        full = (chance_of_run[-1] + chance_of_run[-2]) * clean
        chance_of_run[1:-1] = chance_of_run[:-2] * clean
        chance_of_run[0], chance_of_run[-1] = wrong, full
        if end - length in begun:
            power += full
            chance_of_run[-1] = 0.0
    return np.minimum(1.0, power)
