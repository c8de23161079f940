"""The sums of `skip_paths` at machine speed, for many streams: positions that hardly count are cut.

After each draw the band of positions at which it may stand is cut at both ends, up to the first
position that has at least ``CUT`` of all weight under one of the noise rates. What is cut
never comes back, so that

- the ratios are never above the exact ones: what bounds an e-value of those bounds one of these;
- had the stream made the draws, then the chance, given the draws so far, that its path is cut away
  at a draw is at most ``CUT`` times the positions cut.

A stream whose ratios have all come down to ``2**-GIVEN_UP_BITS`` is given up: it says nothing of
later draws, which then earn it 0 bits each, as they earn the null.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.generators.compiled import build_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.evidence.skip_paths import PathModel

__all__ = ["CUT", "GIVEN_UP_BITS", "Forward", "begin_forward", "go_forward"]

CUT = 2.0**-60
GIVEN_UP_BITS = 100.0
_MATCHED_AT = NOISE_RATES.index(0.1)  # the rate under which a draw counts as matched or not


@dataclass(frozen=True, eq=False)
class Forward:
    """Where the latest draw may stand, and what the draws so far are worth.

    Attributes
    ----------
    done
        Draws taken in.
    low
        The first position of the band; before the first draw, the one before any gap.
    weights
        float64 array, shape (n_rates, band): of each position under each noise rate, up to a factor
        for each rate; no column where the stream is given up.
    scale
        float64 array, shape (n_rates,): log2 of that factor; ``-inf`` where no path is left.
    matched
        Draws so far at which more than half of the weight came to stand on a match, at a noise of
        0.1: with variable skip chance matches as many times more often as there are gaps.
    """

    done: int
    low: int
    weights: NDArray[np.float64]
    scale: NDArray[np.float64]
    matched: int

    @property
    def bits(self) -> NDArray[np.float64]:
        """float64 array, shape (n_rates,): log2 likelihood ratios of the draws so far."""
        if self.given_up:
            return self.scale
        with np.errstate(divide="ignore"):
            bits: NDArray[np.float64] = self.scale + np.log2(self.weights.sum(axis=1))
        return bits

    @property
    def given_up(self) -> bool:
        """Whether the stream says nothing any more."""
        return self.weights.size == 0

    @property
    def high(self) -> int:
        """The last position of the band."""
        return self.low + len(self.weights[0]) - 1


def begin_forward(offset: int) -> Forward:
    """Return how matters stand before the first draw, under a stream offset."""
    rates = len(NOISE_RATES)
    return Forward(0, offset - 1, np.ones((rates, 1)), np.zeros(rates), 0)


def go_forward(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    since: Forward,
    observed: NDArray[np.bool_] | None = None,
) -> Forward:
    """Take in the draws after those that `since` has taken in.

    Parameters
    ----------
    values
        int64 array: the stream's values from position 0 on, as far as a path of these draws comes:
        over ``since.high + len(draws) * model.most_gap``.
    draws
        int64 array, shape (n,): the next draws, in ``[0, m)``.
    model
        Skip law and modulus; its noise and offset are left aside.
    since
        From `begin_forward` or from here.
    observed
        bool array, shape (n,): as for `skip_paths.log2_likelihood_ratios`.

    Returns
    -------
    Forward
        O(n x band). Where the true path is in reach the band holds some ten draws' gaps.

    Raises
    ------
    ValueError
        The stream is too short.
    """
    done = since.done + len(draws)
    if since.given_up or len(draws) == 0:
        return replace(since, done=done)
    reached = since.high + len(draws) * model.most_gap
    if len(values) <= reached:
        raise ValueError(f"the stream has {len(values)} values; the paths reach over {reached}")
    noise = np.array(NOISE_RATES)
    hits, misses = (1 - noise) * model.modulus, noise * model.modulus / (model.modulus - 1)
    low, weights, scale, matched = _kernel()(
        (values, draws, np.ones(len(draws), bool) if observed is None else observed),
        (model.least_gap, model.most_gap),
        (hits, misses, CUT, GIVEN_UP_BITS, _MATCHED_AT),
        (since.low, since.weights, since.scale),
    )
    return Forward(done, int(low), weights, scale, since.matched + int(matched))


@cache
def _kernel() -> Callable[..., Any]:
    return build_kernel(_factory, spread, earn, first_kept, last_kept)


def spread(before: Any, gaps: Any, after: Any) -> None:
    """Sum into each of `after` the entries of `before` from which one of `gaps` gaps leads there.

    Exact, since nothing is taken off a sum: each window is the end of one block of `gaps` entries
    and the beginning of the next. `after` is longer by ``gaps - 1``.
    """
    count, edge = len(before), gaps - 1
    block = np.zeros(len(after) + edge)  # `before` between zeros, summed from each block's end
    block[edge : edge + count] = before
    running = 0.0
    for place in range(len(after)):
        # Windows that begin with a block: `running` has been summed over it from its beginning.
        running = 0.0 if place % gaps == 0 else running
        if place % gaps == 0:
            for back in range(gaps - 1):
                block[place + edge - 1 - back] += block[place + edge - back]
        else:
            running += block[place + edge]
        after[place] = block[place] + running


def earn(row: Any, values: Any, wanted: Any, hit: Any, miss: Any) -> Any:
    """Multiply each weight by what its value earns; return the sum, and that of the matches."""
    total, on_match = 0.0, 0.0
    for place in range(len(row)):
        if values[place] == wanted:
            row[place] *= hit
            on_match += row[place]
        else:
            row[place] *= miss
        total += row[place]
    return total, on_match


def first_kept(rows: Any, cut: Any) -> Any:
    """Return the first column with an entry of at least `cut`."""
    for place in range(rows.shape[1]):
        for rate in range(rows.shape[0]):
            if rows[rate, place] >= cut:
                return place
    return 0


def last_kept(rows: Any, cut: Any) -> Any:
    """Return the last such column."""
    for back in range(rows.shape[1]):
        for rate in range(rows.shape[0]):
            if rows[rate, rows.shape[1] - 1 - back] >= cut:
                return rows.shape[1] - 1 - back
    return 0


def _factory(
    digest: str,
    spread: Callable[..., Any],
    earn: Callable[..., Any],
    first_kept: Callable[..., Any],
    last_kept: Callable[..., Any],
) -> Callable[..., Any]:
    def kernel(known: Any, gap: Any, law: Any, since: Any) -> Any:
        _ = digest
        values, draws, observed = known
        least, most = gap
        hits, misses, cut, given_up_bits, told = law
        low, weights, scale = since
        scale, gaps, matched = scale.copy(), most - least + 1, 0
        for index in range(len(draws)):
            rows = np.empty((len(scale), weights.shape[1] + gaps - 1))
            low += least
            reached = values[low : low + rows.shape[1]]
            for rate in range(len(scale)):
                spread(weights[rate], gaps, rows[rate])
                hit, miss = (hits[rate], misses[rate]) if observed[index] else (1.0, 1.0)
                total, on_match = earn(rows[rate], reached, draws[index], hit, miss)
                if total > 0:
                    rows[rate] /= total
                scale[rate] += np.log2(total / gaps)
                matched += rate == told and observed[index] and 2 * on_match > total
            if scale.max() <= -given_up_bits:
                return low, rows[:, :0].copy(), scale, matched
            first = first_kept(rows, cut)
            weights = rows[:, first : last_kept(rows, cut) + 1].copy()
            low += first
        return low, weights, scale, matched

    return kernel
