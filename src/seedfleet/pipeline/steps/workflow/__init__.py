"""`seedfleet trace run`: all steps of a run in their order, skipped where nothing has changed."""

from seedfleet.pipeline.steps.workflow.course import StepOutcome
from seedfleet.pipeline.steps.workflow.obstacles import obstacle
from seedfleet.pipeline.steps.workflow.planned_steps import (
    PLANNED,
    asked_steps,
    missing_steps,
    parse_steps,
)
from seedfleet.pipeline.steps.workflow.resuming import unheld_changes
from seedfleet.pipeline.steps.workflow.trace_document import step_part
from seedfleet.pipeline.steps.workflow.trace_run import TraceRun

__all__ = [
    "PLANNED",
    "StepOutcome",
    "TraceRun",
    "asked_steps",
    "missing_steps",
    "obstacle",
    "parse_steps",
    "step_part",
    "unheld_changes",
]
