"""The seed from which a linear congruential stream came to a state, or comes some outputs later.

Where seeds are a part of the states, a program that drew something else first is in a state that no
seed sets at once. But a seed not far before a state says little: of n seeds among N states, about
``n * (outputs + 1) / N`` of all states have one within so many outputs. A seed comes after the
state where the first draw came before all of its skip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.generators.canonical import distance_from_0
from seedfleet.recover.tolerance import LEAST_GAIN_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seedfleet.generators import Generator, PowerOfTwoLcg

__all__ = ["SeedBefore", "likeliest_seed", "seed_before"]


@dataclass(frozen=True)
class SeedBefore:
    """A canonical seed, and how many outputs its stream gives before it comes to a state.

    Where the number is negative, the seed is set so many outputs after the state.
    """

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
        How many outputs before the state a seed is looked for; after it where negative.
    shown
        Mask of the state bits that are known; the others count as 0.

    Notes
    -----
    O(1) for a number that follows its predecessor, O(log(number)) for others.
    """
    return next(_seeds(lcg, state, words, outputs, shown), None)


def likeliest_seed(
    generator: Generator,
    state: int,
    words: int,
    outputs: range,
    *,
    skip: int,
    shown: int = -1,
) -> SeedBefore | None:
    """Return the seed that leads to a state, and that a program is likeliest to have set.

    It is the one at the offset on which the prior stakes most. Where all states are a seed's, that
    is offset 0, whatever the program did: there a seed within the skip is taken that is much
    shorter, since seeds that people set are.

    Parameters
    ----------
    generator
        With the algebra of a linear congruential step.
    state
        Right before the first draw's skip.
    words, outputs, shown
        As of `seed_before`; `outputs` ascending, from ``-skip`` on.
    skip
        The constant skip.

    Notes
    -----
    O(len(outputs)).
    """
    lcg = generator.lcg
    if lcg is None:
        raise ValueError(f"{generator.name} is not linear modulo a power of two")
    likely = seed_before(lcg, state, words, _by_stake(skip, outputs), shown=shown)
    if likely is None or likely.outputs != 0:
        return likely

    def written_bits(each: SeedBefore) -> float:
        length = distance_from_0(generator, each.seed).bit_length()
        gain = _stake_bits(skip, 0) - _stake_bits(skip, each.outputs)
        return length + gain + (LEAST_GAIN_BITS if each.outputs else 0.0)

    within = range(outputs.start, min(0, outputs.stop))
    return min((likely, *_seeds(lcg, state, words, within, shown)), key=written_bits)


def _seeds(
    lcg: PowerOfTwoLcg, state: int, words: int, outputs: Iterable[int], shown: int
) -> Iterator[SeedBefore]:
    """Yield every seed that leads to a state, in the order of `outputs`."""
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
            yield SeedBefore(seed, each)


@lru_cache(maxsize=16)  # of some megabytes each
def _by_stake(skip: int, outputs: range) -> tuple[int, ...]:
    """Return offsets by what the prior stakes on them, ascending where that is the same."""
    return tuple(sorted(outputs, key=lambda offset: (-_stake_bits(skip, offset), offset)))


def _stake_bits(skip: int, offset: int) -> float:
    """Return log2 of what the prior stakes on an offset under a constant skip, but for a factor."""
    return log2_alignment_weight(
        presets=1, skip_min=skip, skip_max=skip, offset=offset, part_bits=0.0
    )
