"""The sieve: every alignment of a question, over a range of seeds, by a back end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.sieve.backend import DEFAULT_ROOM, Backend, Hits, TooManyHitsError
from seedfleet.sieve.local import local_backend
from seedfleet.sieve.question import Direction, Question
from seedfleet.sieve.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.sieve.rows import Walk

__all__ = ["SURVIVOR", "Survivors", "sieve"]

SURVIVOR = np.dtype(
    [
        ("seed", np.uint64),
        ("offset", np.int64),
        ("skip_min", np.int64),
        ("skip_max", np.int64),
        ("forward_matches", np.int32),
        ("reverse_matches", np.int32),
    ]
)
_NOT_LOOKED_AT = -1


@dataclass(frozen=True, eq=False)
class Survivors:
    """What a sieve let through, and what it tested.

    Attributes
    ----------
    table
        Structured array of dtype `SURVIVOR`, shape (n,), ordered by seed, then offset, then skip:
        every pair of seed and alignment that passed. A constant skip has ``skip_min == skip_max``.
        Matches of a part that does not decide are -1; with variable skip they are the most along
        any path.
    requested, tested
        Seeds asked for, and seeds for which every alignment was decided. Where several batches of
        alignments each miss some seeds, these are taken for different ones.
    """

    table: NDArray[np.void]
    requested: int
    tested: int


def sieve(
    question: Question,
    seeds: range,
    *,
    backend: Backend | None = None,
    room: int = DEFAULT_ROOM,
    progress: Callable[[float], None] | None = None,
) -> Survivors:
    """Find every seed and alignment that passes.

    Parameters
    ----------
    question
        What to look for.
    seeds
        A contiguous range within ``[0, 2**64)``, taken as it stands; it may be empty.
    backend
        Default: `local_backend`, the best of this machine.
    room
        Survivors that may be returned; memory grows with them and with nothing else.
    progress
        Called with the share of the work that is done, in [0, 1].

    Raises
    ------
    ValueError
        The range of seeds has gaps or leaves ``[0, 2**64)``.
    TooManyHitsError
        More than `room` pairs pass.

    Notes
    -----
    O(seeds x alignments) where thresholds are 1, since most seeds fail their first draws;
    O(seeds x alignments x draws) otherwise.
    """
    backend = backend or local_backend()
    requested = max(0, seeds.stop - seeds.start)
    tables: list[NDArray[np.void]] = []
    missed, left, asked = 0, room, 0
    alignments = np.array(question.alignments, dtype=np.int64)
    for batch in question.batches():
        share, before = len(batch) / len(alignments), asked / len(alignments)

        def report(done: int, share: float = share, before: float = before) -> None:
            if progress is not None:
                progress(before + share * done / max(1, requested))

        hits = _ask(backend, question.stream, batch, seeds, (left, room), report)
        tables.append(_table(hits, alignments[asked : asked + len(batch)], question.direction))
        missed += requested - hits.tested
        left -= len(hits.seeds)
        asked += len(batch)
    table = np.concatenate(tables)
    order = np.lexsort((table["skip_min"], table["offset"], table["seed"]))
    return Survivors(table[order], requested, max(0, requested - missed))


def _ask(
    backend: Backend,
    stream: Stream,
    batch: Rows | Walk,
    seeds: range,
    rooms: tuple[int, int],
    progress: Callable[[int], None],
) -> Hits:
    """Ask for a batch with the room that is left; a refusal names the room that there was."""
    left, room = rooms
    try:
        if isinstance(batch, Rows):
            return backend.scan(stream, batch, seeds, room=left, progress=progress)
        return backend.walk(stream, batch, seeds, room=left, progress=progress)
    except TooManyHitsError as error:
        raise TooManyHitsError(room) from error


def _table(hits: Hits, alignments: NDArray[np.int64], direction: Direction) -> NDArray[np.void]:
    table = np.empty(len(hits.seeds), dtype=SURVIVOR)
    table["seed"] = hits.seeds
    for column, name in enumerate(("offset", "skip_min", "skip_max")):
        table[name] = alignments[hits.rows, column]
    table["forward_matches"] = table["reverse_matches"] = _NOT_LOOKED_AT
    if direction is not Direction.REVERSE:
        table["forward_matches"] = hits.matches[:, 0]
    if direction is not Direction.FORWARD:
        table["reverse_matches"] = hits.matches[:, -1]
    return table
