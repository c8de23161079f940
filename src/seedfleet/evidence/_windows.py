"""Sums and maxima over windows, without subtraction: small terms beside large ones stay exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["over_gaps"]


def over_gaps(
    operation: np.ufunc, rows: NDArray[np.float64], gaps: int, *, empty: float = 0.0
) -> NDArray[np.float64]:
    """Combine, for every position of the next band, the entries from which a gap leads there.

    Parameters
    ----------
    operation
        `numpy.add`, `numpy.maximum` or `numpy.minimum`.
    rows
        float64 array, shape (..., band).
    gaps
        How many gaps are possible, at least 1: the band grows by ``gaps - 1``.
    empty
        The entry outside the band.

    Returns
    -------
    NDArray
        float64 array, shape (..., band + gaps - 1). O(band log(gaps)): windows are put together
        from windows of powers of two. A difference of running sums would lose what is small beside
        their total, and a path that is unlikely so far may be the true one.
    """
    around = [(0, 0)] * (rows.ndim - 1) + [(gaps - 1, gaps - 1)]
    window = np.pad(rows, around, constant_values=empty)
    length = rows.shape[-1] + gaps - 1
    combined = np.full((*rows.shape[:-1], length), empty)
    taken, size = 0, 1
    while True:
        if gaps & size:
            combined = operation(combined, window[..., taken : taken + length])
            taken += size
        if 2 * size > gaps:
            return combined
        window = operation(window[..., :-size], window[..., size:])
        size *= 2
