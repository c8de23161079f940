"""What is said of a checkpoint beside it, so that nobody uses it for what it was not made for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from seedfleet.digests import file_digest
from seedfleet.errors import ProblemsError
from seedfleet.models.base import Model, ModelError
from seedfleet.models.tilt import Tilt
from seedfleet.models.types import MODEL_TYPES, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["SIDECAR_FORMAT", "Sidecar", "SidecarError", "digest_of_names"]

SIDECAR_FORMAT = "seedfleet.model/1"


class SidecarError(ProblemsError):
    """A sidecar that is missing, damaged, or speaks of something else."""


def digest_of_names(names: Sequence[str]) -> str:
    """Return the SHA-256 of features' names in their order, 64 hexadecimal digits."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


@dataclass(frozen=True)
class Sidecar:
    """One checkpoint, and how far it can be trusted.

    Attributes
    ----------
    model_type
        One of `MODEL_TYPES`; whoever reads the checkpoint takes the type from here alone.
    checkpoint, checkpoint_sha256
        Its file's name, in the sidecar's own folder, and its digest.
    out_of_fold, out_of_fold_sha256
        The file, in the same folder, of what was said of each survivor by a model that did not
        know it, and its digest: what the gate judged.
    features
        Names of the columns that the model takes, in order.
    dropped
        Those of them that were constant when it was fitted, and take no part.
    label
        What it predicts, in words.
    slices
        First draw and the one after the last, by slice (`seedfleet.draws.Slices`).
    metrics
        By part (`train`, `validation`, `test`): each figure with its value and that by chance.
    gate
        What `gate.GateResult` says, with `accepted` and `reason`.
    checks
        What step 5 looked for that a model must not have seen: each with `name` and whether it
        `holds`.
    tilt
        How its predictions change the survivors' weights; used only where the gate accepted.
    settings
        Of the model.
    comparison
        The same figures for every type that was compared, best first.
    lineage
        What it was made from: run, history, survivors, scorer configuration, with digests.
    run_id, parent_run_id
        The run that made it, and the one whose outputs that took in.
    versions
        What ran.
    feature_hash
        `digest_of_names(features)`.
    """

    model_type: str
    checkpoint: str
    checkpoint_sha256: str
    out_of_fold: str
    out_of_fold_sha256: str
    features: tuple[str, ...]
    dropped: tuple[str, ...]
    label: str
    slices: Mapping[str, Sequence[int]]
    metrics: Mapping[str, Any]
    gate: Mapping[str, Any]
    checks: Sequence[Mapping[str, Any]]
    tilt: Tilt
    settings: Mapping[str, Any]
    lineage: Mapping[str, Any]
    run_id: str
    parent_run_id: str | None
    versions: Mapping[str, str]
    comparison: Sequence[Mapping[str, Any]] = ()
    feature_hash: str = field(default="")

    def __post_init__(self) -> None:
        """Work out the hash of the features where it is not given."""
        if not self.feature_hash:
            object.__setattr__(self, "feature_hash", digest_of_names(self.features))

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that do not hold."""
        return tuple(str(check["name"]) for check in self.checks if check["holds"] is not True)

    @property
    def accepted(self) -> bool:
        """Whether the model is to be used: the gate let it in, and every check holds."""
        return self.gate.get("accepted") is True and not self.failed

    def to_document(self) -> dict[str, Any]:
        """Return it as its file holds it."""
        return {"format": SIDECAR_FORMAT, **dataclasses.asdict(self)}

    def write(self, path: Path) -> None:
        """Write it whole or not at all."""
        partial = path.with_name(f".{path.name}.partial")
        text = json.dumps(self.to_document(), ensure_ascii=False, allow_nan=False, indent=2)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a sidecar, and hold it against itself and its checkpoint.

        Raises
        ------
        SidecarError
            There is none, it is damaged, its hash is not that of its features, or the checkpoint
            is not the one it speaks of; the error lists everything.
        """
        document = _document(path)
        fields = {each.name: each for each in dataclasses.fields(cls)}
        problems = [f"{path}: {name} is missing" for name in fields if name not in document]
        problems += [
            f"{path}: {name} is {type(document[name]).__name__}, not {kind.__name__}"
            for name, kind in _KINDS.items()
            if name in document and not isinstance(document[name], kind)
        ]
        if problems:
            raise SidecarError(problems)
        problems = [*_tilt_problems(path, document["tilt"]), *_problems(path, document)]
        if problems:
            raise SidecarError(problems)
        told = {name: document[name] for name in fields}
        told["tilt"] = Tilt(**document["tilt"])
        told["features"], told["dropped"] = tuple(told["features"]), tuple(told["dropped"])
        return cls(**told)

    def load_model(self, folder: Path) -> Model:
        """Read the checkpoint beside the sidecar, in its folder.

        Raises
        ------
        SidecarError
            It is none of the type, has other columns, or the type's library is missing.
        """
        path = folder / self.checkpoint
        try:
            model = load(self.model_type, path)
        except (OSError, ModelError) as error:
            raise SidecarError([str(error)]) from error
        if model.n_columns != len(self.features):
            raise SidecarError(
                [f"{path}: takes {model.n_columns} features, not {len(self.features)}"]
            )
        return model


_KINDS: Mapping[str, type] = {
    "model_type": str,
    "checkpoint": str,
    "checkpoint_sha256": str,
    "out_of_fold": str,
    "out_of_fold_sha256": str,
    "features": list,
    "dropped": list,
    "label": str,
    "slices": dict,
    "metrics": dict,
    "gate": dict,
    "checks": list,
    "tilt": dict,
    "settings": dict,
    "lineage": dict,
    "run_id": str,
    "versions": dict,
    "comparison": list,
    "feature_hash": str,
}


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SidecarError([f"{path}: cannot be read: {error}"]) from error
    if not isinstance(document, dict) or document.get("format") != SIDECAR_FORMAT:
        raise SidecarError([f"{path}: format is not {SIDECAR_FORMAT!r}"])
    return document


def _tilt_problems(path: Path, tilt: dict[str, Any]) -> list[str]:
    names = [each.name for each in dataclasses.fields(Tilt)]
    if sorted(tilt) != sorted(names) or not all(
        isinstance(value, int | float) for value in tilt.values()
    ):
        return [f"{path}: tilt is not three numbers: {', '.join(names)}"]
    return []


def _problems(path: Path, document: dict[str, Any]) -> list[str]:
    problems = []
    if document["model_type"] not in MODEL_TYPES:
        problems.append(
            f"{path}: model_type {document['model_type']!r} is none of {', '.join(MODEL_TYPES)}"
        )
    if not all(isinstance(name, str) for name in document["features"]):
        problems.append(f"{path}: features are not names")
    elif document["feature_hash"] != digest_of_names(document["features"]):
        problems.append(f"{path}: feature_hash is not that of its features")
    if not isinstance(document["gate"].get("accepted"), bool):
        problems.append(f"{path}: gate.accepted is neither true nor false")
    if not document["checks"] or not all(map(_is_check, document["checks"])):
        problems.append(f"{path}: checks does not say of any check whether it holds")
    for part, noun in (("checkpoint", "checkpoint"), ("out_of_fold", "file of predictions")):
        problems += _file_problems(path, part, document[part], noun, document[f"{part}_sha256"])
    return problems


def _is_check(told: Any) -> bool:
    return (
        isinstance(told, dict)
        and isinstance(told.get("name"), str)
        and isinstance(told.get("holds"), bool)
    )


def _file_problems(path: Path, part: str, name: str, noun: str, wanted: str) -> list[str]:
    """Say what is wrong with a file that stands beside the sidecar."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        return [f"{path}: {part} {name!r} is no file's name"]
    file = path.with_name(name)
    try:
        found = file_digest(file)
    except OSError as error:
        return [f"{file}: cannot be read: {error.strerror}"]
    if found != wanted:
        return [f"{file}: is not the {noun} that the sidecar speaks of"]
    return []
