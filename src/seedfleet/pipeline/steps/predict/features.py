"""Features of the survivors that a model is to rank: read where they stand, else computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from seedfleet.pipeline.steps.predict.options import PredictError
from seedfleet.pipeline.steps.score import ScoredTableError, read_settings, score_table
from seedfleet.scoring import FEATURES, ScoringSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.run_files import RunFiles
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
    files
        Of the run, for the settings of the features.
    progress
        Called with a label and a share.
    """

    path: Path | None
    evidence: SurvivorEvidence
    files: RunFiles
    progress: Callable[[str, float], None]

    def columns(
        self, names: Sequence[str], slices: Mapping[str, Sequence[int]]
    ) -> NDArray[np.float64]:
        """Return the features of these names, of all survivors: float64, shape (n, n_names).

        Parameters
        ----------
        names
            As a model's sidecar orders them.
        slices
            Those of the model's training: features are of its sieve slice alone, however many
            draws have come since.

        Raises
        ------
        PredictError
            There is no feature of such a name, or the survivors cannot be scored.
        """
        unknown = [name for name in names if name not in FEATURES]
        if unknown:
            raise PredictError(
                [f"the model takes {name!r}, which is no feature" for name in unknown]
            )
        table = self._read(names)
        if table is None:
            table = self._scored(slices)
        return np.column_stack([np.asarray(table[name], np.float64) for name in names])

    def _read(self, names: Sequence[str]) -> pa.Table | None:
        if self.path is None or self.path.suffix != ".parquet":
            return None
        if not set(names) <= set(pq.read_schema(self.path).names):
            return None
        return pq.read_table(self.path, columns=list(names))

    def _scored(self, slices: Mapping[str, Sequence[int]]) -> pa.Table:
        first, stop = slices["sieve"]
        draws, modulus = self.evidence.draws[first:stop], self.evidence.modulus
        config = self.files.scorer_config
        try:
            settings = (
                read_settings(config) if config.exists() else ScoringSettings.of_modulus(modulus)
            )
            return score_table(
                self.evidence.table,
                draws,
                modulus,
                settings,
                progress=lambda share: self.progress("features", share),
            )
        except (SettingsError, ScoredTableError) as error:
            raise PredictError(error.problems) from error
