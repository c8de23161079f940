"""What a run that goes on may be asked anew: nothing that steps would have to run again for."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.workflow.planned_steps import PLANNED
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.workflow.planned_steps import PlannedStep

__all__ = ["unheld_changes"]

# The run itself; how many coming draws are told, which every step that tells some says of itself;
# whether trials run as jobs, and where jobs run, but for a cluster file that bounds step 1.
_HELD_ANYHOW = frozenset({"context", "steps", "predictions", "jobs", "engine", "engine_options"})
_OPTIONS = {
    "generators": "generator",
    "sessions": "session",
    "look_s": "look",
    "run_seed": "seed",
    "recover_budget_s": "recover-budget",
}


def unheld_changes(before: Request, request: Request, files: RunFiles) -> list[str]:
    """Say which changes concern steps that have run and that are not asked to run again.

    Parameters
    ----------
    before, request
        What the run was asked, and what it is to be asked now.
    """
    done = [step for step in PLANNED.values() if _has_run(step, files)]
    left = [step for step in done if step.number not in request.steps]
    told: list[str] = []
    for field in fields(request):
        change = {field.name: getattr(request, field.name)}
        if field.name in _HELD_ANYHOW or change[field.name] == getattr(before, field.name):
            continue
        try:
            unheld = [step for step in left if _is_asked_anew(step, before, change, files)]
        except OptionsError as error:
            told += error.problems
            continue
        if unheld:
            told.append(_sentence(field.name, unheld, request))
    return told


def _has_run(step: PlannedStep, files: RunFiles) -> bool:
    word = standing(files, step.name)
    return word.record is not None and not word.declined


def _is_asked_anew(
    step: PlannedStep, before: Request, change: dict[str, object], files: RunFiles
) -> bool:
    """Tell whether a change of the request changes a step's options."""
    as_it_was = replace(before, cluster=None)  # whose file may have gone
    now = dict(step.asks(replace(as_it_was, **change)))  # type: ignore[arg-type]
    bounds = now.pop("bounds", None)
    if bounds is not None and bounds.to_document() != _bounds_of(step, files):
        return True
    return now != dict(step.asks(as_it_was))


def _bounds_of(step: PlannedStep, files: RunFiles) -> object:
    """Return within what a step has searched, as its record holds it."""
    record = standing(files, step.name).record
    return None if record is None else record.parameters.get("bounds")


def _sentence(field: str, unheld: list[PlannedStep], request: Request) -> str:
    option = _OPTIONS.get(field, field.replace("_", "-"))
    named = " and ".join(f"step {step.number}, {step.name}," for step in unheld)
    numbers = {*request.steps, *(step.number for step in unheld)}
    steps = ",".join(step.number for step in PLANNED.values() if step.number in numbers)
    has, each = ("has", "is") if len(unheld) == 1 else ("have", "are")
    another = "within other search_bounds" if field == "cluster" else "with another"
    return (
        f"--{option}: {named} {has} run {another} and {each} not to run again: ask for it with "
        f"--steps {steps}, leave --{option} out, or begin a new run"
    )
