"""The survivors that the steps hand on: streams under alignments, with the matches that they had.

All rows of a table explain the same draws: those of the table's sessions, from the origin of each
row on. The alignment of a row is the one by which it is scored, labelled and predicted from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState, find_preset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.generators import Start, Stream

__all__ = ["LEAST_STREAMS", "NO_END", "ROW", "SurvivorTable", "chosen_draws"]

LEAST_STREAMS = 50  # different ones; fewer are no population to rank or to learn from
NO_END = -1  # of a row whose stream is not known to end
ROW = np.dtype(
    [
        ("preset", np.int16),
        ("seed", np.uint64),
        ("offset", np.int64),
        ("skip_min", np.int64),
        ("skip_max", np.int64),
        ("origin", np.int64),
        ("end", np.int64),
        ("forward_matches", np.int32),
        ("forward_draws", np.int32),
        ("reverse_matches", np.int32),
        ("reverse_draws", np.int32),
        ("bidirectional_count", np.int64),
        ("bidirectional_selectivity", np.float64),
    ]
)


@dataclass(frozen=True, eq=False)
class SurvivorTable:
    """Survivors of one search of one part of a history.

    Attributes
    ----------
    presets
        Names (`seedfleet.generators.find_preset`) that `preset` of a row is an index into.
    sessions
        The sessions whose draws the rows explain; empty for all draws.
    rows
        Structured array of dtype `ROW`, shape (n,). `origin` is the index, among the draws of the
        sessions, of the draw with which the stream began, `end` the index after the last draw
        that it explains, or `NO_END`. Draws looked at are 0 and matches 0 for a part that did not
        decide. `bidirectional_count` are the survivors under the row's alignment,
        `bidirectional_selectivity` the forward survivors under it for each reverse survivor.
    states
        By index of a row: the words of the state that its stream begins in, where no seed is
        known; the row's `seed` is 0 then and means nothing.
    """

    presets: tuple[str, ...]
    sessions: tuple[str, ...]
    rows: NDArray[np.void]
    states: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def stream(self, preset: int) -> Stream:
        """Return generator and bounding of the preset with this index."""
        return find_preset(self.presets[preset]).stream

    def start(self, row: int) -> Start:
        """Return the seed or the state that a row's stream begins with."""
        words = self.states.get(row)
        return int(self.rows["seed"][row]) if words is None else AtState(words)

    def take(self, chosen: NDArray[np.int64]) -> SurvivorTable:
        """Return the rows with these indexes, in this order."""
        states = {
            place: self.states[row]
            for place, row in enumerate(chosen.tolist())
            if row in self.states
        }
        return replace(self, rows=self.rows[chosen], states=states)

    def followed_by(self, other: SurvivorTable) -> SurvivorTable:
        """Return these rows and then others, of the same presets and sessions."""
        more = {row + len(self): words for row, words in other.states.items()}
        rows = np.concatenate([self.rows, other.rows])
        return replace(self, rows=rows, states={**self.states, **more})


def chosen_draws(history: History, sessions: Sequence[str]) -> NDArray[np.int64]:
    """Return the draws of these sessions, oldest first; of all draws, where none is named.

    Returns
    -------
    NDArray
        int64 array, shape (n,), in ``[0, history.modulus)``.
    """
    if not sessions:
        return history.values
    wanted = set(sessions)
    return history.values[[i for i, name in enumerate(history.sessions) if name in wanted]]
