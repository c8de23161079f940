"""The lane split as a search: one clean window of draws decides all states under every skip."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.chance import expected_pairs
from seedfleet.recover.congruential.jumps import Observations
from seedfleet.recover.congruential.lane import (
    found_share,
    lane_families,
    lattice_of,
    solve,
    takes_lattice,
)
from seedfleet.recover.congruential.lattice import lattice_size
from seedfleet.recover.congruential.window_search import window_searches
from seedfleet.recover.controls import LEAST_SURVIVORS, TARGET_SURVIVORS, negative_control

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import PowerOfTwoLcg, Stream
    from seedfleet.recover.congruential.lane import LaneFamily
    from seedfleet.recover.congruential.window_search import WindowSearch
    from seedfleet.recover.controls import Control
    from seedfleet.recover.search import Question

__all__ = ["Residues", "searches"]

_LANE_BITS = 60  # of the first window: where 16 divides skip + 1 the low words lose period
_WALKED_BITS = 32
_SPARE_BITS = 10  # by which the lanes of a window over-determine its low words
_CONTROL_WORK = 2e7  # residue tests that one replicate of the negative control may cost
_MAX_REPLICATES = 64  # with two residues the survivors come in rare clusters
_RAREST_FIT = -2  # log2 of the share of shuffles whose lanes some low word fits: else all may fail
_CONTROL_LOW_WORDS = 2**15  # low words that all replicates together may leave
_LATTICE_REPLICATES = 4
_LATTICE_SURVIVORS = 200  # of all replicates together
_CLEAR_BITS = 4
_LOW_WORD_S = 1.5e-9  # of the first stage, for a lane of one bit
_COORDINATE_S = 1.0e-9  # of the tests by dual vectors, for each low word and observation
_STEP_S = 2.5e-8  # of a walk
_REDUCTION_S = 3e-6  # of a lattice, for each entry of its basis


def searches(streams: Sequence[Stream], question: Question) -> tuple[WindowSearch, ...]:
    """Return the searches for streams whose draws are residues of high bits of a state.

    Without lanes, a walk along all states is surer where there are few, and as fast.
    """
    families = lane_families(streams, question.modulus)
    return tuple(
        search
        for family in families
        if family.lane_bits or family.lcg.modulus_bits > _WALKED_BITS
        for search in window_searches(Residues(family), question)
    )


@dataclass(frozen=True)
class Residues:
    """A lane family as the windows see it."""

    family: LaneFamily

    @property
    def attack(self) -> str:
        """Name of the method."""
        return "lane split" if self.family.lane_bits else "lattice of residues"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams."""
        return self.family.streams

    @property
    def lcg(self) -> PowerOfTwoLcg:
        """The algebra of the bits that residues show."""
        return self.family.lcg

    @property
    def modulus(self) -> int:
        """Of a draw."""
        return self.family.modulus

    @property
    def radix(self) -> int:
        """Of a residue."""
        return self.family.radix

    @property
    def draw_words(self) -> int:
        """One for each residue of a draw."""
        return self.family.parts

    @property
    def rejection(self) -> float:
        """Largest share of words that one of the streams rejects."""
        return self.family.rejection

    def observations(self, skip: int, draws: int) -> Observations:
        """Return where so many successive draws lie under `skip`."""
        parts = self.family.parts
        return Observations.of(self.lcg, skip=skip, draws=draws, words=parts, seen=parts)

    def states(
        self,
        observations: Observations,
        draws: NDArray[np.int64],
        stop: Callable[[], bool] | None = None,
    ) -> list[int]:
        """Return the states at the first observed word that give these draws."""
        return solve(self.family, observations, self.family.residues(draws), stop=stop)

    def found_share(self, observations: Observations) -> float:
        """Return the share of states that `states` finds."""
        return found_share(self.family, observations)

    def comfortable_draws(self, least: int) -> tuple[int, int]:
        """Return how long the first window should be, and how long one of many."""
        family = self.family
        if family.lane_bits == 0:
            size = lattice_size(family.high_bits, log2(family.cofactor), 10**6)
            return -(-size // family.parts), least
        first = -(-_LANE_BITS // (family.lane_bits * family.parts))
        lanes = -(-(family.low_bits + _SPARE_BITS) // (family.lane_bits * family.parts))
        return first, lanes

    def cost_s(self, draws: int, skips: int, windows: int) -> float:
        """Estimate the seconds that so many windows of `draws` take on two cores."""
        family = self.family
        low_words = 2.0 ** (family.low_bits - family.lane_bits)
        if family.lane_bits:
            return skips * windows * (low_words * _LOW_WORD_S / family.lane_bits + 2e-5)
        lattice = lattice_of(family, self.observations(0, draws))
        size, width = len(lattice.lengths), 2.0**family.high_bits / family.cofactor
        steps = lattice.steps(width, lattice.spread(width, round(low_words)))
        each = low_words * (size * _COORDINATE_S + max(0.0, steps - 1.5) * _STEP_S)
        return skips * (size**2 * _REDUCTION_S + windows * (each + 1e-4))

    def shuffled(
        self, searchable: NDArray[np.int64], skips: range, rng: np.random.Generator
    ) -> tuple[Control, ...]:
        """Run the kernels on shuffled draws, where chance leaves something to count."""
        controls = [self._shuffled_lattice(searchable, skips, rng)]
        if self.family.lane_bits or controls[0] is None:
            controls.append(self._shuffled_lanes(searchable, skips, rng))
        return tuple(control for control in controls if control is not None)

    def _shuffled_words(
        self, words: int, searchable: NDArray[np.int64], skips: range, rng: np.random.Generator
    ) -> tuple[Observations, NDArray[np.int64]]:
        """Return so many residues of shuffled draws, under one of the skips."""
        draws = rng.permutation(searchable)[: -(-words // self.family.parts)]
        plan = self.observations(skips[int(rng.integers(len(skips)))], len(draws))
        plan = Observations(plan.multipliers[:words], plan.increments[:words])
        return plan, self.family.residues(draws)[:words]

    def _shuffled_lattice(
        self, searchable: NDArray[np.int64], skips: range, rng: np.random.Generator
    ) -> Control | None:
        """Walk the lattice for a slice of the low words, with as few residues as it takes."""
        family = self.family
        tried = 1 if family.lane_bits else 2**family.low_bits
        if not takes_lattice(family, family.high_bits + _CLEAR_BITS, tried):
            return None
        words = max(2, ceil((family.high_bits + _CLEAR_BITS) / log2(family.cofactor)))
        points = 2.0**family.high_bits / family.cofactor**words  # of one low word
        size = min(2**family.low_bits, round(_LATTICE_SURVIVORS / points)) // _LATTICE_REPLICATES
        if size * _LATTICE_REPLICATES * points < LEAST_SURVIVORS or words > len(searchable):
            return None
        counts, shares = [], []
        for _ in range(_LATTICE_REPLICATES):
            plan, residues = self._shuffled_words(words, searchable, skips, rng)
            start = int(rng.integers(2**family.low_bits - size + 1))
            low_words = np.arange(start, start + size, dtype=np.uint64)
            counts.append(len(solve(family, plan, residues, low_words=low_words)))
            shares.append(found_share(family, plan, size))
        return negative_control(
            counts,
            size * points * float(np.mean(shares)),
            text=f"{_LATTICE_REPLICATES} times {words} residues of shuffled draws, {size} low "
            f"words of {2**family.high_bits:,} states each",
        )

    def _shuffled_lanes(
        self, searchable: NDArray[np.int64], skips: range, rng: np.random.Generator
    ) -> Control | None:
        """Try a prefix of the high words with every low word."""
        family = self.family
        words = 2
        while (
            TARGET_SURVIVORS * family.cofactor**words < _CONTROL_WORK
            and TARGET_SURVIVORS * family.radix ** (words + 1) < family.lcg.modulus
            and family.low_bits - family.lane_bits * (words + 1) >= _RAREST_FIT
        ):
            words += 1
        low_words = 2.0 ** (family.low_bits - family.lane_bits * words)
        replicates = int(min(_MAX_REPLICATES, max(2, _CONTROL_LOW_WORDS / low_words)))
        states = TARGET_SURVIVORS / replicates * family.radix**words
        share = min(1.0, states / family.lcg.modulus)
        high = max(1, round(family.high_candidates * share))
        pairs = round(family.lcg.modulus * high / family.high_candidates)
        expected = expected_pairs(pairs, [(words, words)], family.radix)
        if expected * replicates < LEAST_SURVIVORS:
            return None
        counts = []
        for _ in range(replicates):
            plan, residues = self._shuffled_words(words, searchable, skips, rng)
            counts.append(len(solve(family, plan, residues, high_candidates=high)))
        return negative_control(
            counts,
            expected,
            text=f"{replicates} times {words} residues of shuffled draws, {pairs:,} states each",
        )
