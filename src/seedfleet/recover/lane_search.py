"""The lane split as a search: one clean window of draws decides all states under every skip."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.chance import expected_pairs
from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    LEAST_SURVIVORS,
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.lane import Observations, solve, solve_all
from seedfleet.recover.search import Coverage, Found, Survivor
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.lane import LaneFamily
    from seedfleet.recover.search import Question, Watch

__all__ = [
    "LaneSearch",
    "chance_of_clean_window",
    "first_window",
    "sliding_windows",
    "window_batches",
]

_LANE_BITS = 60  # of the first window: where 16 divides skip + 1 the low words lose period
_SPARE_BITS = 10  # by which a window over-determines the state, and its lanes the low words
_MAX_WINDOWS = 256
_CONTROL_WORK = 2e7  # residue tests that one replicate of the negative control may cost
_MAX_REPLICATES = 64  # with two residues the survivors come in rare clusters
_CONTROL_LOW_WORDS = 2**15  # low words that all replicates together may leave
_POWER_SKIPS = 8  # skips over which the power is averaged, from the least to the greatest


def first_window(family: LaneFamily, question: Question) -> LaneSearch:
    """Search from the first draws alone: milliseconds, enough where they are recorded right.

    The question has one scope.
    """
    least = _least_draws(family, question)
    length = max(least, -(-_LANE_BITS // (family.lane_bits * family.parts)))
    length = min(length, question.scopes[0].fitted)
    return LaneSearch(family, question, length=length, starts=(0,), cost_s=0.1)


def sliding_windows(family: LaneFamily, question: Question) -> tuple[LaneSearch, ...]:
    """Search from many windows, for draws that are partly recorded wrong.

    The question has one scope.

    Returns
    -------
    tuple
        Up to three searches, few far-apart windows first, since moderate noise leaves one of those
        clean; none where there are too few draws to slide.
    """
    fitted = question.scopes[0].fitted
    length = _least_draws(family, question)  # the fewer, the more often clean
    if fitted <= length:
        return ()
    return tuple(
        LaneSearch(family, question, length=length, starts=batch, cost_s=0.05 * len(batch))
        for batch in window_batches(fitted, length)
    )


def window_batches(fitted: int, length: int) -> tuple[tuple[int, ...], ...]:
    """Return where windows of `length` of more than so many draws start, far-apart ones first."""
    stride = -(-(fitted - length) // _MAX_WINDOWS)
    starts = range(0, fitted - length + 1, stride)
    far, near = set(starts[::16]), set(starts[::4])
    batches = (far, near - far, set(starts) - near)
    return tuple(tuple(sorted(batch)) for batch in batches if batch)


def chance_of_clean_window(
    starts: Iterable[int], length: int, clean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the chance that some window has no bad draw inside.

    Parameters
    ----------
    starts
        Index of each window's first draw.
    length
        Draws of a window.
    clean
        float array, shape (k,): the chance of a draw to be good, for k cases at once.

    Returns
    -------
    NDArray
        float array, shape (k,). O(length * last start), by recursion over the run of good draws.
    """
    begun = set(starts)
    # chance_of_run[k]: the chance of k clean draws up to here, capped, and no clean window yet
    chance_of_run = np.zeros((length + 1, len(clean)))
    chance_of_run[0] = 1.0
    power = np.zeros(len(clean))
    for end in range(1, max(begun) + length + 1):
        wrong = chance_of_run.sum(axis=0) * (1 - clean)
        full = (chance_of_run[-1] + chance_of_run[-2]) * clean
        chance_of_run[1:-1] = chance_of_run[:-2] * clean
        chance_of_run[0], chance_of_run[-1] = wrong, full
        if end - length in begun:
            power += full
            chance_of_run[-1] = 0.0
    return np.minimum(1.0, power)


def _least_draws(family: LaneFamily, question: Question) -> int:
    """Return how many draws decide both the state and, by their lanes alone, the low words."""
    unknown_bits = family.lcg.modulus_bits + log2(len(question.skips)) + _SPARE_BITS
    lane_words = -(-(family.low_bits + _SPARE_BITS) // family.lane_bits)
    return max(ceil(unknown_bits / log2(question.modulus)), -(-lane_words // family.parts))


class LaneSearch:
    """The lane split over windows of equal length of one scope, for every constant skip.

    Parameters
    ----------
    question
        Has one scope.
    length
        Draws of a window, at most the fitted draws of the scope.
    starts
        Index of each window's first draw.
    cost_s
        Rough cost on two cores.
    """

    def __init__(
        self,
        family: LaneFamily,
        question: Question,
        *,
        length: int,
        starts: Sequence[int],
        cost_s: float,
    ) -> None:
        self._family = family
        self._question = question
        (self._scope,) = question.scopes
        self._length = length
        self._starts = starts
        self._powers: dict[float, float] = {}
        self.coverage = Coverage(
            attack="lane split" if tuple(starts) == (0,) else f"lane split, {len(starts)} windows",
            streams=family.streams,
            scopes=question.scopes,
            skips=question.skips,
            space=family.lcg.modulus,
            from_states=True,
            draws_used=length,
            least_draws=_least_draws(family, question),
            windows=len(starts),
            power=self._power,
            cost_s=cost_s,
        )

    def run(self, watch: Watch) -> Found:
        """Decide every state under every skip from each window."""
        plans = {
            skip: Observations.of(self._family, skip, self._length) for skip in self._question.skips
        }
        windows = [self._scope.values[start : start + self._length] for start in self._starts]
        survivors: dict[Survivor, None] = {}  # in the order of the windows, each once
        hits = solve_all(
            self._family, windows, plans, lambda done: watch.progress(done / len(self._starts))
        )
        for index, skip, state in hits:
            found = self._survivors(skip, self._starts[index], state)
            survivors |= dict.fromkeys(found)
        pairs = {(survivor.alignment, survivor.start) for survivor in survivors}
        return Found(tuple(survivors), self.coverage.space, len(pairs))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over a slice of the states, and planted seeds found in full.

        Where the modulus is so large that two residues leave nothing to chance, only the latter.
        """
        shuffled = self._shuffled(rng)
        return tuple(filter(None, (shuffled, self._planted(rng))))

    def _survivors(self, skip: int, start: int, state: int) -> list[Survivor]:
        """Name the state at a window's first word as a seed of every stream that has one for it."""
        accepted = (skip + start * (skip + 1)) * self._family.parts
        survivors = []
        for stream in self._family.streams:
            before = _walk_back(stream, self._family.radix, state, accepted)
            lcg = stream.generator.lcg
            seed = None if lcg is None else lcg.seed_of_state(before)
            if seed is not None:
                survivors.append(Survivor(stream, self._scope, seed, Alignment(0, skip, skip)))
        return survivors

    def _power(self, noise: float) -> float:
        """Return the chance that some window has no wrong draw and no rejected word inside."""
        if noise not in self._powers:
            self._powers[noise] = self._some_clean_window(noise)
        return self._powers[noise]

    def _some_clean_window(self, noise: float) -> float:
        skips = self._question.skips
        step = max(1, len(skips) // _POWER_SKIPS)
        words = self._family.parts * (np.array(skips[::step]) + 1)
        clean = (1 - noise) * (1 - self._family.rejection) ** words
        return float(chance_of_clean_window(self._starts, self._length, clean).mean())

    def _shuffled(self, rng: np.random.Generator) -> Control | None:
        family = self._family
        words = 2
        while (
            TARGET_SURVIVORS * family.cofactor**words < _CONTROL_WORK
            and TARGET_SURVIVORS * family.radix ** (words + 1) < family.lcg.modulus
        ):
            words += 1
        low_words = 2.0 ** (family.low_bits - family.lane_bits * words)
        replicates = int(min(_MAX_REPLICATES, max(2, _CONTROL_LOW_WORDS / low_words)))
        states = TARGET_SURVIVORS / replicates * family.radix**words
        # Only a prefix of the high words is tried, with every low word.
        share = min(1.0, states / family.lcg.modulus)
        high = max(1, round(family.high_candidates * share))
        pairs = round(family.lcg.modulus * high / family.high_candidates)
        expected = expected_pairs(pairs, [(words, words)], family.radix)
        if expected * replicates < LEAST_SURVIVORS:
            return None
        searchable = self._scope.searchable
        counts = []
        for _ in range(replicates):
            draws = rng.permutation(searchable)[: -(-words // family.parts)]
            skip = self._question.skips[int(rng.integers(len(self._question.skips)))]
            plan = Observations.of(family, skip, len(draws))
            plan = Observations(plan.multipliers[:words], plan.increments[:words])
            residues = family.residues(draws)[:words]
            counts.append(len(solve(family, plan, residues, high_candidates=high)))
        return negative_control(
            counts,
            expected,
            text=f"{replicates} times {words} residues of shuffled draws, {pairs} states each",
        )

    def _planted(self, rng: np.random.Generator) -> Control:
        stream, skips = self._family.streams[0], self._question.skips
        found, power = 0, 0.0
        for _ in range(PLANTED_SEEDS):
            seed = stream.generator.seeds[int(rng.integers(len(stream.generator.seeds)))]
            skip = skips[int(rng.integers(len(skips)))]
            positions = constant_skip_positions(self._length, skip)
            draws, _ = compiled.at_positions(stream, seed, self._question.modulus, positions)
            hits = solve_all(
                self._family, [draws], {skip: Observations.of(self._family, skip, self._length)}
            )
            survivors = [
                survivor for _, _, state in hits for survivor in self._survivors(skip, 0, state)
            ]
            found += (stream, seed) in {(s.stream, s.start) for s in survivors}
            words = self._family.parts * self._length * (skip + 1)
            power += (1 - self._family.rejection) ** words
        return positive_control(
            found, power, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )


def _walk_back(stream: Stream, radix: int, state: int, accepted: int) -> int:
    """Return the state from which `accepted` accepted words, and then the one at `state`, come.

    Rejected words on the way are passed over; before the first accepted one none is assumed.
    """
    lcg = stream.generator.lcg
    if lcg is None:
        raise ValueError(f"{stream.name} cannot be walked back")
    if stream.bounding.rejection(radix) == 0:
        return lcg.advance(state, -(accepted + 1))
    multiplier, increment = lcg.jump(-1)
    mask = lcg.modulus - 1
    state = (multiplier * state + increment) & mask
    while accepted > 0:
        word = np.uint32(state >> lcg.output_shift)
        accepted -= not stream.bounding.rejects(word, np.int64(radix))
        state = (multiplier * state + increment) & mask
    return state
