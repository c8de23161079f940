"""Step 0 alone: what it says where no search came to its end."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_history import history

from seedfleet.draws import History
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.workflow import step_zero
from seedfleet.pipeline.steps.workflow.step_zero import RecoverOptions, run_recover


def _run(folder: Path, draws: History) -> StepRun:
    context = RunContext("run_1", ("seedfleet",), "2026-01-01T00:00:00+00:00", "out")
    run = StepRun("recover", RunFiles(folder), context, FanOut())
    write_history(run.files.history, draws, range(len(draws)))
    return run


@pytest.mark.slow
def test_a_run_in_which_no_search_was_completed_is_no_word(tmp_path: Path) -> None:
    draws = history(np.random.default_rng(1).integers(1000, size=4).tolist())
    run = _run(tmp_path, draws)
    record = run_recover(draws, RecoverOptions(generators=("java_lcg",)), run)
    assert record.decision is Decision.STOP
    failed = [check for check in record.checks if not check.holds]
    assert [(check.name, check.value) for check in failed] == [("searches completed", 0)]


@pytest.mark.parametrize(
    ("controls", "decision"),
    [([True, True], Decision.PROCEED), ([True, False], Decision.STOP), ([], Decision.STOP)],
)
def test_what_was_found_is_an_answer_though_no_search_came_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controls: list[bool], decision: Decision
) -> None:
    reason = "one stream explains the draws; the search that found it was not finished"
    search = {"status": "incomplete", "generator": "mt19937", "attack": "seed scan"}
    document: dict[str, Any] = {
        "verdict": "recovered",
        "verdict_reason": reason,
        "evidence_bits": 49_284.6,
        "thresholds": {"signal_bits": 20.0},
        "searched": [search, search | {"status": "not_needed"}],
        "controls": [{"passed": passed} for passed in controls],
        "elapsed_s": 6.0,
        "compiled_s": 0.0,
    }
    monkeypatch.setattr(step_zero, "recovery_document", lambda *_, **__: document)
    draws = history([1, 2, 3])
    record = run_recover(draws, RecoverOptions(), _run(tmp_path, draws))
    assert record.decision is decision
    assert record.remarks[0] == reason
    assert not any("says nothing" in told for told in record.remarks)
