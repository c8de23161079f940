"""Step 0 alone: what it says where no search came to its end."""

from pathlib import Path

import numpy as np
import pytest
from plain_history import history

from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.workflow.step_zero import RecoverOptions, run_recover


@pytest.mark.slow
def test_a_run_in_which_no_search_was_completed_is_no_word(tmp_path: Path) -> None:
    draws = history(np.random.default_rng(1).integers(1000, size=4).tolist())
    context = RunContext("run_1", ("seedfleet",), "2026-01-01T00:00:00+00:00", "out")
    run = StepRun("recover", RunFiles(tmp_path), context, FanOut())
    write_history(run.files.history, draws, range(4))
    record = run_recover(draws, RecoverOptions(generators=("java_lcg",)), run)
    assert record.decision is Decision.STOP
    failed = [check for check in record.checks if not check.holds]
    assert [(check.name, check.value) for check in failed] == [("searches completed", 0)]
