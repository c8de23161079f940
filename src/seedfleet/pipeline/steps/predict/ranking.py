"""By which weights survivors speak: the published prior, or what an accepted model made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.draws import DrawsError, load
from seedfleet.models.sidecar import Sidecar, SidecarError
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.out_of_fold import read_out_of_fold
from seedfleet.pipeline.steps.predict.options import PredictError
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.predict.options import PredictOptions
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["Ranking", "Trained", "find_trained", "rank", "refuse_strangers", "trained_on"]

_STOPPED = "step 5 stopped, so that the survivors are ranked by their likelihood"


@dataclass(frozen=True)
class Trained:
    """What step 5 left.

    Attributes
    ----------
    sidecar
        Of the model; None where step 5 has said that there is none.
    path
        Of the sidecar.
    reason
        Why there is none.
    """

    sidecar: Sidecar | None
    path: Path | None = None
    reason: str = ""

    def learned_from(self, file: Path) -> bool:
        """Tell whether there is a model, and a file is the table of survivors it was trained on."""
        return self.sidecar is not None and _same_file(self.sidecar, "survivors", file)


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


def find_trained(files: RunFiles, options: PredictOptions) -> Trained:
    """Return what step 5 left: in the folder of a run, or in that of models which is named.

    That a run has no model has to be said by step 5's own record; a file that is merely missing is
    no word.

    Raises
    ------
    PredictError
        The sidecar is missing without a word, damaged, or not that of its checkpoint; the error
        lists everything.
    """
    if options.without_model:
        return Trained(None, reason="no model was asked for")
    if options.models is not None:
        return _read(options.models / files.sidecar.name)
    word = standing(files, "train")
    if word.decision is Decision.STOP and word.record is not None:
        return Trained(None, reason="; ".join([_STOPPED, *word.record.remarks]))
    trained = _read(files.sidecar)
    if word.record is not None and word.decision is None:
        raise PredictError([f"{files.sidecar}: step 5's word does not count: {word.reason}"])
    return trained


def _read(path: Path) -> Trained:
    if not path.exists():
        missing = (
            f"{path}: there is no such file, and no word of step 5 that it stopped; train a model, "
            "or ask for a ranking by likelihood with --without-model"
        )
        raise PredictError([missing])
    try:
        return Trained(Sidecar.read(path), path)
    except SidecarError as error:
        raise PredictError(error.problems) from error


def trained_on(models: Path) -> tuple[History, Path]:
    """Return the history that the model of a folder was trained on, and its file.

    Raises
    ------
    PredictError
        The sidecar is missing or damaged, or the history is not there or not the same any more;
        the error lists everything.
    """
    path = models / "best_model.meta.json"
    trained = _read(path)
    if trained.sidecar is None:
        raise PredictError([trained.reason])
    history = _training_history(trained.sidecar, path)
    return history, Path(history.source)


def _training_history(sidecar: Sidecar, path: Path) -> History:
    told: Any = sidecar.lineage.get("history")
    try:
        place, digest, modulus = Path(told["path"]), told["sha256"], told["modulus"]
    except (KeyError, TypeError) as error:
        raise PredictError([f"{path}: its lineage tells no history: {error!r}"]) from error
    try:
        if file_digest(place) != digest:
            raise PredictError([f"{place}: is not the history that the model was trained on"])
        return load(place, modulus=modulus)
    except OSError as error:
        raise PredictError([f"{place}: cannot be read: {error.strerror}"]) from error
    except DrawsError as error:
        raise PredictError([error.summary, *error.problems]) from error


def refuse_strangers(
    trained: Trained, history: tuple[History, Path], survivors: Path | None
) -> None:
    """Refuse a model that was trained on something else.

    Parameters
    ----------
    history
        And its file; it may go on from the history of the training.
    survivors
        Those that were trained on, where no others are asked for.

    Raises
    ------
    PredictError
        Lists everything that differs.
    """
    sidecar, path = trained.sidecar, trained.path
    if sidecar is None or path is None:
        return
    problems: list[str] = []
    try:
        if not _same_file(sidecar, "history", history[1]):
            problems += _strange_draws(_training_history(sidecar, path), *history)
    except PredictError as error:
        problems += error.problems
    if survivors is not None and not trained.learned_from(survivors):
        problems.append(f"{survivors}: are not the survivors that the model was trained on")
    if problems:
        raise PredictError(problems)


def _same_file(sidecar: Sidecar, name: str, file: Path) -> bool:
    told: Any = sidecar.lineage.get(name)
    return isinstance(told, dict) and file.exists() and told.get("sha256") == file_digest(file)


def _strange_draws(trained: History, history: History, path: Path) -> list[str]:
    count = len(trained)
    same = (
        history.modulus == trained.modulus
        and len(history) >= count
        and bool((history.values[:count] == trained.values).all())
    )
    if same:
        return []
    return [f"{path}: does not go on from the {count} draws that the model was trained on"]


def rank(
    evidence: SurvivorEvidence,
    trained: Trained,
    features: Callable[[Sidecar], NDArray[np.float64]],
) -> Ranking:
    """Return the weights by which survivors speak.

    Survivors of the training are tilted by what models without their own labels said of them,
    which is what the gate judged; the model of all rows speaks of others alone. Those that took no
    part in the training keep their weights.

    Parameters
    ----------
    features
        Gives the columns that a model takes for all survivors, as at its training; called only
        where a model is used and there are others than those of the training.

    Raises
    ------
    PredictError
        An accepted model cannot be read.
    """
    sidecar = trained.sidecar
    if sidecar is None or trained.path is None:
        return Ranking(evidence.log2_prior, None, trained.reason)
    if sidecar.failed:
        told = "; ".join(sidecar.failed)
        reason = f"step 5 stopped, since these checks of the model do not hold: {told}"
        return Ranking(evidence.log2_prior, None, reason)
    if not sidecar.accepted:
        told = sidecar.gate.get("reason") or "it gained nothing"
        return Ranking(evidence.log2_prior, None, f"the gate did not accept the model: {told}")
    try:
        known, predicted = read_out_of_fold(
            trained.path.with_name(sidecar.out_of_fold), sidecar.model_type, evidence.table
        )
        if not known.all():
            model = sidecar.load_model(trained.path.parent)
            of_others = model.predict(features(sidecar))
            predicted = np.where(known, predicted, of_others)
    except (SidecarError, SurvivorFileError) as error:
        raise PredictError(error.problems) from error
    weights = evidence.log2_prior.copy()
    part = np.isfinite(predicted)
    weights[part] = sidecar.tilt.log2_weights(weights[part], predicted[part])
    said = f"the gate accepted the model {sidecar.model_type}, which ranks {part.sum():,} survivors"
    return Ranking(weights, sidecar.model_type, f"{said}, {_by_what(known, part)}")


def _by_what(known: NDArray[np.bool_], part: NDArray[np.bool_]) -> str:
    judged = f"{np.count_nonzero(known & part):,} as the gate judged it"
    others = int(np.count_nonzero(~known))
    return judged if not others else f"{judged} and {others:,} that it was not trained on"
