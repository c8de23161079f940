"""All that the trials of a study share: the sieve slices, whose seeds are tried, and the price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seedfleet.draws.slices import Slices
from seedfleet.evidence.part_prior import Division
from seedfleet.generators.searches import parse_search
from seedfleet.pipeline.sieve_search import PlannedSearch, SessionScope
from seedfleet.pipeline.steps.survivor_table import chosen_draws
from seedfleet.pipeline.steps.window.configuration import SkipLaw
from seedfleet.sieve import Direction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.generators import Stream
    from seedfleet.pipeline.steps.window.configuration import Configuration

__all__ = ["Family", "Ground", "Part"]

_MOST_JUDGED = 64  # draws after a window: hundreds of bits, and no more work than the window itself


@dataclass(frozen=True)
class Family:
    """One generator of the study, and the seeds that are tried.

    Attributes
    ----------
    preset
        Its name.
    seeds
        Canonical ones.
    laws
        The skip laws that are asked of it.
    """

    preset: str
    seeds: range
    laws: tuple[SkipLaw, ...] = tuple(SkipLaw)

    @property
    def stream(self) -> Stream:
        """Generator and bounding."""
        return parse_search(self.preset).preset.stream


@dataclass(frozen=True, eq=False)
class Part:
    """The sieve slice of one choice of sessions.

    Attributes
    ----------
    sessions
        Their names; none for all draws.
    scope
        What the prior stakes on them.
    draws
        int64 array: their sieve slice, oldest first.
    """

    sessions: tuple[str, ...]
    scope: SessionScope
    draws: NDArray[np.int64]

    @classmethod
    def of(cls, history: History, sessions: Sequence[str]) -> Part:
        """Cut it out of a history."""
        draws = chosen_draws(history, sessions)
        slices = Slices.of(len(draws))
        scope = SessionScope.of(history, tuple(sessions))
        return cls(tuple(sessions), scope, draws[slices.sieve.start : slices.sieve.stop])


@dataclass(frozen=True, eq=False)
class Ground:
    """What every trial is given.

    Attributes
    ----------
    modulus
        Of the draws.
    parts
        One for each choice of sessions.
    families
        What is sieved for.
    judged
        Draws after each window on which its survivors are judged; the same number in all trials,
        so that these can be compared.
    paid_bits
        Taken off each objective: log2 of all configurations that are judged by these draws, those
        of a first look and of earlier attempts too.
    """

    modulus: int
    parts: tuple[Part, ...]
    families: tuple[Family, ...]
    judged: int
    paid_bits: float

    @staticmethod
    def judged_of(parts: Sequence[Part]) -> int:
        """Return how many draws to judge by: a quarter of the shortest slice, at most."""
        return max(1, min(_MOST_JUDGED, min(len(part.draws) for part in parts) // 4))

    def part(self, sessions: tuple[str, ...]) -> Part:
        """Return that of a choice of sessions."""
        return next(part for part in self.parts if part.sessions == sessions)

    def planned(
        self,
        family: Family,
        configuration: Configuration,
        direction: Direction = Direction.BIDIRECTIONAL,
    ) -> PlannedSearch:
        """Return a family's sieve under a configuration.

        Raises
        ------
        QuestionError
            The configuration does not fit the draws.
        """
        part = self.part(configuration.sessions)
        question = configuration.question(family.stream, part.draws, self.modulus, direction)
        name = parse_search(family.preset)
        return PlannedSearch(name, question, family.seeds, question.window, part.scope)

    def to_document(self) -> dict[str, Any]:
        """Return it as jobs read it."""
        return {
            "modulus": self.modulus,
            "judged": self.judged,
            "paid_bits": self.paid_bits,
            "families": [
                {
                    "preset": family.preset,
                    "seeds": [family.seeds.start, family.seeds.stop],
                    "laws": [law.value for law in family.laws],
                }
                for family in self.families
            ],
            "parts": [
                {
                    "sessions": list(part.sessions),
                    "chosen": part.scope.chosen,
                    "division": vars(part.scope.division),
                    "draws": part.draws.tolist(),
                }
                for part in self.parts
            ],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_document` wrote."""
        families = tuple(
            Family(
                each["preset"],
                range(*each["seeds"]),
                tuple(SkipLaw(law) for law in each["laws"]),
            )
            for each in document["families"]
        )
        parts = tuple(
            Part(
                tuple(each["sessions"]),
                SessionScope(tuple(each["sessions"]), each["chosen"], Division(**each["division"])),
                np.array(each["draws"], dtype=np.int64),
            )
            for each in document["parts"]
        )
        return cls(document["modulus"], parts, families, document["judged"], document["paid_bits"])
