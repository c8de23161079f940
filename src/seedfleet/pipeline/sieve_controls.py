"""A sieve's controls: its own kernels on shuffled draws, and on draws of planted seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seedfleet.evidence.uneven_chance import draw_shares
from seedfleet.generators import compiled
from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.recover.controls import (
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.sieve import ConstantSkip, Direction, VariableSkip, sieve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.pipeline.sieve_search import PlannedSearch
    from seedfleet.recover.controls import Control
    from seedfleet.sieve import Backend, Question

__all__ = ["controls_of"]

_REPLICATES = 16
_MAX_CUT = 12  # draws; more than these let nothing through that could be counted
_WORK = {True: 2**25, False: 2**19}  # seeds of a control; by whether a state is a single word
_PLANTED_WORK = 2**24  # stream positions tested around the planted seeds


class _Cut(NamedTuple):
    """So few draws that chance passes some."""

    search: PlannedSearch
    seeds: int  # in each replicate

    @property
    def expected(self) -> float:
        """What chance passes in each replicate."""
        return self.search.chance.expected_pairs(self.seeds)


def controls_of(
    search: PlannedSearch, rng: np.random.Generator, backend: Backend | None = None
) -> tuple[Control, ...]:
    """Run both controls by the back end of the search; default: `local_backend`."""
    return _shuffled(search, rng, backend), _planted(search, rng, backend)


def _shuffled(search: PlannedSearch, rng: np.random.Generator, backend: Backend | None) -> Control:
    cut = _best_cut(search)
    question, given = cut.search.question, _given(search)
    counts, expected = [], []
    for _ in range(_REPLICATES):
        asked = replace(question, draws=rng.permutation(given)[: len(question.draws)])
        counts.append(len(sieve(asked, _slice(search, rng, cut.seeds), backend=backend).table))
        expected.append(_expected(cut, asked))
    text = (
        f"{_REPLICATES} times {cut.seeds:,} seeds against {len(question.looked_at)} of the draws, "
        "shuffled"
    )
    error = cut.search.chance.relative_error
    return negative_control(counts, float(np.mean(expected)), relative_error=error, text=text)


def _given(search: PlannedSearch) -> NDArray[np.int64]:
    """Return the draws of the window that the bounding gives: no others could match."""
    question = search.question
    values = question.draws[question.window.start : question.window.stop]
    given = values[draw_shares(question.stream, values, question.modulus) > 0]
    return given if len(given) else values


def _expected(cut: _Cut, asked: Question) -> float:
    """Return what chance passes of the cut's seeds, of just these draws.

    Where a skip varies, a path that gives equal draws in a row gives them on other paths too: which
    draws follow each other decides how many seeds have any. And some boundings favour some draws.
    """
    own = replace(cut.search, question=asked).chance
    if not own.is_bound:
        return own.expected_pairs(cut.seeds)
    bounds = [chance_of(each, positions=0) for each in (asked, cut.search.question)]
    own_bound, bound = (each.bound_on_pairs(1) for each in bounds)
    return cut.expected * (own_bound / bound if bound else 1.0)


def _best_cut(search: PlannedSearch) -> _Cut:
    """Return the deepest cut that passes enough by chance; else the one that passes most."""
    question = search.question
    with np.errstate(over="ignore"):
        state = search.stream.generator.seed_state(np.uint64(1))
    work = _WORK[isinstance(state, np.generic)]
    if any(leg.needed < leg.draws for leg in question.legs):
        work //= search.alignments  # where a threshold is asked, each alignment is counted through
    most = min(search.seed_count, work // _REPLICATES)
    cuts = []
    for direction in dict.fromkeys((question.direction, Direction.FORWARD)):
        least = 1 if direction is Direction.FORWARD else 2
        for depth in range(min(len(_given(search)), _MAX_CUT), least - 1, -1):
            cut = _cut(search, direction, depth, max(1, most))
            if cut.search.chance.is_bound:
                continue  # it says at most how many pass, and not how many
            if cut.expected * _REPLICATES >= TARGET_SURVIVORS * 0.9:
                return cut
            cuts.append(cut)
    fallback = [] if cuts else [_cut(search, Direction.FORWARD, 1, max(1, most))]
    return max([*cuts, *fallback], key=lambda cut: cut.expected)


def _cut(search: PlannedSearch, direction: Direction, depth: int, most: int) -> _Cut:
    question = replace(
        search.question,
        draws=_given(search)[:depth],
        window_start=0,
        window_size=None,
        direction=direction,
    )
    asked = replace(search, question=question, seeds=range(1))
    expected = asked.chance.expected_pairs(1)
    wanted = TARGET_SURVIVORS / _REPLICATES / expected if expected else float(most)
    return _Cut(asked, int(min(most, max(1.0, np.ceil(wanted)))))


def _slice(search: PlannedSearch, rng: np.random.Generator, size: int) -> range:
    """Return `size` seeds of the range, from anywhere in it."""
    start = search.seeds.start + int(rng.integers(search.seed_count - size + 1, dtype=np.uint64))
    return range(start, start + size)


def _planted(search: PlannedSearch, rng: np.random.Generator, backend: Backend | None) -> Control:
    question = search.question
    alignments = question.alignments
    work = len(alignments) * len(question.looked_at) * _band(question)
    among = int(min(search.seed_count, max(16, min(4096, _PLANTED_WORK // work))))
    found = 0
    for _ in range(PLANTED_SEEDS):
        seeds = _slice(search, rng, among)
        seed = seeds[int(rng.integers(len(seeds)))]
        alignment = alignments[int(rng.integers(len(alignments)))]
        positions = _positions(alignment, len(question.draws), rng)
        draws, _state = compiled.at_positions(search.stream, seed, question.modulus, positions)
        table = sieve(replace(question, draws=draws), seeds, backend=backend).table
        hits = table[["seed", "offset", "skip_min", "skip_max"]].tolist()
        found += (seed, *alignment) in hits
    text = f"{PLANTED_SEEDS} seeds of {search.stream.name} planted at alignments of the family"
    return positive_control(found, float(PLANTED_SEEDS), text=text)


def _band(question: Question) -> int:
    """Return how many positions a draw may have, the last one, with variable skip."""
    match question.skips:
        case ConstantSkip():
            return 1
        case VariableSkip():
            return (question.skips.gaps - 1) * question.window.stop + 1


def _positions(
    alignment: tuple[int, int, int], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return positions of so many draws under an alignment; any path of a variable skip."""
    offset, least, most = alignment
    gaps = rng.integers(least + 1, most + 2, size=count)
    positions: NDArray[np.int64] = offset - 1 + np.cumsum(gaps)
    return positions
