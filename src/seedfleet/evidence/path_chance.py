"""What chance lets through a walk: how often a stream of independent uniform draws has a path.

There are ``start_width * w**(n-1)`` paths through n draws, and each passes with the probability P
of its legs, so that a seed passes a row with probability at most ``start_width * w**(n-1) * P``,
and at most 1. Paths of one stream share positions and pass together, so the bound is too high;
`walk_chance` prints it beside an estimate by simulation. There are two, both unbiased:

Where the bound is below 1, a path is planted. The probability that some path passes is the bound
times the mean of 1/(passing paths) over streams in which one path, chosen evenly, was made to pass
(Karp, Luby and Madras, Journal of Algorithms 10(3), 1989, section 2). This holds its precision
however small the probability is.

Elsewhere streams are split (Kahn and Harris 1951): a number of streams is drawn on, draw by draw;
those with a path that still passes replace the others, and the shares that passed are multiplied.
Independent replicates give the error. A share far below one in the number of streams comes out as
0: then the bound is what is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, lgamma, log, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence._windows import over_gaps
from seedfleet.evidence.chance import log_pass

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PathChance", "WalkShape", "walk_chance"]

_REPLICATES = 10


@dataclass(frozen=True, eq=False)
class WalkShape:
    """A walk without its stream.

    Attributes
    ----------
    draws
        int64 array, shape (n,): the draws looked at, in ``[0, modulus)``; repeats matter.
    modulus
        m, in ``[2, 2**31]``.
    least_gap, most_gap
        From one draw to the next; at least 1.
    start_width
        How many positions the first draw may have, at least 1.
    legs
        ``(draws, matches needed)`` of each leg, consecutive; the same as those of the sieve's walk.
    """

    draws: NDArray[np.int64]
    modulus: int
    least_gap: int
    most_gap: int
    start_width: int
    legs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuse what is no walk."""
        problems = []
        if not 2 <= self.modulus <= 2**31:
            problems.append(f"the modulus {self.modulus} is not within 2..{2**31}")
        elif self.draws.size and (self.draws.min() < 0 or self.draws.max() >= self.modulus):
            problems.append(f"draws must lie in [0, {self.modulus})")
        if not 1 <= self.least_gap <= self.most_gap:
            problems.append(f"gaps {self.least_gap}..{self.most_gap} are none")
        if self.start_width < 1:
            problems.append(f"a start of {self.start_width} positions is none")
        if not self.legs or sum(draws for draws, _needed in self.legs) != len(self.draws):
            problems.append("the legs must share out the draws")
        if any(draws < 1 or not 0 <= needed <= draws for draws, needed in self.legs):
            problems.append("each leg has a draw or more and needs none to all of them")
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def gaps(self) -> int:
        """``w``: how many gaps are possible."""
        return self.most_gap - self.least_gap + 1

    @property
    def log2_path_bound(self) -> float:
        """log2 of ``start_width * w**(n-1) * P``, which may be more than 0."""
        tails = log_pass(self.legs, self.modulus)
        paths = log2(self.start_width) + (len(self.draws) - 1) * log2(self.gaps)
        return paths + tails / log(2)


@dataclass(frozen=True)
class PathChance:
    """How often one seed passes one row by chance.

    Attributes
    ----------
    log2_bound
        log2 of an upper bound, at most 0.
    log2_estimate
        log2 of the estimate; ``-inf`` where no simulated stream passed.
    relative_error
        Standard error of the estimate divided by the estimate; infinite where that is 0.
    """

    log2_bound: float
    log2_estimate: float
    relative_error: float

    def log2_expected_pairs(self, seeds: int, rows: int = 1) -> float:
        """Return log2 of the pairs of seed and row that are expected to pass by chance."""
        return log2(seeds) + log2(rows) + self.log2_estimate

    def log2_bound_on_pairs(self, seeds: int, rows: int = 1) -> float:
        """Return log2 of the bound on them, at most every seed in every row."""
        return log2(seeds) + log2(rows) + self.log2_bound


def walk_chance(shape: WalkShape, *, rng: np.random.Generator, streams: int = 2000) -> PathChance:
    """Bound and estimate the probability that a stream of uniform draws passes a walk.

    Parameters
    ----------
    shape
        What is asked of a stream.
    rng
        The estimate is a function of its state.
    streams
        Simulated streams, at least 20. Memory and time are O(streams x band) and O(streams x n x
        band x log w), where the band has ``n * (w - 1)`` positions; where the bound is below 1,
        each also times the misses that a leg allows. 100 streams will do for long windows.

    Returns
    -------
    PathChance
        For one seed and one row.

    Raises
    ------
    ValueError
        Too few streams.
    """
    if streams < 2 * _REPLICATES:
        raise ValueError(f"at least {2 * _REPLICATES} streams are needed, not {streams}")
    bound = shape.log2_path_bound
    if bound < 0:
        estimates = _passing_shares(shape, rng, streams)
        log2_factor = bound
    else:
        size = streams // _REPLICATES
        estimates = np.array([_split(shape, rng, size) for _ in range(_REPLICATES)])
        log2_factor = 0.0
    mean = float(estimates.mean())
    error = float(estimates.std(ddof=1)) / len(estimates) ** 0.5
    return PathChance(
        log2_bound=min(0.0, bound),
        log2_estimate=log2_factor + log2(mean) if mean > 0 else -inf,
        relative_error=error / mean if mean > 0 else inf,
    )


def _passing_shares(
    shape: WalkShape, rng: np.random.Generator, streams: int
) -> NDArray[np.float64]:
    """Return 1/(passing paths) of streams in which an evenly chosen path was made to pass."""
    seen = _planted(shape, rng, streams)
    paths = np.ones((streams, 1, shape.start_width))
    log2_scale = np.zeros(streams)
    low = index = 0
    for count, needed in shape.legs:
        paths = np.pad(paths.sum(axis=1, keepdims=True), ((0, 0), (0, count - needed), (0, 0)))
        for draw in shape.draws[index : index + count]:
            if index > 0:
                paths = over_gaps(np.add, paths, shape.gaps)
                low += shape.least_gap
            missed = np.pad(paths, ((0, 0), (1, 0), (0, 0)))[:, :-1]  # one miss more
            matching = seen[:, None, low : low + paths.shape[2]] == draw
            paths = np.where(matching, paths, missed)
            largest = paths.max(axis=(1, 2), keepdims=True)
            paths /= largest
            log2_scale += np.log2(largest[:, 0, 0])
            index += 1
    shares: NDArray[np.float64] = np.exp2(-log2_scale) / paths.sum(axis=(1, 2))
    return shares


def _planted(shape: WalkShape, rng: np.random.Generator, streams: int) -> NDArray[np.int64]:
    """Return uniform streams given that an evenly chosen path of each passes."""
    count = len(shape.draws)
    length = shape.start_width + (count - 1) * shape.most_gap
    seen = rng.integers(0, shape.modulus, (streams, length))
    steps = rng.integers(shape.least_gap, shape.most_gap + 1, (streams, count))
    steps[:, 0] = rng.integers(0, shape.start_width, streams)
    matching = np.concatenate(
        [_matching(leg, shape.modulus, rng, streams) for leg in shape.legs], axis=1
    )
    others = (shape.draws + rng.integers(1, shape.modulus, (streams, count))) % shape.modulus
    values = np.where(matching, shape.draws, others)
    np.put_along_axis(seen, np.cumsum(steps, axis=1), values, axis=1)
    return seen


def _matching(
    leg: tuple[int, int], modulus: int, rng: np.random.Generator, streams: int
) -> NDArray[np.bool_]:
    """Return which draws of a leg match, for uniform draws given that enough of them do."""
    count, needed = leg
    matches = np.arange(needed, count + 1)
    weights = [-lgamma(k + 1) - lgamma(count - k + 1) - k * log(modulus - 1) for k in matches]
    odds = np.exp(np.array(weights) - max(weights))
    drawn = rng.choice(matches, streams, p=odds / odds.sum())
    ranks = rng.random((streams, count)).argsort(axis=1).argsort(axis=1)
    chosen: NDArray[np.bool_] = ranks < drawn[:, None]
    return chosen


def _split(shape: WalkShape, rng: np.random.Generator, streams: int) -> float:
    """Return the product of the shares of streams with a passing path, over the draws."""
    seen = rng.integers(0, shape.modulus, (streams, shape.start_width))
    misses = np.zeros((streams, shape.start_width))
    share, index = 1.0, 0
    for count, needed in shape.legs:
        for draw in shape.draws[index : index + count]:
            if index > 0:
                misses = over_gaps(np.minimum, misses, shape.gaps, empty=inf)
                missing = shape.least_gap + misses.shape[1] - seen.shape[1]
                fresh = rng.integers(0, shape.modulus, (streams, missing))
                seen = np.concatenate([seen, fresh], axis=1)[:, shape.least_gap :]
            misses += seen != draw
            misses[misses > count - needed] = inf
            passing = np.flatnonzero(np.isfinite(misses).any(axis=1))
            if len(passing) == 0:
                return 0.0
            share *= len(passing) / streams
            chosen = rng.choice(passing, streams)
            seen, misses = seen[chosen], misses[chosen]
            index += 1
        misses[np.isfinite(misses)] = 0
    return share
