"""One step at work: where its files go, who runs its jobs, and the record that it leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedfleet.digests import file_digest
from seedfleet.pipeline.seed_jobs import ScanInterrupted
from seedfleet.pipeline.steps.context_record import Check, ContextRecord, Metric
from seedfleet.pipeline.steps.fan_out import FanOut, FanOutInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.pipeline.steps.run_files import RunFiles

__all__ = ["INTERRUPTIONS", "StepRun"]

# The user stopped a step, here or within its jobs.
INTERRUPTIONS = (KeyboardInterrupt, FanOutInterrupted, ScanInterrupted)


@dataclass(frozen=True)
class StepRun:
    """What every step is given beside its own inputs and options.

    Attributes
    ----------
    step
        The name of its command.
    files
        Where its files stand.
    context
        The run that it belongs to.
    fan_out
        Runs its jobs.
    progress
        Called with a label and the share of that which is done, in [0, 1].
    parent_run_id
        The run whose outputs it takes in, where that is another one.
    attempt
        0, or the number of the retry.
    """

    step: str
    files: RunFiles
    context: RunContext
    fan_out: FanOut
    progress: Callable[[str, float], None] = lambda _label, _share: None
    parent_run_id: str | None = None
    attempt: int = 0
    started_s: float = field(default_factory=time.perf_counter)

    def record(
        self,
        inputs: Iterable[Path],
        outputs: Iterable[Path],
        *,
        parameters: Mapping[str, Any],
        metrics: Sequence[Metric],
        checks: Sequence[Check],
        remarks: Sequence[str] = (),
    ) -> ContextRecord:
        """Write the context record of the step, which has to be the last thing that it does.

        Raises
        ------
        OSError
            An input or an output is not there: a step that leaves a file out has not ended well.
        """
        record = ContextRecord(
            step=self.step,
            run_id=self.context.run_id,
            parent_run_id=self.parent_run_id,
            inputs=self._digests(inputs),
            outputs=self._digests(outputs),
            parameters=parameters,
            metrics=metrics,
            checks=checks,
            attempt=self.attempt,
            elapsed_s=time.perf_counter() - self.started_s,
            remarks=remarks,
        )
        record.write(self.files.context(self.step))
        return record

    def _digests(self, paths: Iterable[Path]) -> dict[str, str]:
        folder = self.files.folder.resolve()
        return {
            str(path.resolve().relative_to(folder))
            if path.resolve().is_relative_to(folder)
            else str(path): file_digest(path)
            for path in paths
        }
