"""The word of a step that found, or was found, to have nothing that it can be done with."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.steps.context_record import Check, ContextRecord
from seedfleet.pipeline.steps.shortage import RefusedDataError
from seedfleet.pipeline.steps.standing import DECLINED, standing
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.workflow.planned_steps import PlannedStep

__all__ = ["decline", "decline_refused"]


def decline(
    step: PlannedStep,
    reason: str,
    *,
    files: RunFiles,
    context: RunContext,
    why: Mapping[str, Any] = MappingProxyType({}),
) -> ContextRecord:
    """Write a record that says stop, in the place of a step without results.

    What an earlier attempt left is removed, so that nobody takes it for this one's.

    Parameters
    ----------
    why
        What the record says of the reason beside its words.
    """
    for path in (*step.results(files), *step.beside(files)):
        path.unlink(missing_ok=True)
    record = ContextRecord(
        step=step.name,
        run_id=context.run_id,
        parent_run_id=None,
        inputs={},
        outputs={},
        parameters={DECLINED: reason, **why},
        checks=[Check("what it stands on", None, 1)],
        remarks=[reason],
    )
    record.write(files.context(step.name))
    return record


def decline_refused(
    step: PlannedStep, error: Exception, *, files: RunFiles, context: RunContext
) -> None:
    """Decline a step that was asked for alone, where it was refused for the data of its run.

    One that is refused for what it was asked leaves its earlier word as it is, and so does one
    whose earlier word still counts.
    """
    before = standing(files, step.name)
    counts = before.decision is not None and not before.declined
    if step.may_refuse and not counts and _is_of_the_run(error, files):
        decline(step, "; ".join(getattr(error, "problems", ())), files=files, context=context)


def _is_of_the_run(error: Exception, files: RunFiles) -> bool:
    """Tell whether no word of the user's is wrong: the run has left a step nothing better."""
    if isinstance(error, SurvivorFileError):
        own = (files.scores, files.survivors("bidirectional"))
        return error.path.resolve() in [path.resolve() for path in own]
    return isinstance(error, RefusedDataError)
