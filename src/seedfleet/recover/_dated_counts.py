"""How many seeds of a date give how many of its draws, under every alignment at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.generators import compiled
from seedfleet.sieve import Leg, Rows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.sieve import Backend

__all__ = [
    "Day",
    "best_seed",
    "given_by",
    "log2_mean",
    "matches_counted",
    "scan_counted",
    "tables",
]

_WALKED = 64  # seeds of a date that are run one by one; more are scanned


@dataclass(frozen=True, eq=False)
class Day:
    """The draws of one date, of which the first `fitted` may be searched."""

    date: dt.date
    seeds: tuple[range, ...]
    values: NDArray[np.int64]
    fitted: int

    @property
    def seed_count(self) -> int:
        """How many seeds the date may have."""
        return sum(len(seeds) for seeds in self.seeds)

    def is_scanned(self, stream: Stream) -> bool:
        """Whether its seeds are many, and all within the range that scans are made for."""
        last = max(seeds.stop for seeds in self.seeds)
        return self.seed_count > _WALKED and last <= stream.generator.seeds.stop

    def each_seed(self) -> Iterator[int]:
        """Yield them in order."""
        for seeds in self.seeds:
            yield from seeds


def given_by(
    stream: Stream, seed: int, modulus: int, positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the draws of a seed at these positions."""
    values, _ = compiled.at_positions(stream, seed, modulus, positions)
    return values


def tables(
    stream: Stream, day: Day, modulus: int, positions: NDArray[np.int64], most: int | None
) -> NDArray[np.int64]:
    """Return what the date's first seeds give, shape (seeds, n_alignments, positions of each)."""
    every = np.arange(positions.max() + 1)
    seeds = islice(day.each_seed(), most)
    return np.array([given_by(stream, seed, modulus, every)[positions] for seed in seeds])


def matches_counted(
    matched: NDArray[np.bool_], fitted: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the seeds by alignment and matches: among the fitted draws, and among all."""
    return (
        _histogram(matched[..., :fitted].sum(axis=-1), fitted),
        _histogram(matched.sum(axis=-1), matched.shape[-1]),
    )


def _histogram(matches: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return how often each number of matches comes by alignment, shape (n_alignments, most + 1).

    Parameters
    ----------
    matches
        Shape (seeds, n_alignments).
    """
    counts: NDArray[np.int64] = (matches[..., np.newaxis] == np.arange(most + 1)).sum(axis=0)
    return counts


def scan_counted(
    stream: Stream, day: Day, modulus: int, positions: NDArray[np.int64], backend: Backend
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count as `_counted` does, by scans: seeds without a match are those that do not come back."""
    count, fitted = len(day.values), day.fitted
    parted = 0 < fitted < count
    # Of two parts every seed must come back, since its matches may be in either.
    legs = (Leg(fitted, 0), Leg(count - fitted, 0)) if parted else (Leg(count, 1),)
    values = np.broadcast_to(day.values, positions.shape)
    early = np.zeros((len(positions), fitted + 1), dtype=np.int64)
    known = np.zeros((len(positions), count + 1), dtype=np.int64)
    early[:, 0] = known[:, 0] = day.seed_count
    for seeds in day.seeds:
        hits = backend.scan(stream, Rows(positions, values, modulus, legs), seeds)
        for counts, matches in (
            (early, hits.matches[:, 0] if fitted else np.zeros(len(hits.rows), dtype=np.int64)),
            (known, hits.matches.sum(axis=1)),
        ):
            np.add.at(counts, (hits.rows, matches), 1)
            counts[:, 0] -= np.bincount(hits.rows, minlength=len(counts))
    return early, known


def best_seed(
    stream: Stream, day: Day, modulus: int, positions: NDArray[np.int64], backend: Backend
) -> tuple[int, int, NDArray[np.int64]]:
    """Return the first of the seeds that give most of a date's draws, and how many these are.

    The third of the returned is the count of all seeds by matches, shape (1, draws + 1).
    """
    count = len(day.values)
    seeds: list[int] = []
    matches: list[int] = []
    if day.is_scanned(stream):
        rows = Rows(positions[np.newaxis], day.values[np.newaxis], modulus, (Leg(count, 1),))
        for some in day.seeds:
            hits = backend.scan(stream, rows, some)
            seeds += hits.seeds.tolist()
            matches += hits.matches[:, 0].tolist()
    else:
        seeds = list(day.each_seed())
        given = (given_by(stream, seed, modulus, positions) for seed in seeds)
        matches = [int((values == day.values).sum()) for values in given]
    counts = np.bincount(matches, minlength=count + 1)[np.newaxis]
    counts[0, 0] += day.seed_count - len(seeds)
    if not seeds:
        return day.seeds[0][0], 0, counts
    best = int(np.argmax(matches))
    return seeds[best], matches[best], counts


@cache
def _bits_by_matches(draws: int, modulus: int) -> NDArray[np.float64]:
    """Return the bits of each number of matches at each noise rate."""
    return np.array([bits_of_matches(k, draws, modulus) for k in range(draws + 1)])


def log2_mean(counts: NDArray[np.int64], modulus: int) -> NDArray[np.float64]:
    """Return log2 of the mean likelihood ratio of seeds counted by matches.

    Parameters
    ----------
    counts
        Shape (n_alignments, draws + 1).

    Returns
    -------
    NDArray
        float64 array, shape (n_alignments, n_rates).
    """
    draws = counts.shape[1] - 1
    bits = _bits_by_matches(draws, modulus)
    with np.errstate(divide="ignore"):
        terms = np.log2(counts)[..., np.newaxis] + bits
    top = terms.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        summed = np.log2(np.exp2(terms - top[:, np.newaxis]).sum(axis=1))
    mean: NDArray[np.float64] = top + summed - np.log2(counts.sum(axis=1))[:, np.newaxis]
    return mean
