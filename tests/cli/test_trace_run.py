"""`seedfleet trace run` and `trace explain`, with steps that do nothing but decide."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result

from seedfleet.cli import main
from seedfleet.cli.trace._step_command import run_step_alone
from seedfleet.cli.trace._step_options import step_command_options
from seedfleet.cli.trace.run import run
from seedfleet.fleet import BadInputError
from seedfleet.pipeline.steps.context_record import Check, Metric
from seedfleet.pipeline.steps.request import open_run
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.shortage import ShortageError
from seedfleet.pipeline.steps.window.bounds import SearchBounds
from seedfleet.pipeline.steps.workflow import planned_steps
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.step_run import StepRun

_FAKES = "steps_that_only_decide"
_FIELDS = (
    *("budget_s", "generators", "predictions", "run_seed", "seed"),
    *("seeds", "sessions", "variable_skip", "trials", "jobs", "look_s"),
    *("model_type", "model_types", "bounds"),
)
_ANSWER = {
    "verdict": "recovered",
    "verdict_reason": "It is java_lcg.",
    "null_probability": 0.125,
    "abstained": False,
    "predictions": [
        {"step": 1, "value": 17, "probability": 0.5, "top": [{"value": 17, "probability": 0.5}]}
    ],
    "evidence_bits": 87.5,
    "predictive_bits": 21.0,
    "sessions": [],
    "survivors": [],
    "test": {"draws": 0, "bits": None, "log2_score": None, "uniform_log2_score": -10.0},
    "thresholds": {
        "recovered_fit_bits": 40.0,
        "recovered_predictive_bits": 20.0,
        "recovered_posterior": 0.999,
        "signal_bits": 20.0,
    },
    "prior": {"version": "4", "text": "1/2 null"},
}


@dataclass
class Fakes:
    """What the steps were asked, and what one of them raises."""

    house: Path
    asked: dict[str, Any]
    faults: dict[str, BaseException]

    def invoke(self, *words: str) -> Result:
        out = ["--output-dir", str(self.house / "out")] if words[1] == "run" else []
        return CliRunner().invoke(main, [*words, *out])

    def begin(self, *words: str) -> Result:
        draws = self.house / "draws.txt"
        draws.write_text("\n".join(map(str, range(40))), encoding="utf-8")
        return self.invoke("trace", "run", str(draws), *words)

    @property
    def folder(self) -> Path:
        (folder,) = (self.house / "out").iterdir()
        return folder

    def go_on(self, *words: str) -> Result:
        return self.invoke("trace", "run", "--resume", self.folder.name, *words)


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made, module = Fakes(tmp_path, {}, {}), ModuleType(_FAKES)
    for name, step in planned_steps.PLANNED.items():
        options = make_dataclass(f"{step.noun}Options", [(each, Any, None) for each in _FIELDS])
        setattr(module, options.__name__, options)
        setattr(module, f"run_{name.replace('-', '_')}", _work(made, name))
    monkeypatch.setitem(sys.modules, _FAKES, module)
    planned = {name: replace(step, module=_FAKES) for name, step in planned_steps.PLANNED.items()}
    monkeypatch.setattr(planned_steps, "PLANNED", planned)
    return made


def _work(made: Fakes, name: str) -> Callable[[History, Any, StepRun], ContextRecord]:
    def run(history: History, options: Any, run: StepRun) -> ContextRecord:
        made.asked[name] = options
        if name in made.faults:
            raise made.faults[name]
        if name == "predict":
            run.files.predictions.write_text(json.dumps(_ANSWER), encoding="utf-8")
        bounds = getattr(options, "bounds", None) or SearchBounds()
        return run.record(
            [run.files.history],
            [run.files.predictions] if name == "predict" else [],
            parameters={"bounds": bounds.to_document()} if name == "window" else {},
            metrics=[Metric("figure", len(history), 2.5)],
            checks=[Check("draws", len(history), 1)],
        )

    return run


def test_a_run_says_how_each_step_went_and_what_came_of_it(fakes: Fakes) -> None:
    result = fakes.begin("--seeds", "5000", "--generator", "java_lcg", "--trials", "3")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    steps = lines.index(next(line for line in lines if line.startswith("steps")))
    assert [line[12:].split()[0] for line in lines[steps : steps + 7]] == [
        *("0", "1", "2.5", "3", "4", "5", "6")
    ]
    assert all(" done " in line for line in lines[steps : steps + 7])
    assert "40 (2.5 by chance) figure" in lines[steps]
    assert "verdict     Generator recovered" in lines
    assert "next draws  17 (50%, by chance 1%)" in lines
    assert lines[-1] == f"report      {fakes.folder / 'report.html'}"
    page = (fakes.folder / "report.html").read_text(encoding="utf-8")
    assert '<h1 id="verdict" data-verdict="recovered">Generator recovered</h1>' in page
    window = fakes.asked["window"]
    assert (window.seeds, window.generators, window.trials) == ("5000", ("java_lcg",), 3)
    document = json.loads((fakes.folder / "trace.json").read_text(encoding="utf-8"))
    assert document["request"]["seeds"] == "5000"
    assert document["files"]["predictions"] == "predictions.json"


def test_options_beside_resume_replace_those_of_the_run_and_the_others_stay(fakes: Fakes) -> None:
    fakes.begin("--seeds", "7..9", "--generator", "auto", "--model-type", "xgboost")
    assert (fakes.asked["window"].seeds, fakes.asked["window"].generators) == ("7..9", None)
    fakes.asked.clear()
    assert fakes.go_on().exit_code == 0
    assert not fakes.asked
    result = fakes.go_on("--model-type", "lightgbm", "--output", "json")
    assert list(fakes.asked) == ["tune-model", "train"]
    document = json.loads(result.stdout)
    assert (document["request"]["model_type"], document["request"]["seeds"]) == ("lightgbm", "7..9")
    assert fakes.asked["tune-model"].model_types == ("lightgbm",)
    assert {step["ending"] for step in document["steps"]} == {"done", "unchanged"}
    again = {step["step"]: step["again"] for step in document["steps"] if step["again"]}
    assert again == {"tune-model": "model_types changed", "train": "model_type changed"}
    assert (
        "\nagain       4 (model_types changed), 5 (model_type changed)\n"
        in fakes.go_on("--model-type", "catboost").stdout
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--generator", "mt19937", "--steps", "3"],
            ["--generator: step 0, recover, and step 1, window, have run", "--steps 0,1,3,"],
        ),
        (
            ["--seed", "7", "--steps", "1-6"],
            ["--seed: step 0, recover, has run", "--steps 0,1,2.5"],
        ),
        (["--trials", "3", "--steps", "2.5"], ["--trials: step 1, window, has run"]),
    ],
)
def test_a_change_for_steps_that_are_not_to_run_again_is_refused(
    fakes: Fakes, words: list[str], said: list[str]
) -> None:
    fakes.begin("--generator", "java_lcg")
    fakes.asked.clear()
    before = (fakes.folder / "request.json").read_text()
    refused = fakes.go_on(*words)
    assert refused.exit_code == 2
    assert all(each in " ".join(refused.output.split()) for each in said)
    assert not fakes.asked
    assert (fakes.folder / "request.json").read_text() == before


def test_a_refusal_names_each_option_as_the_command_has_it(fakes: Fakes) -> None:
    fakes.begin()
    given = {
        "--generator": "mt19937",
        "--seeds": "9",
        "--session": "midday",
        "--trials": "3",
        "--variable-skip": "1..3",
        "--look": "30s",
        "--recover-budget": "7s",
        "--seed": "7",
        "--model-type": "lightgbm",
    }
    refused = fakes.go_on(*(word for pair in given.items() for word in pair), "--steps", "6")
    said = " ".join(refused.output.split())
    assert refused.exit_code == 2
    assert set(re.findall(r"(--[a-z_-]+): step", said)) == set(given)
    assert set(re.findall(r"leave (--[a-z_-]+) out", said)) == set(given)
    assert not set(re.findall(r"--[a-z_-]+", said)) - {
        name for each in run.params for name in each.opts
    }


def test_whether_trials_run_as_jobs_may_differ_between_steps(fakes: Fakes) -> None:
    fakes.begin()
    fakes.asked.clear()
    assert fakes.go_on("--no-jobs", "--steps", "2.5-6").exit_code == 0
    assert fakes.asked["tune-scorer"].jobs is False
    assert "window" not in fakes.asked


def test_a_cluster_that_bounds_a_step_which_is_not_to_run_again_is_refused(fakes: Fakes) -> None:
    """Its bounds are those that the step's record holds: the earlier file may have gone."""
    files = {
        name: fakes.house / f"{name}.json" for name in ("first", "same", "other", "none", "bad")
    }
    nine, eight = {"skip_max": [0, 9]}, {"skip_max": [0, 8]}
    bounds: dict[str, Any] = {"first": nine, "same": nine, "other": eight, "none": {}}
    bounds["bad"] = {"skip_max": 8, "width": 1}
    for name, path in files.items():
        told = {"search_bounds": bounds[name]} if bounds[name] else {}
        path.write_text(json.dumps({"nodes": [{"hostname": "localhost"}], **told}))

    def gone_on(name: str, steps: str) -> tuple[int, str]:
        result = fakes.go_on("--cluster", str(files[name]), "--steps", steps)
        return result.exit_code, " ".join(result.output.split())

    assert fakes.begin("--cluster", str(files["first"])).exit_code == 0
    files["first"].unlink()
    for name in ("other", "none"):
        code, said = gone_on(name, "2.5-6")
        assert code == 2
        assert "--cluster: step 1, window, has run within other search_bounds and is not" in said
        assert "--steps 1,2.5,3,4,5,6, leave --cluster out" in said
    code, said = gone_on("bad", "2.5-6")
    assert (code, "search_bounds.skip_max" in said, "search_bounds.width" in said) == (
        2,
        True,
        True,
    )
    assert gone_on("same", "2.5-6")[0] == 0
    fakes.asked.clear()
    assert gone_on("other", "1-6")[0] == 0
    assert fakes.asked["window"].bounds.skip_max.high == 8
    assert gone_on("none", "3")[0] == 2


def test_a_switch_that_a_resumed_step_keeps_is_named_as_it_was_given(tmp_path: Path) -> None:
    words = ["trace", "window", "--resume", "none", "--output-dir", str(tmp_path)]
    for name in ("--jobs", "--no-jobs"):
        refused = CliRunner().invoke(main, [*words, name])
        assert (refused.exit_code, f" {name}: a resumed run" in refused.stderr) == (2, True)


def test_changes_that_steps_to_come_are_asked_and_that_concern_no_other_are_taken(
    fakes: Fakes,
) -> None:
    fakes.begin("--generator", "java_lcg", "--steps", "0-1")
    assert fakes.go_on("--generator", "java_lcg", "--steps", "3").exit_code == 0
    assert (
        fakes.go_on("--model-type", "lightgbm", "--predict", "9", "--steps", "4-6").exit_code == 0
    )
    assert fakes.asked["predict"].predictions == 9
    assert fakes.go_on("--generator", "mt19937", "--steps", "0-1").exit_code == 0
    assert fakes.asked["window"].generators == ("mt19937",)


def test_a_variable_skip_is_what_every_step_searches_that_looks_for_one(fakes: Fakes) -> None:
    assert fakes.begin("--variable-skip", "1..6").exit_code == 0
    assert fakes.asked["recover"].variable_skip == fakes.asked["window"].variable_skip == (1, 6)
    fakes.asked.clear()
    assert fakes.go_on("--variable-skip", "2..6").exit_code == 0
    assert list(fakes.asked) == ["recover", "window"]


def test_an_interrupted_run_says_how_to_go_on(fakes: Fakes) -> None:
    fakes.faults["score"] = KeyboardInterrupt()
    result = fakes.begin()
    assert result.exit_code == 3
    assert f"seedfleet trace run --resume {fakes.folder.name}" in result.stdout
    document = json.loads((fakes.folder / "trace.json").read_text())
    assert document["state"] == "interrupted"
    page = (fakes.folder / document["files"]["report"]).read_text(encoding="utf-8")
    assert "The run was interrupted before it had an answer" in page
    del fakes.faults["score"]
    fakes.asked.clear()
    assert fakes.go_on().exit_code == 0
    assert list(fakes.asked) == ["score", "tune-model", "train", "predict"]


def test_a_run_that_fails_has_a_page_that_says_so(fakes: Fakes) -> None:
    fakes.faults["window"] = OptionsError(["seeds: 9..7 is empty"])
    assert fakes.begin().exit_code == 2
    page = (fakes.folder / "report.html").read_text(encoding="utf-8")
    assert "The run has no answer yet" in page
    assert "seeds: 9..7 is empty" in page


def test_a_run_without_an_answer_ends_with_1_and_explain_says_why(fakes: Fakes) -> None:
    fakes.faults["train"] = OptionsError(["labels: all are equal"])
    assert fakes.begin("--steps", "1-5").exit_code == 1
    told = fakes.invoke("trace", "explain", str(fakes.folder)).stdout
    assert "5 train: stop" in told
    assert "labels: all are equal" in told
    assert "draws: 40, at least 1 needed: holds" in told
    assert "6 predict: it has not been run to its end" in told


def test_too_few_draws_for_the_sieve_leave_the_last_step_to_answer(fakes: Fakes) -> None:
    fakes.faults["window"] = ShortageError(["draws: 40 are too few: 90 would do"])
    result = fakes.begin()
    assert (result.exit_code, list(fakes.asked)) == (0, ["recover", "window", "predict"])
    assert "90 would do" in result.stdout
    left = RunFiles(fakes.folder)
    stale = [left.window_config, left.train_history, left.holdout_history]
    for which in ("forward", "reverse", "bidirectional"):
        stale += [left.survivors(which), left.survivors(which).with_suffix(".json")]
    for path in stale:
        path.write_text("of other draws", encoding="utf-8")
    assert fakes.go_on("--steps", "1-5").exit_code == 1
    assert [path for path in stale if path.exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "window"])
def test_everything_that_is_wrong_is_told_once(tmp_path: Path, command: str) -> None:
    draws, cluster = tmp_path / "draws.txt", tmp_path / "cluster.json"
    draws.write_text("\n".join(map(str, range(40))), encoding="utf-8")
    bounds = {"window_size": [5, 2], "size": 1}
    cluster.write_text(json.dumps({"nodes": [{"hostname": "localhost"}], "search_bounds": bounds}))
    asked = ["trace", command, str(draws), "--generator", "foo", "--generator", "bar"]
    asked += ["--engine", "wrong", "--engine-option", "word", "--cluster", str(cluster)]
    asked += ["--model-type", "forest"] if command == "run" else []
    refused = CliRunner().invoke(main, [*asked, "--output-dir", str(tmp_path / "out")])
    assert (refused.exit_code, (tmp_path / "out").exists()) == (2, False)
    lines = refused.stderr.splitlines()[1:]
    for told in (
        "--engine-option word: is not K=V",
        "engine 'wrong': known are",
        "$.search_bounds.size: no such bound",
        "$.search_bounds.window_size: 5..2 is not within",
        "generator: there is no generator or search 'foo'",
        "generator: there is no generator or search 'bar'",
        *(["there is no model type 'forest'"] if command == "run" else []),
    ):
        assert sum(told in line for line in lines) == 1, told
    own = [line for line in lines if not line.startswith("note: ")]
    assert len(own) == (7 if command == "run" else 6)

    cluster.write_text("no JSON")
    words = ["trace", command, str(draws), "--cluster", str(cluster), "--engine-option", "slots=x"]
    refused = CliRunner().invoke(main, [*words, "--output-dir", str(tmp_path / "out")])
    assert refused.exit_code == 2
    assert refused.output.count("not JSON") == refused.output.count("slots=x") == 1


def test_steps_that_stand_on_others_are_refused_in_a_new_folder_and_the_others_named(
    fakes: Fakes,
) -> None:
    refused = fakes.begin("--steps", "3-5")
    assert (refused.exit_code, fakes.asked) == (2, {})
    assert "step 3, score, needs step 1, window" in refused.output
    assert "step 5" not in refused.output
    fakes.begin("--steps", "1")
    assert fakes.go_on("--steps", "3-5").exit_code == 0
    assert list(fakes.asked) == ["window", "score", "tune-model", "train"]


def test_explain_names_files_that_have_changed_since(fakes: Fakes) -> None:
    fakes.begin()
    (fakes.folder / "predictions.json").write_text("{}", encoding="utf-8")
    document = json.loads(
        fakes.invoke("trace", "explain", str(fakes.folder), "--output", "json").stdout
    )
    last = document["steps"][-1]
    assert (last["step"], last["counts"]) == ("predict", False)
    assert last["changed"] == ["the output predictions.json has changed"]


def test_a_step_that_cannot_be_done_ends_the_run_with_every_problem(fakes: Fakes) -> None:
    fakes.faults["score"] = OptionsError(["chunk 2: 9 rows", "chunk 3: none"])
    result = fakes.begin()
    assert result.exit_code == 2
    assert "chunk 2: 9 rows" in result.output
    assert "chunk 3: none" in result.output
    assert list(fakes.asked)[-1] == "score"


def test_a_cluster_that_goes_away_is_no_bad_input_of_a_run_that_has_begun(fakes: Fakes) -> None:
    fakes.faults["score"] = BadInputError(["engine slurm: the controller is away"])
    result = fakes.begin("--steps", "1-3")
    assert result.exit_code == 1
    assert "error: the jobs of this step could not be run\n  engine slurm: the" in result.stderr
    go_on = f"seedfleet trace run --resume {fakes.folder.name} --output-dir {fakes.folder.parent}"
    assert go_on in result.stdout
    document = json.loads((fakes.folder / "trace.json").read_text())
    assert document["state"] == "incomplete"
    again = fakes.go_on("--output", "json")
    assert (again.exit_code, json.loads(again.stdout)["state"]) == (1, "incomplete")
    fakes.faults.clear()
    assert fakes.go_on().exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "9", "--trials", "0", "--predict", "x"], ["--steps", "--trials", "--predict"]),
        (["--engine", "abacus"], ["abacus"]),
        (["--cluster", "none.json"], ["none.json"]),
        (["--session", "noon"], ["noon"]),
        (
            ["--session", "noon", "--cluster", "none.json", "--engine", "abacus", "--steps", "3"],
            ["noon", "none.json", "abacus", "needs step 1"],
        ),
        (
            ["--generator", "auto", "--generator", "java_lcg", "--session", "noon"],
            ["name none beside it", "noon"],
        ),
        (["--predict", "0"], ["1<=x<=1000"]),
    ],
)
def test_bad_input_starts_nothing(fakes: Fakes, words: list[str], said: list[str]) -> None:
    result = fakes.begin(*words)
    assert result.exit_code == 2
    assert all(each in result.output for each in said)
    assert not fakes.asked
    assert not (fakes.house / "out").exists()


def test_an_engine_that_is_not_there_is_refused_before_the_first_step(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_tools:
        without_tools.setenv("PATH", str(fakes.house))
        refused = fakes.begin("--engine", "slurm")
        assert refused.exit_code == 2
        assert "sbatch, squeue, scancel not found" in refused.stderr
        assert not fakes.asked
        assert not (fakes.house / "out").exists()
    assert fakes.begin().exit_code == 0
    with monkeypatch.context() as without_tools:
        without_tools.setenv("PATH", str(fakes.house))
        assert fakes.go_on("--engine", "slurm").exit_code == 2
        assert fakes.go_on().exit_code == 0


def test_draws_that_have_changed_are_refused_until_that_is_agreed_to(fakes: Fakes) -> None:
    fakes.begin("--steps", "1")
    (fakes.house / "draws.txt").write_text("1\n2\n3\n", encoding="utf-8")
    fakes.asked.clear()
    refused = fakes.go_on("--steps", "1-6")
    assert (refused.exit_code, "have changed since this run began" in refused.output) == (2, True)
    assert "--accept-changes" in refused.output
    assert not fakes.asked
    assert open_run(fakes.folder)[1].steps == ("1",)
    assert fakes.go_on("--steps", "1-6", "--accept-changes").exit_code == 0
    assert len(open_run(fakes.folder)[0]) == 40
    (fakes.house / "draws.txt").unlink()
    assert fakes.go_on().exit_code == 0
    assert fakes.begin("--accept-changes").exit_code == 2


def test_a_run_that_cannot_be_begun_leaves_no_folder(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seedfleet.pipeline.steps.request.write_request", stopped)
    result = fakes.begin()
    assert (result.exit_code, "nothing had been written" in result.stdout) == (3, True)
    assert not list((fakes.house / "out").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_first_step_is_told_and_the_run_goes_on(
    number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "draws.txt").write_text("\n".join(map(str, range(40))), encoding="utf-8")
    code = f"""
import signal, sys
from seedfleet.pipeline.steps.workflow import trace_run
def begun(*_, **__):
    signal.raise_signal({int(number)})
trace_run.Course = begun
sys.argv = ["seedfleet", "trace", "run", "draws.txt"]
from seedfleet.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done
    (folder,) = (tmp_path / "trace_results").iterdir()
    assert f"go on with: seedfleet trace run --resume {folder.name}" in done.stdout
    assert len(open_run(folder)[0]) == 40


def test_a_run_that_is_not_there_is_refused(fakes: Fakes) -> None:
    assert fakes.invoke("trace", "run", "--resume", "none").exit_code == 2
    result = fakes.invoke("trace", "explain", str(fakes.house / "none"))
    assert (result.exit_code, "there is no such folder" in result.output) == (2, True)
    assert fakes.invoke("trace", "explain").exit_code == 2


def test_a_step_works_alone_on_the_folder_of_a_run(fakes: Fakes) -> None:
    @click.command()
    @step_command_options
    def score(output: Any, **given: Any) -> None:
        module = sys.modules[_FAKES]
        run_step_alone(
            "score",
            given,
            output,
            lambda history, _, run: module.run_score(history, SimpleNamespace(), run),
        )

    fakes.begin("--steps", "1")
    record = fakes.folder / "context" / "score.json"
    alone = CliRunner().invoke(score, [str(fakes.folder), "--engine-option", "slots=1"])
    assert (alone.exit_code, record.exists()) == (0, True)
    assert "score: proceed" in alone.stdout

    fakes.faults["score"] = RuntimeError("killed")
    assert CliRunner().invoke(score, ["--run", str(fakes.folder)]).exit_code == 1
    assert not record.exists()  # the word of an earlier attempt does not stay

    fakes.faults["score"] = KeyboardInterrupt()
    assert CliRunner().invoke(score, [str(fakes.folder)]).exit_code == 3
    fakes.faults["score"] = BadInputError(["it is away"])
    away = CliRunner().invoke(score, [str(fakes.folder)])
    assert (away.exit_code, "it is away" in away.stderr) == (1, True)
    assert f"run {fakes.folder.name}: the same command goes on" in away.stdout
    fakes.faults["score"] = OptionsError(["one", "two"])
    refused = CliRunner().invoke(score, [str(fakes.folder)])
    assert (refused.exit_code, "one" in refused.output, "two" in refused.output) == (2, True, True)
    assert CliRunner().invoke(score, []).exit_code == 2


def test_a_run_keeps_its_draws_as_they_were_read(fakes: Fakes) -> None:
    fakes.begin("--modulus", "49", "--steps", "1")
    history, request = open_run(fakes.folder)
    assert (history.modulus, history.values.tolist()) == (49, list(range(40)))
    assert request.steps == ("1",)


def test_the_page_on_steps_names_options_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "steps.md").read_text("utf-8")
    table = page.split("## One command\n")[1].split("\nA line is printed")[0]
    named = set(
        re.findall(r"--[a-z-]+", "".join(re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)))
    )
    there = {name for parameter in run.params for name in parameter.opts}
    assert named == there - {"--resume", "draws", "--output"} | {"--output"}
