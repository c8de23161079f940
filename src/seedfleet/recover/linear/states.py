"""From draws at known positions to the state of a linear generator, and from there to its origin.

A system of somewhat more equations than unknowns leaves a few unknowns open: bits that no output
depends on, and some that only later draws decide. The generator itself, run from the solution and
from each kernel vector, says what all other draws make of those.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState
from seedfleet.generators.kinship import power_text
from seedfleet.generators.linear_jump import linear_jump
from seedfleet.recover.linear.gf2 import empty_system, solve
from seedfleet.recover.linear.mt_seeds import WORDS_BACK, seed_of_block
from seedfleet.recover.linear.rows import fill_rows, ran_on, trace_words, unknown_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Generator
    from seedfleet.recover.linear.families import Equations, LinearFamily
    from seedfleet.recover.linear.gf2 import Solution

__all__ = [
    "StateFound",
    "origin_of",
    "seed_before",
    "seed_behind_text",
    "solve_state",
    "start_after",
]

_EQUATIONS = 1.35  # a unknown, at most: leading bits of MT19937 leave 3 or 4 open then
_UNDECIDED = 6  # unknowns, at most, that are tried both ways
_SPARE_EQUATIONS = 256  # beyond that, where the system is small
_WALK_BACK = 4096  # words before the origin at which a seed is looked for, where states are small


@dataclass(frozen=True)
class StateFound:
    """What a run of draws says of a state.

    Attributes
    ----------
    unknowns, rank
        How many there are, and how many independent equations all the draws give.
    undecided
        Unknowns that some output depends on and no equation decides.
    surplus
        Equations that follow from the others: each holds by chance in one of two wrong systems.
    consistent
        Whether no equation contradicts the others.
    states
        Unknown words of the states at the start of a cycle that give all equations; more than one
        where a few unknowns are undecided, none where many are or equations contradict each other.
    """

    unknowns: int
    rank: int
    undecided: int
    surplus: int
    consistent: bool
    states: tuple[tuple[int, ...], ...]

    @property
    def text(self) -> str:
        """Rank and surplus in a sentence."""
        idle = self.unknowns - self.rank - self.undecided
        parts = [f"{self.rank:,} of {self.unknowns:,} unknowns decided"]
        parts += [f"{idle:,} that matter to no word"] if idle and self.consistent else []
        parts += [f"{self.undecided:,} left open"] if self.undecided else []
        parts.append(f"{self.surplus:,} equations to spare")
        return ", ".join(parts) + ("" if self.consistent else ", which contradict the others")


def solve_state(
    family: LinearFamily,
    values: NDArray[np.int64],
    places: NDArray[np.int64],
    *,
    pause: Callable[[float], bool] | None = None,
) -> StateFound | None:
    """Solve for the state from which draws come.

    Parameters
    ----------
    values
        int64 array, shape (n,), draws.
    places
        int64 array, shape (n,), ascending: where the first word of each draw lies after the start
        of a cycle, 0 the first.
    pause
        Called now and then with the share done; True ends the work, and the answer is None.

    Notes
    -----
    O(unknowns * last place + unknowns**3 / 512).
    """
    generator = family.generator
    unknowns = unknown_count(generator)
    equations = family.equations(values)
    taken = min(len(equations), int(_EQUATIONS * unknowns) + _SPARE_EQUATIONS)
    rows = empty_system(taken, unknowns)
    draws, bits = equations.draws[:taken], equations.bits[:taken]
    used = places[: int(draws[-1]) + 1] if taken else places[:0]
    halfway = None if pause is None else lambda share: pause(share / 2)
    if taken and not fill_rows(generator, used, (draws, bits), rows, pause=halfway):
        return None
    right = equations.right[:taken].astype(np.uint64)
    rows[:, unknowns // 64] |= right << np.uint64(unknowns % 64)
    rest = None if pause is None else lambda share: pause((1 + share) / 2)
    solution = solve(rows, unknowns, pause=rest)
    if solution is None:
        return None
    return _settle(generator, equations, places, solution)


def _settle(
    generator: Generator, equations: Equations, places: NDArray[np.int64], solution: Solution
) -> StateFound:
    """Let all equations decide what the solved ones left open."""
    unknowns, open_ = unknown_count(generator), len(solution.free)
    if solution.vector is None or len(solution.kernel) < open_:
        surplus, consistent = len(equations) - solution.rank, solution.vector is not None
        return StateFound(unknowns, solution.rank, open_, surplus, consistent, ())
    vectors = np.concatenate([solution.vector[np.newaxis], solution.kernel])
    words = trace_words(generator, [_words(generator, each) for each in vectors], places)
    shown = words[equations.draws] >> equations.bits[:, np.newaxis].astype(np.uint64)
    shown &= np.uint64(1)
    rows = empty_system(len(equations), open_)
    rows[:, 0] = (shown[:, 1:] << np.arange(open_, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    wrong = shown[:, 0] ^ equations.right
    rows[:, open_ // 64] |= wrong << np.uint64(open_ % 64)
    refined = solve(rows, open_)
    if refined is None:
        raise RuntimeError("a system without a pause was not solved")
    # What is left open matters only where it shows in some word.
    live = [each for each in refined.kernel if _combined(words[:, 1:].T, each).any()]
    rank = solution.rank + refined.rank
    states: tuple[tuple[int, ...], ...] = ()
    if refined.vector is not None and len(live) <= _UNDECIDED:
        choices = [refined.vector]
        for each in live:
            choices += [choice ^ each for choice in choices]
        added = (_combined(solution.kernel, choice) for choice in choices)
        states = tuple(_words(generator, solution.vector ^ each) for each in added)
    surplus, consistent = len(equations) - rank, refined.vector is not None
    return StateFound(unknowns, rank, len(live), surplus, consistent, states)


def _combined(vectors: NDArray[np.uint64], coefficients: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Add up those of at most 64 `vectors`, one a row, whose bit is set in ``coefficients[0]``."""
    chosen = [k for k in range(len(vectors)) if int(coefficients[0]) >> k & 1]
    combined: NDArray[np.uint64] = np.bitwise_xor.reduce(vectors[chosen], axis=0)
    return combined


def _words(generator: Generator, vector: NDArray[np.uint64]) -> tuple[int, ...]:
    """Split packed unknowns into the words of the state."""
    linear = generator.linear
    count = 0 if linear is None else linear.words
    width = unknown_count(generator) // count
    packed = int.from_bytes(vector.astype("<u8").tobytes(), "little")
    return tuple(packed >> width * index & (1 << width) - 1 for index in range(count))


@cache
def _backwards(generator: Generator) -> Callable[[tuple[int, ...], int], tuple[int, ...]]:
    """Return ``back(words, cycles)`` for a generator with few unknowns."""
    linear = generator.linear
    if linear is None:
        raise ValueError(f"{generator.name} is not linear")
    count, unknowns = linear.words, unknown_count(generator)
    width = unknowns // count

    def packed(words: tuple[int, ...]) -> int:
        return sum(word << width * index for index, word in enumerate(words))

    def unpacked(vector: int) -> tuple[np.uint64, ...]:
        mask = (1 << width) - 1
        return tuple(np.uint64(vector >> width * index & mask) for index in range(count))

    basis = (tuple(int(word) for word in unpacked(1 << bit)) for bit in range(unknowns))
    images = [packed(ran_on(generator, state, linear.cycle)[:count]) for state in basis]
    undo = _inverse(images)

    def step_back(words: tuple[np.uint64, ...]) -> tuple[np.uint64, ...]:
        return unpacked(undo(packed(tuple(int(word) for word in words))))

    jump = linear_jump(step_back, np.uint64, count)

    def back(words: tuple[int, ...], cycles: int) -> tuple[int, ...]:
        before = jump(tuple(np.uint64(word) for word in words), cycles)
        return tuple(int(word) for word in before)

    return back


def _inverse(images: list[int]) -> Callable[[int], int]:
    """Return the inverse of the linear map that takes bit k to ``images[k]``."""
    pivots: dict[int, tuple[int, int]] = {}  # by lowest bit: a reachable vector, and its preimage
    for bit, image in enumerate(images):
        vector, preimage = _reduced(image, 1 << bit, pivots)
        if vector == 0:
            raise ValueError("the map has no inverse")
        pivots[vector & -vector] = (vector, preimage)
    return lambda vector: _reduced(vector, 0, pivots)[1]


def _reduced(vector: int, preimage: int, pivots: dict[int, tuple[int, int]]) -> tuple[int, int]:
    while vector and (pivot := pivots.get(vector & -vector)) is not None:
        vector, preimage = vector ^ pivot[0], preimage ^ pivot[1]
    return vector, preimage


def origin_of(
    generator: Generator, words: tuple[int, ...], ahead: int
) -> tuple[tuple[int, ...], int]:
    """Go back from a state at the start of a cycle.

    Parameters
    ----------
    words
        Its unknown words.
    ahead
        Steps to go back; negative to go on.

    Returns
    -------
    words, steps
        A state at the start of a cycle, and how many steps after it the wanted state comes.
    """
    linear = generator.linear
    if linear is None:
        raise ValueError(f"{generator.name} is not linear")
    if ahead <= 0:
        return words, -ahead
    cycles = -(-ahead // linear.cycle)
    return _backwards(generator)(words, cycles), cycles * linear.cycle - ahead


@lru_cache(maxsize=256)  # streams of one generator ask for the same
def seed_before(
    generator: Generator, words: tuple[int, ...], *, ahead: int = 0
) -> tuple[int, int] | None:
    """Return the canonical seed from which a state at the start of a cycle comes, if any.

    Parameters
    ----------
    ahead
        Steps after the state, at least, among which a seed is looked for as well.

    Returns
    -------
    tuple or None
        ``(seed, steps)``: the state is as good as the one that many steps after that seed's, or
        before it where negative.
    """
    linear = generator.linear
    if linear is None:
        raise ValueError(f"{generator.name} is not linear")
    later = -(-ahead // linear.cycle) * linear.cycle
    words = _later(generator, words, later)
    if linear.seed_of_state is None:
        found = seed_of_block(generator, words)
        return None if found is None else (found[0], found[1] - later)
    for cycles in range((_WALK_BACK + later) // linear.cycle + 1):
        seed = linear.seed_of_state(words)
        if seed is not None:
            return seed, cycles * linear.cycle - later
        words = _backwards(generator)(words, 1)
    return None


def _later(generator: Generator, words: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """Return the words so many steps after a state at the start of a cycle, as if of one again."""
    state, count = ran_on(generator, words, steps), len(words)
    # MT19937 turns through its words; the control behind them says how far it has come.
    turned = state[count] if generator.linear and generator.linear.seed_of_state is None else 0
    return state[turned:count] + state[:turned]


def seed_behind_text(generator: Generator, start: AtState) -> str | None:
    """Say which seed leads to the state of a linear generator, and after how many words.

    Returns
    -------
    str or None
        None of a state within a cycle, from which no seed is looked for.
    """
    linear = generator.linear
    if linear is None or start.words[linear.words :] != linear.controls:
        return None
    seeded = seed_before(generator, start.words[: linear.words])
    if seeded is not None:
        return f"seed {seeded[0]} leads to this state after {seeded[1]:,} words"
    back = WORDS_BACK if linear.seed_of_state is None else _WALK_BACK
    seeds = power_text(generator.seed_count)
    return f"none of the {seeds} seeds leads to this state within {back:,} words"


def start_after(generator: Generator, words: tuple[int, ...], steps: int) -> AtState:
    """Return the start that is so many steps after a state at the start of a cycle."""
    return AtState(ran_on(generator, words, steps))
