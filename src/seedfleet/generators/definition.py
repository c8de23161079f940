"""What a generator and a bounding are: small pure functions, written once, run two ways.

The functions work on numpy scalars, so a reader (and `reference`) runs them as plain Python, and
numba compiles the very same objects into every kernel. Word arithmetic is modular: results are cut
back to their width by an explicit cast, and `reference` silences numpy's overflow warnings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bounding", "Generator", "PowerOfTwoLcg", "Stream"]


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
        multiplier, increment = self.multiplier, self.increment
        if steps < 0:
            multiplier = pow(multiplier, -1, self.modulus)
            increment = -multiplier * increment % self.modulus
            steps = -steps
        total_multiplier, total_increment = 1, 0
        while steps:
            if steps & 1:
                total_multiplier = total_multiplier * multiplier % self.modulus
                total_increment = (total_increment * multiplier + increment) % self.modulus
            increment = increment * (multiplier + 1) % self.modulus
            multiplier = multiplier * multiplier % self.modulus
            steps >>= 1
        return total_multiplier, total_increment

    def advance(self, state: int, steps: int) -> int:
        """Return the state ``steps`` (any sign) after `state`."""
        multiplier, increment = self.jump(steps)
        return (multiplier * state + increment) % self.modulus


@dataclass(frozen=True)
class Generator:
    """A seeded stream of output words: word ``j`` is ``output(step^(j+1)(seed_state(seed)))``.

    Attributes
    ----------
    name
        Registry name.
    seeds
        The canonical seeds, one for each distinct stream. Seeds whose stream is constant or
        shorter than any history are left out and named in `degenerate_seeds`.
    seed_modulus
        Two seeds that agree modulo this number give the same stream.
    seed_bits
        Width of the seed that the generator's users pass, for listing equivalent seeds.
    seed_state, step, output
        The definition. `seed_state` maps a numpy uint64 seed to the state before the first step;
        a state is one numpy scalar or one array. An array state may be updated in place, so the
        caller gives up the state that it passes to `step`.
    output_bits
        Width of the output word in bits, at most 32.
    state_words
        1 for a scalar state, else the length of the array.
    lcg
        The algebra, where the generator is a linear congruential one modulo a power of two.
    degenerate_seeds
        Canonical representatives that are left out of `seeds`.
    """

    name: str
    seeds: range
    seed_modulus: int
    seed_bits: int
    seed_state: Callable[[Any], Any]
    step: Callable[[Any], Any]
    output: Callable[[Any], Any]
    output_bits: int = 32
    state_words: int = 1
    lcg: PowerOfTwoLcg | None = None
    degenerate_seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bounding:
    """How output words become a draw in ``[0, modulus)``.

    A draw is `parts` accepted values in base `radix`, most significant first; most boundings have
    one part whose radix is the modulus itself.

    Attributes
    ----------
    name
        Short name, as written in results.
    accept
        ``accept(word, radix)``: the value in ``[0, radix)`` as int64, or -1 when the word is
        rejected and the next one is tried.
    layout
        ``layout(modulus)``: ``(radix, parts)``, or None where the bounding has no such modulus.
    residue_of
        ``residue_of(radix)``: the number of low output bits dropped before the word's residue
        modulo the radix is taken, or None where the value is no plain residue.
    rejection
        ``rejection(radix)``: the share of words that `accept` rejects, in [0, 1).
    """

    name: str
    accept: Callable[[Any, Any], Any]
    layout: Callable[[int], tuple[int, int] | None]
    residue_of: Callable[[int], int | None]
    rejection: Callable[[int], float]


@dataclass(frozen=True)
class Stream:
    """A generator with a bounding: for every seed a stream of draws ``y_0, y_1, ...``."""

    generator: Generator
    bounding: Bounding

    @property
    def name(self) -> str:
        """Generator and bounding, as results print them."""
        return f"{self.generator.name} / {self.bounding.name}"
