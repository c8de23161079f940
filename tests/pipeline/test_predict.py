"""Step 6 on folders of runs: what it predicts, when it abstains, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from plain_history import history
from survivor_runs import found_by_step_0, write_recovery

from seedfleet.cli.established.prediction import prediction_generator
from seedfleet.digests import file_digest
from seedfleet.draws import History, load
from seedfleet.draws.slices import Slices
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import find_preset
from seedfleet.generators.compiled import at_positions
from seedfleet.models import create
from seedfleet.models.sidecar import Sidecar
from seedfleet.models.tilt import Tilt
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.context_record import Check, ContextRecord, Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.out_of_fold import read_out_of_fold, write_out_of_fold
from seedfleet.pipeline.steps.predict import PredictError, PredictOptions, run_predict
from seedfleet.pipeline.steps.predict.features import FeatureSource
from seedfleet.pipeline.steps.predict.ranking import find_trained, rank
from seedfleet.pipeline.steps.predict.step import _checks, _of_whose, _powered
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.score import score_table
from seedfleet.pipeline.steps.score.scored_table import ScoredDraws
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_files import read_survivors, write_parquet, write_survivors
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.scoring import FEATURES, ScoringSettings
from seedfleet.sieve.rows import constant_skip_positions

SEED = 4321


def stream_draws(count: int, *, skip: int = 1) -> list[int]:
    values, _ = at_positions(
        find_preset("java_lcg").stream, SEED, 1000, constant_skip_positions(count, skip)
    )
    return [int(value) for value in values]


def survivors(count: int = 30, *, skips: tuple[int, int] = (1, 1)) -> SurvivorTable:
    rows = np.zeros(count, ROW)
    rows["seed"] = np.arange(SEED - count // 2, SEED - count // 2 + count)
    rows["skip_min"], rows["skip_max"] = skips
    rows["end"] = NO_END
    return SurvivorTable(("java_lcg",), (), rows)


def begun(folder: Path, draws: list[int], table: SurvivorTable) -> tuple[History, StepRun]:
    """Leave in a folder what steps 1 to 5 leave where no model could be trained."""
    whole = history(draws)
    files = RunFiles(folder)
    write_history(files.history, whole, range(len(whole)))
    files.window_config.write_text(
        json.dumps({"run_id": "r", "modulus": 1000, "sessions": [], "generator": "java_lcg"})
    )
    write_survivors(files.survivors("bidirectional"), table, {"run_id": "r"})
    context = RunContext(run_id="r", command=(), started_utc="", folder=str(folder))
    declined = ContextRecord(
        step="train",
        run_id="r",
        parent_run_id=None,
        inputs={},
        outputs={},
        parameters={},
        checks=[Check("labels", None, 1)],
        remarks=["all labels are equal"],
    )
    declined.write(files.context("train"))
    return whole, StepRun("predict", files, context, FanOut())


def predictions(run: StepRun) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run.files.predictions.read_text())
    return document


@pytest.mark.slow
def test_a_planted_stream_is_found_and_goes_on(tmp_path: Path) -> None:
    draws = stream_draws(125)
    whole, run = begun(tmp_path, draws[:120], survivors())
    record = run_predict(whole, PredictOptions(predictions=5, top=3), run)
    document = predictions(run)
    assert record.decision is Decision.PROCEED
    assert document["verdict"] == "recovered"
    assert [each["value"] for each in document["predictions"]] == draws[120:]
    assert all(len(each["top"]) <= 3 for each in document["predictions"])
    assert document["predictions"][0]["probability"] > 0.95
    assert document["survivors"][0]["seed"] == SEED
    assert document["model_used"] == "likelihood"
    assert "all labels are equal" in document["model_reason"]
    assert document["test"]["log2_score"] > -1 > document["test"]["uniform_log2_score"]
    assert document["lineage"]["survivors"]["sha256"] == next(
        digest for name, digest in record.inputs.items() if name.startswith("bidirectional")
    )


@pytest.mark.slow
def test_a_survivor_that_only_step_0_found_is_told_as_such(tmp_path: Path) -> None:
    draws = stream_draws(120)
    whole, run = begun(tmp_path, draws, survivors())
    found = found_by_step_0(SEED, draws=120)
    found["alignment"] = {**dict(found["alignment"]), "skip_min": 1, "skip_max": 1}  # type: ignore[call-overload]
    write_recovery(run.files, [found])
    run_predict(whole, PredictOptions(), run)
    assert [each["from_step_0"] for each in predictions(run)["survivors"]] == [True]
    sieved = survivors()
    sieved.rows["forward_draws"] = 64
    write_survivors(run.files.survivors("bidirectional"), sieved, {"run_id": "r"})
    run_predict(whole, PredictOptions(), run)
    assert [each["from_step_0"] for each in predictions(run)["survivors"]] == [False]


def test_of_some_sessions_the_reason_says_which() -> None:
    whole = replace(history([1, 2, 3]), sessions=("midday", "evening", "midday"))
    begins = {
        (): "",
        ("midday",): "of the draws of midday alone: ",
        ("midday", "evening"): "",
    }
    for sessions, begin in begins.items():
        table = SurvivorTable(("java_lcg",), sessions, np.zeros(0, ROW))
        assert _of_whose(whole, table) == begin


@pytest.mark.slow
def test_a_stream_with_variable_skip_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    positions = np.cumsum(rng.integers(1, 4, 161)) - 1
    values, _ = at_positions(find_preset("java_lcg").stream, SEED, 1000, positions)
    whole, run = begun(tmp_path, values[:160].tolist(), survivors(skips=(0, 2)))
    run_predict(whole, PredictOptions(predictions=2), run)
    document = predictions(run)
    assert document["verdict"] == "recovered"
    top = document["predictions"][0]["top"][:3]
    assert int(values[160]) in [each["value"] for each in top]
    assert sum(each["probability"] for each in top) > 0.9
    assert document["predictions"][1]["top"][0]["probability"] < 0.5


@pytest.mark.slow
def test_what_was_stated_of_the_test_slice_is_held_against_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    draws = np.array(stream_draws(400))
    noisy = np.where(rng.random(400) < 0.2, rng.integers(1000, size=400), draws).tolist()
    whole, run = begun(tmp_path, noisy, survivors())
    run_predict(whole, PredictOptions(), run)
    document = predictions(run)
    told, test = document["reliability"], Slices.of(400).test
    assert told["draws"] == len(test) == 60
    right = sum(noisy[index] == draws[index] for index in test)
    (spoken,) = [each for each in told["bins"] if each["draws"]]
    assert (spoken["from"], spoken["to"]) == (0.5, 0.9)
    assert (spoken["draws"], spoken["observed"]) == (60, right)
    assert abs(spoken["expected"] - right) < 3 * (60 * 0.2 * 0.8) ** 0.5
    assert told["log2_score"] == pytest.approx(document["test"]["log2_score"], abs=1e-6)


@pytest.mark.slow
def test_what_paths_state_of_the_test_slice_is_their_log_score(tmp_path: Path) -> None:
    positions = np.cumsum(np.random.default_rng(3).integers(1, 4, 160)) - 1
    values, _ = at_positions(find_preset("java_lcg").stream, SEED, 1000, positions)
    table = survivors(4, skips=(0, 2))
    table.rows["origin"][0] = 140  # one that says nothing of some of these draws
    whole, run = begun(tmp_path, values.tolist(), table)
    run_predict(whole, PredictOptions(), run)
    told = predictions(run)["reliability"]
    assert told["log2_score"] == pytest.approx(predictions(run)["test"]["log2_score"], abs=1e-6)
    assert sum(each["draws"] for each in told["bins"]) == told["draws"] == 24
    assert told["survivors_fitted_to_these_draws"] == 0
    assert 0.2 < sum(each["expected"] for each in told["bins"]) / 24 < 0.6


def test_random_draws_are_no_evidence_and_no_value_is_named(tmp_path: Path) -> None:
    draws = np.random.default_rng(8).integers(1000, size=400).tolist()
    whole, run = begun(tmp_path, draws, survivors())
    run_predict(whole, PredictOptions(predictions=3), run)
    document = predictions(run)
    assert document["verdict"] == "no_evidence"
    assert document["abstained"]
    for each in document["predictions"]:
        assert (each["value"], each["top"]) == (None, [])
        assert each["highest_probability"] == pytest.approx(1 / 1000, rel=1e-6)
    least = document["reliability"]["bins"][0]
    assert (least["draws"], least["expected"]) == (60, pytest.approx(0.06))
    assert document["reliability"]["log2_score"] == pytest.approx(-np.log2(1000))


def test_a_stream_that_has_ended_says_nothing_of_what_comes(tmp_path: Path) -> None:
    rest = np.random.default_rng(8).integers(1000, size=90).tolist()
    whole, run = begun(tmp_path, [*stream_draws(210), *rest], survivors())
    record = run_predict(whole, PredictOptions(), run)
    document = predictions(run)
    assert document["abstained"]
    assert document["verdict"] == "signal"
    assert "not the last ones" in document["verdict_reason"]
    assert document["test"]["bits"] == pytest.approx(0, abs=0.01)  # it ended before that slice
    assert record.decision is Decision.PROCEED  # nothing is predicted


def test_what_is_predicted_and_could_not_be_tested_does_not_hold(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors())
    record = run_predict(whole, PredictOptions(predictions=2), run)
    assert [check.holds for check in record.checks] == [True, True, True]
    document = predictions(run)
    document["test"]["bits"] = None
    document["predictions"].pop()["total_probability"] = 1.0
    document["predictions"][0]["total_probability"] = 1.01
    checks = _checks(document, PredictOptions(predictions=2))
    assert [check.holds for check in checks] == [False, False, False]


def test_a_few_draws_are_too_few_to_tell(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(5), survivors())
    run_predict(whole, PredictOptions(), run)
    assert predictions(run)["verdict"] == "under_powered"
    assert predictions(run)["abstained"]


def test_nobody_left_leaves_the_null(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, [1, 2, 3] * 40, survivors(0))
    run_predict(whole, PredictOptions(), run)
    assert predictions(run)["null_probability"] == 1.0
    assert predictions(run)["abstained"]


def test_a_sidecar_that_is_merely_missing_is_refused(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors())
    run.files.context("train").unlink()
    with pytest.raises(PredictError, match=r"best_model\.meta\.json: there is no such file"):
        run_predict(whole, PredictOptions(), run)
    assert not run.files.predictions.exists()


def test_other_survivors_may_be_named(tmp_path: Path) -> None:
    draws = stream_draws(121)
    whole, run = begun(tmp_path, draws[:120], survivors(0))
    other = tmp_path / "mine.json"
    other.write_text(json.dumps([{"seed": SEED, "skip_min": 1, "skip_max": 1}, {"seed": 5}]))
    run_predict(whole, PredictOptions(survivors=other), run)
    assert predictions(run)["predictions"][0]["value"] == draws[120]
    with pytest.raises(PredictError, match="there is no such file"):
        run_predict(whole, replace(PredictOptions(), survivors=tmp_path / "none.json"), run)


OUT_OF_FOLD = 0.5  # of what the model of all rows says of a survivor


def train(run: StepRun, *, accepted: bool, tau: float = 1.0, out: int | None = None) -> Sidecar:
    """Leave a model of the run's survivors in its folder, as step 5 does.

    Parameters
    ----------
    out
        A row that takes no part.
    """
    table = read_survivors(run.files.survivors("bidirectional"))
    whole = load(run.files.history, modulus=1000)
    sieve = Slices.of(len(whole)).sieve
    known = ScoredDraws(whole.values[: sieve.stop], 1000, Division(len(whole)))
    scored = score_table(table, known, ScoringSettings.of_modulus(1000), workers=1)
    features = np.column_stack([np.asarray(scored[name], np.float64) for name in FEATURES])
    labels = features[:, FEATURES.index("residue_1000_match_rate")]
    model = create("lightgbm", {}).fit(features, labels, seed=1)
    run.files.models.mkdir()
    checkpoint = run.files.models / "best_model.txt"
    model.save(checkpoint)
    kept = run.files.models / "out_of_fold.parquet"
    rows, said = np.arange(len(table)), model.predict(features)
    part = rows if out is None else np.delete(rows, out)
    write_out_of_fold(kept, table, part, {"lightgbm": OUT_OF_FOLD * said[part]}, {})
    sidecar = Sidecar(
        model_type="lightgbm",
        checkpoint=checkpoint.name,
        checkpoint_sha256=file_digest(checkpoint),
        out_of_fold=kept.name,
        out_of_fold_sha256=file_digest(kept),
        features=FEATURES,
        dropped=(),
        label="hits",
        slices=Slices.of(len(whole)).to_document(),
        metrics={},
        gate={"accepted": accepted, "reason": "as the test wants it"},
        checks=[{"name": "draws beyond the sieve slice", "holds": True}],
        tilt=Tilt.of(tau, OUT_OF_FOLD * said[part]),
        settings={},
        lineage={
            name: {"path": str(path), "sha256": file_digest(path), "modulus": 1000}
            for name, path in (
                ("history", run.files.history),
                ("survivors", run.files.survivors("bidirectional")),
            )
        }
        | {"scorer_settings": ScoringSettings.of_modulus(1000).to_document()},
        run_id="training",
        parent_run_id=None,
        versions={},
    )
    sidecar.write(run.files.sidecar)
    run.files.context("train").unlink()
    return sidecar


@pytest.mark.slow
def test_a_model_is_used_only_where_the_gate_accepted_it(tmp_path: Path) -> None:
    draws = stream_draws(121)
    for accepted, used in ((True, "lightgbm"), (False, "likelihood")):
        whole, run = begun(tmp_path / used, draws[:120], survivors(60))
        train(run, accepted=accepted)
        run_predict(whole, PredictOptions(), run)
        document = predictions(run)
        assert document["model_used"] == used
        assert document["lineage"]["training_run_id"] == document["parent_run_id"] == "training"
        assert document["lineage"]["model"]["model_type"] == "lightgbm"
        assert document["predictions"][0]["value"] == draws[120]


def test_a_model_that_step_5_stopped_is_not_used_by_whoever_names_it(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    checks = [{"name": "draws of features beyond the sieve slice", "holds": False}]
    replace(train(run, accepted=True), checks=checks).write(run.files.sidecar)
    run_predict(whole, PredictOptions(models=run.files.models), run)
    document = predictions(run)
    assert document["model_used"] == "likelihood"
    assert "draws of features beyond the sieve slice" in document["model_reason"]


def ranked(
    run: StepRun, whole: History, table: SurvivorTable, path: Path | None = None
) -> tuple[Any, SurvivorEvidence]:
    """Return the ranking of survivors by the model of a run."""
    evidence = SurvivorEvidence.of(table, whole)
    source = FeatureSource(path, evidence, lambda _label, _share: None)
    return rank(evidence, find_trained(run.files, PredictOptions()), source.columns), evidence


def test_survivors_of_the_training_are_tilted_as_the_gate_judged(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    sidecar = train(run, accepted=True, out=7)
    # Nothing but what was said out of fold: the model of all rows has seen their labels.
    table = read_survivors(run.files.survivors("bidirectional"))
    ranking, evidence = ranked(run, whole, table)
    _, said = read_out_of_fold(run.files.models / "out_of_fold.parquet", "lightgbm", table)
    part = np.arange(60) != 7
    expected = sidecar.tilt.log2_weights(evidence.log2_prior[part], said[part])
    np.testing.assert_allclose(ranking.log2_weights[part], expected)
    assert ranking.log2_weights[7] == evidence.log2_prior[7]  # it took no part
    true = int(np.argmax(evidence.hits(range(60))))
    gained = ranking.log2_weights - evidence.log2_prior
    assert np.argmax(gained) == true
    assert gained[true] > 1
    assert np.exp2(ranking.log2_weights).sum() == pytest.approx(np.exp2(evidence.log2_prior).sum())
    assert "59 survivors, 59 as the gate judged it" in ranking.reason


def test_the_model_of_all_rows_speaks_of_others_alone(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    sidecar = train(run, accepted=True)
    known = read_survivors(run.files.survivors("bidirectional")).take(np.arange(59, 9, -1))
    strange = survivors(10)
    strange.rows["seed"] += 1000
    table = SurvivorTable(known.presets, (), np.concatenate([strange.rows, known.rows]))
    ranking, evidence = ranked(run, whole, table)
    draws = ScoredDraws(whole.values[:72], 1000, Division(len(whole)))
    scored = score_table(table, draws, ScoringSettings.of_modulus(1000), workers=1)
    features = np.column_stack([np.asarray(scored[name], np.float64) for name in FEATURES])
    said = sidecar.load_model(run.files.models).predict(features)
    said[10:] *= OUT_OF_FOLD
    expected = sidecar.tilt.log2_weights(evidence.log2_prior, said)
    np.testing.assert_allclose(ranking.log2_weights, expected)
    assert ranking.reason.endswith("50 as the gate judged it and 10 that it was not trained on")


def test_features_are_made_with_the_settings_of_the_training(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    sidecar = train(run, accepted=True)
    other = replace(ScoringSettings.of_modulus(1000), residue_mods=(7, 11, 13))
    run.files.scorer_config.write_text(json.dumps(other.to_document()))  # of a later study
    table = survivors(10)
    table.rows["seed"] += 1000
    weights = ranked(run, whole, table)[0].log2_weights
    draws = ScoredDraws(whole.values[:72], 1000, Division(len(whole)))
    scored = score_table(table, draws, other, workers=1)
    path = tmp_path / "others.parquet"
    write_parquet(path, scored, {"settings": json.dumps(other.to_document())})
    assert (ranked(run, whole, table, path)[0].log2_weights == weights).all()
    wrong = scored.set_column(
        scored.column_names.index("residue_1000_match_rate"), "residue_1000_match_rate", [weights]
    )
    write_parquet(path, wrong, {"settings": json.dumps(sidecar.lineage["scorer_settings"])})
    assert (ranked(run, whole, table, path)[0].log2_weights != weights).any()
    lineage = {key: each for key, each in sidecar.lineage.items() if key != "scorer_settings"}
    replace(sidecar, lineage=lineage).write(run.files.sidecar)
    with pytest.raises(PredictError, match="does not tell the settings"):
        ranked(run, whole, table)


def test_step_3s_table_speaks_only_by_its_own_word(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    older = survivors(4)
    write_survivors(run.files.scores, older, {})

    def spoke() -> str:
        run_predict(whole, PredictOptions(), run)
        return Path(predictions(run)["lineage"]["survivors"]["path"]).name

    assert spoke() == "bidirectional_survivors.parquet"
    word = StepRun("score", run.files, run.context, FanOut())
    table = run.files.survivors("bidirectional")
    checks = [Check("rows", 4, 1)]
    word.record([table], [run.files.scores], parameters={}, metrics=[], checks=checks)
    assert spoke() == run.files.scores.name
    write_survivors(table, survivors(50), {})  # step 1 anew, and not step 3
    assert spoke() == table.name
    # By hand, without any word: where the model was trained on it.
    run.files.context("score").unlink()
    write_survivors(run.files.scores, survivors(60), {})
    sidecar = train(run, accepted=False)
    digest = {"path": str(run.files.scores), "sha256": file_digest(run.files.scores)}
    replace(sidecar, lineage={**sidecar.lineage, "survivors": digest}).write(run.files.sidecar)
    assert spoke() == run.files.scores.name


def test_a_damaged_sidecar_or_checkpoint_is_refused_with_every_problem(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    train(run, accepted=True)
    good = run.files.sidecar.read_text()
    document = json.loads(good)
    document["features"].reverse()
    run.files.sidecar.write_text(json.dumps(document))
    (run.files.models / "best_model.txt").write_text("nothing")
    with pytest.raises(PredictError) as refused:
        run_predict(whole, PredictOptions(), run)
    assert len(refused.value.problems) == 2
    assert "feature_hash is not that of its features" in refused.value.problems[0]
    assert "is not the checkpoint" in refused.value.problems[1]
    run.files.sidecar.write_text(good[: len(good) // 2])
    with pytest.raises(PredictError, match="cannot be read"):
        run_predict(whole, PredictOptions(), run)


def test_a_model_of_other_draws_is_refused_but_not_one_of_earlier_ones(tmp_path: Path) -> None:
    draws = stream_draws(131)
    _, run = begun(tmp_path, draws[:120], survivors(60))
    train(run, accepted=True)
    later, other = tmp_path / "later.json", tmp_path / "other.json"
    for path, values in ((later, draws[:130]), (other, [7, *draws[1:120]])):
        write_history(path, history(values), range(len(values)))
    run_predict(history(draws[:130]), PredictOptions(draws=later), run)
    assert predictions(run)["predictions"][0]["value"] == draws[130]
    with pytest.raises(PredictError, match=r"other\.json: does not go on from the 120 draws"):
        run_predict(history([7, *draws[1:120]]), PredictOptions(draws=other), run)


def test_a_model_of_other_survivors_is_refused(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, stream_draws(120), survivors(60))
    train(run, accepted=True)
    table = run.files.survivors("bidirectional")
    write_survivors(table, survivors(50), {})
    with pytest.raises(PredictError) as refused:
        run_predict(whole, PredictOptions(), run)
    (told,) = refused.value.problems
    assert told == f"{table}: are not the survivors that the model was trained on"
    other = tmp_path / "other.json"
    write_history(other, history([7] * 120), range(120))
    with pytest.raises(PredictError) as refused:
        run_predict(history([7] * 120), PredictOptions(draws=other), run)
    assert len(refused.value.problems) == 2
    # Survivors that are named are ranked by the checkpoint, whoever they are.
    run_predict(whole, PredictOptions(survivors=table), run)
    assert predictions(run)["model_used"] == "lightgbm"


def test_the_established_script_finds_the_history_by_the_lineage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = stream_draws(121)
    _, run = begun(tmp_path / "run", draws[:120], survivors(60))
    train(run, accepted=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    table = run.files.survivors("bidirectional")
    words = ["--models-dir", str(run.files.models), "--survivors-forward", str(table)]
    told = CliRunner().invoke(prediction_generator, [*words, "--predict", "2"])
    assert told.exit_code == 0, told.output
    assert str(draws[120]) in told.stdout
    written = json.loads((tmp_path / "here" / "predictions.json").read_text())
    assert written["predictions"][0]["value"] == draws[120]
    run.files.sidecar.unlink()
    told = CliRunner().invoke(prediction_generator, words)
    assert told.exit_code == 2
    assert "there is no such file" in told.stderr


def test_power_is_that_of_the_law_that_was_searched(tmp_path: Path) -> None:
    whole, run = begun(tmp_path, [7] * 300, survivors())
    config = {"generator": "java_lcg", "skip_law": "variable", "skip_min": 0, "skip_max": 1000}
    for least, enough in ((0, False), (998, True)):
        run.files.window_config.write_text(json.dumps({**config, "skip_min": least}))
        assert _powered(whole, survivors(), run) is enough
