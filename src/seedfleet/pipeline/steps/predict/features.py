"""Features of the survivors that a model is to rank: read where they stand, else computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from seedfleet.pipeline.steps.predict.options import PredictError
from seedfleet.pipeline.steps.score.scored_table import (
    ScoredDraws,
    ScoredTableError,
    score_table,
    told_settings,
)
from seedfleet.scoring import FEATURES, ScoringSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from seedfleet.models.sidecar import Sidecar
    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["FeatureSource"]


@dataclass(frozen=True, eq=False)
class FeatureSource:
    """Where the features of a table of survivors come from.

    Attributes
    ----------
    path
        The table's file; None where there is none.
    evidence
        Of the survivors.
    progress
        Called with a label and a share.
    """

    path: Path | None
    evidence: SurvivorEvidence
    progress: Callable[[str, float], None]

    def columns(self, sidecar: Sidecar) -> NDArray[np.float64]:
        """Return the features that a model takes, of all survivors: float64, shape (n, n_names).

        They are of the sieve slice of its training alone, however many draws have come since, and
        made with the settings of its training: columns of a table that tells others do not count.

        Raises
        ------
        PredictError
            There is no feature of such a name, the sidecar tells no settings, or the survivors
            cannot be scored.
        """
        names = sidecar.features
        unknown = [name for name in names if name not in FEATURES]
        if unknown:
            raise PredictError(
                [f"the model takes {name!r}, which is no feature" for name in unknown]
            )
        settings = sidecar.lineage.get("scorer_settings")
        if not isinstance(settings, dict):
            raise PredictError(
                ["the sidecar's lineage does not tell the settings that its features are made with"]
            )
        table = self._read(names, settings)
        if table is None:
            table = self._scored(sidecar.slices["sieve"], settings)
        return np.column_stack([np.asarray(table[name], np.float64) for name in names])

    def _read(self, names: Sequence[str], settings: dict[str, Any]) -> pa.Table | None:
        if self.path is None or self.path.suffix != ".parquet":
            return None
        if told_settings(self.path) != settings:
            return None
        if not set(names) <= set(pq.read_schema(self.path).names):
            return None
        return pq.read_table(self.path, columns=list(names))

    def _scored(self, sieve: Sequence[int], settings: dict[str, Any]) -> pa.Table:
        evidence = self.evidence
        draws = evidence.draws[slice(*sieve)]
        try:
            return score_table(
                evidence.table,
                ScoredDraws(draws, evidence.modulus, evidence.division),
                ScoringSettings.from_document(settings),
                progress=lambda share: self.progress("features", share),
            )
        except (SettingsError, ScoredTableError) as error:
            raise PredictError(error.problems) from error
