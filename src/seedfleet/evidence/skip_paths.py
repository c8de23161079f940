"""Evidence for a stream under a variable skip: all skip paths at once.

Each draw stands ``gap`` positions after the one before it, the first so many after ``offset - 1``,
with ``gap = skip + 1`` one of ``w`` gaps. The likelihood ratio against independent uniform draws
gives every path the same weight, ``w**-n``:

    LR = sum over paths of w**-n * product over draws of (match ? (1 - noise) m : noise m / (m - 1))

Under uniform draws every path's product averages to 1 and the weights sum to 1, so LR does too,
whatever the stream. The sums run forward over the positions at which the latest draw may stand,
O(n x band x log w); what looks back (`mean_path`, `likeliest_path`) keeps the square root of n rows
and computes the others again.

Where ``w`` reaches m, a value is always within reach, and a history tells next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence._windows import over_gaps
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prediction import DrawLaw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = [
    "PathModel",
    "law_at",
    "laws_over_paths",
    "likeliest_path",
    "log2_likelihood_ratios",
    "log2_ratios_by_noise",
    "mean_path",
    "path_certainty",
]


@dataclass(frozen=True)
class PathModel:
    """A skip law with a modulus and a noise rate.

    Attributes
    ----------
    least_gap, most_gap
        ``skip_min + 1`` and ``skip_max + 1``; at least 1.
    modulus
        The draws' modulus m, in ``[2, 2**31]``.
    offset
        Stream offset, from ``-skip_min`` on; the first draw stands at ``offset - 1 + gap``.
    noise
        Share of draws recorded wrong, uniformly among the other values, in ``[0, 1)``.
    """

    least_gap: int
    most_gap: int
    modulus: int
    offset: int = 0
    noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no law."""
        problems = []
        if not 1 <= self.least_gap <= self.most_gap:
            problems.append(f"gaps {self.least_gap}..{self.most_gap} are none")
        if not 2 <= self.modulus <= 2**31:
            problems.append(f"the modulus {self.modulus} is not within 2..{2**31}")
        if self.offset + self.least_gap < 1:
            problems.append(f"the offset {self.offset} is before the stream's first output")
        if not 0 <= self.noise < 1:
            problems.append(f"the noise {self.noise} is not within [0, 1)")
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def gaps(self) -> int:
        """``w``: how many gaps are possible."""
        return self.most_gap - self.least_gap + 1

    def band(self, index: int) -> slice:
        """Return the positions at which draw `index` may stand."""
        before = self.offset - 1
        return slice(
            before + (index + 1) * self.least_gap, before + (index + 1) * self.most_gap + 1
        )


class _Rows:
    """The rows of one history: weights of the positions of each draw, up to a factor a row."""

    def __init__(
        self,
        values: NDArray[np.int64],
        draws: NDArray[np.int64],
        model: PathModel,
        observed: NDArray[np.bool_] | None,
        noise: NDArray[np.float64] | None = None,
    ) -> None:
        self.values, self.draws, self.model = values, draws, model
        # Several rates, shape (k, 1), make rows of shape (k, band).
        self.noise = np.array(model.noise) if noise is None else noise
        self.observed = np.ones(len(draws), bool) if observed is None else observed
        problems = []
        if len(self.draws) == 0:
            problems.append("there are no draws")
        elif len(values) < model.band(len(draws) - 1).stop:
            reached = model.band(len(draws) - 1).stop
            problems.append(f"the stream has {len(values)} values; the paths reach over {reached}")
        if self.observed.shape != draws.shape:
            problems.append("`observed` must have an entry for each draw")
        elif np.any((draws < 0) | (draws >= model.modulus), where=self.observed):
            problems.append(f"draws must lie in [0, {model.modulus})")
        if problems:
            raise ValueError("; ".join(problems))

    def factors(self, index: int) -> NDArray[np.float64]:
        """Return the ratio that draw `index` earns at each of its positions."""
        seen = self.values[self.model.band(index)]
        if not self.observed[index]:
            return np.ones(len(seen))
        noise, modulus = self.noise, self.model.modulus
        hit, miss = (1 - noise) * modulus, noise * modulus / (modulus - 1)
        return np.where(seen == self.draws[index], hit, miss)

    def next_row(
        self, operation: np.ufunc, row: NDArray[np.float64], index: int
    ) -> NDArray[np.float64]:
        """Return the row of draw `index` after that of the draw before, without a factor 1/w."""
        return over_gaps(operation, row, self.model.gaps) * self.factors(index)

    def forward(
        self, operation: np.ufunc, row: NDArray[np.float64], indexes: range
    ) -> Iterator[NDArray[np.float64]]:
        """Yield rows scaled to a largest entry of 1, or of 0 where no path is left."""
        for index in indexes:
            row = _scaled(self.next_row(operation, row, index))
            yield row

    def backward(self, operation: np.ufunc) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the same rows from the last to the first, with their indexes."""
        count = len(self.draws)
        stride = isqrt(count - 1) + 1
        row = np.ones(1)
        kept = []
        for index, following in enumerate(self.forward(operation, row, range(count))):
            if index % stride == 0:
                kept.append(row)
            row = following
        for start in reversed(range(0, count, stride)):
            block = range(start, min(start + stride, count))
            rows = list(self.forward(operation, kept.pop(), block))
            yield from zip(reversed(block), reversed(rows), strict=True)


def _scaled(row: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = row.max()
    return row / largest if largest > 0 else row


def log2_likelihood_ratios(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    observed: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return log2 LR of the draws so far, after each draw.

    Parameters
    ----------
    values
        int64 array: the stream's values ``y_0, y_1, ...`` in ``[0, m)``, as far as any path comes.
    draws
        int64 array, shape (n,), n >= 1: the history from its origin on, in ``[0, m)``.
    model
        Skip law, modulus and noise.
    observed
        bool array, shape (n,): draws that are not known are False and earn a factor 1, while the
        position spreads on. Default: all are known.

    Returns
    -------
    NDArray
        float64 array, shape (n,): bits; ``-inf`` from where no path is left. Differences of two
        entries are the evidence of the draws between, given those before.

    Raises
    ------
    ValueError
        The stream is too short, a draw is no draw, or there is none.
    """
    rows = _Rows(values, draws, model, observed, np.array([[model.noise]]))
    bits: NDArray[np.float64] = _running_bits(rows)[0]
    return bits


def log2_ratios_by_noise(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    observed: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return `log2_likelihood_ratios` for each of `NOISE_RATES`: shape (n_rates, n).

    The noise of `model` is left aside; all else is as for one rate.
    """
    rates = np.array(NOISE_RATES)[:, np.newaxis]
    return _running_bits(_Rows(values, draws, model, observed, rates))


def _running_bits(rows: _Rows) -> NDArray[np.float64]:
    """Return log2 LR after each draw, shape (n_rates, n), of rows with several noise rates."""
    rates = len(rows.noise)
    bits = np.full((rates, len(rows.draws)), -np.inf)
    row, scale = np.ones((rates, 1)), np.zeros(rates)
    for index in range(len(rows.draws)):
        row = rows.next_row(np.add, row, index) / rows.model.gaps
        largest = row.max(axis=1)
        alive = largest > 0
        if not alive.any():
            break
        largest[~alive] = 1.0
        row /= largest[:, np.newaxis]
        scale += np.log2(largest)
        bits[alive, index] = scale[alive] + np.log2(row[alive].sum(axis=1))
    return bits


def laws_over_paths(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    ahead: int = 1,
) -> tuple[DrawLaw, ...]:
    """Return the laws of the `ahead` draws after the last one, over all paths, given all draws.

    Each is the law of its own draw, whatever the ones before it turn out to be. It names the values
    that the stream has within reach.

    `values` must reach `ahead` draws further than for `log2_likelihood_ratios`. O((n + ahead) x
    band x log w).

    Raises
    ------
    ValueError
        As there, or no path is left: the model cannot have made the draws.
    """
    count = len(draws)
    observed = np.arange(count + ahead) < count
    coming = np.zeros(ahead, dtype=np.int64)
    rows = _Rows(values, np.concatenate([draws, coming]), model, observed)
    laws = []
    for index, row in enumerate(rows.forward(np.add, np.ones(1), range(count + ahead))):
        _refuse_no_path(row)
        if index >= count:
            laws.append(law_at(values[model.band(index)], row, model))
    return tuple(laws)


def law_at(reached: NDArray[np.int64], row: NDArray[np.float64], model: PathModel) -> DrawLaw:
    """Return the law of a draw that stands at one of some positions.

    Parameters
    ----------
    reached
        int64 array, shape (k,): the stream's values there.
    row
        float64 array, shape (k,): the positions' weights, up to a factor.
    model
        Its modulus and noise count.
    """
    reach, where = np.unique(reached, return_inverse=True)
    held = np.bincount(where, weights=row / row.sum(), minlength=len(reach))
    elsewhere = model.noise / (model.modulus - 1)
    probabilities = (1 - model.noise) * held + elsewhere * (1 - held)
    return DrawLaw(dict(zip(reach.tolist(), probabilities.tolist(), strict=True)), elsewhere)


def _refuse_no_path(row: NDArray[np.float64]) -> None:
    if not row.any():
        raise ValueError("no path of gaps can have made these draws without noise")


def mean_path(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    observed: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the posterior mean of each draw's position, given all known draws.

    Returns
    -------
    NDArray
        float64 array, shape (n,), increasing.

    Raises
    ------
    ValueError
        As for `laws_over_paths`, though `values` need reach no further than the last draw.
    """
    rows = _Rows(values, draws, model, observed)
    means = np.empty(len(draws))
    for index, weights in _marginals(rows):
        band = model.band(index)
        means[index] = np.average(np.arange(band.start, band.stop), weights=weights)
    return means


def path_certainty(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    path: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the posterior probability, given all known draws, of each position of a path.

    Parameters
    ----------
    path
        int64 array, shape (n,), as from `likeliest_path`.

    Returns
    -------
    NDArray
        float64 array, shape (n,), in [0, 1].

    Raises
    ------
    ValueError
        As for `mean_path`.
    """
    certainty = np.empty(len(draws))
    for index, weights in _marginals(_Rows(values, draws, model, None)):
        certainty[index] = weights[path[index] - model.band(index).start] / weights.sum()
    return certainty


def _marginals(rows: _Rows) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield each draw's posterior over its band, up to a factor, from the last to the first."""
    model = rows.model
    last = model.band(len(rows.draws) - 1)
    ahead = np.ones(last.stop - last.start)
    for index, row in rows.backward(np.add):
        _refuse_no_path(row)
        yield index, _scaled(row * ahead)
        # From each position back over the gaps: the same windows, cut to the band before.
        spread = over_gaps(np.add, _scaled(ahead * rows.factors(index)), model.gaps)
        ahead = spread[model.gaps - 1 : len(spread) - model.gaps + 1]


def likeliest_path(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    observed: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Return the positions of one most likely path; among equals the one of late small positions.

    Returns
    -------
    NDArray
        int64 array, shape (n,), increasing.

    Raises
    ------
    ValueError
        As for `mean_path`.
    """
    rows = _Rows(values, draws, model, observed)
    path = np.empty(len(draws), np.int64)
    for index, row in rows.backward(np.maximum):
        _refuse_no_path(row)
        start = model.band(index).start
        low, high = 0, len(row)
        if index + 1 < len(draws):
            low = max(0, int(path[index + 1]) - model.most_gap - start)
            high = min(len(row), int(path[index + 1]) - model.least_gap - start + 1)
        path[index] = start + low + int(np.argmax(row[low:high]))
    return path
