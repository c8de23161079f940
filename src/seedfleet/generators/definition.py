"""What a generator and a bounding are: small pure functions, written once, run two ways.

The functions work on numpy scalars, so a reader (and `reference`) runs them as plain Python, and
numba compiles the very same objects into every kernel. Word arithmetic is modular: results are cut
back to their width by an explicit cast, and `reference` silences numpy's overflow warnings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.generators.algebra import EarlyWords, Leap, LinearState, PowerOfTwoLcg
    from seedfleet.generators.shapes import FieldResidue, Monotone, Residue

__all__ = [
    "Bounding",
    "Generator",
    "Preset",
    "Stream",
    "never",
]


@dataclass(frozen=True)
class Generator:
    """A seeded stream of output words: word ``j`` is ``output(step^(j+1)(seed_state(seed)))``.

    Attributes
    ----------
    name
        Its own among the generators of the catalogue.
    seeds
        The canonical seeds, as one range: one for each distinct stream, unless the doubles lie so
        that no range leaves them out.
    seed_modulus
        Two seeds that agree modulo this number give the same stream.
    seed_bits
        Width of the seed that the generator's users pass, for listing equivalent seeds.
    seed_state, step, output
        The definition. `seed_state` maps a numpy uint64 seed to the state before the first step;
        a state is one numpy scalar, a tuple of up to 6 scalars of one dtype, or one array. An
        array state may be updated in place, so the caller gives up the state that it passes to
        `step`. Words are uint32, or uint64 where `output_bits` is more than 32.
    output_bits
        Width of the output word in bits, at most 64.
    lcg
        The algebra, where the generator is a linear congruential one modulo a power of two whose
        words are plain high bits of the state.
    leap
        Many steps in one, cheap enough for kernels; None where there is no such thing.
    jump
        ``jump(state, steps)``, ``steps`` from 0 on, in O(log(steps)) plain Python, where the
        family has a jump that is no `leap`; see `jumped`.
    state_width
        log2 of the number of states, where they are fewer than their words have room for.
    doubles
        ``doubles(seed)``: other seeds of a canonical seed's stream, as the runtime takes them,
        that `seed_modulus` does not tell.
    early
        The first words of many seeds at once; None where seeding costs little.
    degenerate_seeds
        Seeds whose stream is constant or shorter than any history. They are left out of `seeds`,
        except where that would tear the range apart.
    linear
        The algebra, where the words are linear over GF(2) in the bits of the state, or sums of
        such words.
    """

    name: str
    seeds: range
    seed_modulus: int
    seed_bits: int
    seed_state: Callable[[Any], Any]
    step: Callable[[Any], Any]
    output: Callable[[Any], Any]
    output_bits: int = 32
    lcg: PowerOfTwoLcg | None = None
    leap: Leap | None = None
    jump: Callable[[Any, int], Any] | None = None
    state_width: int | None = None
    doubles: Callable[[int], tuple[int, ...]] | None = None
    early: EarlyWords | None = None
    degenerate_seeds: tuple[int, ...] = ()
    linear: LinearState | None = None

    @property
    def seed_count(self) -> int:
        """``|S|``: how many canonical seeds there are; `len` of a range stops at 2**63."""
        return self.seeds.stop - self.seeds.start

    @property
    def can_jump(self) -> bool:
        """Whether `jumped` has a short way."""
        return self.leap is not None or self.jump is not None

    def jumped(self, state: Any, steps: int) -> Any:
        """Return the state `steps` (0 or more) after `state`, in O(log(steps)).

        Raises
        ------
        ValueError
            The family has no jump.
        """
        with np.errstate(over="ignore"):
            if self.leap is not None:
                first, second = self.leap.coefficients(steps)
                return self.leap.apply(state, np.uint64(first), np.uint64(second))
            if self.jump is not None:
                return self.jump(state, steps)
        raise ValueError(f"{self.name} has no jump")


def never(_word: Any, _radix: Any) -> Any:
    """Reject no word."""
    return False


def _no_rejection(_radix: int) -> float:
    return 0.0


@dataclass(frozen=True)
class Bounding:
    """How output words become a draw in ``[0, modulus)``.

    A draw is `parts` values in base `radix`, most significant first; most boundings have one part
    whose radix is the modulus itself. A part takes `words` output words; a rejected word is thrown
    away and the next one is tried.

    Attributes
    ----------
    name
        Short name, as written in results.
    value
        ``value(word, radix)``, or ``value(first, second, radix)`` where `words` is 2: the value in
        ``[0, radix)`` as int64. `radix` is int64.
    layout
        ``layout(modulus)``: ``(radix, parts)``, or None where the bounding has no such modulus.
    shape
        ``shape(radix)``: what scans may use instead of `value`; None where they must call it.
    rejects
        ``rejects(word, radix)``: whether the word is thrown away. Only where `words` is 1.
    rejection
        ``rejection(radix)``: the share of words that `rejects` throws away, in [0, 1).
    words
        Output words of a part, 1 or 2.
    """

    name: str
    value: Callable[..., Any]
    layout: Callable[[int], tuple[int, int] | None]
    shape: Callable[[int], Residue | FieldResidue | Monotone | None]
    rejects: Callable[[Any, Any], Any] = never
    rejection: Callable[[int], float] = _no_rejection
    words: int = 1


@dataclass(frozen=True)
class Stream:
    """A generator with a bounding: for every seed a stream of draws ``y_0, y_1, ...``."""

    generator: Generator
    bounding: Bounding

    @property
    def name(self) -> str:
        """Generator and bounding, as results print them."""
        return f"{self.generator.name} / {self.bounding.name}"


@dataclass(frozen=True)
class Preset:
    """One way in which real programs draw numbers.

    Attributes
    ----------
    slug
        What is typed to choose it, and the name of its vectors: ``[a-z0-9_]+``.
    name
        The call, with its language or library.
    holds_for
        Versions for which the stream is exactly this one.
    stream
        Generator and bounding.
    code
        What seeds the generator, and after the last ``"; "`` the expression that is one draw (or
        one part of it), with ``{seed}``, ``{m}`` and ``{last}`` (m - 1) to be filled in;
        ``{signed}`` is the seed for runtimes that take signed ones only.
    language
        The key of `languages.LANGUAGES` in which that is code; None where it is but a sketch.
    set_state
        What takes the place of the seeding for a state: given the words of an `AtState`, the
        code that puts the generator there. None where the runtime takes no state.
    """

    slug: str
    name: str
    holds_for: str
    stream: Stream
    code: str
    language: str | None = None
    set_state: Callable[[tuple[int, ...]], str] | None = None

    def line(self, seed: int, modulus: int) -> str:
        """Return the code with a seed and a modulus filled in."""
        width = 1 << self.stream.generator.seed_bits
        signed = (seed + width // 2) % width - width // 2
        return self.code.format(seed=seed, signed=signed, m=modulus, last=modulus - 1)
