"""By which weights survivors speak: the published prior, or what an accepted model made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.models.sidecar import Sidecar, SidecarError
from seedfleet.pipeline.steps.context_record import Decision, file_digest
from seedfleet.pipeline.steps.predict.options import PredictError
from seedfleet.pipeline.steps.workflow.standing import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["Ranking", "Trained", "find_trained", "lineage_problems", "rank"]

_STOPPED = "step 5 stopped, so that the survivors are ranked by their likelihood"


@dataclass(frozen=True)
class Trained:
    """What step 5 left.

    Attributes
    ----------
    sidecar
        Of the model; None where step 5 has said that there is none.
    reason
        Why there is none.
    """

    sidecar: Sidecar | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Prior weights of survivors, and where they come from.

    Attributes
    ----------
    log2_weights
        float64 array, shape (n,).
    model_type
        Of the model that tilted them; None for the likelihood ranking.
    reason
        Why it is this ranking, in a sentence.
    """

    log2_weights: NDArray[np.float64]
    model_type: str | None
    reason: str


def find_trained(files: RunFiles) -> Trained:
    """Return what step 5 left in the folder of a run.

    That there is no model has to be said by step 5's own record; a file that is merely missing is
    no word.

    Raises
    ------
    PredictError
        The sidecar is missing without a word, damaged, or not that of its checkpoint or history;
        the error lists everything.
    """
    trained = standing(files, "train")
    if trained.decision is Decision.STOP and trained.record is not None:
        return Trained(None, "; ".join([_STOPPED, *trained.record.remarks]))
    if not files.sidecar.exists():
        missing = f"{files.sidecar}: there is no such file, and no word of step 5 that it stopped"
        raise PredictError([missing])
    try:
        sidecar = Sidecar.read(files.sidecar)
    except SidecarError as error:
        raise PredictError(error.problems) from error
    if trained.record is not None and trained.decision is None:
        raise PredictError(
            [f"{files.sidecar}: step 5's word of it does not count: {trained.reason}"]
        )
    return Trained(sidecar)


def lineage_problems(sidecar: Sidecar, path: Path, used: Sequence[tuple[str, Path]]) -> list[str]:
    """Say which files are not those that a model was trained on.

    Parameters
    ----------
    path
        Of the sidecar.
    used
        What the lineage calls a file, and where it stands.
    """
    problems = []
    for name, file in used:
        told: Any = sidecar.lineage.get(name)
        digest = told.get("sha256") if isinstance(told, dict) else None
        if digest is None:
            problems.append(f"{path}: its lineage does not tell the digest of the {name}")
        elif digest != file_digest(file):
            problems.append(f"{file}: is not the {name} that the model of {path} was trained on")
    return problems


def rank(
    evidence: SurvivorEvidence,
    trained: Trained,
    models: Path,
    features: Callable[[Sequence[str], Mapping[str, Sequence[int]]], NDArray[np.float64]],
) -> Ranking:
    """Return the weights by which survivors speak.

    Parameters
    ----------
    models
        The folder of the checkpoint.
    features
        Gives the columns of these names for all survivors, by the slices of the training; called
        only where a model is used.

    Raises
    ------
    PredictError
        An accepted model cannot be read.
    """
    sidecar = trained.sidecar
    if sidecar is None:
        return Ranking(evidence.log2_prior, None, trained.reason)
    if not sidecar.accepted:
        told = sidecar.gate.get("reason") or "it gained nothing"
        return Ranking(evidence.log2_prior, None, f"the gate did not accept the model: {told}")
    try:
        model = sidecar.load_model(models)
    except SidecarError as error:
        raise PredictError(error.problems) from error
    predicted = model.predict(features(sidecar.features, sidecar.slices))
    weights = sidecar.tilt.log2_weights(evidence.log2_prior, predicted)
    return Ranking(weights, sidecar.model_type, f"the gate accepted the model {sidecar.model_type}")
