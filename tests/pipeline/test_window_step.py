"""Step 1 on planted streams and on uniform draws, from the study to the tables it hands on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from plain_history import history
from window_runs import FailingFleet, optimized, planted, step_run, uniform

from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.survivor_files import read_survivors
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.pipeline.steps.window import WindowOptions, run_window, serve
from seedfleet.pipeline.steps.window.choice import choose, used_configuration
from seedfleet.pipeline.steps.window.configuration import Configuration, SkipLaw
from seedfleet.pipeline.steps.window.final import Passed
from seedfleet.pipeline.steps.window.ground import Family, Ground, Part
from seedfleet.pipeline.steps.window.jobs import outcomes_left
from seedfleet.pipeline.steps.window.judging import judge, score
from seedfleet.pipeline.steps.window.recovered import (
    KnownStream,
    Recovered,
    RecoveryError,
    joined,
)
from seedfleet.pipeline.steps.window.sampling import Sampler
from seedfleet.pipeline.steps.window.sessions import with_recovered_sessions
from seedfleet.pipeline.steps.window.study import Tried, open_study
from seedfleet.pipeline.steps.window.trial import Outcome, run_trial
from seedfleet.recover import OptionsError
from seedfleet.sieve import sieve
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.run_files import RunFiles


def config(files: RunFiles) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files.window_config.read_text())
    return document


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "skips"),
    [
        ("java_lcg", (2, 2)),
        ("mt19937", (0, 0)),
        ("xorshift32", (1, 5)),
        ("java_lcg", (0, 8)),
    ],
)
def test_a_planted_seed_comes_first(tmp_path: Path, preset: str, skips: tuple[int, int]) -> None:
    record, files = optimized(tmp_path, planted(preset, 321, 600, skips), generators=(preset,))
    assert record.decision is Decision.PROCEED, record.checks
    chosen = config(files)
    assert chosen["evidence_bits"] > 60
    assert chosen["best"]["seed"] == 321
    assert chosen["skip_law"] == ("constant" if skips[0] == skips[1] else "variable")
    table = read_survivors(files.survivors("bidirectional"))
    matches = table.rows["forward_matches"] + table.rows["reverse_matches"]
    assert table.rows["seed"][np.argmax(matches)] == 321
    assert table.rows["bidirectional_count"][0] >= 1
    assert len(table) == record.checks[1].value
    assert len(table) >= 10, "a population to rank"
    if skips[0] == skips[1]:
        assert table.rows["skip_min"][0] == table.rows["skip_max"][0] == skips[0]
        forward, both = (chosen["survivors"][name] for name in ("forward", "bidirectional"))
        assert both["observed"] <= forward["observed"]
        assert abs(forward["observed"] - forward["expected"]) < 6 * forward["expected"] ** 0.5 + 6


@pytest.mark.slow
def test_a_law_that_is_asked_too_wide_still_tells_the_seed() -> None:
    # Of ten values under 0..8 the window alone says nothing of the seed, which skips 0..3.
    draws = planted("xorshift32", 321, 600, (0, 3), modulus=10)
    part = Part.of(history(draws.tolist(), 10), ())
    ground = Ground(10, (part,), (Family("xorshift32", range(250, 450)),), 64, 0.0)
    wide = Configuration((), SkipLaw.VARIABLE, 0, 192, 0, 8, 0.82, 0.82)
    found = run_trial(ground, wide)
    assert found.best is not None
    assert (found.best["seed"], found.best["skip_min"], found.best["skip_max"]) == (321, 0, 3)
    assert found.objective is not None
    assert found.objective > 40
    random = replace(part, draws=np.random.default_rng(4).integers(0, 10, len(part.draws)))
    nothing = run_trial(replace(ground, parts=(random,)), wide).objective
    assert nothing is not None
    assert abs(nothing) < 1


@pytest.mark.slow
def test_uniform_draws_give_no_evidence_and_chance_survivors(tmp_path: Path) -> None:
    record, files = optimized(tmp_path, uniform(600), generators=("java_lcg",))
    chosen = config(files)
    assert all((each["outcome"]["objective"] or 0) <= 0 for each in chosen["trials"])
    both = chosen["survivors"]["bidirectional"]
    assert both["observed"] == len(read_survivors(files.survivors("bidirectional"))) > 0
    assert abs(both["observed"] - both["expected"]) < 6 * both["expected"] ** 0.5 + 6
    assert record.decision is Decision.PROCEED
    assert any("No configuration found evidence" in remark for remark in record.remarks)


@pytest.mark.slow
def test_draws_after_the_sieve_slice_change_nothing(tmp_path: Path) -> None:
    draws = planted("java_lcg", 321, 600, (2, 2))
    other = np.concatenate([draws[:360], uniform(240)])
    chosen = []
    for name, values in (("one", draws), ("other", other)):
        _, files = optimized(tmp_path / name, values, generators=("java_lcg",), trials=5)
        document = config(files)
        trials = [
            {**each, "outcome": {**each["outcome"], "elapsed_s": 0}} for each in document["trials"]
        ]
        rows = read_survivors(files.survivors("bidirectional")).rows
        chosen.append((trials, document["survivors"], rows.tolist()))
    assert chosen[0] == chosen[1]


@pytest.mark.slow
def test_a_stream_seeded_anew_gives_two_rows_with_their_places(tmp_path: Path) -> None:
    parts = planted("java_lcg", 321, 250, (2, 2)), planted("java_lcg", 77, 750, (2, 2))
    _, files = optimized(tmp_path, np.concatenate(parts), generators=("java_lcg",))
    rows = read_survivors(files.survivors("bidirectional")).rows[:2]
    assert rows["seed"].tolist() == [321, 77]
    assert abs(rows["origin"][1] - 250) == 0
    assert abs(rows["end"][0] - 250) <= 2
    assert rows["end"][1] == -1


def recovery(candidates: list[Any], known: History) -> str:
    told = {"sha256": known.sha256, "draws": len(known), "modulus": known.modulus}
    return json.dumps({"history": told, "candidates": candidates})


CANDIDATE: dict[str, Any] = {
    "generator": "java_lcg",
    "bounding": "word % m",
    "seed": 2**40,
    "start_state": None,
    "posterior": 0.9,
    "n": 500,
    "alignment": {
        "offset": 0,
        "skip_min": 3,
        "skip_max": 3,
        "session": None,
        "machine": None,
        "segment": [100, 600],
        "origin": 100,
        "jumps": [],
    },
}


@pytest.mark.slow
def test_what_step_0_found_enters_where_it_explains_the_same_sessions(tmp_path: Path) -> None:
    run, known = step_run(tmp_path), history(uniform(600).tolist())
    state = {**CANDIDATE, "seed": None, "start_state": ["0x7b"], "posterior": 0.6}
    aside = {**CANDIDATE, "alignment": {**CANDIDATE["alignment"], "machine": "A"}}
    junk = {**CANDIDATE, "seed": 5, "posterior": 0.01}
    run.files.recovery.write_text(recovery([CANDIDATE, state, aside, junk], known))
    options = WindowOptions(seeds="100", trials=3, constant_skip=True)
    run_window(known, options, run)
    for direction in ("forward", "bidirectional"):
        table = read_survivors(run.files.survivors(direction))
        assert table.rows["seed"][:2].tolist() == [2**40, 0]
        assert table.rows["origin"][:2].tolist() == [100, 100]
        assert table.states == {1: (123,)}
        assert (table.rows["origin"][2:] == 0).all()
        alike = table.rows[2:][table.rows["skip_min"][2:] == 3]
        for name in ("bidirectional_count", "bidirectional_selectivity"):
            of_sieve = alike[name][0] if len(alike) else 0
            assert table.rows[name][:2].tolist() == [of_sieve, of_sieve]
    assert (read_survivors(run.files.survivors("reverse")).rows["origin"] == 0).all()
    look = config(run.files)["look"]
    assert look["kept"] == ["java_lcg"]
    assert config(run.files)["paid_bits"] == np.log2(3), "nothing but the trials was looked at"


def test_a_known_stream_is_told_what_the_sieve_passed_under_its_alignment() -> None:
    sieved = SurvivorTable(("java_lcg",), (), np.zeros(0, ROW))
    one = KnownStream("java_lcg", 7, 0, 3, 3, (), 100, -1, 0.9)
    passed = Passed(sieved, 8, 8.0, False, False, False, {(0, 0, 3, 3): (8, 2.5)})
    rows = joined(passed, [one, replace(one, skip_min=4, skip_max=4)], 10).rows
    assert rows["bidirectional_count"].tolist() == [8, 0]
    assert rows["bidirectional_selectivity"].tolist() == [2.5, 0.0]


@pytest.mark.parametrize(
    "other",
    [{"sha256": "1" * 64}, {"modulus": 1001}],
    ids=["content", "modulus"],
)
def test_what_step_0_found_in_other_draws_is_left_out(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    path, known = tmp_path / "recovery.json", history(uniform(600).tolist())
    path.write_text(recovery([CANDIDATE], known))
    assert [each.start for each in Recovered.read(path, known).streams] == [2**40]
    left_out = Recovered.read(path, replace(known, **other))
    assert left_out.streams == ()
    assert "recovery.json is of other draws" in left_out.remark


def test_what_is_between_missing_records_has_its_own_place_in_the_stream(tmp_path: Path) -> None:
    path, known = tmp_path / "recovery.json", history(uniform(600).tolist())
    jumps = [
        {"after": 149, "outputs": 8, "records": 2},
        {"after": 299, "outputs": -1, "records": None},
    ]
    found = {**CANDIDATE, "alignment": {**CANDIDATE["alignment"], "offset": 5, "jumps": jumps}}
    path.write_text(recovery([found], known))
    legs = Recovered.read(path, known).streams
    assert [(leg.origin, leg.end) for leg in legs] == [(100, 150), (150, 300), (300, -1)]
    whole = Alignment(5, 3, 3, ((50, 8), (200, -1))).positions(500)
    for leg, (first, stop) in zip(legs, [(0, 50), (50, 200), (200, 500)], strict=True):
        own = Alignment(leg.offset, leg.skip_min, leg.skip_max).positions(stop - first)
        assert own.tolist() == whole[first:stop].tolist()


def test_a_broken_answer_of_step_0_is_told_in_one_sentence(tmp_path: Path) -> None:
    path, known = tmp_path / "recovery.json", history(uniform(600).tolist())
    lost = {**CANDIDATE, "alignment": {**CANDIDATE["alignment"], "origin": 600}}
    named = {**CANDIDATE, "alignment": {**CANDIDATE["alignment"], "session": "none"}}
    short = {key: value for key, value in CANDIDATE.items() if key != "posterior"}
    texts = ["{", "[]", "{}", '{"history": 3}']
    texts += [recovery([each], known) for each in (lost, named, short, {}, 3)]
    for text in texts:
        path.write_text(text)
        with pytest.raises(RecoveryError, match=r"recovery\.json") as caught:
            Recovered.read(path, known)
        assert len(caught.value.problems) == 1


@pytest.mark.slow
def test_every_configuration_that_was_judged_is_paid_for(tmp_path: Path) -> None:
    draws = history(uniform(100).tolist())
    options = WindowOptions(seeds="2", trials=3, constant_skip=True, look_s=0.001)
    paid = []
    for attempt in (0, 1):
        run = replace(step_run(tmp_path / str(attempt)), attempt=attempt)
        run_window(draws, options, run)
        document = config(run.files)
        looks = len(document["look"]["looked_at"])
        assert looks > 0
        paid.append(2 ** document["paid_bits"] - looks)
    assert np.allclose(paid, [3, 6])


def test_a_study_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    part = Part.of(history(uniform(200).tolist()), ())
    ground = Ground(1000, (part,), (Family("java_lcg", range(20)),), 20, 1.0)
    sampler = Sampler(ground, WindowOptions(constant_skip=True).bounds)
    about = {"of": "this"}
    study = open_study(tmp_path / "study.log", about, sampler, 0)
    first, configuration = study.ask()
    outcome = run_trial(ground, configuration)
    study.tell(first, outcome)
    _, begun = study.ask()
    # An interruption inside a write leaves the lock's file, and whatever lock libraries put there.
    (tmp_path / "study.log.lock").touch()

    again = open_study(tmp_path / "study.log", about, sampler, 0)
    assert [each.outcome for each in again.tried] == [outcome]
    assert again.ended == 1
    asked = [again.ask()[1] for _ in range(4)]
    assert begun in asked
    assert configuration not in asked
    other = open_study(tmp_path / "study.log", {"of": "that"}, sampler, 0)
    assert other.tried == []


def test_what_jobs_came_to_unheard_is_taken_up(tmp_path: Path) -> None:
    part = Part.of(history(uniform(200).tolist()), ())
    ground = Ground(1000, (part,), (Family("java_lcg", range(20)),), 20, 1.0)
    sampler = Sampler(ground, WindowOptions(constant_skip=True).bounds)
    about, jobs = {"of": "this"}, tmp_path / "jobs"
    study = open_study(tmp_path / "study.log", about, sampler, 0)
    number, configuration = study.ask()
    _, not_run = study.ask()
    (jobs / "fleet" / "results").mkdir(parents=True)
    asked = [{"number": number, "configuration": configuration.to_document()}]
    trials = {"format": "seedfleet.window-trials/1", "trials": asked}
    (jobs / "trials_0_0.json").write_text(json.dumps(trials))
    (jobs / "ground.json").write_text(json.dumps(ground.to_document()))
    outcomes = jobs / "fleet" / "results" / "trials_0_0_outcomes.json"
    serve(jobs / "trials_0_0.json", jobs / "ground.json", outcomes)

    assert outcomes_left(jobs, replace(ground, judged=19)) == {}
    left = outcomes_left(jobs, ground)
    again = open_study(tmp_path / "study.log", about, sampler, 0, left)
    assert [(each.number, each.configuration) for each in again.tried] == [(number, configuration)]
    assert again.tried[0].outcome == left[number][1]
    assert not_run in [again.ask()[1] for _ in range(4)]


def test_a_stream_of_both_sessions_is_taken_as_one() -> None:
    def trial(sessions: tuple[str, ...], objective: float) -> Tried:
        asked = Configuration(sessions, SkipLaw.CONSTANT, 0, 60, 0, 4, 0.5, 0.5)
        return Tried(0, asked, Outcome(objective, 3, 3.0, best={"seed": 5}))

    draws = {(): 600, ("evening",): 300}
    shared = [trial((), 480.0), trial(("evening",), 500.0)]
    own = [trial((), -2.0), trial(("evening",), 500.0)]
    for tried, sessions in ((shared, ()), (own, ("evening",))):
        chosen = choose(tried, 100, draws)
        assert chosen is not None
        assert chosen.configuration.sessions == sessions


def trial_that_found(
    law: SkipLaw, objective: float, skips: tuple[int, int], seed: int = 5, observed: int = 90
) -> Tried:
    best = {"generator": "java_lcg", "seed": seed, "skip_min": skips[0], "skip_max": skips[1]}
    asked = Configuration((), law, 7, 60, 0, 8, 0.5, 0.5)
    return Tried(0, asked, Outcome(objective, observed, 3.0, best=best))


CONSTANT_TRIAL = trial_that_found(SkipLaw.CONSTANT, 585.0, (3, 3))


@pytest.mark.parametrize(
    ("trials", "right"),
    [
        pytest.param(
            [CONSTANT_TRIAL, trial_that_found(SkipLaw.VARIABLE, 585.0 + 1e-9, (3, 3))], 0, id="tie"
        ),
        pytest.param(
            [CONSTANT_TRIAL, *[trial_that_found(SkipLaw.VARIABLE, 631.0, (3, 3))] * 9],
            0,
            id="a luckier window",
        ),
        pytest.param(
            [
                trial_that_found(SkipLaw.VARIABLE, 10.0, (0, 3), 6),
                trial_that_found(SkipLaw.CONSTANT, 9.5, (3, 3)),
            ],
            1,
            id="within a bit",
        ),
        pytest.param(
            [
                trial_that_found(SkipLaw.CONSTANT, -2.0, (3, 3)),
                trial_that_found(SkipLaw.VARIABLE, 90.0, (0, 3)),
            ],
            1,
            id="it varies",
        ),
        pytest.param(
            [
                trial_that_found(SkipLaw.CONSTANT, 90.0, (3, 3)),
                trial_that_found(SkipLaw.VARIABLE, 600.0, (3, 3)),
            ],
            1,
            id="no constant trial came to as much",
        ),
        pytest.param(
            [
                CONSTANT_TRIAL,
                trial_that_found(SkipLaw.CONSTANT, 560.0, (4, 4), 9, observed=95),
                trial_that_found(SkipLaw.VARIABLE, 631.0, (3, 3)),
            ],
            0,
            id="more survivors of another finding",
        ),
    ],
)
def test_the_law_is_that_of_the_survivor_that_leads(trials: list[Tried], right: int) -> None:
    for each in (trials, trials[::-1]):
        assert choose(each, 10_000, {(): 600}) is trials[right]


def test_a_constant_skip_that_only_variable_trials_found_is_sieved_for_as_such() -> None:
    part = Part.of(history(uniform(600).tolist()), ())
    ground = Ground(1000, (part,), (Family("java_lcg", range(400)),), 60, 0.0)
    bounds = WindowOptions().study_bounds
    found = trial_that_found(SkipLaw.VARIABLE, 600.0, (3, 3))
    used = used_configuration(found, Sampler(ground, bounds))
    assert (used.law, used.window_start, used.window_size) == (SkipLaw.CONSTANT, 7, 60)
    assert used.skip_min <= 3 <= used.skip_max
    assert used.forward_threshold < 0.5, "wrong seeds too are left to rank"

    varies = trial_that_found(SkipLaw.VARIABLE, 600.0, (0, 3))
    nothing = trial_that_found(SkipLaw.VARIABLE, -3.0, (3, 3))
    for each in (varies, nothing):
        assert used_configuration(each, Sampler(ground, bounds)) == each.configuration
    alone = replace(ground, families=(Family("java_lcg", range(400), (SkipLaw.VARIABLE,)),))
    assert used_configuration(found, Sampler(alone, bounds)) == found.configuration


def test_a_job_comes_to_what_the_process_comes_to(tmp_path: Path) -> None:
    draws = planted("java_lcg", 321, 300, (2, 2))
    part = Part.of(history(draws.tolist()), ())
    ground = Ground(1000, (part,), (Family("java_lcg", range(400)),), 30, 2.0)
    asked = Configuration((), SkipLaw.CONSTANT, 0, 60, 0, 4, 0.5, 0.5)
    trials = {
        "format": "seedfleet.window-trials/1",
        "trials": [{"number": 7, "configuration": asked.to_document()}],
    }
    (tmp_path / "trials.json").write_text(json.dumps(trials))
    (tmp_path / "ground.json").write_text(json.dumps(ground.to_document()))
    serve(tmp_path / "trials.json", tmp_path / "ground.json", tmp_path / "out.json")
    (told,) = json.loads((tmp_path / "out.json").read_text())["outcomes"]
    here = run_trial(ground, asked)
    assert told["number"] == 7
    assert told["outcome"] | {"elapsed_s": 0} == replace(here, elapsed_s=0).to_document()
    assert here.best is not None
    assert here.best["seed"] == 321


@pytest.mark.slow
def test_jobs_that_all_fail_are_named_and_done_without(tmp_path: Path) -> None:
    run = replace(step_run(tmp_path), fan_out=FailingFleet())
    options = WindowOptions(("java_lcg",), seeds="20", trials=2, constant_skip=True, jobs=True)
    record = run_window(history(uniform(100).tolist()), options, run)
    assert record.decision is Decision.RETRY
    assert record.change == {"jobs": False}
    shares = [each.value for each in record.checks if each.name.startswith("trials with an")]
    assert shares == [0]
    failures = [remark for remark in record.remarks if "exit status 9" in remark]
    assert failures
    assert all("window-trials_" in remark for remark in failures)
    again = replace(run, attempt=1)
    record = run_window(history(uniform(100).tolist()), replace(options, **record.change), again)
    assert "jobs" not in record.change
    assert config(run.files)["paid_bits"] == np.log2(4)


def test_bits_on_uniform_draws_average_to_no_more_than_one_fold() -> None:
    """The score is a fair bet: 300 tiny histories in which chance survivors abound."""
    rng = np.random.default_rng(4)
    loose = Configuration((), SkipLaw.CONSTANT, 1, 4, 0, 2, 0.5, 0.5)
    folds = []
    for _ in range(300):
        part = Part.of(history(rng.integers(0, 10, 16).tolist(), 10), ())
        ground = Ground(10, (part,), (Family("java_lcg", range(60)),), 1, 0.0)
        # Stakes as of a space of these seeds alone, so that survivors have something to say.
        search = ground.planned(ground.families[0], loose)
        judged = judge(search, sieve(search.question, search.seeds).table, 1)
        prior = judged.stakes - judged.stakes.max(initial=-np.inf) - 3
        folds.append(2.0 ** score([replace(judged, stakes=prior)]))
    spread = float(np.std(folds)) / len(folds) ** 0.5
    assert spread > 0.01
    assert abs(float(np.mean(folds)) - 1) < 4 * spread


def test_what_was_tried_is_taken_off_the_bits_of_a_trial() -> None:
    part = Part.of(history(planted("java_lcg", 321, 300, (2, 2)).tolist()), ())
    free = Ground(1000, (part,), (Family("java_lcg", range(300, 340)),), 30, 0.0)
    asked = Configuration((), SkipLaw.CONSTANT, 0, 60, 0, 4, 0.5, 0.5)
    bits, net = (
        run_trial(ground, asked).objective for ground in (free, replace(free, paid_bits=7.0))
    )
    assert bits is not None
    assert net == bits - 7


def test_a_trial_that_passes_nearly_everything_is_pruned() -> None:
    part = Part.of(history(uniform(300).tolist()), ())
    ground = Ground(1000, (part,), (Family("java_lcg", range(100)),), 30, 2.0)
    loose = Configuration((), SkipLaw.CONSTANT, 0, 60, 0, 4, 0.0, 0.0)
    outcome = run_trial(ground, loose)
    assert outcome.objective is None
    assert outcome.pruned is not None
    assert "nearly every pair passes by chance" in outcome.pruned


def test_what_does_not_fit_the_draws_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = step_run(tmp_path)
    options = WindowOptions(generators=("java_next_int",), sessions=("noon", "dusk"))
    with pytest.raises(OptionsError) as caught:
        run_window(history([1, 2, 3] * 3, 100), options, run)
    assert len(caught.value.problems) >= 2
    assert list(tmp_path.iterdir()) == []


def test_of_likely_streams_the_sessions_with_most_draws_are_gone_on_with() -> None:
    known = history([7] * 30, sessions=["midday"] * 10 + ["evening"] * 20)
    stream = KnownStream("java_lcg", 1, 0, 1, 1, ("midday",), 0, NO_END, 1.0)
    others = (
        replace(stream, sessions=("evening",), end=8, posterior=0.9),
        replace(stream, sessions=("evening",), origin=8, posterior=0.8),
    )
    for found, sessions in (
        ((stream, *others), ("evening",)),
        ((stream, others[0]), ("midday",)),
        ((stream, replace(stream, sessions=())), ("midday", "evening")),
    ):
        asked = with_recovered_sessions(known, WindowOptions(), found)
        assert set(asked.sessions) == set(sessions)
