"""What a training leaves behind: the checkpoint, its sidecar, and what was said of each row."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.models import MODEL_TYPES
from seedfleet.models.sidecar import Sidecar
from seedfleet.models.tilt import Tilt
from seedfleet.models.types import model_suffix
from seedfleet.pipeline.document_parts import versions_part
from seedfleet.pipeline.steps.out_of_fold import write_out_of_fold
from seedfleet.pipeline.steps.score.scored_table import told_settings
from seedfleet.pipeline.steps.train.ground import LABEL, Ground
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.models.gate import GateResult
    from seedfleet.pipeline.steps.context_record import Check
    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.train.comparison import Compared

__all__ = ["Finding"]

_OUT_OF_FOLD: Final = "out_of_fold.parquet"


@dataclass(frozen=True, eq=False)
class Finding:
    """The outcome of a training.

    Attributes
    ----------
    ground
        What was learned from.
    compared, chosen
        All types, and the one that the checkpoint is of.
    result
        What the gate said.
    table
        Where the features came from.
    checks
        What was looked for that a model must not have seen.
    """

    ground: Ground
    compared: Sequence[Compared]
    chosen: Compared
    result: GateResult
    table: Path
    checks: Sequence[Check]

    def write(self, history: History, run: StepRun) -> list[Path]:
        """Write the files, the sidecar last, and return their paths."""
        models = run.files.models
        for model_type in MODEL_TYPES:
            (models / f"best_model{model_suffix(model_type)}").unlink(missing_ok=True)
        checkpoint = models / self._checkpoint
        shutil.copyfile(self.chosen.candidate.checkpoint, checkpoint)
        predicted = models / _OUT_OF_FOLD
        columns = {"label": self.ground.labels}
        columns |= {each.candidate.model_type: each.candidate.predicted for each in self.compared}
        lineage = {"run_id": run.context.run_id}
        table = self.ground.evidence.table
        write_out_of_fold(predicted, table, self.ground.rows, columns, lineage)
        self._sidecar(self._lineage(history, run), run).write(run.files.sidecar)
        return [checkpoint, predicted, run.files.sidecar]

    @property
    def _checkpoint(self) -> str:
        return f"best_model{model_suffix(self.chosen.candidate.model_type)}"

    def _sidecar(self, lineage: dict[str, Any], run: StepRun) -> Sidecar:
        candidate = self.chosen.candidate
        constant = np.ptp(self.ground.features, axis=0) == 0
        ranked = sorted(self.compared, key=lambda each: each is not self.chosen)
        return Sidecar(
            model_type=candidate.model_type,
            checkpoint=self._checkpoint,
            checkpoint_sha256=file_digest(candidate.checkpoint),
            out_of_fold=_OUT_OF_FOLD,
            out_of_fold_sha256=file_digest(run.files.models / _OUT_OF_FOLD),
            features=FEATURES,
            dropped=tuple(FEATURES[place] for place in np.flatnonzero(constant).tolist()),
            label=LABEL,
            slices=self.ground.slices.to_document(),
            metrics=self.chosen.metrics(),
            gate=_gate_part(self.result),
            checks=[check.to_document() for check in self.checks],
            tilt=Tilt.of(self.result.tau, candidate.predicted),
            settings=dict(candidate.settings),
            comparison=[each.to_document() for each in ranked],
            lineage=lineage,
            run_id=run.context.run_id,
            parent_run_id=run.parent_run_id,
            versions={**versions_part(), **candidate.library},
        )

    def _lineage(self, history: History, run: StepRun) -> dict[str, Any]:
        files = run.files
        scorer = files.scorer_config
        return {
            "run_id": run.context.run_id,
            "parent_run_id": run.parent_run_id,
            "history": {
                **_file_part(files.history),
                "modulus": history.modulus,
                "sessions": list(self.ground.evidence.table.sessions),
            },
            "survivors": {**_file_part(self.table), "learned_from": self.ground.share()},
            "scorer_settings": told_settings(self.table),
            "scorer_config": _file_part(scorer) if scorer.exists() else None,
        }


def _file_part(path: Path) -> dict[str, str]:
    return {"path": str(path.resolve()), "sha256": file_digest(path)}


def _gate_part(result: GateResult) -> dict[str, Any]:
    return {
        "accepted": result.accepted,
        "reason": result.reason,
        "bits": result.bits,
        "chance_bits": result.chance_bits,
        "tune_bits": result.tune_bits,
        "p_value": result.p_value,
        "permutations": result.permutations,
        "openings": result.openings,
        "p_limit": result.p_limit,
        "tau": result.tau,
    }
