"""One search of a sieve: what is asked of which seeds, and what the prior stakes on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, log2
from typing import TYPE_CHECKING

from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.start_prior import seed_odds
from seedfleet.evidence.verdict import draws_in_principle
from seedfleet.generators import presets_of
from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.sieve import VariableSkip
from seedfleet.sieve.weighing import Known

if TYPE_CHECKING:
    from seedfleet.draws import History
    from seedfleet.generators import Stream
    from seedfleet.generators.searches import SearchName
    from seedfleet.pipeline.sieve_chance import Chance
    from seedfleet.sieve import Question

__all__ = ["PlannedSearch", "SessionScope"]


@dataclass(frozen=True)
class SessionScope:
    """The sessions whose draws are taken as one stream.

    Attributes
    ----------
    names
        Theirs; none where the history names none.
    chosen
        How many they are. Draws that name no session beside others that do are one more session:
        they are left out where all others are named.
    division
        What the history could be divided into.
    """

    names: tuple[str, ...]
    chosen: int
    division: Division

    @classmethod
    def of(cls, history: History, wanted: tuple[str, ...]) -> SessionScope:
        """Return the scope of the sessions that were named; of all draws, where none was."""
        names = tuple(name for name in history.session_names if name in wanted)
        division = Division.of(history.sessions, history.machines)
        if names:
            return cls(names, len(names), division)
        return cls(history.session_names, division.sessions, division)


@dataclass(frozen=True, eq=False)
class PlannedSearch:
    """One generator's sieve.

    Attributes
    ----------
    name
        The search's name.
    question
        What is asked of each seed.
    seeds
        The seeds that are tested.
    fitted
        The draws that any search of the plan looks at. Every search is weighed over these, so
        that a stream that several searches let pass is worth the same in each, and counts once.
    scope
        Whose draws these are.
    """

    name: SearchName
    question: Question
    seeds: range
    fitted: range
    scope: SessionScope

    @property
    def stream(self) -> Stream:
        """Generator and bounding."""
        return self.name.preset.stream

    @property
    def known(self) -> Known:
        """The known draws, and which of them the evidence is fitted on."""
        return Known(self.question.draws, self.question.modulus, self.fitted)

    @property
    def seed_count(self) -> int:
        """Seeds to be tested; `len` of a range stops at 2**63."""
        return self.seeds.stop - self.seeds.start

    @property
    def bets(self) -> range:
        """Those of the seeds that the prior has a stake on: the others repeat their streams."""
        first = max(self.seeds.start, self.stream.generator.seeds.start)
        return range(first, self.seeds.stop)

    @property
    def alignments(self) -> int:
        """``H``: alignments tried for each seed."""
        return len(self.question.alignments)

    @property
    def gaps(self) -> int:
        """``w``: possible gaps between two draws; 1 for a constant skip."""
        skips = self.question.skips
        return skips.gaps if isinstance(skips, VariableSkip) else 1

    @cached_property
    def chance(self) -> Chance:
        """How often a wrong seed passes."""
        return chance_of(self.question)

    @property
    def seed_odds(self) -> int:
        """One over the prior weight of the last seed asked for, which weighs least."""
        return seed_odds(self.stream.generator.seed_count, self.seeds.stop - 1)

    def log2_weight(self, offset: int, skip_min: int, skip_max: int) -> float:
        """Return the prior weight of an alignment, in bits."""
        return log2_alignment_weight(
            presets=len(presets_of(self.stream)),
            skip_min=skip_min,
            skip_max=skip_max,
            offset=offset,
            part_bits=log2_part_weight(self.scope.division, sessions=self.scope.chosen, whole=True),
        )

    @property
    def least_log2_weight(self) -> float:
        """The prior weight of the least favoured alignment that has any, in bits."""
        weights = [self.log2_weight(*alignment) for alignment in self.question.alignments]
        return min((weight for weight in weights if weight > -inf), default=-inf)

    @property
    def draws_in_principle(self) -> int | None:
        """From how many draws on every seed asked for is recoverable; None from no number."""
        return draws_in_principle(self.seed_odds, self.alignments, self.even_values, self.gaps)

    @property
    def even_values(self) -> float:
        """From how many values, all equally likely, a draw would be worth as much; at most m."""
        return min(self.question.modulus, 2**self.chance.bits_a_draw)

    @property
    def outlook(self) -> str:
        """What will be tested and how many draws that takes, in a sentence said beforehand."""
        question = self.question
        known, needed = len(question.draws), self.draws_in_principle
        enough = (
            f"so many gaps explain any draws modulo {question.modulus}"
            if needed is None
            else f"recoverable in principle from {needed} draws, {known} are known"
        )
        if self.chance.never_given:
            enough += f", {self.chance.never_given} of them no values that it gives"
        return (
            f"{self.name.text}: {self.seed_count:,} seeds, {self.alignments:,} alignments each; "
            f"{enough}"
        )

    @property
    def bits_a_draw(self) -> float:
        """What a matching draw earns at most."""
        return self.chance.bits_a_draw - log2(self.gaps)
