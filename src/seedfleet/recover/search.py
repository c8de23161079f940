"""The seam of the attacks: a question goes in, survivors and what was covered come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.recover.controls import Control

__all__ = ["Coverage", "Found", "Question", "Scope", "Search", "Survivor"]


@dataclass(frozen=True, eq=False)
class Scope:
    """The draws that one stream would have made.

    Attributes
    ----------
    session
        The session that has the stream to itself; None when all draws share one.
    values
        int64 array, shape (n,): every known draw, oldest first.
    fitted
        How many of the first draws may be searched; the others are held out.
    """

    session: str | None
    values: NDArray[np.int64]
    fitted: int

    @property
    def searchable(self) -> NDArray[np.int64]:
        """The draws that a search may look at."""
        return self.values[: self.fitted]


@dataclass(frozen=True)
class Question:
    """What is asked of every attack.

    Attributes
    ----------
    modulus
        Draws lie in ``[0, modulus)``.
    scopes
        The ways in which sessions may share a stream; at least one.
    skips
        Constant skips to be searched where the attack's cost allows all of them.
    scan_skips
        Constant skips to be searched by seed scans.
    """

    modulus: int
    scopes: tuple[Scope, ...]
    skips: range
    scan_skips: range


@dataclass(frozen=True)
class Survivor:
    """A seed and an alignment that passed a search's filter.

    Attributes
    ----------
    stream, seed
        Which stream; the seed is a canonical one.
    scope, skip
        The draws that it would have made, and the outputs dropped before each; offset 0.
    """

    stream: Stream
    scope: Scope
    skip: int
    seed: int


@dataclass(frozen=True)
class Coverage:
    """What a search decides, said before it runs.

    Attributes
    ----------
    attack
        Name of the method.
    streams
        The streams of draws that it covers.
    scopes, skips
        The alignments that it covers, at stream offset 0.
    seed_space
        Canonical seeds of the largest generator covered, all of which are decided.
    draws_used
        Draws that a survivor must give exactly.
    least_draws
        Fitted draws below which the search is hopeless, or would take hours.
    windows
        Places in the history from which it looks.
    power
        ``power(noise)``: the chance that a stream covered by the search is found when that share of
        the draws is recorded wrong.
    cost_s
        Rough cost on two cores; searches run in this order.
    """

    attack: str
    streams: tuple[Stream, ...]
    scopes: tuple[Scope, ...]
    skips: range
    seed_space: int
    draws_used: int
    power: Callable[[float], float]
    cost_s: float
    least_draws: int = 1
    windows: int = 1

    @property
    def alignments(self) -> int:
        """Alignments tried for each seed."""
        return len(self.scopes) * len(self.skips)

    @property
    def pairs(self) -> int:
        """Pairs of seed and alignment that are decided."""
        return self.seed_space * self.alignments


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    survivors
        Every (seed, alignment) that passed, once for each stream that it belongs to.
    tested
        Seeds decided; equal to the coverage's seed space unless the run was cut short.
    passed
        (seed, alignment) pairs that passed the filter, to be set against chance.
    """

    survivors: tuple[Survivor, ...]
    tested: int
    passed: int


class Search(Protocol):
    """One attack on one question.

    A search owns its threads and ends them before it returns, also on an exception. It keeps no
    files. `run` may be called once, `controls` at any time.
    """

    coverage: Coverage

    def run(self, progress: Callable[[float], None]) -> Found:
        """Decide all that `coverage` promises; `progress` takes the share done, in [0, 1]."""

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Run the same kernels on shuffled draws and on planted seeds."""
