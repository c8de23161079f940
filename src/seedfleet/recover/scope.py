"""The draws that one stream would have made, and what the prior gives to just those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence.part_prior import log2_part_weight

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division

__all__ = ["Scope", "part_bits"]


@dataclass(frozen=True, eq=False)
class Scope:
    """The draws that one stream would have made.

    Attributes
    ----------
    values
        int64 array, shape (n,): every known draw of it, oldest first.
    fitted
        How many of the first draws may be searched; the others are held out.
    session, machine
        The session or the machine that has the stream to itself; None when all share one.
    segment
        ``(start, stop)``, indices into the draws of that session or machine: the part of them
        between two reseeds; None for all of them.
    draws_after
        Known draws of that session or machine after the last of these.
    """

    values: NDArray[np.int64]
    fitted: int
    session: str | None = None
    machine: str | None = None
    segment: tuple[int, int] | None = None
    draws_after: int = 0

    @property
    def searchable(self) -> NDArray[np.int64]:
        """The draws that a search may look at."""
        return self.values[: self.fitted]

    @property
    def part(self) -> tuple[str | None, str | None, tuple[int, int] | None] | None:
        """Which part of the history this is; None for all of it."""
        part = (self.session, self.machine, self.segment)
        return None if part == (None, None, None) else part


def part_bits(scope: Scope, division: Division) -> float:
    """Return log2 of the prior weight of the draws that a scope holds."""
    return log2_part_weight(
        division,
        sessions=None if scope.session is None else 1,
        machines=None if scope.machine is None else 1,
        whole=scope.segment is None,
    )
