"""Runs the trials of a study: in this process where they are small, as jobs where that pays."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from seedfleet.pipeline.steps.window.jobs import TrialJobs
from seedfleet.pipeline.steps.window.trial import run_trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedfleet.pipeline.steps.fan_out import FanOut
    from seedfleet.pipeline.steps.window.study import Study
    from seedfleet.pipeline.steps.window.trial import Outcome

__all__ = ["TrialRunner"]

_START_S = 4.0  # of a job: an interpreter, and kernels that are loaded
_WORTHWHILE_S = 60.0  # of trials that are left, from which on jobs pay
_LEAST_ROUNDS = 3  # so that later trials learn from earlier ones
_MEASURED = 4  # trials that run here before it is known what they take


@dataclass(frozen=True)
class TrialRunner:
    """Runs what a study asks.

    Attributes
    ----------
    study
        Which asks.
    folder, fan_out
        For trials that run as jobs.
    wanted
        Whether they do; None where it pays.
    progress
        Called with the share of the trials that have ended.
    """

    study: Study
    folder: Path
    fan_out: FanOut
    wanted: bool | None
    progress: Callable[[float], None]

    def run(self, trials: int) -> tuple[str, ...]:
        """Run until so many have ended; says how they ran, and which jobs failed."""
        as_jobs = 0
        failed: list[str] = []
        while (left := trials - self.study.ended) > 0:
            self.progress(1 - left / trials)
            if self._jobs_pay(left):
                asked, without = self._round(left)
                as_jobs += asked
                failed += without
            else:
                number, configuration = self.study.ask()
                self.study.tell(number, run_trial(self.study.sampler.ground, configuration))
        if as_jobs:
            return (f"{as_jobs} of {self.study.ended} trials ran as jobs of the fleet.", *failed)
        return ("All trials ran in this process.",)

    def _jobs_pay(self, left: int) -> bool:
        if self.wanted is not None:
            return self.wanted
        spent = [each.outcome.elapsed_s for each in self.study.tried][1:]
        if len(spent) < _MEASURED:
            return False
        return sum(spent) / len(spent) * left > _WORTHWHILE_S

    def _round(self, left: int) -> tuple[int, tuple[str, ...]]:
        """Run a round of jobs; returns how many trials it had, and which jobs failed."""
        slots = self.fan_out.slots
        spent = [each.outcome.elapsed_s for each in self.study.tried]
        mean_s = sum(spent) / len(spent) if spent else _START_S
        each = min(ceil(_START_S / max(mean_s, 0.01)), ceil(left / (slots * _LEAST_ROUNDS)))
        asked = [self.study.ask() for _ in range(min(left, slots * each))]
        open_numbers = {number for number, _ in asked}
        ground = self.study.sampler.ground

        def told(number: int, outcome: Outcome) -> None:
            open_numbers.discard(number)
            self.study.tell(number, outcome)

        failed = TrialJobs(ground, self.folder, self.fan_out).run(asked, each, told)
        for number in open_numbers:
            self.study.tell(number, None)
        return len(asked), failed
