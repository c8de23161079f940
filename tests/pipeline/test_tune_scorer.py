"""Step 2.5: the space of settings, honest measuring, and when the defaults stay."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
import survivor_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from window_runs import FailingFleet

from seedfleet.fleet import Job
from seedfleet.pipeline.steps.context_record import ContextRecord, Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.label_ranking import rank_shares, worths
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.tune_scorer import (
    TuneScorerOptions,
    measure_file,
    run_tune_scorer,
)
from seedfleet.pipeline.steps.tune_scorer.choice import judged
from seedfleet.pipeline.steps.tune_scorer.judgement import HalfShares, cross_fit
from seedfleet.pipeline.steps.tune_scorer.sample import Sample, write_sample
from seedfleet.pipeline.steps.tune_scorer.search_space import SearchSpace
from seedfleet.pipeline.steps.tune_scorer.studies import Studies, trials_by_jobs
from seedfleet.recover import OptionsError
from seedfleet.scoring import COMPONENTS, ScoringSettings

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = SearchSpace.of(1000, 480)
DEFAULTS = ScoringSettings.of_modulus(1000)


def test_the_space_is_the_established_one_for_three_digits() -> None:
    assert SPACE.lanes == ((5, 20), (50, 150), (500, 1500))


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 2**31), st.integers(0, 6000))
def test_every_space_gives_settings_that_can_be(modulus: int, draws: int) -> None:
    space = SearchSpace.of(modulus, draws)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(3):
        found = space.suggest(study.ask())
        assert any(found.weights.values())
        for (low, high), lane in zip(space.lanes, found.residue_mods, strict=True):
            assert 2 <= low <= lane <= high <= 2**31


def test_every_value_that_is_sampled_is_in_the_settings() -> None:
    sampled: dict[str, Any] = {
        "residue_mod_1": 7,
        "residue_mod_2": 101,
        "residue_mod_3": 1009,
        "max_offset": 31,
        "temporal_window_size": 53,
        "temporal_num_windows": 11,
    }
    weights = {name: (place + 1) / 8 for place, name in enumerate(COMPONENTS)}
    sampled |= {f"weight_{name}": weight for name, weight in weights.items()}
    trial = optuna.trial.FixedTrial(sampled)  # which refuses to sample anything else
    assert SPACE.suggest(trial) == ScoringSettings(
        residue_mods=(7, 101, 1009),
        max_offset=31,
        temporal_window_size=53,
        temporal_num_windows=11,
        weights=weights,
    )
    assert trial.params == sampled


def test_all_that_is_wrong_with_options_is_told_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        TuneScorerOptions(trials=-1, sample=3, shuffles=10, seed=-1)
    assert len(caught.value.problems) == 4


def _values_of_settings(rng: np.random.Generator, *, honest: bool) -> float:
    """Return the p-value of the best of 50 scores that know nothing of the labels."""
    half = np.arange(80) % 2 == 1
    weights = worths(rng.normal(size=80))
    scores = rng.normal(size=(50, 80))
    crossed = np.empty(80)
    for guide, judge in ((~half, half), (half, ~half)):
        shares = [(rank_shares(each[guide]), rank_shares(each[judge])) for each in scores]
        chosen_by = guide if honest else judge
        best = max(shares, key=lambda pair: pair[0 if honest else 1] @ weights[chosen_by])
        crossed[judge] = best[1]
    parts = [HalfShares(crossed[part], weights[part]) for part in (~half, half)]
    return cross_fit(parts, 199, rng).p


@pytest.mark.slow
def test_choosing_among_many_is_paid_for_by_measuring_on_the_other_half() -> None:
    rng = np.random.default_rng(4)
    honest = np.mean([_values_of_settings(rng, honest=True) < 0.05 for _ in range(150)])
    assert honest < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)
    # The same test without the other half finds something in nearly all of nothing.
    looked = np.mean([_values_of_settings(rng, honest=False) < 0.05 for _ in range(30)])
    assert looked > 0.5


@pytest.mark.slow
def test_a_study_is_not_told_of_the_other_half() -> None:
    asked = []
    for others in (np.random.default_rng(11), np.random.default_rng(12)):
        studies, own = Studies(SPACE, 1), np.random.default_rng(5)
        told = []
        for _ in range(40):
            number, found = studies.ask()
            value, other = float(own.random()), float(others.random())
            studies.tell(number, (value, other) if number % 2 == 0 else (other, value))
            told.append(found)
        asked.append(told)
    assert asked[0] == asked[1]
    # Its own half it is told of: with other values it asks for something else.
    studies = Studies(SPACE, 1)
    changed = []
    for _ in range(40):
        number, found = studies.ask()
        studies.tell(number, (-float(number % 7), -float(number % 5)))
        changed.append(found)
    assert changed != asked[0]


class _Informed(Sample):
    """Survivors whose labels one component of the score knows, and the default does not weigh."""

    def scores(self, settings: ScoringSettings) -> NDArray[np.float64]:
        known = np.sqrt(self.worths) * settings.weights.get("coherence", 0.0)
        lot = np.random.default_rng(len(self.table)).normal(size=len(self.table))
        return known / known.std() + 2 * lot if known.any() else lot


def _informed() -> _Informed:
    weights = worths(np.random.default_rng(6).normal(size=300))
    half = np.arange(300) % 2 == 1
    table = survivor_runs.survivors(300)
    return _Informed(table, np.zeros(480, np.int64), 1000, weights, half)


@pytest.mark.slow
def test_settings_that_rank_better_on_the_other_half_are_taken() -> None:
    sample, studies = _informed(), Studies(SPACE, 2)
    for _ in range(12):
        number, found = studies.ask()
        studies.tell(number, sample.values(found))
    base = sample.shares(DEFAULTS)
    choice = judged(sample, studies, (DEFAULTS, base), 999, np.random.default_rng(7))
    assert choice.trial is not None
    assert choice.settings != DEFAULTS
    assert choice.fit is not None
    assert choice.fit.p < 0.05
    assert choice.gain is not None
    assert choice.gain.value > choice.gain.chance_upper
    assert choice.remeasured < 1e-9


def test_settings_without_a_gain_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, studies = _informed(), Studies(SPACE, 2)
    monkeypatch.setattr(_Informed, "scores", lambda sample, _settings: np.sqrt(sample.worths))
    for _ in range(8):
        number, found = studies.ask()
        studies.tell(number, sample.values(found))
    base = sample.shares(DEFAULTS)
    choice = judged(sample, studies, (DEFAULTS, base), 999, np.random.default_rng(7))
    assert choice.fit is not None
    assert choice.fit.p < 0.05
    assert choice.trial is None
    assert choice.settings == DEFAULTS
    assert "no settings are better" in choice.reason


def test_of_equal_trials_the_first_is_taken_whichever_ended_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample, studies = _informed(), Studies(SPACE, 2)
    base = sample.shares(ScoringSettings((2, 3, 5), weights={}))
    monkeypatch.setattr(_Informed, "scores", lambda sample, _settings: np.sqrt(sample.worths))
    for number, found in reversed([studies.ask() for _ in range(4)]):
        studies.tell(number, sample.values(found))
    choice = judged(sample, studies, (DEFAULTS, base), 999, np.random.default_rng(7))
    assert choice.trial == 0
    assert [trial.number for trial in choice.trials] == [0, 1, 2, 3]


@pytest.mark.slow
def test_few_survivors_keep_the_defaults(tmp_path: Path) -> None:
    history = survivor_runs.planted()
    run = survivor_runs.step_run(tmp_path, history, survivor_runs.survivors(49), "tune-scorer")
    record = run_tune_scorer(history, TuneScorerOptions(), run)
    written = json.loads(run.files.scorer_config.read_text())
    assert record.decision is Decision.STOP
    assert (record.checks[0].value, record.checks[0].limit) == (49, 50)
    assert written["chosen"] == "defaults"
    assert "too few" in written["reason"]
    assert ScoringSettings.from_document(written) == DEFAULTS


def _nothing_measured(record: ContextRecord) -> bool:
    """Tell whether a step stops, each of its checks but that of the survivors without a value."""
    first, *others = record.checks
    assert first.holds
    assert [check.value for check in others] == [None] * 3
    return record.decision is Decision.STOP


@pytest.mark.slow
def test_without_a_figure_the_step_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = survivor_runs.planted()
    run = survivor_runs.step_run(tmp_path, history, survivor_runs.survivors(60), "tune-scorer")
    untried = run_tune_scorer(history, TuneScorerOptions(trials=0, shuffles=200), run)
    assert _nothing_measured(untried)
    monkeypatch.setattr(
        SurvivorEvidence, "labels", lambda evidence, _slice: np.ones(len(evidence.table))
    )
    alike = run_tune_scorer(history, TuneScorerOptions(shuffles=200), run)
    assert _nothing_measured(alike)
    assert "equally well" in alike.remarks[0]


@pytest.mark.slow
def test_what_step_0_fitted_is_not_measured_on(tmp_path: Path) -> None:
    history, table = survivor_runs.planted(), survivor_runs.survivors(200)
    others = table.take(np.flatnonzero(table.rows["seed"] != survivor_runs.TRUE_SEED))
    found = [survivor_runs.found_by_step_0(survivor_runs.TRUE_SEED)]
    told = {}
    for name, rows, known in (("none", table, []), ("found", table, found), ("out", others, [])):
        run = survivor_runs.step_run(tmp_path / name, history, rows, "tune-scorer")
        survivor_runs.write_recovery(run.files, known)
        record = run_tune_scorer(history, TuneScorerOptions(trials=2, shuffles=200), run)
        written = json.loads(run.files.scorer_config.read_text())
        assert "recovery.json" in record.inputs.keys() & written["inputs"].keys()
        told[name] = written["objective"]
    assert told["found"] == told["out"] != told["none"]


@pytest.mark.slow
def test_a_run_sees_nothing_after_the_tune_slice(tmp_path: Path) -> None:
    history = survivor_runs.planted(0.1)
    gate = len(history) * 75 // 100
    later = history.values.copy()
    later[gate:] = (later[gate:] * 7 + 1) % 1000
    table, told = survivor_runs.survivors(400), []
    for name, values in (("a", history.values), ("b", later)):
        run = survivor_runs.step_run(
            tmp_path / name, survivor_runs.history_of(values), table, "tune-scorer"
        )
        record = run_tune_scorer(
            survivor_runs.history_of(values), TuneScorerOptions(trials=4, shuffles=200), run
        )
        assert record.decision is Decision.PROCEED
        written = json.loads(run.files.scorer_config.read_text())
        told.append({key: written[key] for key in ("chosen", "reason", "objective", "trials")})
    assert told[0] == told[1]
    assert told[0]["objective"]["ranking"]["p"] < 0.05  # the true seed is among them
    assert ScoringSettings.from_document(written).residue_mods == DEFAULTS.residue_mods


@pytest.mark.slow
def test_jobs_measure_what_this_process_does(tmp_path: Path) -> None:
    table, rng = survivor_runs.survivors(60), np.random.default_rng(8)
    half = np.arange(60) % 2 == 1
    draws = survivor_runs.planted().values[:480]
    sample = Sample(table, draws, 1000, worths(rng.normal(size=60)), half)
    write_sample(tmp_path, sample)
    number, found = Studies(SPACE, 3).ask()
    trial_file = tmp_path / "trials.json"
    told = {"number": number, "settings": found.to_document()}
    trial_file.write_text(json.dumps({"format": "seedfleet.scorer-trials/1", "trials": [told]}))
    measure_file(trial_file, tmp_path / "values.json")
    (result,) = json.loads((tmp_path / "values.json").read_text())["results"]
    assert result["number"] == number
    assert result["values"] == pytest.approx(sample.values(found))


@pytest.mark.slow
def test_trials_run_as_jobs_of_the_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = survivor_runs.planted()
    run = survivor_runs.step_run(tmp_path, history, survivor_runs.survivors(60), "tune-scorer")
    asked = TuneScorerOptions(trials=2, shuffles=200, jobs=True)
    record = run_tune_scorer(history, asked, run)
    written = json.loads(run.files.scorer_config.read_text())
    assert record.decision is Decision.PROCEED
    assert written["measured_by"] == "jobs"
    assert [trial["number"] for trial in written["trials"]] == [0, 1]

    # Asked again, as after a kill, it finds the same trials measured, however fast this machine is.
    attempts = sorted(tmp_path.rglob("attempts/*/*"))
    monkeypatch.setattr("seedfleet.pipeline.steps.tune_scorer.step._timed", lambda *_: 99.0)
    run_tune_scorer(history, asked, run)
    assert json.loads(run.files.scorer_config.read_text())["trials"] == written["trials"]
    assert sorted(tmp_path.rglob("attempts/*/*")) == attempts


@dataclass(frozen=True)
class _InThisProcess(FanOut):
    """Runs trials here, the jobs of a round in some order, and counts what was told after each."""

    studies: Studies | None = None
    lasts_first: bool = False
    told: list[int] = field(default_factory=list)

    @property
    def slots(self) -> int:
        return 3

    def run(self, jobs: Sequence[Job], jobs_file: Path, **given: Any) -> Any:
        assert self.studies is not None
        for job in reversed(jobs) if self.lasts_first else jobs:
            output = jobs_file.with_name(str(job.expected_output))
            measure_file(jobs_file.with_name(job.args[1]), output)
            given["done"](job.job_id, output)
            self.told.append(len(self.studies.trials))
        return SimpleNamespace(jobs={})


@pytest.mark.slow
def test_results_are_told_as_they_arrive_and_their_order_changes_no_trial(tmp_path: Path) -> None:
    history, table = survivor_runs.planted(), survivor_runs.survivors(60)
    labels = np.random.default_rng(8).normal(size=60)
    sample = Sample(table, history.values[:480], 1000, worths(labels), np.arange(60) % 2 == 1)
    found = []
    for lasts_first in (False, True):
        studies = Studies(SPACE, 3)
        run = survivor_runs.step_run(tmp_path / str(lasts_first), history, table, "tune-scorer")
        fleet = _InThisProcess(studies=studies, lasts_first=lasts_first)
        trials_by_jobs(studies, sample, 32, replace(run, fan_out=fleet), trial_s=1e-3)
        # Rounds of eight trials, in jobs of three at most: each is told before the next ends.
        sizes = (2, 3, 3) if lasts_first else (3, 3, 2)
        assert np.diff(fleet.told, prepend=0).tolist() == list(sizes) * 4
        base, rng = sample.shares(DEFAULTS), np.random.default_rng(7)
        found.append(judged(sample, studies, (DEFAULTS, base), 200, rng).to_document())
    assert found[0] == found[1]


@pytest.mark.slow
def test_jobs_without_a_result_are_named(tmp_path: Path) -> None:
    history = survivor_runs.planted()
    run = survivor_runs.step_run(tmp_path, history, survivor_runs.survivors(60), "tune-scorer")
    asked = TuneScorerOptions(trials=2, shuffles=200, jobs=True)
    record = run_tune_scorer(history, asked, replace(run, fan_out=FailingFleet()))
    assert record.change == {"jobs": False}
    assert any("scorer-round-1-1" in each and "exit status 9" in each for each in record.remarks)
