"""What a run was asked, kept in its folder, so that each step can run alone and a run can go on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from seedfleet.digests import file_digest
from seedfleet.draws import DrawsError, History, load
from seedfleet.errors import ProblemsError, unreadable_text
from seedfleet.pipeline.job_places import place_options
from seedfleet.pipeline.run_context import RunContext
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.run_files import RunFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet import RunOptions

__all__ = ["Request", "RequestError", "begin_folder", "job_options", "open_run", "write_request"]

_FORMAT = "seedfleet.trace-request/1"
_TOLD = ("name", "source", "sha256", "modulus", "modulus_inferred", "notes")
_TUPLES = ("generators", "sessions", "steps", "variable_skip")


class RequestError(ProblemsError):
    """A folder is no run that steps could work on."""


@dataclass(frozen=True)
class Request:
    """What a run was asked, as far as steps other than the one that is told have to know it.

    Attributes
    ----------
    context
        The run's name and command.
    generators
        Names of searches, presets or generators; empty for those of the catalogue that fit.
    seeds
        ``N`` for so many of each generator's canonical seeds, from the first on, or ``A..B`` for
        first and last; None for the window optimizer's own choice.
    sessions
        Those to look at; empty for the window optimizer's choice.
    steps
        Numbers of the steps that are to run.
    variable_skip
        Least and most outputs dropped before each draw, where that is known to vary.
    trials
        Of each optimizer; None for its own default.
    look_s
        Seconds for step 1's first look at the generators; None for its own default.
    jobs
        Whether trials of the optimizers run as jobs of the fleet; None where that pays.
    model_type
        None for a comparison of those that are installed.
    predictions
        Coming draws to predict, at least 1.
    recover_budget_s
        Seconds for step 0.
    run_seed
        From which all that is drawn by lot follows.
    cluster
        The cluster file, an absolute path; None for this machine.
    engine, engine_options
        Where jobs run, as `seedfleet.fleet.RunOptions` names it; None for the engine that the
        cluster file needs.
    """

    context: RunContext
    generators: tuple[str, ...] = ()
    seeds: str | None = None
    sessions: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    variable_skip: tuple[int, int] | None = None
    trials: int | None = None
    look_s: float | None = None
    jobs: bool | None = None
    model_type: str | None = None
    predictions: int = 1
    recover_budget_s: float = 15.0
    run_seed: int = 0
    cluster: str | None = None
    engine: str | None = None
    engine_options: Mapping[str, str] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Return the request as its file holds it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a request."""
        told = document["context"]
        context = RunContext(**{**told, "command": tuple(told["command"])})
        tuples = {name: tuple(document[name]) for name in _TUPLES if document.get(name) is not None}
        return cls(**{**document, **tuples, "context": context})


def begin_folder(
    files: RunFiles,
    history: History,
    request: Request,
    beside: Mapping[Path, Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Write the history and the request of a run into its folder, which is made if need be.

    The request is written last: a folder that has one has all the rest too. A new folder that
    cannot be begun, or whose beginning is interrupted, is taken back.

    Parameters
    ----------
    beside
        Other documents, by their paths in the folder.
    """
    is_new = not files.folder.exists()
    try:
        write_history(files.history, history, range(len(history)))
        for path, document in beside.items():
            write_json(path, document)
        write_request(files, history, request)
    except BaseException:
        if is_new:
            shutil.rmtree(files.folder, ignore_errors=True)
        raise


def write_request(files: RunFiles, history: History, request: Request) -> None:
    """Write what a run is asked; its history is there already."""
    told = {name: getattr(history, name) for name in _TOLD}
    digest = {"file_sha256": file_digest(files.history), "draws": len(history)}
    document = {"format": _FORMAT, "history": told | digest, "request": request.to_document()}
    write_json(files.request, document)


def open_run(folder: Path) -> tuple[History, Request]:
    """Return the whole cleaned history of a run, and what the run was asked.

    A folder in which the window optimizer was started by its established name holds no request;
    its configuration and its history are enough then.

    Raises
    ------
    RequestError
        It is no folder of a run, or its history was changed since the run began.
    """
    files = RunFiles(folder)
    if not folder.is_dir():
        raise RequestError([f"{folder}: there is no such folder"])
    if not files.request.exists():
        return _by_hand(files)
    try:
        document = json.loads(files.request.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise RequestError([f"{files.request}: {document['format']!r} is not {_FORMAT!r}"])
        told, request = document["history"], Request.from_document(document["request"])
        history = _history(files.history, told["modulus"])
        changed = file_digest(files.history) != told["file_sha256"]
        kept = {**{name: told[name] for name in _TOLD}, "notes": tuple(told["notes"])}
    except (OSError, KeyError, TypeError, ValueError) as error:
        told = f"{files.request}: what the run was asked cannot be read: {unreadable_text(error)}"
        raise RequestError([f"{told}; begin a new run, or put the file back"]) from error
    if changed:
        raise RequestError([f"{files.history} was changed since the run began"])
    return dataclasses.replace(history, **kept), request


def _by_hand(files: RunFiles) -> tuple[History, Request]:
    missing = [path for path in (files.window_config, files.history) if not path.exists()]
    if missing:
        raise RequestError(
            [f"{files.folder} is no folder of a run: neither {files.request.name} is there"]
            + [f"nor {path.name}" for path in missing]
        )
    try:
        config = json.loads(files.window_config.read_text(encoding="utf-8"))
        history = _history(files.history, config["modulus"])
        run_id = str(config["run_id"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        told = f"{files.window_config}: cannot be read: {unreadable_text(error)}"
        raise RequestError([told]) from error
    context = RunContext(run_id=run_id, command=(), started_utc="", folder=str(files.folder))
    return history, Request(context)


def _history(path: Path, modulus: int) -> History:
    try:
        return load(path, modulus=modulus)
    except DrawsError as error:
        raise RequestError([error.summary, *error.problems]) from error


def job_options(request: Request) -> RunOptions:
    """Say where the jobs of a run's steps run.

    Raises
    ------
    BadInputError
        The cluster file or the engine cannot be used; the error lists every problem.
    """
    cluster = None if request.cluster is None else Path(request.cluster)
    return place_options(cluster, request.engine, request.engine_options)
