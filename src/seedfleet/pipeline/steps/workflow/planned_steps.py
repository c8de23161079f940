"""What the workflow knows of each step: what it stands on, and how it is asked.

Steps are imported when a run needs them: some need packages that others do without.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.steps.run_files import STEPS
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = [
    "PLANNED",
    "AskedStep",
    "PlannedStep",
    "asked_steps",
    "missing_steps",
    "parse_steps",
]

_NUMBERS = tuple(STEPS)
_SEEDS = 2**31  # what every library takes for a seed
_ROOM = "seedfleet.pipeline.steps"


def _window_options(request: Request) -> dict[str, Any]:
    """Return step 1's options; its bounds stand in the cluster file."""
    told = {
        "generators": request.generators or None,
        "seeds": request.seeds,
        "sessions": request.sessions or None,
        "variable_skip": request.variable_skip,
        "trials": request.trials,
        "jobs": request.jobs,
        "look_s": request.look_s,
        "run_seed": request.run_seed,
    }
    if request.cluster is None:
        return told
    bounds = importlib.import_module(f"{_ROOM}.window.bounds")
    return {**told, "bounds": bounds.read_bounds(Path(request.cluster))}


def _nothing(_: RunFiles) -> tuple[Path, ...]:
    return ()


def _beside_window(files: RunFiles) -> tuple[Path, ...]:
    """Return what established scripts read beside the choice and its table."""
    tables = [files.survivors(which) for which in ("forward", "reverse", "bidirectional")]
    listed = [path.with_suffix(".json") for path in tables]
    return (*tables, *listed, files.train_history, files.holdout_history)


@dataclass(frozen=True)
class PlannedStep:
    """One step, as the workflow sees it.

    Attributes
    ----------
    number, name
        As `STEPS` has them.
    module, noun
        The module, and what its options and its function are called after.
    asks
        Its options, by name, out of the request; those that are None keep their defaults.
    needs
        Steps that have to have proceeded.
    heeds
        Steps whose word it takes into account: they may have stopped, but not without a word.
    results
        Files by which later steps heed it.
    beside
        Files that it leaves beside its results, which mean nothing without them.
    may_refuse
        Whether a run goes on, without its results, where it finds that it cannot be done.
    """

    number: str
    name: str
    module: str
    noun: str
    asks: Callable[[Request], Mapping[str, Any]]
    needs: tuple[str, ...] = ()
    heeds: tuple[str, ...] = ()
    results: Callable[[RunFiles], tuple[Path, ...]] = field(default=_nothing)
    beside: Callable[[RunFiles], tuple[Path, ...]] = field(default=_nothing)
    may_refuse: bool = False


@dataclass(frozen=True)
class AskedStep:
    """A step with its options, ready to run.

    Attributes
    ----------
    planned
        Which step.
    options
        Its dataclass of options.
    work
        Does it: history, options and `StepRun` in, context record out.
    """

    planned: PlannedStep
    options: Any
    work: Callable[[History, Any, StepRun], ContextRecord]


PLANNED: Mapping[str, PlannedStep] = {
    step.name: step
    for step in (
        PlannedStep(
            "0",
            "recover",
            f"{_ROOM}.workflow.step_zero",
            "Recover",
            lambda request: {
                "budget_s": request.recover_budget_s,
                "generators": request.generators,
                "variable_skip": request.variable_skip,
                "predictions": request.predictions,
                "run_seed": request.run_seed,
            },
            results=lambda files: (files.recovery,),
        ),
        PlannedStep(
            "1",
            "window",
            f"{_ROOM}.window",
            "Window",
            _window_options,
            heeds=("recover",),
            results=lambda files: (files.window_config, files.survivors("bidirectional")),
            beside=_beside_window,
        ),
        PlannedStep(
            "2.5",
            "tune-scorer",
            f"{_ROOM}.tune_scorer",
            "TuneScorer",
            lambda request: {
                "trials": request.trials,
                "jobs": request.jobs,
                "seed": request.run_seed % _SEEDS,
            },
            needs=("window",),
            results=lambda files: (files.scorer_config,),
            may_refuse=True,
        ),
        PlannedStep(
            "3",
            "score",
            f"{_ROOM}.score",
            "Score",
            lambda _: {},
            needs=("window",),
            heeds=("tune-scorer",),
            results=lambda files: (files.scores,),
        ),
        PlannedStep(
            "4",
            "tune-model",
            f"{_ROOM}.tune_model",
            "TuneModel",
            lambda request: {
                "seed": request.run_seed % _SEEDS,
                "model_types": None if request.model_type is None else (request.model_type,),
            },
            needs=("score",),
            results=lambda files: (files.model_config,),
            may_refuse=True,
        ),
        PlannedStep(
            "5",
            "train",
            f"{_ROOM}.train",
            "Train",
            lambda request: {"model_type": request.model_type, "run_seed": request.run_seed},
            needs=("score",),
            heeds=("tune-model",),
            results=lambda files: (files.sidecar,),
            may_refuse=True,
        ),
        PlannedStep(
            "6",
            "predict",
            f"{_ROOM}.predict",
            "Predict",
            lambda request: {"predictions": request.predictions},
            needs=("window",),
            heeds=("score", "train"),
            results=lambda files: (files.predictions,),
        ),
    )
}


def asked_steps(request: Request, history: History) -> list[AskedStep]:
    """Return the steps of a request with their options, in the order in which they run.

    Raises
    ------
    OptionsError
        Or an error of the step's own with `problems`, where its options are out of range.
    """
    asked: list[AskedStep] = []
    problems: list[str] = []
    if PLANNED["window"].number in request.steps:
        try:
            _window_options(request)
        except OptionsError as error:  # bounds that would hide what else is wrong
            problems += error.problems
            request = replace(request, cluster=None)
    for step in PLANNED.values():
        if step.number in request.steps:
            try:
                asked.append(_asked(step, request))
                problems += _problems(asked[-1].options, history)
            except OptionsError as error:
                problems += error.problems
    if problems:
        raise OptionsError(list(dict.fromkeys(problems)))
    return asked


def _problems(options: Any, history: History) -> Sequence[str]:
    """Return what options find wrong beside a history, where they look."""
    found: Sequence[str] = options.problems(history) if hasattr(options, "problems") else ()
    return found


def _asked(step: PlannedStep, request: Request) -> AskedStep:
    module = importlib.import_module(step.module)
    told = {name: value for name, value in step.asks(request).items() if value is not None}
    options = getattr(module, f"{step.noun}Options")(**told)
    return AskedStep(step, options, getattr(module, f"run_{step.name.replace('-', '_')}"))


def missing_steps(numbers: Sequence[str]) -> list[str]:
    """Say which of these steps need one that is not among them, and that a new run has not done."""
    asked = [step for step in PLANNED.values() if step.number in numbers]
    return [
        f"step {step.number}, {step.name}, needs step {PLANNED[name].number}, {name}: ask for it "
        "too, or go on with a run that has done it: --resume RUN_ID"
        for step in asked
        for name in step.needs
        if PLANNED[name].number not in numbers
    ]


def parse_steps(text: str) -> tuple[str, ...]:
    """Read ``0-6``, ``1,3-5`` or ``2.5`` as numbers of steps, in the order in which they run.

    Raises
    ------
    ValueError
        It names no steps; the message says which there are.
    """
    chosen: set[str] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if any(end not in _NUMBERS for end in ends):
            raise ValueError(f"{part!r}: steps are {', '.join(_NUMBERS)}, such as 1-6 or 1,3-5")
        start, stop = map(_NUMBERS.index, ends)
        if start > stop:
            raise ValueError(f"{part!r}: the earlier step comes first")
        chosen.update(_NUMBERS[start : stop + 1])
    return tuple(number for number in _NUMBERS if number in chosen)
