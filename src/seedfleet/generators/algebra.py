"""What searches may know of a generator beside its steps: ways to many words for little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.generators.linear_jump import affine_power

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EarlyWords", "Leap", "LinearState", "PowerOfTwoLcg"]


@dataclass(frozen=True)
class Leap:
    """Many steps at the price of one, for steps that stay simple when they are repeated.

    Attributes
    ----------
    coefficients
        ``coefficients(steps)``: two integers in ``[0, 2**64)``, for ``steps`` from 0 on. O(log).
    apply
        ``apply(state, first, second)`` with the two as numpy uint64: the state that many steps on.
    """

    coefficients: Callable[[int], tuple[int, int]]
    apply: Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class EarlyWords:
    """The first output words of many seeds side by side, without a state for each.

    For states that are arrays, of which the first words need a small part, or which loops over
    seeds make much faster than one seed after the other. Tests hold it to the definition.

    Attributes
    ----------
    count
        How many words there are: positions 0 to ``count - 1``.
    factory, functions
        What `compiled.build_kernel` makes ``fill(first, positions, words)`` of: `first` is a uint64
        seed, `positions` an int64 array in ascending order, and ``words[k, i]`` becomes word
        ``positions[k]`` of seed ``first + i``; uint32, or uint64 where words have more bits.
    """

    count: int
    factory: Callable[..., Callable[..., Any]]
    functions: tuple[Callable[..., Any], ...]


@dataclass(frozen=True)
class PowerOfTwoLcg:
    """The algebra of a linear congruential step modulo a power of two.

    Attributes
    ----------
    multiplier, increment
        ``state -> (multiplier * state + increment) mod 2**modulus_bits``, after which the output
        word is ``state >> output_shift``.
    modulus_bits
        Width of the state in bits.
    output_shift
        Low state bits that the output word leaves out.
    seed_of_state
        Inverse of the generator's ``seed_state`` on Python integers: the canonical seed whose
        state before the first step is the given one, or None where no seed leads to it.
    """

    multiplier: int
    increment: int
    modulus_bits: int
    output_shift: int
    seed_of_state: Callable[[int], int | None]

    @property
    def modulus(self) -> int:
        """``2**modulus_bits``."""
        return 1 << self.modulus_bits

    def jump(self, steps: int) -> tuple[int, int]:
        """Return ``(a, c)`` such that ``steps`` steps are ``state -> a * state + c``.

        Parameters
        ----------
        steps
            Any integer; negative values step backwards. O(log(steps)).
        """
        return affine_power(self.multiplier, self.increment, self.modulus, steps)

    def advance(self, state: int, steps: int) -> int:
        """Return the state ``steps`` (any sign) after `state`."""
        multiplier, increment = self.jump(steps)
        return (multiplier * state + increment) % self.modulus


@dataclass(frozen=True)
class LinearState:
    """The algebra of a generator whose steps and output words are linear over GF(2).

    Words may also be sums, which are linear but for their carries.

    Attributes
    ----------
    words
        Leading words of the state, all bits of which are unknown; the all-zero ones give zeros.
    controls
        The words behind them, which steps and outputs may branch on, at the start of a cycle.
    cycle
        Steps after which the controls come back. A stream may begin at any step of a cycle.
    seed_of_state
        Inverse of the generator's ``seed_state``: takes the state at the start of a cycle as a
        tuple of Python integers, and returns the canonical seed whose words are the same, or None
        where no seed has them. None itself where a seed is found in another way.
    carryless
        ``carryless(state)``: the output word with every carry left out, where it is the sum of two
        words of the state; None where the word itself is linear.
    """

    words: int
    controls: tuple[int, ...] = ()
    cycle: int = 1
    seed_of_state: Callable[[tuple[int, ...]], int | None] | None = None
    carryless: Callable[[Any], Any] | None = None
