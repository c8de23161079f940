"""Which draws a search looks at, so that one choice is likely to have no wrong draw in it.

A window is a choice of draws by their indices, ascending. A search that needs every draw of a
window to match finds a stream as soon as one of its windows is clean. Where all windows are runs of
as many neighbouring draws, their first indices stand for them.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = [
    "chance_of_clean_window",
    "contiguous_windows",
    "interleaved_windows",
    "power_of",
    "sliding_starts",
    "window_batches",
]

_Windows = tuple[tuple[int, ...], ...]

_MOST_SLIDING = 256  # of windows that are solved one by one
_MOST_AT_ONCE = 32  # of windows that one pass over all starts looks for
_ENOUGH = 0.95  # chance of a clean window from which no more are asked for
_TRIALS = 2**14  # histories in which clean windows are counted: a standard error of at most 0.4 %
_TRIAL_DRAWS = 64  # histories are longer by as many, so that few lengths are sampled


def sliding_starts(fitted: int, length: int) -> range:
    """Return evenly spaced starts of windows of `length` of so many draws, from the first on."""
    stride = max(1, -(-(fitted - length) // _MOST_SLIDING))
    return range(0, fitted - length + 1, stride)


def window_batches(fitted: int, length: int) -> tuple[tuple[int, ...], ...]:
    """Return where windows of `length` of more than so many draws start, far-apart ones first."""
    starts = sliding_starts(fitted, length)
    far, near = set(starts[::16]), set(starts[::4])
    batches = (far, near - far, set(starts) - near)
    return tuple(tuple(sorted(batch)) for batch in batches if batch)


@lru_cache(maxsize=64)
def contiguous_windows(
    fitted: int, depth: int, noise: float, *, most: int = _MOST_AT_ONCE
) -> _Windows:
    """Choose runs of draws: for searches from states, which begin anywhere.

    Parameters
    ----------
    fitted
        Draws to choose from; of fewer than `depth` there is no window.
    depth
        Draws of a window.
    noise
        Share of wrong draws, in [0, 1).
    most
        Windows at most.

    Returns
    -------
    tuple of tuple of int
        The first draws; with noise as many more windows as give a chance of 95 % that one is
        clean, where there are draws for them. Windows apart come before those that overlap.
    """
    shifts = dict.fromkeys((0, depth // 2, depth // 4, 3 * depth // 4))
    starts = (start for shift in shifts for start in range(shift, fitted - depth + 1, depth))
    return _enough((tuple(range(at, at + depth)) for at in starts), noise, most)


@lru_cache(maxsize=64)
def interleaved_windows(
    fitted: int, depth: int, noise: float, *, most: int = _MOST_AT_ONCE
) -> _Windows:
    """Choose every so manieth draw: for searches from seeds, which pay for the way to each window.

    The first draws of all windows come early; all else as for `contiguous_windows`.
    """
    if fitted < depth:
        return ()
    apart = 1
    while apart < min(most, fitted // depth) and _apart(apart, depth, noise) < _ENOUGH:
        apart += 1
    return _enough(_strided(fitted, depth, apart), noise, most)


def _strided(fitted: int, depth: int, widest: int) -> Iterator[tuple[int, ...]]:
    """Yield windows apart, then those of smaller strides, then all others of equal strides."""
    choices = [
        (first >= stride, -stride, first)
        for stride in range(1, widest + 1)
        for first in range(fitted - (depth - 1) * stride)
    ]
    for _, stride, first in sorted(choices):
        yield tuple(range(first, first - stride * depth, -stride))


def _enough(candidates: Iterable[tuple[int, ...]], noise: float, most: int) -> _Windows:
    chosen: dict[tuple[int, ...], None] = {}
    for window in candidates:
        chosen[window] = None
        if len(chosen) == most or power_of(tuple(chosen), noise) >= _ENOUGH:
            break
    return tuple(chosen)


def power_of(windows: _Windows, noise: float) -> float:
    """Return the chance that a window has no wrong draw.

    Parameters
    ----------
    windows
        Of equal length; where there is none, nothing is found.
    noise
        Share of wrong draws, in [0, 1).

    Returns
    -------
    float
        Exact where windows lie apart or are all runs of neighbours; of others counted in samples.
    """
    if not windows:
        return 0.0
    depth = len(windows[0])
    if len({draw for window in windows for draw in window}) == depth * len(windows):
        return _apart(len(windows), depth, noise)
    if all(window[-1] - window[0] == depth - 1 for window in windows):
        starts = [window[0] for window in windows]
        return float(chance_of_clean_window(starts, depth, np.array([1 - noise]))[0])
    return _counted(windows, noise)


def chance_of_clean_window(
    starts: Iterable[int], length: int, clean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the chance that some run of draws has no bad draw inside.

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
        float array, shape (k,). Where windows overlap O(length * last start), by recursion over
        the run of good draws.
    """
    begun = set(starts)
    places = sorted(begun)
    if all(b - a >= length for a, b in pairwise(places)):
        apart: NDArray[np.float64] = 1 - (1 - clean**length) ** len(places)
        return apart
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


def _apart(windows: int, depth: int, noise: float) -> float:
    return float(1 - (1 - (1 - noise) ** depth) ** windows)


@lru_cache(maxsize=1024)
def _counted(windows: _Windows, noise: float) -> float:
    last = max(window[-1] for window in windows)
    clean = _clean((last // _TRIAL_DRAWS + 1) * _TRIAL_DRAWS, noise)
    found: NDArray[np.bool_] = np.zeros(len(clean), dtype=np.bool_)
    for window in windows:
        found |= clean[:, window].all(axis=1)
    return float(found.mean())


@lru_cache(maxsize=8)
def _clean(draws: int, noise: float) -> NDArray[np.bool_]:
    return np.random.default_rng(draws).random((_TRIALS, draws)) >= noise
