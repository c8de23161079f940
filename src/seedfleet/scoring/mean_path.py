"""The mean path of a stream under a variable skip, at the price of the positions that matter.

`evidence.skip_paths.mean_path` is the same over every position that a path can reach, and the
witness. Here positions at the ends of a row whose weight is below `LEAST_WEIGHT` of the row's
largest are left out: once a few draws have matched, a dozen are left of thousands. What that
gives up are paths that a run of later matches would have to raise by so much.
"""

from __future__ import annotations

from functools import cache
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.generators.compiled import build_kernel, jitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.evidence.skip_paths import PathModel

__all__ = ["LEAST_WEIGHT", "likely_noise", "pruned_mean_path"]

LEAST_WEIGHT = 1e-12
_DEFAULT_NOISE = 0.05  # of a survivor that does not tell how many draws it matched


def likely_noise(missed: float) -> float:
    """Return the one of `NOISE_RATES` above 0 nearest to a share of draws missed.

    Never 0: what one part of the draws matches throughout, another need not. NaN gives 0.05.
    """
    if np.isnan(missed):
        return _DEFAULT_NOISE
    return min((rate for rate in NOISE_RATES if rate > 0), key=lambda rate: abs(rate - missed))


def pruned_mean_path(
    values: NDArray[np.int64], draws: NDArray[np.int64], model: PathModel
) -> NDArray[np.float64]:
    """Return the posterior mean of each draw's position, given all of them.

    Parameters
    ----------
    values, draws, model
        As for `evidence.skip_paths.mean_path`; with noise above 0.

    Returns
    -------
    NDArray
        float64 array, shape (n,): each at least `least_gap` after the one before. O(positions that
        matter) time, and their square root in memory.
    """
    means = np.empty(len(draws))
    miss = model.noise * model.modulus / (model.modulus - 1)
    factors = ((1 - model.noise) * model.modulus, miss)
    stride = isqrt(max(len(draws) - 1, 0)) + 1
    law = (model.least_gap, model.gaps, model.offset - 1, factors[0], factors[1], stride)
    _kernel()(values, draws, law, means)
    return means


@cache
def _kernel() -> Callable[..., None]:
    return build_kernel(_factory, _advance, _retreat)


def _factory(
    digest: str, advance: Callable[..., Any], retreat: Callable[..., Any]
) -> Callable[..., Any]:
    rows_from = _rows_maker(advance)

    @jitable
    def checkpoints(values: Any, draws: Any, law: Any) -> Any:
        """Return the rows before the first draw of each block, and the last row's length."""
        weights, start = np.ones(1), np.int64(law[2])
        kept = [(weights, start)]
        for index in range(len(draws)):
            if index % law[5] == 0 and index > 0:
                kept.append((weights, start))
            weights, start = advance(weights, start, values, draws[index], law)
        return kept, len(weights)

    def kernel(values: Any, draws: Any, law: Any, means: Any) -> None:
        _ = digest
        count, stride = len(draws), law[5]
        kept, width = checkpoints(values, draws, law)
        ahead, ahead_start = np.ones(width), np.int64(0)
        for block in range(len(kept) - 1, -1, -1):
            begin, end = block * stride, min((block + 1) * stride, count)
            flat, places = rows_from(begin, end, kept[block], (values, draws, law))
            for index in range(end - 1, begin - 1, -1):
                at = index - begin
                row, start = flat[places[at, 1] : places[at + 1, 1]], places[at, 0]
                if index < count - 1:
                    seen = (ahead, ahead_start)
                    ahead = retreat(seen, (start, len(row)), values, draws[index + 1], law)
                ahead_start = start
                means[index] = start + _mean_place(row, ahead)

    return kernel


def _rows_maker(advance: Callable[..., Any]) -> Callable[..., Any]:
    @jitable
    def rows_from(begin: Any, end: Any, first: Any, given: Any) -> Any:
        """Return the rows of these draws, one after another; where each starts, and its place."""
        values, draws, law = given
        places = np.zeros((end - begin + 1, 2), dtype=np.int64)
        weights, start = first
        flat = np.empty(4 * len(weights) + 64)
        used = np.int64(0)
        for index in range(begin, end):
            weights, start = advance(weights, start, values, draws[index], law)
            if used + len(weights) > len(flat):
                longer = np.empty(2 * (used + len(weights)))
                longer[:used] = flat[:used]
                flat = longer
            flat[used : used + len(weights)] = weights
            places[index - begin, 0], places[index - begin, 1] = start, used
            used += len(weights)
        places[end - begin, 1] = used
        return flat, places

    made: Callable[..., Any] = rows_from
    return made


@jitable
def _mean_place(row: Any, ahead: Any) -> Any:
    total, moment = 0.0, 0.0
    for k in range(len(row)):
        total += row[k] * ahead[k]
        moment += k * (row[k] * ahead[k])
    return moment / total


def _advance(weights: Any, start: Any, values: Any, draw: Any, law: Any) -> Any:
    """Return the row of the next draw, scaled to a largest entry of 1, and where it starts."""
    least, gaps, _, hit, miss, _ = law
    sums = np.zeros(len(weights) + 1)
    for k in range(len(weights)):
        sums[k + 1] = sums[k] + weights[k]
    row = np.empty(len(weights) + gaps - 1)
    start += least
    largest = 0.0
    for k in range(len(row)):
        weight = max(sums[min(k + 1, len(weights))] - sums[max(0, k - gaps + 1)], 0.0)
        row[k] = weight * (hit if values[start + k] == draw else miss)
        largest = max(largest, row[k])
    low, high = 0, len(row)
    while row[low] < LEAST_WEIGHT * largest:
        low += 1
    while row[high - 1] < LEAST_WEIGHT * largest:
        high -= 1
    return row[low:high] / largest, start + low


def _retreat(seen: Any, mine: Any, values: Any, draw: Any, law: Any) -> Any:
    """Return how likely the later draws are from each position of a row, up to a factor."""
    ahead, ahead_start = seen
    start, count = mine
    least, gaps, _, hit, miss, _ = law
    sums = np.zeros(len(ahead) + 1)
    for k in range(len(ahead)):
        ratio = hit if values[ahead_start + k] == draw else miss
        sums[k + 1] = sums[k] + ahead[k] * ratio
    row = np.empty(count)
    largest = 0.0
    for k in range(count):
        first = start + k + least - ahead_start
        low, high = min(max(first, 0), len(ahead)), min(max(first + gaps, 0), len(ahead))
        row[k] = max(sums[high] - sums[low], 0.0)
        largest = max(largest, row[k])
    return row / largest
