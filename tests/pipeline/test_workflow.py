"""A run through steps that are told what to decide: skipping, retries, stops, and crashes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plain_history import history

from seedfleet.fleet import BadInputError
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.context_record import Check, ContextRecord, Metric
from seedfleet.pipeline.steps.fan_out import FanOut, FanOutInterrupted
from seedfleet.pipeline.steps.request import Request, begin_folder
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.workflow import StepOutcome, TraceRun
from seedfleet.pipeline.steps.workflow.course import Ending
from seedfleet.pipeline.steps.workflow.planned_steps import PLANNED, AskedStep, parse_steps
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seedfleet.draws import History

HISTORY = history([7, 7, 1, 900] * 5)
CONTEXT = RunContext("draws_1", ("seedfleet",), "2026-01-01T00:00:00+00:00", "out")
ALL = tuple(PLANNED)

# What each step reads, as the real ones do: its record names these as inputs.
READS: Mapping[str, Callable[[RunFiles], list[Path]]] = {
    "recover": lambda files: [files.history],
    "window": lambda files: [files.history],
    "tune-scorer": lambda files: [files.survivors("bidirectional")],
    "score": lambda files: [files.survivors("bidirectional"), files.scorer_config],
    "tune-model": lambda files: [files.scores],
    "train": lambda files: [files.scores, files.model_config],
    "predict": lambda files: [files.survivors("bidirectional"), files.sidecar],
}


@dataclass(frozen=True)
class Options:
    """Of any step."""

    size: int = 1


def _passed(_: Options) -> list[Check]:
    return [Check("all is well", 1, 1)]


COMING: dict[str, dict[str, Any]] = {
    "recover": {
        "predictions": [
            {
                "ahead": 1,
                "draw": 7,
                "probability": 0.75,
                "date": None,
                "session": "midday",
                "machine": None,
            }
        ]
    },
    "predict": {"predictions": [{"step": 1, "value": 8, "probability": 0.5, "top": []}]},
}


@dataclass
class Steps:
    """Steps that write what they are told, and remember how they were run."""

    folder: Path
    checks: dict[str, Callable[[Options], list[Check]]] = field(default_factory=dict)
    faults: dict[str, BaseException] = field(default_factory=dict)
    options: dict[str, Options] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    rows: int = 3
    history: History = HISTORY
    sessions: tuple[str, ...] = ()
    dies_in: str = ""
    ran: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.folder)

    def do(self, step: str, options: Options, run: StepRun) -> ContextRecord:
        self.ran.append((step, run.attempt, options.size))
        if step in self.faults:
            raise self.faults[step]
        for path in PLANNED[step].results(self.files):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".parquet":
                pq.write_table(pa.table({"seed": [options.size] * self.rows}), path)
            else:
                verdict = self.verdicts.get(step, "recovered")
                told = {"made with": options.size, "verdict": verdict, "sessions": self.sessions}
                told |= {
                    "abstained": verdict not in ("recovered", "signal"),
                    **COMING.get(step, {}),
                }
                path.write_text(json.dumps(told))
        if step == self.dies_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return run.record(
            [path for path in READS[step](self.files) if path.exists()],
            PLANNED[step].results(self.files),
            parameters=vars(options),
            metrics=[Metric("bits", 41.5, 0.25)],
            checks=self.checks.get(step, _passed)(options),
        )

    def asked(self, *names: str) -> list[AskedStep]:
        def work(step: str) -> Callable[[Any, Any, StepRun], ContextRecord]:
            return lambda _history, options, run: self.do(step, options, run)

        return [
            AskedStep(PLANNED[name], self.options.get(name, Options()), work(name))
            for name in names
        ]

    def take(self, *names: str) -> dict[str, Any]:
        """Take a run, and return trace.json; `self.ran` is of this run alone."""
        self.ran.clear()
        request = Request(CONTEXT)
        if not self.files.request.exists():
            begin_folder(self.files, self.history, request)
        return TraceRun(self.history, request, self.files, FanOut()).take(
            self.asked(*(names or ALL))
        )

    def killed_in(self, step: str) -> None:
        """Take a run in a process that is killed when the files of a step are all written."""
        self.dies_in = step
        process = multiprocessing.get_context("fork").Process(target=self.take, args=ALL)
        process.start()
        process.join(30)
        self.dies_in = ""
        assert process.exitcode == -signal.SIGKILL

    def names_run(self) -> list[str]:
        return [name for name, _, _ in self.ran]


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


def _endings(document: Mapping[str, Any]) -> dict[str, str]:
    return {step["step"]: step["ending"] for step in document["steps"]}


def _told_again(document: Mapping[str, Any]) -> dict[str, str]:
    return {step["step"]: step["again"] for step in document["steps"] if step["again"]}


def _stopped(_: Options) -> list[Check]:
    return [Check("control", 0, 1)]


def test_slices_are_of_the_sessions_that_step_1_chose(steps: Steps) -> None:
    steps.history = history([7] * 30, sessions=["midday"] * 20 + ["evening"] * 10)
    assert steps.take("recover")["history"]["slices"]["sieve"] == [0, 18]
    steps.sessions = ("midday",)
    assert steps.take("recover", "window")["history"]["slices"]["sieve"] == [0, 12]


def test_every_step_runs_once_and_an_unchanged_run_runs_none(steps: Steps) -> None:
    first = steps.take()
    assert steps.names_run() == list(ALL)
    assert (first["state"], set(_endings(first).values())) == ("finished", {"done"})
    again = steps.take()
    assert steps.ran == []
    assert set(_endings(again).values()) == {"unchanged"}
    assert [each["elapsed_s"] for each in again["steps"]] == [
        each["elapsed_s"] for each in first["steps"]
    ]
    assert (again["verdict"], again["documents"]["train"]["made with"]) == ("recovered", 1)


@pytest.mark.parametrize(
    ("recover", "predict", "leading"),
    [
        ("recovered", "no_evidence", "recover"),
        ("signal", "under_powered", "recover"),
        ("recovered", "signal", "recover"),
        ("signal", "recovered", "predict"),
        ("signal", "signal", "predict"),
        ("no_evidence", "under_powered", "predict"),
        ("under_powered", "under_powered", "recover"),
        ("under_powered", "no_evidence", "predict"),
        ("no_evidence", "recovered", "predict"),
    ],
)
def test_the_stronger_finding_leads_and_of_equal_ones_the_last(
    steps: Steps, recover: str, predict: str, leading: str
) -> None:
    steps.verdicts |= {"recover": recover, "predict": predict}
    document = steps.take()
    told = {"recover": recover, "predict": predict}[leading]
    assert (document["answered_by"], document["verdict"]) == (leading, told)


@pytest.mark.parametrize(("needed_s", "leading"), [(None, "recover"), (95.2, "predict")])
def test_a_step_0_that_wants_for_time_leads_no_answer(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, needed_s: float | None, leading: str
) -> None:
    monkeypatch.setitem(COMING, "recover", {"searched": [{"budget_needed_s": needed_s}]})
    steps.verdicts |= {"recover": "under_powered", "predict": "under_powered"}
    assert steps.take()["answered_by"] == leading
    steps.verdicts["predict"] = "no_evidence"
    steps.options["predict"] = Options(2)
    assert steps.take()["answered_by"] == "predict"


@pytest.mark.parametrize(
    ("recover", "predict", "speaks", "value"),
    [
        ("recovered", "signal", "recover", 7),
        ("recovered", "recovered", "predict", 8),
        ("no_evidence", "recovered", "predict", 8),
        ("no_evidence", "under_powered", None, None),
    ],
)
def test_the_draws_told_are_those_of_the_step_that_is_named(
    steps: Steps, recover: str, predict: str, speaks: str | None, value: int | None
) -> None:
    steps.verdicts |= {"recover": recover, "predict": predict}
    document = steps.take()
    assert document["predicted_by"] == speaks
    assert [each["value"] for each in document["predictions"]] == ([] if value is None else [value])


def test_the_only_answer_leads_and_none_is_nobodys(steps: Steps) -> None:
    steps.verdicts["recover"] = "no_evidence"
    alone = steps.take("recover")
    assert (alone["answered_by"], alone["verdict"]) == ("recover", "no_evidence")
    steps.faults["recover"] = KeyboardInterrupt()
    steps.options["recover"] = Options(2)
    with pytest.raises(KeyboardInterrupt):
        steps.take("recover")
    none = json.loads(steps.files.summary.read_text())
    assert (none["answered_by"], none["verdict"], none["abstained"]) == (None, None, None)


def test_another_parameter_runs_its_step_and_those_whose_inputs_change(steps: Steps) -> None:
    steps.take()
    steps.options["tune-scorer"] = Options(2)
    steps.take()
    assert steps.names_run() == ["tune-scorer", "score"]  # whose output is the same as before


def test_a_step_that_runs_again_says_what_has_changed(steps: Steps) -> None:
    assert {step["again"] for step in steps.take()["steps"]} == {""}
    steps.options["tune-scorer"] = Options(2)
    again = _told_again(steps.take())
    assert again.pop("tune-scorer") == "size changed"
    assert again == {"score": "the input optimal_scorer_config.json has changed since it ran"}
    steps.checks["tune-model"] = _stopped
    (steps.folder / "context/tune-model.json").unlink()
    again = _told_again(steps.take())
    assert again.pop("tune-model") == "it has not been run to its end"
    assert again == {"train": "tune-model had said proceed, and now stop"}
    assert _told_again(steps.take()) == {}


def test_a_step_that_was_declined_does_not_run_again_but_for_the_first_time(steps: Steps) -> None:
    steps.take("window", "score")
    assert _told_again(steps.take("window", "tune-scorer")) == {}


@pytest.mark.parametrize("lost", ["optimal_scorer_config.json", "context/tune-scorer.json"])
def test_a_step_whose_output_or_record_is_gone_runs_again(steps: Steps, lost: str) -> None:
    steps.take()
    (steps.folder / lost).unlink()
    steps.take()
    assert steps.names_run() == ["tune-scorer"]


def test_a_step_that_was_run_alone_since_is_taken_as_it_is(steps: Steps) -> None:
    steps.take()
    run = StepRun("tune-scorer", steps.files, CONTEXT, FanOut())
    steps.do("tune-scorer", Options(5), run)
    steps.take()
    assert steps.names_run() == ["score"]  # which had read the other one


def test_a_step_runs_again_after_another_word_of_one_that_it_heeds(steps: Steps) -> None:
    steps.checks["tune-model"] = _stopped
    steps.take()
    del steps.checks["tune-model"]
    steps.do("tune-model", Options(), StepRun("tune-model", steps.files, CONTEXT, FanOut()))
    steps.take()
    assert steps.names_run() == ["train"]  # though the choice that it reads is the same


def test_a_step_whose_jobs_the_fleet_refuses_has_no_word_of_an_earlier_attempt(
    steps: Steps,
) -> None:
    steps.take()
    steps.faults["score"], steps.options["score"] = BadInputError(["no node"]), Options(2)
    with pytest.raises(BadInputError):
        steps.take()
    assert not steps.files.context("score").exists()


def test_a_retry_has_the_declared_change_and_no_more_than_two(steps: Steps) -> None:
    steps.checks["tune-scorer"] = lambda options: [
        Check("size", options.size, 3, change={"size": options.size + 1})
    ]
    assert _endings(steps.take())["tune-scorer"] == "done"
    assert steps.ran[2:5] == [("tune-scorer", 0, 1), ("tune-scorer", 1, 2), ("tune-scorer", 2, 3)]
    steps.take()
    assert steps.ran == []  # the parameters asked for are those of the first attempt

    steps.options["tune-scorer"] = Options(-5)
    assert _endings(steps.take())["tune-scorer"] == "stopped"
    assert [each for each in steps.ran if each[0] == "tune-scorer"] == [
        ("tune-scorer", 0, -5),
        ("tune-scorer", 1, -4),
        ("tune-scorer", 2, -3),
    ]


@pytest.mark.parametrize("step", ["tune-scorer", "tune-model", "train"])
def test_after_a_stop_that_others_can_do_without_the_run_goes_on(steps: Steps, step: str) -> None:
    steps.checks[step] = _stopped
    document = steps.take()
    assert steps.names_run() == list(ALL)
    assert (document["state"], _endings(document)[step]) == ("finished", "stopped")


def test_a_step_that_refuses_leaves_its_word_and_nothing_of_an_earlier_attempt(
    steps: Steps,
) -> None:
    steps.take()
    assert steps.files.sidecar.exists()
    steps.faults["train"] = OptionsError(["labels: all are equal"])
    steps.options["train"] = Options(2)
    document = steps.take()
    outcome = next(each for each in document["steps"] if each["step"] == "train")
    assert (outcome["ending"], outcome["reason"]) == ("stopped", "labels: all are equal")
    assert outcome["record"]["decision"] == "stop"
    assert not steps.files.sidecar.exists()
    assert document["documents"]["train"] is None
    assert (document["state"], steps.names_run()) == ("finished", ["train", "predict"])


def test_after_a_failed_control_of_the_window_nothing_runs_that_needs_it(steps: Steps) -> None:
    steps.checks["window"] = _stopped
    document = steps.take()
    assert steps.names_run() == ["recover", "window"]
    assert list(_endings(document).values())[2:] == ["not_run"] * 5
    assert document["state"] == "incomplete"
    assert "window has stopped" in document["steps"][-1]["reason"]


def test_without_survivors_only_the_prediction_runs(steps: Steps) -> None:
    steps.checks["window"], steps.rows = _stopped, 0
    document = steps.take()
    assert steps.names_run() == ["recover", "window", "predict"]
    assert document["state"] == "finished"


def test_after_a_stop_of_the_scoring_the_likelihood_still_predicts(steps: Steps) -> None:
    steps.checks["score"] = _stopped
    document = steps.take()
    assert steps.names_run() == ["recover", "window", "tune-scorer", "score", "predict"]
    record = json.loads(steps.files.context("train").read_text())
    assert (record["decision"], record["remarks"]) == ("stop", ["score has stopped"])
    assert document["state"] == "finished"


@pytest.mark.parametrize("step", ["window", "score", "train", "predict"])
def test_a_step_that_crashes_ends_the_run_and_its_old_files_do_not_count(
    steps: Steps, step: str
) -> None:
    steps.take()
    steps.faults[step] = RuntimeError("out of memory")
    steps.options[step] = Options(2)
    with pytest.raises(RuntimeError):
        steps.take()
    assert steps.names_run()[-1] == step
    document = json.loads(steps.files.summary.read_text())
    assert (document["state"], _endings(document)[step]) == ("incomplete", "failed")
    assert document["documents"].get(step) is None

    after = ALL[ALL.index(step) + 1 :]
    del steps.faults[step]
    if after:  # the old files are still there, and the later steps are asked for alone
        document = steps.take(*after)
        model = document["documents"]["train"]
        assert model is None
        assert steps.names_run() == []
    steps.take()
    assert step in steps.names_run()


@pytest.mark.parametrize("step", ["recover", "window", "score", "predict"])
def test_a_step_that_is_refused_leaves_its_earlier_word_and_files(steps: Steps, step: str) -> None:
    steps.take()
    left = [steps.files.context(step), *PLANNED[step].results(steps.files)]
    before = [path.read_bytes() for path in left]
    steps.faults[step] = OptionsError(["size: 2 is too much"])
    steps.options[step] = Options(2)
    with pytest.raises(OptionsError):
        steps.take()
    assert [path.read_bytes() for path in left] == before
    del steps.faults[step], steps.options[step]
    steps.take()
    assert steps.names_run() == []


@pytest.mark.parametrize("step", ALL)
def test_a_killed_head_leaves_files_that_nobody_takes_for_an_answer(
    steps: Steps, step: str
) -> None:
    steps.take()
    steps.options[step] = Options(2)
    steps.killed_in(step)
    assert all(path.exists() for path in PLANNED[step].results(steps.files))
    assert not steps.files.context(step).exists()

    after = ALL[ALL.index(step) + 1 :]
    if after:
        document = steps.take(*after)
        read_it = {name for name in after if step in (*PLANNED[name].needs, *PLANNED[name].heeds)}
        assert not read_it.intersection(steps.names_run())
        assert document["documents"].get(step) is None
    document = steps.take()
    assert (document["state"], steps.names_run()[0]) == ("finished", step)
    steps.take()
    assert steps.names_run() == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), FanOutInterrupted()])
def test_an_interruption_is_no_failure_and_the_run_goes_on_where_it_was(
    steps: Steps, fault: BaseException
) -> None:
    steps.faults["score"] = fault
    with pytest.raises(type(fault)):
        steps.take()
    document = json.loads(steps.files.summary.read_text())
    assert (document["state"], list(_endings(document))) == ("interrupted", list(ALL[:3]))
    del steps.faults["score"]
    steps.take()
    assert steps.names_run() == list(ALL[3:])


def test_a_step_that_was_never_asked_for_is_declined_by_name(steps: Steps) -> None:
    steps.take("window", "predict")
    assert steps.names_run() == ["window", "predict"]
    for step in ("recover", "score", "train"):
        record = json.loads(steps.files.context(step).read_text())
        assert (record["decision"], record["remarks"]) == ("stop", ["it was not asked for"])
    steps.take()
    assert "train" in steps.names_run()  # a step that was declined is run once it is asked for


def test_missing_evidence_never_means_proceed(steps: Steps) -> None:
    steps.checks["window"] = lambda _: [Check("control", None, 1)]
    assert steps.take()["state"] == "incomplete"
    steps.checks["window"] = lambda _: []
    (steps.files.context("window")).unlink()
    assert steps.take()["state"] == "incomplete"
    assert steps.names_run() == ["window"]


def test_outcomes_are_told_as_they_come(steps: Steps) -> None:
    told: list[StepOutcome] = []
    begin_folder(steps.files, HISTORY, Request(CONTEXT))
    run = TraceRun(HISTORY, Request(CONTEXT), steps.files, FanOut(), told=told.append)
    replace(run).take(steps.asked("recover", "window"))
    assert [each.ending for each in told] == [Ending.DONE, Ending.DONE]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("1-6", ("1", "2.5", "3", "4", "5", "6")),
        ("0-6", ("0", "1", "2.5", "3", "4", "5", "6")),
        ("3-5,1", ("1", "3", "4", "5")),
        ("2.5", ("2.5",)),
    ],
)
def test_steps_are_named_by_number(text: str, steps: tuple[str, ...]) -> None:
    assert parse_steps(text) == steps


@pytest.mark.parametrize("text", ["", "7", "1-", "5-1", "2", "window"])
def test_what_names_no_steps_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="step"):
        parse_steps(text)
