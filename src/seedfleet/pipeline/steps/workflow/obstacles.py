"""What stands in the way of a step: what the steps before it said, or that they left no word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.workflow.planned_steps import PLANNED
from seedfleet.pipeline.steps.workflow.survivors_left import has_no_survivors

if TYPE_CHECKING:
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.standing import Standing
    from seedfleet.pipeline.steps.workflow.planned_steps import PlannedStep

__all__ = ["obstacle"]


def obstacle(files: RunFiles, step: PlannedStep) -> str:
    """Say why a step cannot run; empty where it can.

    The steps that it needs must have proceeded. Those that it heeds may have stopped, but files of
    theirs about which no word counts, as a crash leaves them, stand in the way.
    """
    for name in step.needs:
        before = standing(files, name)
        if before.decision is Decision.PROCEED:
            continue
        if before.record is None and not files.context(name).exists():
            return f"{name}, which is step {PLANNED[name].number}, has not been run"
        if before.decision is None:
            return f"{name}: {before.reason}"
        if step.name != "predict" or not _left_nobody(files, before):
            return f"{name} has stopped"
    for name in step.heeds:
        before = standing(files, name)
        left = [path.name for path in PLANNED[name].results(files) if path.exists()]
        if before.decision is None and left:
            return f"{name} has left {' and '.join(left)}, but {before.reason}"
    return ""


def _left_nobody(files: RunFiles, window: Standing) -> bool:
    """Tell whether the window optimizer stopped for want of survivors: then the null predicts."""
    return window.record is not None and has_no_survivors(files, window.record)
