"""The seam of the back ends: a stream, a question and seeds go in, the seeds that hold come out.

A back end tests seeds and knows nothing of sessions, windows, files or evidence. There is one for
the processor, and `seedfleet.sieve.local_backend` returns the best that this machine has; one that
spreads a range over machines, and one for a graphics processor, answer the same three calls.
`seedfleet.sieve.testing.check_backend` holds any of them to what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.sieve.rows import Rows, Walk

__all__ = ["DEFAULT_ROOM", "Backend", "Hits", "TooManyHitsError", "one_by_one"]

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

    def scan_together(
        self,
        questions: Sequence[tuple[Stream, Rows]],
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Hits, ...]:
        """Answer several scans of the same seeds, each as `scan` would.

        Questions whose streams share a generator may be answered in one pass over its seeds, so
        that each bounding after the first costs little. A back end without such a pass returns
        ``one_by_one(self.scan, questions, seeds, room=room, progress=progress)``.

        Parameters
        ----------
        questions
            Streams and rows, any number in any order; the same stream may come more than once.
        room
            Hits that may be reported, of all questions together.
        progress
            Called with the number of pairs of seed and question decided so far, ascending.

        Returns
        -------
        tuple
            The hits of each question, in the order of `questions`.

        Raises
        ------
        ValueError, TooManyHitsError
            As for `scan`.
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


def one_by_one(
    scan: Callable[..., Hits],
    questions: Sequence[tuple[Stream, Rows]],
    seeds: range,
    *,
    room: int,
    progress: Callable[[int], None] | None,
) -> tuple[Hits, ...]:
    """Do what `Backend.scan_together` says by one `scan` after the other."""
    found: list[Hits] = []
    for number, (stream, rows) in enumerate(questions):
        left = room - sum(len(hits.seeds) for hits in found)
        told = _counted_from(progress, number * (seeds.stop - seeds.start))
        try:
            found.append(scan(stream, rows, seeds, room=left, progress=told))
        except TooManyHitsError as error:
            raise TooManyHitsError(room) from error
    return tuple(found)


def _counted_from(
    progress: Callable[[int], None] | None, before: int
) -> Callable[[int], None] | None:
    if progress is None:
        return None
    tell = progress
    return lambda tested: tell(before + tested)
