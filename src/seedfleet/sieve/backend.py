"""The seam of the back ends: a stream, a question and seeds go in, the seeds that hold come out.

A back end tests seeds and knows nothing of sessions, windows, files or evidence. There is one for
the processor, and `seedfleet.sieve.local_backend` returns the best that this machine has; one that
spreads a range over machines, and one for a graphics processor, answer the same two calls.
`seedfleet.sieve.testing.check_backend` holds any of them to what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.sieve.rows import Rows, Walk

__all__ = ["DEFAULT_ROOM", "Backend", "Hits", "TooManyHitsError"]

DEFAULT_ROOM = 10_000_000


class TooManyHitsError(Exception):
    """More pairs of seed and row hold than there is room for.

    Attributes
    ----------
    room
        How many pairs there was room for.
    """

    def __init__(self, room: int) -> None:
        super().__init__(f"more than {room} pairs of seed and alignment pass; ask for more matches")
        self.room = room


@dataclass(frozen=True)
class Hits:
    """The pairs of seed and row that hold.

    Attributes
    ----------
    seeds
        uint64 array, shape (n,): ascending; a seed once for each row that it holds.
    rows
        int64 array, shape (n,): the row; ascending for one seed.
    matches
        int32 array, shape (n, n_legs): matching draws in each leg. Of a walk: the most in the last
        leg over the paths that pass; in an earlier leg, the most over the paths that pass that leg.
    tested
        Seeds that were tested, for comparison with what was asked for.
    """

    seeds: NDArray[np.uint64]
    rows: NDArray[np.int64]
    matches: NDArray[np.int32]
    tested: int

    @classmethod
    def joined(cls, parts: list[Hits], legs: int) -> Hits:
        """Put hits together that come in the order of their seeds."""
        return cls(
            seeds=np.concatenate([np.empty(0, np.uint64), *(part.seeds for part in parts)]),
            rows=np.concatenate([np.empty(0, np.int64), *(part.rows for part in parts)]),
            matches=np.concatenate(
                [np.empty((0, legs), np.int32), *(part.matches for part in parts)]
            ),
            tested=sum(part.tested for part in parts),
        )


class Backend(Protocol):
    """Whatever tests ranges of seeds.

    Obligations
    -----------
    Exact
        A pair is reported if and only if the readable reference, `seedfleet.generators.reference`,
        holds it: also where words are rejected, at any position, for every seed in ``[0, 2**64)``.
    Accounted
        `tested` counts seeds whose every row was decided. It equals the length of the range, or
        what is missing was given up and may be asked for again. Nothing is reported twice, and a
        range in parts, in any order, gives what the whole range gives.
    Bounded
        Memory does not grow with the range. More hits than `room` raise `TooManyHitsError`.
    Owned
        Threads, devices and processes that a call starts end before it returns, also when it
        raises and when `progress` raises, whose exception is passed on.
    Concurrent
        Calls from several threads do not disturb each other.
    """

    def scan(
        self,
        stream: Stream,
        rows: Rows,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Find every pair of seed and row that holds.

        Parameters
        ----------
        stream
            Any stream of the catalogue, or of one's own.
        rows
            Any number of rows; the stream's bounding must have their modulus.
        seeds
            A contiguous range within ``[0, 2**64)``, taken as it stands.
        room
            Hits that may be reported.
        progress
            Called, from the calling thread, with the number of seeds tested so far, ascending.

        Raises
        ------
        ValueError
            The range has gaps or leaves ``[0, 2**64)``, or the bounding lacks the modulus.
        TooManyHitsError
            There are more than `room` hits.
        """

    def walk(
        self,
        stream: Stream,
        walk: Walk,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Find every pair of seed and row for which there is a path; all else as for `scan`."""
