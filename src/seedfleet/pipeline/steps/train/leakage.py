"""Whether models could have seen what they are judged by: looked for, not taken for granted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.parquet as pq

from seedfleet.digests import file_digest
from seedfleet.draws import DrawsError, load
from seedfleet.models.metrics import spearman
from seedfleet.pipeline.steps.context_record import Check
from seedfleet.pipeline.steps.train.trial_jobs import TRAINING_DATA
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.train.comparison import Compared
    from seedfleet.pipeline.steps.train.ground import Ground

__all__ = ["leakage_checks", "strongest_feature"]

_ALL_BUT_KNOWN: Final = 0.99  # R2 of what cannot be known so well
_ONE_FEATURE: Final = 0.95  # rank correlation of one feature with the label: it is the label


def leakage_checks(
    ground: Ground, compared: Sequence[Compared], table: Path, files: RunFiles
) -> Iterator[Check]:
    """Look for each way in which the answer could have come in.

    Parameters
    ----------
    table
        Where the features come from.
    """
    strange = _strange_columns(ground, table, files.models / TRAINING_DATA)
    yield Check("columns of the training data that are no features", strange, 0.0, at_least=False)
    beyond = _draws_beyond(ground, table, files)
    yield Check("draws of features beyond the sieve slice", beyond, 0.0, at_least=False)
    name, worst = strongest_feature(ground)
    told = f"rank correlation of the labels with one feature ({name})"
    yield Check(told, worst, _ONE_FEATURE, at_least=False)
    highest = max(each.validation.r2 for each in compared)
    yield Check("R2 on rows that were held out", highest, _ALL_BUT_KNOWN, at_least=False)


def _strange_columns(ground: Ground, table: Path, data: Path) -> float | None:
    """Return how many columns that models learned from are not the table's feature of their place.

    None where the training data cannot be read.
    """
    try:
        with np.load(data, allow_pickle=False) as kept:
            learned = kept["features"]
    except (OSError, ValueError, KeyError):
        return None
    if learned.shape != (len(ground.rows), len(FEATURES)):
        return float(max(learned.shape[-1], 1))
    columns = pq.read_table(table, columns=list(FEATURES))
    return float(
        sum(
            not np.array_equal(np.asarray(columns[name], np.float64)[ground.rows], column)
            for name, column in zip(FEATURES, learned.T, strict=True)
        )
    )


def _draws_beyond(ground: Ground, table: Path, files: RunFiles) -> float | None:
    """Return how many draws features were made from that are not the sieve slice's.

    None where the table does not say that it comes from the run's training history as it is now.
    """
    try:
        told = json.loads((pq.read_schema(table).metadata or {}).get(b"inputs", b"{}"))
        if told.get(files.train_history.name) != file_digest(files.train_history):
            return None
        seen = load(files.train_history, modulus=ground.evidence.modulus).values
    except (OSError, ValueError, DrawsError):
        return None
    sieve = ground.slices.sieve
    known = ground.evidence.draws[sieve.start : sieve.stop]
    common = min(len(seen), len(known))
    return float(len(seen) - np.count_nonzero(seen[:common] == known[:common]))


def strongest_feature(ground: Ground) -> tuple[str, float]:
    """Return the feature that ranks the labels most alike, either way round, and how much."""
    found = [abs(spearman(column, ground.labels)) for column in ground.features.T]
    place = int(np.argmax(found))
    return FEATURES[place], found[place]
