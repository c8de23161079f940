"""The course of a run: each step in its turn, as the words of the steps before it allow.

A step runs if the steps that it needs have proceeded. It is left as it is where nothing that it was
made of has changed. Its decision is obeyed: a retry with the declared change, or a stop; after a
stop, later steps go on that can do without it, and what did not run has a record that says so.
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seedfleet import __version__
from seedfleet.fleet import FleetError
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.shortage import TOO_FEW_DRAWS, ShortageError
from seedfleet.pipeline.steps.standing import (
    Standing,
    note,
    noted,
    standing,
    without_word,
)
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS, StepRun
from seedfleet.pipeline.steps.workflow.declining import decline
from seedfleet.pipeline.steps.workflow.fleet_figures import fleet_figures, manifests
from seedfleet.pipeline.steps.workflow.obstacles import obstacle
from seedfleet.pipeline.steps.workflow.planned_steps import PLANNED
from seedfleet.pipeline.steps.workflow.running_again import why_again

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedfleet.draws import History
    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.fan_out import FanOut
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.workflow.planned_steps import AskedStep, PlannedStep

__all__ = ["Course", "Ending", "StepOutcome"]


class Ending(Enum):
    """How it went with a step."""

    DONE = "done"
    UNCHANGED = "unchanged"  # nothing that it was made of has changed since it ran
    STOPPED = "stopped"
    NOT_RUN = "not_run"
    FAILED = "failed"


@dataclass(frozen=True)
class StepOutcome:
    """What became of a step in this run.

    Attributes
    ----------
    number, step
        As `STEPS` has them.
    ending
        How it went.
    record
        Its record; None where it failed.
    reason
        Why it did not run or failed; empty otherwise.
    again
        Which parameter or file has changed since it ran before; empty where it had not, or does
        not run.
    elapsed_s
        Seconds over all its attempts, of the run in which they were made.
    fleet
        The figures of the fleet's runs that it took; see `fleet_figures`.
    """

    number: str
    step: str
    ending: Ending
    record: ContextRecord | None
    reason: str = ""
    elapsed_s: float = 0.0
    fleet: Sequence[dict[str, Any]] = ()
    again: str = ""


class Course:
    """Runs steps, and remembers what became of them, also where one fails.

    Parameters
    ----------
    history
        All draws, cleaned.
    files, context, fan_out, progress
        As every step is given them.
    told
        Hears what became of each step.
    """

    def __init__(
        self,
        history: History,
        files: RunFiles,
        context: RunContext,
        *,
        fan_out: FanOut,
        progress: Callable[[str, float], None] = lambda _label, _share: None,
        told: Callable[[StepOutcome], None] = lambda _: None,
    ) -> None:
        self._history = history
        self._files = files
        self._context = context
        self._fan_out = fan_out
        self._progress = progress
        self._told = told
        self.outcomes: list[StepOutcome] = []

    def take(self, asked: Sequence[AskedStep]) -> None:
        """Take the steps in their order.

        Raises
        ------
        Exception
            Whatever a step raises that cannot be done and that others need; its outcome is told
            first.
        KeyboardInterrupt
            The user stopped the run; `FanOutInterrupted` or `ScanInterrupted` from within jobs.
        """
        names = {step.planned.name for step in asked}
        for step in asked:
            self._decline_unasked(step.planned, names)
            self._end(self._taken(step))

    def _end(self, outcome: StepOutcome) -> None:
        self.outcomes.append(outcome)
        self._told(outcome)

    def _taken(self, asked: AskedStep) -> StepOutcome:
        step = asked.planned
        blocked = obstacle(self._files, step)
        if blocked:
            return self._declined(step, blocked, Ending.NOT_RUN)
        before = standing(self._files, step.name)
        told = noted(self._files).get(step.name, {})
        if self._is_unchanged(before, told, asked):
            fleet, elapsed_s = told.get("fleet", ()), told.get("elapsed_s", 0.0)
            record = before.record
            return StepOutcome(
                step.number, step.name, Ending.UNCHANGED, record, "", elapsed_s, fleet
            )
        again = why_again(before, told.get("asked"), self._asked_document(asked))
        return dataclasses.replace(self._run(asked), again=again)

    def _is_unchanged(self, before: Standing, told: dict[str, Any], asked: AskedStep) -> bool:
        """Tell whether running the step again would give what is there.

        A step that was run alone since, with whatever options, is taken as it is.
        """
        if before.decision is None or before.declined:
            return False
        return "asked" not in told or told["asked"] == self._asked_document(asked)

    def _decline_unasked(self, step: PlannedStep, asked: set[str]) -> None:
        """Say of the steps which this one heeds and which nobody asked for that they did not run.

        A step that ran and whose word does not count any more is left as it is, and stands in the
        way.
        """
        for name in step.heeds:
            files = PLANNED[name].results(self._files)
            if (
                name not in asked
                and not self._files.context(name).exists()
                and not any(path.exists() for path in files)
            ):
                self._declined(PLANNED[name], "it was not asked for", Ending.NOT_RUN)

    def _declined(
        self,
        step: PlannedStep,
        reason: str,
        ending: Ending,
        why: Mapping[str, Any] = MappingProxyType({}),
    ) -> StepOutcome:
        record = decline(step, reason, files=self._files, context=self._context, why=why)
        return StepOutcome(step.number, step.name, ending, record, reason)

    def _run(self, asked: AskedStep) -> StepOutcome:
        """Run a step, with the retries that it declares."""
        step, began_s = asked.planned, time.perf_counter()
        before = manifests(self._files.folder)
        try:
            record = self._attempts(asked)
        except INTERRUPTIONS:
            raise
        except Exception as error:
            problems = getattr(error, "problems", None)
            elapsed_s = time.perf_counter() - began_s
            too_few = isinstance(error, ShortageError)
            goes_on = (step.may_refuse or too_few) and not isinstance(error, FleetError)
            if problems is None or not goes_on:
                failed = StepOutcome(
                    step.number, step.name, Ending.FAILED, None, str(error), elapsed_s
                )
                self._end(failed)
                raise
            why = {TOO_FEW_DRAWS: True} if too_few else {}
            return self._declined(step, "; ".join(problems), Ending.STOPPED, why)
        elapsed_s = time.perf_counter() - began_s
        fleet = fleet_figures(before, manifests(self._files.folder))
        told = {"asked": self._asked_document(asked), "elapsed_s": elapsed_s, "fleet": fleet}
        note(self._files, step.name, told)
        ending = Ending.DONE if record.decision is Decision.PROCEED else Ending.STOPPED
        return StepOutcome(step.number, step.name, ending, record, "", elapsed_s, fleet)

    def _attempts(self, asked: AskedStep) -> ContextRecord:
        options, attempt = asked.options, 0
        while True:
            with without_word(self._files, asked.planned.name):
                record = asked.work(self._history, options, self._step_run(asked.planned, attempt))
            if record.decision is not Decision.RETRY:
                return record
            options = dataclasses.replace(options, **record.change)
            attempt += 1

    def _asked_document(self, asked: AskedStep) -> dict[str, Any]:
        """Return how a step is asked, as its note holds it: also after which words of others."""
        heard = (*asked.planned.needs, *asked.planned.heeds)
        words = {name: _word(standing(self._files, name)) for name in heard}
        options = json.loads(json.dumps(dataclasses.asdict(asked.options), default=repr))
        return {"options": options, "after": words, "version": __version__}

    def _step_run(self, step: PlannedStep, attempt: int) -> StepRun:
        return StepRun(
            step=step.name,
            files=self._files,
            context=self._context,
            fan_out=self._fan_out,
            progress=lambda label, share: self._progress(f"step {step.number}: {label}", share),
            attempt=attempt,
        )


def _word(before: Standing) -> str:
    if before.decision is None or before.declined:
        return "none"
    return before.decision.value
