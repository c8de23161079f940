"""From decoded systems to survivors: the right phase found, and tried on the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState, compiled
from seedfleet.recover.linear.rows import ran_on
from seedfleet.recover.linear.states import origin_of
from seedfleet.recover.linear.survivors import Solved, linear_survivors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.recover.linear.families import LinearFamily
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Survivor

__all__ = ["carry_survivors"]

_FIRST_DRAWS = 64
_LIKELY_MATCHES = 1 / 2  # of the first draws, in a system as good as right


def carry_survivors(
    family: LinearFamily, scope: Scope, candidates: NDArray[np.uint64], *, least_run: int
) -> list[Survivor]:
    """Return the streams behind the first candidate that gives many draws in a row.

    Parameters
    ----------
    candidates
        uint64 array, shape (n, 4): place of the first draw after the start of a cycle, words from
        one draw to the next, and two words of the state there.
    least_run
        How many draws in a row must be given exactly.
    """
    for place, stride, *words in np.unique(candidates, axis=0).tolist():
        first = scope.searchable[:_FIRST_DRAWS]
        guess = Solved((words[0], words[1]), stride - 1 - place, stride - 1)
        if _matches(family, guess, first).mean() >= _LIKELY_MATCHES:
            survivors = _behind(family, scope, guess, least_run)
            if survivors:
                return survivors
    return []


def _behind(family: LinearFamily, scope: Scope, guess: Solved, least_run: int) -> list[Survivor]:
    values = scope.searchable
    phases = _phases(family, guess)
    matches = [_matches(family, each, values) for each in phases]
    counts = [int(each.sum()) for each in matches]
    run = _longest_run(matches[int(np.argmax(counts))])
    if len(run) < least_run:
        return []
    # Several where the stride keeps the draws away from the ends of blocks.
    best = [each for each, count in zip(phases, counts, strict=True) if count == max(counts)]
    return linear_survivors(family, scope, run, best)


def _phases(family: LinearFamily, guess: Solved) -> list[Solved]:
    """Return what agrees with a guess in the middle of each block, at every phase of the cycle.

    Where a cycle is a block of words served backwards, a system of a neighbouring phase is nearly
    as good as the right one: only draws next to the ends of a block differ. The right state lies as
    many words away as the phases do; those are the states on the way through a cycle.
    """
    cycle, generator = family.linear.cycle, family.generator
    words, _ = origin_of(generator, guess.words, cycle)
    states = [
        ran_on(generator, words, steps)[: family.linear.words] for steps in range(1, cycle + 1)
    ]
    return [
        Solved(state, guess.steps - (cycle - steps), guess.skip)
        for steps, state in enumerate(states, start=1)
    ]


def _matches(family: LinearFamily, solved: Solved, values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of the draws a state gives; it lies at or before the first of them."""
    (stream, *_) = family.streams
    start = AtState((*solved.words, *family.linear.controls))
    positions = solved.skip - solved.steps + (solved.skip + 1) * np.arange(len(values))
    given, _ = compiled.at_positions(stream, start, family.modulus, positions)
    matches: NDArray[np.bool_] = given == values
    return matches


def _longest_run(matches: NDArray[np.bool_]) -> range:
    """Return the longest range of indices that all match, the first of several."""
    ends = np.flatnonzero(np.concatenate([[True], ~matches, [True]]))
    longest = int(np.argmax(np.diff(ends)))
    return range(int(ends[longest]), int(ends[longest + 1]) - 1)
