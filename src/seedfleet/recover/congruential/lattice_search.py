"""Draws that are the top bits of a state: the whole state from one clean window, by a lattice.

``floor(u * m)``, and ``nextInt(m)`` where m is a power of two, say in which of m intervals a state
lies. Together with the jumps between the draws that is a point of a lattice in a box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Monotone, Stream
from seedfleet.recover.congruential.jumps import Observations
from seedfleet.recover.congruential.lattice import (
    Boxes,
    kept_share,
    lattice_size,
    points_in_boxes,
    reduced,
)
from seedfleet.recover.congruential.window_search import window_searches
from seedfleet.recover.controls import LEAST_SURVIVORS, negative_control

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import PowerOfTwoLcg
    from seedfleet.recover.congruential.lattice import Lattice
    from seedfleet.recover.congruential.window_search import WindowSearch
    from seedfleet.recover.controls import Control
    from seedfleet.recover.search import Question

__all__ = ["TopBits", "searches", "top_bits"]

_LEAST_MODULUS = 3  # a walk from single bits would take days
_REPLICATES = 4
_LEAST_EACH = 30.0  # survivors that a replicate of the negative control should have
_STEP_S = 5e-8
_REDUCTION_S = 6e-6  # of a lattice, for each entry of its basis


def searches(streams: Sequence[Stream], question: Question) -> tuple[WindowSearch, ...]:
    """Return the searches for streams whose draws are the top bits of a state."""
    families = [top_bits(stream, question.modulus) for stream in streams]
    return tuple(
        search for family in families if family for search in window_searches(family, question)
    )


def top_bits(stream: Stream, modulus: int) -> TopBits | None:
    """Return the stream as one of top bits; None where it is not, or its draws tell too little."""
    if stream.generator.lcg is None or stream.bounding.layout(modulus) != (modulus, 1):
        return None
    # The second word of two only adds lower bits.
    monotone = isinstance(stream.bounding.shape(modulus), Monotone) or stream.bounding.words == 2
    return TopBits(stream, modulus) if monotone and modulus >= _LEAST_MODULUS else None


@dataclass(frozen=True)
class TopBits:
    """A stream whose draws never fall as the state grows."""

    stream: Stream
    modulus: int

    @property
    def attack(self) -> str:
        """Name of the method."""
        return "lattice of top bits"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The stream alone."""
        return (self.stream,)

    @property
    def lcg(self) -> PowerOfTwoLcg:
        """The generator's algebra."""
        if self.stream.generator.lcg is None:
            raise ValueError(f"{self.stream.name} is not linear modulo a power of two")
        return self.stream.generator.lcg

    @property
    def radix(self) -> int:
        """The modulus itself."""
        return self.modulus

    @property
    def draw_words(self) -> int:
        """Output words of a draw."""
        return self.stream.bounding.words

    @property
    def rejection(self) -> float:
        """Share of words that are rejected."""
        return self.stream.bounding.rejection(self.modulus)

    def observations(self, skip: int, draws: int) -> Observations:
        """Return where the first words of so many successive draws lie under `skip`."""
        return Observations.of(self.lcg, skip=skip, draws=draws, words=self.draw_words)

    def states(
        self,
        observations: Observations,
        draws: NDArray[np.int64],
        stop: Callable[[], bool] | None = None,
    ) -> list[int]:
        """Return the states at the first observed word that give these draws."""
        if stop is not None and stop():
            return []
        word = 2**self.stream.generator.output_bits - 1
        low = np.array([_first_state(self, each, word) for each in draws.tolist()], np.uint64)
        high = np.array([_first_state(self, each + 1, 0) for each in draws.tolist()], np.uint64)
        if np.any(low >= high):
            return []
        boxes = Boxes(
            observations.multipliers,
            observations.increments,
            low,
            high - low,
            modulus_bits=self.lcg.modulus_bits,
            low_bits=0,
        )
        found, _ = points_in_boxes(self._lattice(observations), boxes, np.zeros(1, np.uint64))
        return [state for state in found if self._gives(state, observations, draws)]

    def _gives(self, state: int, observations: Observations, draws: NDArray[np.int64]) -> bool:
        """Draw from a state at every observation, by the definition itself."""
        generator, mask = self.stream.generator, np.uint64(self.lcg.modulus - 1)
        states = (observations.multipliers * np.uint64(state) + observations.increments) & mask
        words = [generator.output(states)]
        if self.draw_words == 2:
            words.append(generator.output(generator.step(states)))
        return np.array_equal(self.stream.bounding.value(*words, np.int64(self.modulus)), draws)

    def _lattice(self, observations: Observations) -> Lattice:
        size = lattice_size(
            self.lcg.modulus_bits, log2(self.modulus), len(observations.multipliers)
        )
        return reduced(observations.multipliers[:size].tobytes(), self.lcg.modulus_bits)

    def found_share(self, observations: Observations) -> float:
        """Return the share of states that `states` finds."""
        return kept_share(self._lattice(observations), self._width, 1)

    @property
    def _width(self) -> float:
        return self.lcg.modulus / self.modulus

    def comfortable_draws(self, least: int) -> tuple[int, int]:
        """Return how long the first window should be, and how long one of many."""
        size = lattice_size(self.lcg.modulus_bits, log2(self.modulus), 10**6)
        return size, max(least, round(0.8 * size))

    def cost_s(self, draws: int, skips: int, windows: int) -> float:
        """Estimate the seconds that so many windows of `draws` take on two cores."""
        lattice = self._lattice(self.observations(0, draws))
        size, width = len(lattice.lengths), self._width
        walk = 2 * lattice.steps(width, lattice.spread(width, 1)) * _STEP_S
        return skips * (size**2 * _REDUCTION_S + windows * (walk + 2e-4))

    def shuffled(
        self, searchable: NDArray[np.int64], skips: range, rng: np.random.Generator
    ) -> tuple[Control, ...]:
        """Walk for so few shuffled draws that many states give them."""
        draws = int((self.lcg.modulus_bits - log2(_LEAST_EACH)) / log2(self.modulus))
        expected = self.lcg.modulus / self.modulus**draws
        if draws < 2 or draws > len(searchable) or expected * _REPLICATES < LEAST_SURVIVORS:
            return ()
        counts, shares = [], []
        for _ in range(_REPLICATES):
            plan = self.observations(skips[int(rng.integers(len(skips)))], draws)
            counts.append(len(self.states(plan, rng.permutation(searchable)[:draws])))
            shares.append(self.found_share(plan))
        text = f"{_REPLICATES} times {draws} shuffled draws, all states"
        return (negative_control(counts, expected * float(np.mean(shares)), text=text),)


@lru_cache(maxsize=2**16)
def _first_state(family: TopBits, value: int, second: int) -> int:
    """Return the least state from which a draw is at least `value`, by bisection.

    Where a draw takes two words, the second one is given.
    """
    generator, bounding = family.stream.generator, family.stream.bounding
    dtype = np.uint64 if generator.output_bits > 32 else np.uint32
    rest = [dtype(second)] * (bounding.words - 1)
    low, high = 0, 1 << generator.output_bits
    while low < high:
        middle = (low + high) // 2
        if bounding.value(dtype(middle), *rest, np.int64(family.modulus)) >= value:
            high = middle
        else:
            low = middle + 1
    return low << family.lcg.output_shift
