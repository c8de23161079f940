"""The seam of the attacks: a question goes in, survivors and what was covered come out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy as np

    from seedfleet.generators import Start, Stream
    from seedfleet.recover.calendar import Calendar
    from seedfleet.recover.controls import Control
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.watch import Watch
    from seedfleet.sieve.weighing import Alignment

__all__ = [
    "Coverage",
    "Found",
    "Lead",
    "Question",
    "Search",
    "Survivor",
]


@dataclass(frozen=True)
class Question:
    """What is asked of every attack.

    Attributes
    ----------
    modulus
        Draws lie in ``[0, modulus)``.
    scopes
        The ways in which the draws may be shared out among streams; at least one.
    skips
        Constant skips to be searched where the attack's cost allows all of them.
    scan_skips
        Constant skips to be searched by seed scans.
    variable_skip
        Least and most outputs dropped before each draw where they vary; None to leave that out.
    offsets
        Outputs that the stream may have given before the first draw's own skip, for searches that
        start from seeds; below 0 where the first draw came before all of its skip. Those that start
        from any state decide every offset.
    noise
        Share of the draws recorded wrong, in [0, 0.25], that a search should withstand.
    calendar
        The draws' dates with a rule that gives them seeds; None where no such rule is asked about.
    """

    modulus: int
    scopes: tuple[Scope, ...]
    skips: range
    scan_skips: range
    variable_skip: tuple[int, int] | None = None
    offsets: range = range(1)
    noise: float = 0.0
    calendar: Calendar | None = None


def constant_alignments(skips: range, offsets: range) -> list[tuple[int, int]]:
    """Return the offsets with the skips under which the first draw is an output of the stream."""
    return [(offset, skip) for offset in offsets for skip in skips if offset + skip >= 0]


@dataclass(frozen=True)
class Survivor:
    """A start and an alignment that passed a search's filter.

    Attributes
    ----------
    stream, start
        Which stream, and its canonical seed, or the state that it is in before position 0 where no
        seed is known to lead there.
    scope, alignment
        The draws that it would have made, and at which stream positions.
    """

    stream: Stream
    scope: Scope
    start: Start
    alignment: Alignment

    @property
    def identity(self) -> Hashable:
        """Equal for survivors that are one bet, whichever search told of its part's draws."""
        return self.stream, self.start, self.alignment, self.scope.part


@dataclass(frozen=True)
class Coverage:
    """What a search decides, said before it runs.

    Attributes
    ----------
    attack
        Name of the method.
    streams
        The streams of draws that it covers.
    scopes, skips, offsets, variable_skip
        The alignments that it covers: constant skips at stream offsets, or one variable skip, in
        which case `skips` is empty.
    space
        Starts of the largest generator covered, all of which are decided: canonical seeds, or
        states where `from_states`.
    from_states
        Whether any state may be the start, so that every offset is covered.
    draws_used
        Draws that a survivor must give exactly.
    least_draws
        Fitted draws below which the search is hopeless, or would take hours.
    windows
        Places in the history from which it looks.
    readings
        Streams by which each pair of start and alignment is tested: those whose draws differ.
    power
        ``power(noise)``: the chance that a stream covered by the search is found when that share of
        the draws is recorded wrong.
    cost_s
        Rough cost on two cores; searches run in this order.
    rule_odds
        One over the prior weight of a rule that gives the starts; None where they are any.
    told
        Of the bits of a draw the share that a perfect fit earns, in (0, 1]: less than 1 where a
        rule leaves dates several seeds, or none.
    controls_s
        That of its controls, where they are no small part of it.
    """

    attack: str
    streams: tuple[Stream, ...]
    scopes: tuple[Scope, ...]
    skips: range
    space: int
    draws_used: int
    power: Callable[[float], float]
    cost_s: float
    offsets: range = range(1)
    variable_skip: tuple[int, int] | None = None
    from_states: bool = False
    least_draws: int = 1
    windows: int = 1
    readings: int = 1
    rule_odds: int | None = None
    told: float = 1.0
    controls_s: float = 0.0

    def __post_init__(self) -> None:
        """Work out the power at a rate once: some searches count it in samples."""
        object.__setattr__(self, "power", cache(self.power))

    @property
    def gaps(self) -> int:
        """Gaps that there may be between two draws: more than one under a variable skip."""
        least, most = self.variable_skip or (0, 0)
        return most - least + 1

    @property
    def alignments(self) -> int:
        """Alignments tried for each start; a variable skip is one."""
        if self.variable_skip is not None:
            return len(self.scopes) * len(self.offsets)
        return len(self.scopes) * len(constant_alignments(self.skips, self.offsets))

    @property
    def pairs(self) -> int:
        """Pairs of start and alignment that are decided, once for each reading."""
        return self.space * self.alignments * self.readings


@dataclass(frozen=True)
class Lead:
    """Draws related to earlier ones as those of a stream are, which names no start.

    Attributes
    ----------
    stream, scope
        Whose relation it is, and the draws that keep it.
    skip
        The constant skip under which they do.
    hits, of
        Draws that keep it, among those that could.
    chance
        How likely so many hits or more are for independent uniform draws, whatever was tried.
    """

    stream: Stream
    scope: Scope
    skip: int
    hits: int
    of: int
    chance: float

    @property
    def text(self) -> str:
        """The lead in a sentence."""
        skipping = f" with skip {self.skip}" if self.skip else ""
        return (
            f"{self.hits} of {self.of} draws follow from earlier ones as in {self.stream.name}"
            f"{skipping}, by chance {self.chance:.1g}"
        )


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    survivors
        Every (start, alignment) that passed, once for each stream that it belongs to.
    tested
        Starts decided; equal to the coverage's space unless the run was cut short.
    passed
        (start, alignment) pairs that passed the filter, to be set against chance.
    leads
        What the draws point to without naming a start: other searches of its stream come first.
    dated
        Streams whose starts dates give, where these explain the draws.
    undecided
        Starts that were looked at and that the draws leave open: not among those tested.
    remark
        What its method tells beyond that, such as the rank of its equations.
    """

    survivors: tuple[Survivor, ...]
    tested: int
    passed: int
    leads: tuple[Lead, ...] = ()
    dated: tuple[DatedFinding, ...] = ()
    undecided: int = 0
    remark: str | None = None


class Search(Protocol):
    """One attack on one question.

    A search owns its threads and ends them before it returns, also on an exception. It keeps no
    files. Both may be called again, in any order.
    """

    coverage: Coverage

    def run(self, watch: Watch) -> Found:
        """Decide all that `coverage` promises, or as much as time allows."""

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Run the same kernels on shuffled draws and on planted seeds."""
