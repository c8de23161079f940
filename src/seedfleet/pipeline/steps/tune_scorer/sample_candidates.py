"""A survivor table as scoring takes it: one group of candidates for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState
from seedfleet.scoring.survivors import Candidates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["candidates_of"]


def candidates_of(table: SurvivorTable) -> Iterator[tuple[NDArray[np.int64], Candidates]]:
    """Yield, for each preset of a table, its rows and the candidates that they are."""
    for preset in np.unique(table.rows["preset"]).tolist():
        places = np.flatnonzero(table.rows["preset"] == preset)
        part = table.take(places)
        rows = part.rows
        looked_at = rows["forward_draws"].astype(float) + rows["reverse_draws"]
        matched = rows["forward_matches"].astype(float) + rows["reverse_matches"]
        missed = np.full(len(rows), np.nan)
        np.divide(looked_at - matched, looked_at, out=missed, where=looked_at > 0)
        yield (
            places,
            Candidates(
                stream=table.stream(preset),
                seeds=rows["seed"].copy(),
                offsets=rows["offset"].copy(),
                skip_min=rows["skip_min"].copy(),
                skip_max=rows["skip_max"].copy(),
                origins=rows["origin"].copy(),
                ends=rows["end"].copy(),
                counts=rows["bidirectional_count"].copy(),
                selectivities=rows["bidirectional_selectivity"].copy(),
                missed=missed,
                states={row: AtState(words) for row, words in part.states.items()},
            ),
        )
