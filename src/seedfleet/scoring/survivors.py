"""The features of survivors, many at a time: 48 numbers for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.skip_paths import PathModel
from seedfleet.generators import AtState, compiled
from seedfleet.scoring._slice_plan import MOST_DRAWS, SlicePlan
from seedfleet.scoring._stream_kernels import ConstantSkips
from seedfleet.scoring.feature_names import SURVIVOR_FEATURES
from seedfleet.scoring.mean_path import likely_noise, pruned_mean_path
from seedfleet.scoring.reference import STREAM_FEATURES
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from seedfleet.generators import Start, Stream
    from seedfleet.scoring.settings import ScoringSettings

    # Rows, and what is found of them.
    _Task = Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]]

__all__ = ["Candidates", "CandidatesError", "Compared", "aligned_draws", "compare"]

_BLOCK_BYTES = 2**18  # of streams that one thread holds: they stay in the second-level cache


class CandidatesError(ValueError):
    """Candidates that no features can be computed of.

    Attributes
    ----------
    problems
        What is wrong, as a sentence.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = (problem,)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Survivors of one stream, each under an alignment of its own.

    Attributes
    ----------
    stream
        Generator and bounding.
    seeds
        uint64 array, shape (n,).
    offsets, skip_min, skip_max
        int64 arrays, shape (n,), from 0 on: alignments, of constant skip where the skips agree.
    origins, ends
        int64 arrays, shape (n,): the draws ``origin <= i < end`` are those explained; an end below
        0 is none.
    counts, selectivities
        The features `bidirectional_count` and `bidirectional_selectivity`, shape (n,).
    missed
        float64 array, shape (n,): the share of draws not matched in sieving, NaN where not known;
        it chooses the noise rate by which a mean path is found.
    states
        By row: the state that a stream begins in, where there is no seed.
    sessions
        How many of the history's sessions share these streams; None for all draws.
    """

    stream: Stream
    seeds: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    skip_min: NDArray[np.int64]
    skip_max: NDArray[np.int64]
    origins: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]
    selectivities: NDArray[np.float64]
    missed: NDArray[np.float64]
    states: Mapping[int, AtState] = field(default_factory=dict)
    sessions: int | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    def start(self, row: int) -> Start:
        """Return the seed or state of a row."""
        state = self.states.get(row)
        return int(self.seeds[row]) if state is None else state


@dataclass(frozen=True, eq=False)
class Compared:
    """Survivors beside the draws that they explain.

    Attributes
    ----------
    features
        float64 array, shape (n, 48), in the order of `SURVIVOR_FEATURES`. A survivor that explains
        none of the draws has zeros but for its metadata.
    matches, explained
        int64 arrays, shape (n,): how many of so many draws its stream gives exactly.
    """

    features: NDArray[np.float64]
    matches: NDArray[np.int64]
    explained: NDArray[np.int64]


def compare(
    candidates: Candidates,
    draws: NDArray[np.int64],
    modulus: int,
    settings: ScoringSettings,
    *,
    workers: int | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> Compared:
    """Compare every survivor's stream with the draws that it explains.

    Parameters
    ----------
    candidates
        Survivors; their order is kept.
    draws
        int64 array, shape (d,), in ``[0, modulus)``, oldest first: the sieve slice and no more.
    modulus
        One that the bounding has, in ``[2, 2**31]``.
    workers
        Threads; default one for each core.
    progress
        Called with the share of rows that are done.

    Raises
    ------
    CandidatesError
        The slice has more than `MOST_DRAWS` draws, or the bounding has not this modulus.

    Notes
    -----
    O(rows x draws) with a constant skip and a leap, O(rows x outputs passed) else; memory is the
    result and `_BLOCK_BYTES` for each thread. With variable skip also O(positions that matter).
    """
    if len(draws) > MOST_DRAWS:
        raise CandidatesError(f"{len(draws)} draws are more than {MOST_DRAWS}")
    if candidates.stream.bounding.layout(modulus) is None:
        raise CandidatesError(f"{candidates.stream.name} has no modulus {modulus}")
    spans = _spans(candidates, len(draws))
    found = Compared(
        np.zeros((len(candidates), len(SURVIVOR_FEATURES))),
        np.zeros(len(candidates), dtype=np.int64),
        spans[:, 1] - spans[:, 0],
    )
    metadata = (
        candidates.skip_min,
        candidates.skip_max,
        candidates.counts,
        candidates.selectivities,
    )
    for place, column in enumerate(metadata):
        found.features[:, STREAM_FEATURES + place] = column
    done = 0
    tasks = _tasks(candidates, spans, draws, modulus, settings)
    with ThreadPool(workers) as pool:
        for rows, measured in pool.map(lambda task: task(), tasks):
            found.features[rows, :STREAM_FEATURES] = measured[:, :STREAM_FEATURES]
            found.matches[rows] = measured[:, STREAM_FEATURES]
            done += len(rows)
            progress(done / len(candidates))
    return found


def _spans(candidates: Candidates, draws: int) -> NDArray[np.int64]:
    """Return the first draw that each survivor explains, and the index after the last."""
    stops = np.where(candidates.ends < 0, draws, np.minimum(candidates.ends, draws))
    return np.stack([np.minimum(candidates.origins, stops), stops], axis=1)


def _tasks(
    candidates: Candidates,
    spans: NDArray[np.int64],
    draws: NDArray[np.int64],
    modulus: int,
    settings: ScoringSettings,
) -> Iterator[_Task]:
    """Yield blocks of rows of the same draws, each as a call that measures them."""
    alignments, which = np.unique(
        np.stack([candidates.offsets, candidates.skip_max], axis=1), axis=0, return_inverse=True
    )
    which = which.reshape(-1).astype(np.int64)
    streams = ConstantSkips(candidates.stream, modulus, alignments)
    plain = candidates.skip_min == candidates.skip_max
    plain[list(candidates.states)] = False
    kinds, group = np.unique(spans, axis=0, return_inverse=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(len(kinds) + 1))
    for number, (start, stop) in enumerate(kinds.tolist()):
        rows = order[edges[number] : edges[number + 1]]
        if start >= stop:
            continue
        act = draws[start:stop]
        plan = SlicePlan.of(act, modulus, settings)
        many = rows[plain[rows]]
        size = max(16, _BLOCK_BYTES // (plan.dtype.itemsize * plan.draws))
        for at in range(0, len(many), size):
            yield _block(candidates, streams, plan, many[at : at + size], which)
        for row in rows[~plain[rows]].tolist():
            yield _single(candidates, plan, act, modulus, row)


def _block(
    candidates: Candidates,
    streams: ConstantSkips,
    plan: SlicePlan,
    rows: NDArray[np.int64],
    which: NDArray[np.int64],
) -> _Task:
    def work() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        pred = np.empty((len(rows), plan.draws), dtype=plan.dtype)
        streams.fill(candidates.seeds[rows], which[rows], pred)
        found = np.empty((len(rows), STREAM_FEATURES + 1))
        plan.fill(pred, found)
        return rows, found

    return work


def _single(
    candidates: Candidates,
    plan: SlicePlan,
    act: NDArray[np.int64],
    modulus: int,
    row: int,
) -> _Task:
    def work() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        pred = aligned_draws(candidates, row, act, modulus).astype(plan.dtype)
        found = np.empty((1, STREAM_FEATURES + 1))
        plan.fill(pred[np.newaxis], found)
        return np.array([row]), found

    return work


def aligned_draws(
    candidates: Candidates, row: int, act: NDArray[np.int64], modulus: int
) -> NDArray[np.int64]:
    """Return `pred`: what a survivor's stream gives for the draws that it explains.

    With variable skip along the posterior mean of each draw's position, rounded, under the noise
    rate that its matches in sieving suggest.

    Parameters
    ----------
    act
        int64 array, shape (n,), n >= 1: those draws.
    """
    least, most = int(candidates.skip_min[row]), int(candidates.skip_max[row])
    offset, start = int(candidates.offsets[row]), candidates.start(row)
    if least == most:
        positions = offset + most + np.arange(len(act), dtype=np.int64) * (most + 1)
        return compiled.at_positions(candidates.stream, start, modulus, positions)[0]
    noise = likely_noise(float(candidates.missed[row]))
    model = PathModel(least + 1, most + 1, modulus, offset, noise)
    reach = np.arange(model.band(len(act) - 1).stop, dtype=np.int64)
    values, _ = compiled.at_positions(candidates.stream, start, modulus, reach)
    path = np.rint(pruned_mean_path(values, act, model)).astype(np.int64)
    return values[path]
