"""The seed from which a linear congruential stream came to a state, some outputs before it.

Where seeds are a part of the states, a program that drew something else first is in a state that no
seed sets at once. But a seed not far before a state says little: of n seeds among N states, about
``n * (outputs + 1) / N`` of all states have one within so many outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedfleet.generators import PowerOfTwoLcg

__all__ = ["SeedBefore", "seed_before"]


@dataclass(frozen=True)
class SeedBefore:
    """A canonical seed, and how many outputs its stream gives before it comes to a state."""

    seed: int
    outputs: int


def seed_before(
    lcg: PowerOfTwoLcg, state: int, words: int, outputs: Iterable[int], *, shown: int = -1
) -> SeedBefore | None:
    """Return the first seed that leads to a state, in the order of `outputs`; None without one.

    Parameters
    ----------
    words
        Output words of an output.
    outputs
        How many outputs before the state a seed is looked for, each at least 0.
    shown
        Mask of the state bits that are known; the others count as 0.

    Notes
    -----
    O(1) for a number that follows its predecessor, O(log(number)) for others.
    """
    multiplier, increment = lcg.jump(-words)
    mask = lcg.modulus - 1
    earlier, at = state, 0
    for each in outputs:
        if each == at + 1:
            earlier = (multiplier * earlier + increment) & mask
        elif each != at:
            earlier = lcg.advance(state, -each * words)
        at = each
        seed = lcg.seed_of_state(earlier & shown)
        if seed is not None:
            return SeedBefore(seed, each)
    return None
