"""What the published prior stakes on each row of a table of survivors."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.part_prior import log2_part_weight
from seedfleet.evidence.prior import NULL_WEIGHT, log2_alignment_weight
from seedfleet.evidence.start_prior import seed_odds
from seedfleet.generators import presets_of
from seedfleet.pipeline.steps.survivor_table import NO_END
from seedfleet.recover.stakes import start_odds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["log2_stakes"]

_SMALL = 2**32  # seeds below it may weigh more than others (`start_prior`)


def log2_stakes(table: SurvivorTable, division: Division, draws: int) -> NDArray[np.float64]:
    """Return log2 of the stake on each row, at all noise rates together: float64, shape (n,).

    Parameters
    ----------
    division
        Of the whole history.
    draws
        How many draws the table's sessions have: a row that explains all of them is no segment.
    """
    rows = table.rows
    whole = (rows["origin"] == 0) & ((rows["end"] == NO_END) | (rows["end"] >= draws))
    columns = [rows["preset"], rows["skip_min"], rows["skip_max"], rows["offset"], whole]
    columns.append(rows["seed"] < _SMALL)
    kinds, places = np.unique(
        np.stack([np.asarray(column, np.int64) for column in columns]), axis=1, return_inverse=True
    )
    stakes = [_log2_stake(table, division, kind) for kind in kinds.T.tolist()]
    log2_prior = np.array(stakes)[places.reshape(-1)] if len(table) else np.zeros(0)
    for row in table.states:
        generator = table.stream(int(rows["preset"][row])).generator
        seed = log2(seed_odds(generator.seed_count, int(rows["seed"][row])))
        log2_prior[row] += seed - log2(start_odds(generator, table.start(row)))
    return log2_prior


def _log2_stake(table: SurvivorTable, division: Division, kind: list[int]) -> float:
    preset, skip_min, skip_max, offset, whole, small = kind
    stream = table.stream(preset)
    alignment = log2_alignment_weight(
        presets=len(presets_of(stream)),
        skip_min=skip_min,
        skip_max=skip_max,
        offset=offset,
        part_bits=log2_part_weight(
            division, sessions=len(table.sessions) or None, whole=bool(whole)
        ),
    )
    odds = seed_odds(stream.generator.seed_count, 0 if small else _SMALL)
    return log2(1 - NULL_WEIGHT) + alignment - log2(odds)
