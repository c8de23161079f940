"""A whole run: its steps, and trace.json, whatever happens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS
from seedfleet.pipeline.steps.workflow.course import Course, Ending
from seedfleet.pipeline.steps.workflow.trace_document import trace_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.fan_out import FanOut
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.workflow.course import StepOutcome
    from seedfleet.pipeline.steps.workflow.planned_steps import AskedStep

__all__ = ["TraceRun"]


@dataclass(frozen=True)
class TraceRun:
    """A run that is to be taken through its steps.

    Attributes
    ----------
    history, request
        As `seedfleet.pipeline.steps.request.open_run` returns them.
    files
        Of its folder.
    fan_out
        Runs the jobs of steps.
    progress
        Called with a label and the share of that which is done, in [0, 1].
    told
        Hears what became of each step.
    written
        Hears what is in trace.json, also where the run fails.
    """

    history: History
    request: Request
    files: RunFiles
    fan_out: FanOut
    progress: Callable[[str, float], None] = lambda _label, _share: None
    told: Callable[[StepOutcome], None] = lambda _: None
    written: Callable[[dict[str, Any]], None] = lambda _: None

    def take(self, asked: Sequence[AskedStep]) -> dict[str, Any]:
        """Take the steps, write trace.json, and return what is in it.

        Raises
        ------
        Exception
            What `Course.take` raises; trace.json is written first.
        """
        began_s = time.perf_counter()
        course = Course(
            self.history,
            self.files,
            self.request.context,
            fan_out=self.fan_out,
            progress=self.progress,
            told=self.told,
        )
        state = "incomplete"
        try:
            course.take(asked)
            state = _state(course.outcomes)
        except INTERRUPTIONS:
            state = "interrupted"
            raise
        finally:
            document = trace_document(
                self.history,
                self.request,
                self.files,
                course.outcomes,
                state=state,
                elapsed_s=time.perf_counter() - began_s,
            )
            write_json(self.files.summary, document)
            self.written(document)
        return document


def _state(outcomes: Sequence[StepOutcome]) -> str:
    """Tell whether the last step has a result that counts."""
    last = outcomes[-1]
    proceeded = last.record is not None and last.record.decision is Decision.PROCEED
    return "finished" if proceeded and last.ending is not Ending.FAILED else "incomplete"
