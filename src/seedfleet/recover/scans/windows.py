"""Which draws a search looks at, so that one choice is likely to have no wrong draw in it.

A window is a choice of draws by their indices, ascending. A search that needs every draw of a
window to match finds a stream as soon as one of its windows is clean.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["Windows", "contiguous_windows", "interleaved_windows", "power_of"]

Windows = tuple[tuple[int, ...], ...]

_ENOUGH = 0.95  # chance of a clean window from which no more are asked for
_TRIALS = 2**14  # histories in which clean windows are counted: a standard error of at most 0.4 %


@lru_cache(maxsize=64)
def contiguous_windows(fitted: int, depth: int, noise: float, *, most: int) -> Windows:
    """Choose runs of draws: for searches from states, which begin anywhere.

    Parameters
    ----------
    fitted
        Draws to choose from, at least `depth`.
    depth
        Draws of a window.
    noise
        Share of wrong draws, in [0, 1).
    most
        Windows at most.

    Returns
    -------
    Windows
        The first draws; with noise as many more windows as give a chance of 95 % that one is
        clean, where there are draws for them. Windows apart come before those that overlap.
    """
    shifts = dict.fromkeys((0, depth // 2, depth // 4, 3 * depth // 4))
    starts = (start for shift in shifts for start in range(shift, fitted - depth + 1, depth))
    return _enough((tuple(range(at, at + depth)) for at in starts), fitted, noise, most)


@lru_cache(maxsize=64)
def interleaved_windows(fitted: int, depth: int, noise: float, *, most: int) -> Windows:
    """Choose every so manieth draw: for searches from seeds, which pay for the way to each window.

    The first draws of all windows come early; all else as for `contiguous_windows`.
    """
    if fitted < depth:
        return ()
    apart = 1
    while apart < min(most, fitted // depth) and 1 - (1 - (1 - noise) ** depth) ** apart < _ENOUGH:
        apart += 1
    return _enough(_strided(fitted, depth, apart), fitted, noise, most)


def _strided(fitted: int, depth: int, widest: int) -> Iterator[tuple[int, ...]]:
    """Yield windows apart, then those of smaller strides, then all others of equal strides."""
    choices = [
        (first >= stride, -stride, first)
        for stride in range(1, widest + 1)
        for first in range(fitted - (depth - 1) * stride)
    ]
    for _, stride, first in sorted(choices):
        yield tuple(range(first, first - stride * depth, -stride))


def _enough(candidates: Iterable[tuple[int, ...]], fitted: int, noise: float, most: int) -> Windows:
    clean = _clean(fitted, noise)
    found: NDArray[np.bool_] = np.zeros(len(clean), dtype=np.bool_)
    chosen: dict[tuple[int, ...], None] = {}
    for window in candidates:
        chosen[window] = None
        found |= clean[:, window].all(axis=1)
        if found.mean() >= _ENOUGH or len(chosen) == most:
            break
    return tuple(chosen)


def power_of(windows: Windows, noise: float) -> float:
    """Return the chance that a window has no wrong draw; counted in samples where they overlap."""
    depth = len(windows[0])
    if len({draw for window in windows for draw in window}) == depth * len(windows):
        return float(1 - (1 - (1 - noise) ** depth) ** len(windows))
    return _counted(windows, noise)


@cache
def _counted(windows: Windows, noise: float) -> float:
    clean = _clean(1 + max(window[-1] for window in windows), noise)
    found: NDArray[np.bool_] = np.zeros(len(clean), dtype=np.bool_)
    for window in windows:
        found |= clean[:, window].all(axis=1)
    return float(found.mean())


@lru_cache(maxsize=4)
def _clean(draws: int, noise: float) -> NDArray[np.bool_]:
    return np.random.default_rng(draws).random((_TRIALS, draws)) >= noise
