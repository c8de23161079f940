"""Features and labels of survivors: what models are fitted to, from the files of earlier steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from seedfleet.draws.slices import Slices
from seedfleet.pipeline.steps.learnable import fitted_beyond, scored_survivors
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_sampling import drawn, most_matches
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.draws import History

__all__ = ["LabelledSurvivors", "labelled_survivors"]

_LOOKED_AT = 50_000  # rows whose later draws are looked at


@dataclass(frozen=True, eq=False)
class LabelledSurvivors:
    """A sample of different streams, described on the sieve slice and labelled on the tune slice.

    Attributes
    ----------
    survivors
        How many there are in all.
    features
        float64, shape (n, n_columns): the columns of `FEATURES` that are not constant.
    columns
        Their names.
    labels
        float64, shape (n,).
    halves
        The labels by either half of the tune slice.
    """

    survivors: int
    features: NDArray[np.float64]
    columns: tuple[str, ...]
    labels: NDArray[np.float64]
    halves: tuple[NDArray[np.float64], NDArray[np.float64]]


def labelled_survivors(
    path: Path, history: History, recovery: Path, *, size: int, rng: np.random.Generator
) -> LabelledSurvivors:
    """Read a table with features, and label a sample of it.

    Parameters
    ----------
    recovery
        Step 0's answer, if there is such a file: what it fitted takes no part.
    size
        Most survivors of the sample.

    Raises
    ------
    SurvivorFileError
        There is no such table, or it lacks features.
    """
    table = scored_survivors(path)
    learnable = np.flatnonzero(~fitted_beyond(table, history, recovery))
    looked_at = learnable[most_matches(table.take(learnable), _LOOKED_AT)]
    evidence = SurvivorEvidence.of(table.take(looked_at), history)
    slices = Slices.of(len(evidence.draws))
    chosen = np.sort(drawn(evidence, slices.sieve, size, rng))
    columns = pq.read_table(path, columns=list(FEATURES))
    places = looked_at[chosen]
    matrix = np.column_stack(
        [np.asarray(columns[name], dtype=np.float64)[places] for name in FEATURES]
    )
    varies = np.ptp(matrix, axis=0) > 0 if len(matrix) else np.zeros(len(FEATURES), np.bool_)
    middle = (slices.tune.start + slices.tune.stop) // 2
    return LabelledSurvivors(
        survivors=len(table),
        features=matrix[:, varies],
        columns=tuple(name for name, kept in zip(FEATURES, varies, strict=True) if kept),
        labels=evidence.labels(slices.tune)[chosen],
        halves=(
            evidence.labels(range(slices.tune.start, middle))[chosen],
            evidence.labels(range(middle, slices.tune.stop))[chosen],
        ),
    )
