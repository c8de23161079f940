"""The lane split as a search: one clean window of draws decides all states under every skip."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

from seedfleet.evidence.chance import expected_pairs
from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.lane import Observations, solve, solve_all
from seedfleet.recover.search import Coverage, Found, Survivor
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from seedfleet.recover.controls import Control
    from seedfleet.recover.lane import LaneFamily
    from seedfleet.recover.search import Question, Scope

__all__ = ["LaneSearch", "first_window", "sliding_windows"]

_FIRST_WINDOW = 20  # where 16 divides skip + 1 the low words lose period, and 8 draws are too few
_SLIDING_WINDOW = 12  # fewer draws are clean more often
_SPARE_BITS = 10  # by which a window over-determines the state, and its lanes the low words
_MAX_WINDOWS = 256
_CONTROL_WORK = 2e7  # residue tests that one replicate of the negative control may cost
_MAX_REPLICATES = 64  # with two residues the survivors come in rare clusters
_CONTROL_LOW_WORDS = 2**15  # low words that all replicates together may leave


def first_window(family: LaneFamily, question: Question) -> LaneSearch:
    """Search from the first draws alone: milliseconds, enough where they are recorded right."""
    length = max(_FIRST_WINDOW, _least_draws(family, question))
    length = min(length, *(scope.fitted for scope in question.scopes))
    return LaneSearch(family, question, length=length, starts=(0,), cost_s=0.1)


def sliding_windows(family: LaneFamily, question: Question) -> tuple[LaneSearch, ...]:
    """Search from many windows, for draws that are partly recorded wrong.

    Returns
    -------
    tuple
        Up to three searches, few far-apart windows first, since moderate noise leaves one of those
        clean; none where there are too few draws to slide.
    """
    shortest = min(scope.fitted for scope in question.scopes)
    length = max(_SLIDING_WINDOW, _least_draws(family, question))
    if shortest <= length:
        return ()
    stride = -(-(shortest - length) // _MAX_WINDOWS)
    starts = range(0, shortest - length + 1, stride)
    far, near = set(starts[::16]), set(starts[::4])
    batches = (far, near - far, set(starts) - near)
    return tuple(
        LaneSearch(family, question, length=length, starts=sorted(batch), cost_s=0.05 * len(batch))
        for batch in batches
        if batch
    )


def _least_draws(family: LaneFamily, question: Question) -> int:
    """Return how many draws decide both the state and, by their lanes alone, the low words."""
    unknown_bits = family.lcg.modulus_bits + log2(len(question.skips)) + _SPARE_BITS
    lane_words = -(-(family.low_bits + _SPARE_BITS) // family.lane_bits)
    return max(ceil(unknown_bits / log2(question.modulus)), -(-lane_words // family.parts))


class LaneSearch:
    """The lane split over windows of equal length, for every scope and constant skip.

    Parameters
    ----------
    length
        Draws of a window, at most the fitted draws of every scope.
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
        self._length = length
        self._starts = starts
        self.coverage = Coverage(
            attack="lane split" if tuple(starts) == (0,) else f"lane split, {len(starts)} windows",
            streams=family.streams,
            scopes=question.scopes,
            skips=question.skips,
            seed_space=family.lcg.modulus,
            draws_used=length,
            windows=len(starts),
            power=self._power,
            cost_s=cost_s * len(question.scopes),
        )

    def run(self, progress: Callable[[float], None]) -> Found:
        """Decide every state under every skip from each window."""
        plans = {
            skip: Observations.of(self._family, skip, self._length) for skip in self._question.skips
        }
        survivors: dict[tuple[int, int, int, int], Survivor] = {}
        passed: set[tuple[int, int, int]] = set()
        scopes = self._question.scopes
        for number, scope in enumerate(scopes):

            def report(done: int, base: int = number) -> None:
                progress((base + done / len(self._starts)) / len(scopes))

            windows = [scope.values[start : start + self._length] for start in self._starts]
            for index, skip, state in solve_all(self._family, windows, plans, report):
                before = self._state_before_stream(self._starts[index], skip, state)
                passed.add((number, skip, before))
                for rank, survivor in enumerate(self._survivors(scope, skip, before)):
                    survivors[number, skip, before, rank] = survivor
        return Found(tuple(survivors.values()), self.coverage.seed_space, len(passed))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over a slice of the states, and a planted seed found in full."""
        return self._shuffled(rng), self._planted(rng)

    def _state_before_stream(self, start: int, skip: int, state: int) -> int:
        """Return the state before the stream's first word, from that at a window's first word."""
        position = skip + start * (skip + 1)
        return self._family.lcg.advance(state, -(position * self._family.parts + 1))

    def _survivors(self, scope: Scope, skip: int, state: int) -> list[Survivor]:
        """Name the state as a seed of every stream of the family that has one for it."""
        survivors = []
        for stream in self._family.streams:
            lcg = stream.generator.lcg
            seed = None if lcg is None else lcg.seed_of_state(state)
            if seed is not None:
                survivors.append(Survivor(stream, scope, skip, seed))
        return survivors

    def _power(self, noise: float) -> float:
        """Return the chance that some window has no wrong draw and no rejected word before its end.

        By recursion over the length of the run of clean draws; averaged over the skips.
        """
        starts = set(self._starts)
        chance_of_run = [1.0, *[0.0] * self._length]  # index: clean draws so far, capped
        power = 0.0
        for end in range(1, max(starts) + self._length + 1):
            clean = [chance * (1 - noise) for chance in chance_of_run]
            wrong = sum(chance_of_run) * noise
            full = clean[-1] + clean[-2]
            chance_of_run = [wrong, *clean[:-2], full]
            if end - self._length in starts:
                power += full * self._none_rejected(end)
                chance_of_run[-1] = 0.0  # found: what remains is the chance of not yet
        return min(1.0, power)

    def _none_rejected(self, draws: int) -> float:
        """Return the chance that the words of the first `draws` draws hold no rejected one."""
        kept, skips = 1 - self._family.rejection, self._question.skips
        if kept == 1:
            return 1.0
        words = self._family.parts * draws
        return sum(kept ** (words * (skip + 1)) for skip in skips) / len(skips)

    def _shuffled(self, rng: np.random.Generator) -> Control:
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
        searchable = self._scope.searchable
        counts = []
        for _ in range(replicates):
            draws = rng.permutation(searchable)[: -(-words // family.parts)]
            skip = self._question.skips[int(rng.integers(len(self._question.skips)))]
            plan = Observations.of(family, skip, len(draws))
            plan = Observations(plan.multipliers[:words], plan.increments[:words])
            residues = family.residues(draws)[:words]
            counts.append(len(solve(family, plan, residues, high_candidates=high)))
        pairs = round(family.lcg.modulus * high / family.high_candidates)
        return negative_control(
            counts,
            expected_pairs(pairs, words, words, family.radix),
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
            before = [self._state_before_stream(0, skip, state) for _, _, state in hits]
            survivors = [s for state in before for s in self._survivors(self._scope, skip, state)]
            found += (stream, seed) in {(s.stream, s.seed) for s in survivors}
            words = self._family.parts * self._length * (skip + 1)
            power += (1 - self._family.rejection) ** words
        return positive_control(
            found, power, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )

    @property
    def _scope(self) -> Scope:
        return self._question.scopes[0]
