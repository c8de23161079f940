"""What models learn from: features of the sieve slice, labels of the tune slice, folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from seedfleet.draws.slices import Slices
from seedfleet.models.folds import grouped_folds
from seedfleet.models.training_data import TrainingData
from seedfleet.pipeline.steps.learnable import fitted_beyond, scored_survivors
from seedfleet.pipeline.steps.stream_groups import stream_groups
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError
from seedfleet.pipeline.steps.survivor_table import LEAST_STREAMS
from seedfleet.pipeline.steps.train.label_spread import LabelSpread
from seedfleet.pipeline.steps.train.options import TrainingRefusedError
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.draws import History

__all__ = ["LABEL", "Ground", "lay_ground"]

LABEL = (
    "hits a draw on the tune slice; where any survivor's skip varies, bits earned a draw there, "
    "over all noise rates"
)


@dataclass(frozen=True, eq=False)
class Ground:
    """Survivors with all that the step needs to know of them.

    Attributes
    ----------
    evidence
        Of the whole table.
    slices
        Of the draws of its sessions.
    rows
        int64 array, shape (n,): the rows of the table that take part; of equal streams one.
    fitted
        How many rows were left out since they were fitted to later draws than the sieve slice's.
    features
        float64 array, shape (n, 62), in the order of `FEATURES`.
    labels
        float64 array, shape (n,).
    groups
        int64 array, shape (n,): rows that stay together.
    spread
        How much the labels differ.
    """

    evidence: SurvivorEvidence
    slices: Slices
    rows: NDArray[np.int64]
    fitted: int
    features: NDArray[np.float64]
    labels: NDArray[np.float64]
    groups: NDArray[np.int64]
    spread: LabelSpread | None

    def share(self) -> dict[str, int]:
        """Return how many rows take part, and how many are left out, by the reason."""
        count = len(self.evidence.table)
        return {
            "rows": len(self.rows),
            "left_out_as_fitted_by_step_0": self.fitted,
            "left_out_as_equal_streams": count - len(self.rows) - self.fitted,
        }

    def training_data(self, folds: int, seed: int) -> TrainingData:
        """Return the arrays that jobs read.

        Raises
        ------
        TrainingRefusedError
            The survivors make fewer groups than folds.
        """
        try:
            dealt = grouped_folds(self.groups, folds, seed=seed)
        except ValueError as error:
            raise TrainingRefusedError([str(error)]) from error
        return TrainingData(self.features, self.labels, dealt)


def lay_ground(
    path: Path, history: History, recovery: Path, progress: Callable[[str, float], None]
) -> Ground:
    """Read a table of survivors with features, and label them.

    Parameters
    ----------
    recovery
        Step 0's answer, if there is such a file: what it fitted takes no part.

    Raises
    ------
    SurvivorFileError
        There is no such table, or it lacks features.
    TrainingRefusedError
        Nothing can be learned from the labels; the error says why.
    """
    table = scored_survivors(path)
    if not len(table):
        raise TrainingRefusedError(["there are no survivors"])
    evidence = SurvivorEvidence.of(table, history, progress=progress)
    slices = Slices.of(len(evidence.draws))
    fitted = fitted_beyond(table, history, recovery)
    rows = np.flatnonzero(np.isfinite(evidence.log2_prior) & ~fitted)
    columns = pq.read_table(path, columns=list(FEATURES))
    features = np.column_stack([np.asarray(columns[name], np.float64)[rows] for name in FEATURES])
    broken = np.flatnonzero(~np.isfinite(features).all(axis=0))
    if len(broken):
        wrong = [FEATURES[place] for place in broken.tolist()]
        raise SurvivorFileError(path, [f"feature {name!r} is not finite" for name in wrong])
    labels = evidence.labels(slices.tune)[rows]
    spread = _spread(evidence, slices, rows)
    _refuse_degenerate(labels, spread, slices)
    groups = stream_groups(table.take(rows), history.modulus)
    left_out = int(np.count_nonzero(fitted))
    return Ground(evidence, slices, rows, left_out, features, labels, groups, spread)


def _refuse_degenerate(
    labels: NDArray[np.float64], spread: LabelSpread | None, slices: Slices
) -> None:
    problems = []
    if len(labels) < LEAST_STREAMS:
        problems.append(
            f"{len(labels)} survivors of different streams are too few to learn from: "
            f"at least {LEAST_STREAMS} are needed"
        )
    told = f"of the {len(slices.tune)} draws of the tune slice"
    if not len(labels):
        problems.append("all of them were fitted to the draws that labels are of")
    elif np.ptp(labels) == 0:
        problems.append(f"all survivors have the same label, {labels[0]:.6g}, {told}")
    elif np.unique(labels, return_counts=True)[1].max() == len(labels) - 1:
        problems.append(f"one stream stands out {told}; nothing to learn from the others")
    elif spread is not None and spread.is_chance:
        problems.append(
            f"the labels {told} differ no more than by chance: their variance is "
            f"{spread.dispersion:.3f} of it, where more than {spread.limit:.3f} is needed, and the "
            f"best of them is matched by chance with p = {spread.best_p:.2g}"
        )
    if problems:
        raise TrainingRefusedError(problems)


def _spread(
    evidence: SurvivorEvidence, slices: Slices, rows: NDArray[np.int64]
) -> LabelSpread | None:
    """Return how much labels differ; None where skips vary, whose labels have no unit of chance."""
    told = evidence.told_of(slices.tune)[rows]
    hits = evidence.hits(slices.tune)[rows]
    plain = len(rows) > 1 and told.all() and not evidence.variable[rows].any()
    if not plain or not 0 < hits.sum() < told.sum():
        return None
    return LabelSpread.of(hits, told)
