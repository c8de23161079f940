"""What the page of a run says: findings loudly, their absence quietly, and chance beside all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from page_outline import Outline
from report_samples import recovered_java, several_streams
from trace_samples import SEED, TRACES, at_random, only_recovered, planted, stopped, without_model

from seedfleet.cli.trace._record_words import record_lines
from seedfleet.pipeline.steps.workflow.coming_draws import coming_draws
from seedfleet.report import render_trace, render_trace_text


def _text(document: object) -> str:
    return Outline(render_trace(document)).text()  # type: ignore[arg-type]  # a JSON object


def test_a_finding_stands_with_all_that_it_takes_to_check_it() -> None:
    document = planted()
    text = _text(document)
    coming = [str(each["value"]) for each in document["predictions"]]
    for fact in (
        "Verdict Recovered Generator recovered: java_lcg, seed 1234",
        "seedfleet generators sample java_lcg --seed 1234 --modulus 1000 --skip 2 --offset 0",
        "4,551 of 5,000 known draws (by chance 0.1%)",
        "40,311.4 bits",
        "7,623 7,737 0.985",
        "The model is used: xgboost",
        "(1 in 100 by chance reaches 0.871)",
        "temporal_stability_mean",
        "6,514 bits gained over uniform predictions",
        "192.0.2.10",
        "4 of 4 passed",
        *coming,
    ):
        assert fact in text


def test_every_coming_draw_stands_with_its_probability_and_chance() -> None:
    page = render_trace(planted())
    told = re.findall(r'class="value">(\d+)</span> <span class="small">([^<]+)<', page)
    assert told == [(str(each["value"]), "90.1%") for each in planted()["predictions"]]
    assert "by chance every value has 0.1% (1/1000)" in Outline(page).text()


def test_a_value_that_is_second_to_come_stands_on_one_line_with_its_share() -> None:
    page = render_trace(planted())
    told = [each for each in planted()["predictions"] if len(each["top"]) > 1]
    assert told
    for each in told:
        assert f'<span class="pair-of">{each["top"][1]["value"]} ' in page


def test_a_ranking_below_chance_is_explained() -> None:
    document = planted()
    assert "Below chance" not in _text(document)
    step = next(each for each in document["steps"] if each["step"] == "tune-model")
    step["record"]["metrics"] = [
        {"name": "worth-weighted AUC of lightgbm", "value": 0.4153, "chance": 0.5075}
    ]
    text = _text(document)
    assert "Below chance worth-weighted AUC of lightgbm, 0.4153, where 0.5075 is chance" in text
    assert "what was learned is noise" in text


@pytest.mark.parametrize(
    ("value", "p_value", "told"),
    [(0.4966, None, False), (0.44, None, True), (0.47, 0.8, False), (0.47, 0.97, True)],
)
def test_a_ranking_within_noise_of_chance_is_not_below_it(
    value: float, p_value: float | None, told: bool
) -> None:
    document = planted()
    step = next(each for each in document["steps"] if each["step"] == "tune-model")
    step["record"]["metrics"] = [
        {"name": "worth-weighted AUC of lightgbm", "value": value, "chance": 0.5},
        *([{"name": "p-value of lightgbm", "value": p_value, "chance": 0.5}] if p_value else []),
    ]
    assert ("Below chance" in _text(document)) == told


def test_a_step_with_nothing_to_be_done_with_says_so_without_alarm() -> None:
    document = without_model()
    text = _text(document)
    step = next(each for each in document["steps"] if each["step"] == "train")
    assert step["reason"] in text
    assert "what it stands on" not in text
    course = render_trace(document).partition('id="course"')[2].partition('id="times"')[0]
    reasons = [each["reason"] for each in document["steps"] if each["reason"]]
    assert all(course.count(each) == reasons.count(each) for each in reasons)
    assert "✗" not in course


def test_equally_probable_values_are_not_told_by_one_of_them() -> None:
    document = planted()
    (first, *_) = document["predictions"]
    first["probability"] = 0.25
    first["top"] = [{"value": value, "probability": 0.25} for value in (first["value"], 7, 8, 9)]
    page = render_trace(document)
    assert f'class="value doubtful">{first["value"]}<' in page
    assert '<span class="small others">or <span class="pair-of">7 25%' in page
    assert page.count('class="value doubtful"') == 1


def test_steps_name_a_generator_alike() -> None:
    document = planted()
    for survivor in document["documents"]["predict"]["survivors"]:
        survivor |= {
            "generator": "java_next_int",
            "generator_name": "java.util.Random",
            "preset": "java.util.Random nextInt(m)",
        }
    text = _text(document)
    assert "Generator recovered: java.util.Random, seed 1234" in text
    assert "Generator java.util.Random Known as java.util.Random nextInt(m)" in text
    assert "seedfleet generators sample java_next_int " in text


def test_what_was_not_measured_is_said_to_be_so_without_its_chance() -> None:
    document = planted()
    step = next(each for each in document["steps"] if each["step"] == "tune-model")
    step["record"]["metrics"] = [{"name": "share that is no noise", "value": None, "chance": 0.0}]
    told = [_text(document), render_trace_text(document)]
    told.append("\n".join(record_lines(step["record"])))
    for text in told:
        assert "not measured" in text
        assert "not known (" not in text
        assert "not measured (" not in text


def test_nothing_found_names_no_candidate_and_never_says_random() -> None:
    document = at_random()
    document["documents"]["recover"]["searched"] = []
    document["documents"]["recover"]["controls"] = []
    document["documents"]["recover"]["only_through_seeds"] = []
    page = render_trace(document)
    text = Outline(page).text()
    assert "No evidence of a generator in what was searched" in text
    assert 'id="generator"' not in page
    junk = document["documents"]["predict"]["survivors"][0]
    assert f"seed {junk['seed']}" not in text
    assert "−79.9" not in text
    assert "No model is used: the likelihood ranks the survivors" in text
    assert "No prediction: > 99.99% of the probability is on no generator at all" in text
    assert "random" not in text.lower()


def test_what_only_one_step_has_found_leads_and_the_other_is_told() -> None:
    text = _text(only_recovered())
    assert "Verdict Recovered Generator recovered: java.util.Random, seed 20150101" in text
    assert "Steps 1 to 6 have not found it." in text
    assert "new Random(20150101L)" in text
    assert "Steps 1 to 6 have not found it." not in _text(planted())


def test_a_stream_that_both_answers_name_stands_there_once() -> None:
    document = planted()
    recovery = recovered_java()
    own = document["documents"]["predict"]["survivors"][0]
    found = recovery["candidates"][0]
    found |= {"generator": own["generator"], "seed": own["seed"]}
    found["alignment"] |= {name: own[name] for name in ("skip_min", "skip_max", "origin")}
    document["documents"]["recover"] = recovery
    page = render_trace(document)
    assert page.count("<dt>Found by</dt>") == 1
    assert "<dd>Steps 1 to 6 and step 0</dd>" in page
    assert "public class Draws" in page
    found |= {"generator": "java.util.Random", "presets": ["java.util.Random nextInt(m)"]}
    assert render_trace(document).count("<dt>Found by</dt>") == 2
    found |= {"matches": own["matches"], "n": own["draws"]}  # by another name
    assert render_trace(document).count("<dt>Found by</dt>") == 1
    found["seed"] += 1
    assert render_trace(document).count("<dt>Found by</dt>") == 2


def test_each_stream_of_a_recovery_that_leads_has_a_card_with_its_own_matches() -> None:
    document = only_recovered()
    recovery = several_streams()
    document["documents"]["recover"] = recovery
    page = render_trace(document)
    assert page.count("<dt>Found by</dt>") == len(recovery["findings"]) > 1
    text = Outline(page).text()
    for each in recovery["findings"]:
        assert f"draws {each['first']} to {each['last']}: " in text
        assert f"{each['matches']} of {each['n']} known draws" in text


def test_what_time_was_too_short_for_names_the_option_of_this_command() -> None:
    document = at_random()
    document["documents"]["recover"]["searched"][0]["budget_needed_s"] = 95.2
    text = _text(document)
    assert "needs --recover-budget 96s" in text
    assert "--budget " not in text.replace("--recover-budget ", "")


def test_a_step_that_ran_again_says_why() -> None:
    document = planted()
    assert "Run again" not in _text(document)
    document["steps"][4]["again"] = "model_types changed"
    assert "Run again: model_types changed." in _text(document)


def test_a_stopped_step_is_open_with_the_check_that_stopped_it() -> None:
    page = render_trace(stopped())
    assert 0 < page.index("1 of 4 controls failed") < page.index('id="next"')
    assert page.count('<details class="step" open>') == 1, "those after it have nothing to add"
    assert page.count('<details class="step">') == 6
    text = Outline(page).text()
    assert "0.5, at least 1 needed ✗ does not hold" in text
    assert "not known" not in text
    assert "None was trained: window has stopped" in text


def test_settings_that_nothing_was_derived_for_are_the_defaults() -> None:
    document = planted()
    assert "Model settings 5 folds" in _text(document)
    document["documents"]["tune-model"]["label_reliability"] = None
    assert "Model settings defaults" in _text(document)


def test_figures_of_rows_held_out_stand_beside_what_they_do_not_allow_for() -> None:
    told = "do not allow for that; the gate looks at later draws, by which no setting was chosen."
    assert told in _text(planted())
    assert told not in _text(without_model())


def test_a_run_without_a_model_says_why() -> None:
    text = _text(without_model())
    assert "None was trained: 1 survivor is fewer than 50 streams" in text
    assert "1 1.6 × 10 −112" in text


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        (None, "too short for a test slice"),
        (0.0, "say what uniform ones say"),
        (12.0, "say more about draws"),
        (-12.0, "say less about draws"),
    ],
)
def test_log_score_is_told_in_words(bits: float | None, said: str) -> None:
    document = planted()
    test = document["documents"]["predict"]["test"]
    test |= {"bits": bits, "log2_score": None if bits is None else test["log2_score"]}
    assert said in _text(document)


def test_reliability_is_left_out_where_it_is_not_told() -> None:
    document = planted()
    assert "Of the most probable value of each draw" in _text(document)
    del document["documents"]["predict"]["test"]["reliability"]
    assert "Of the most probable value of each draw" not in _text(document)


def test_a_variable_skip_has_a_line_that_gives_every_output_and_says_how_draws_stand_there() -> (
    None
):
    document = planted()
    (best, *_) = document["documents"]["predict"]["survivors"]
    assert "--skip 2 --offset 0 --count 5000 It gives draws 0 to 4999." in _text(document)
    best["skip_max"] = 5
    text = _text(document)
    told = "It gives all outputs: draws 0 to 4999 stand among them in this order, 2..5 dropped"
    assert f"--skip 0 --offset 0 --count 30000 {told} before each" in text
    best |= {"origin": 400, "draws": 4600, "skip_max": 2}
    document["documents"]["predict"]["sessions"] = ["midday"]
    document["history"]["sessions"] = ["midday", "evening"]
    assert "--count 4600 It gives draws 400 to 4999 of midday." in _text(document)


def test_without_a_command_that_draws_a_stream_the_reason_stands_there() -> None:
    document = planted()
    document["documents"]["predict"]["survivors"][0]["state"] = [1, 2]
    text = _text(document)
    assert "generators sample" not in text
    assert "Reproduce No command sets a state: that right before draws 0 to 4999 is in" in text


def test_all_sessions_by_their_names_are_the_stream_of_all_sessions() -> None:
    document = planted()
    recovery = recovered_java()
    own = document["documents"]["predict"]["survivors"][0]
    found = recovery["candidates"][0]
    found |= {name: own[name] for name in ("generator", "seed", "matches")} | {"n": own["draws"]}
    found["alignment"] |= {name: own[name] for name in ("skip_min", "skip_max", "origin")}
    document["documents"]["recover"] = recovery
    document["history"]["sessions"] = ["midday", "evening"]
    document["documents"]["predict"]["sessions"] = ["midday", "evening"]
    assert render_trace(document).count("<dt>Found by</dt>") == 1
    found["alignment"]["skip_max"], own["skip_max"] = 8, 5  # a law, told more or less closely
    page = render_trace(document)
    assert page.count("<dt>Found by</dt>") == 1
    assert "programs on the page drop them along the likeliest path" in page
    found["alignment"]["skip_max"] = own["skip_max"] = 2
    # Of one session, steps count its draws and those of the history.
    document["documents"]["predict"]["sessions"] = ["evening"]
    assert render_trace(document).count("<dt>Found by</dt>") == 2
    found["alignment"] |= {"session": "evening", "origin": 1}
    assert render_trace(document).count("<dt>Found by</dt>") == 1


def _reseeded() -> dict[str, Any]:
    """Return a run with a known stream up to draw 300, and one from there on."""
    document = planted()
    stream = {"preset": "java_lcg", "sessions": [], "offset": 0, "skip_min": 2, "skip_max": 2}
    document["documents"]["window"]["known_streams"] = [
        {**stream, "origin": 300, "end": -1, "posterior": 1.0, "seed": SEED},
        {**stream, "origin": 0, "end": 300, "posterior": 1.0, "seed": 77},
    ]
    return document


def test_a_reseed_is_told_with_the_seeds_before_and_after_it() -> None:
    document = _reseeded()
    told = f"Reseeded at draw 300: before it seed 77, after it seed {SEED}"
    assert f"The generator was seeded anew. {told}." in _text(document)
    assert f"reseeds     {told}" in render_trace_text(document).splitlines()
    known = document["documents"]["window"]["known_streams"]
    known.append(
        known[0] | {"origin": 299}
    )  # which draw was its first, a variable skip leaves open
    assert f"The generator was seeded anew. {told}." in _text(document)
    known.pop()
    known[1]["end"] = 290
    assert "Reseeded at a draw from 290 to 300: before" in _text(document)
    known[1]["preset"] = "xorshift32"
    assert f"before it xorshift32, seed 77, after it java_lcg, seed {SEED}" in _text(document)
    document["documents"]["predict"]["verdict"] = "no_evidence"  # nothing of it is true then
    assert "Reseeded" not in _text(document)


def test_a_reseed_that_step_0_found_is_told_of_whom_it_is() -> None:
    document = only_recovered()
    document["documents"]["recover"] = several_streams()
    before, after = document["documents"]["recover"]["findings"][1:]
    told = f"at draw 120 of B: before it seed {before['seed']}, after it seed {after['seed']}."
    assert f"Reseeded {told}" in _text(document)
    findings = document["documents"]["recover"]["findings"]
    twin = after | {"segment": [119, 250], "first": 239, "n": after["n"] + 1}
    findings.insert(2, twin)
    assert f"Reseeded {told}" in _text(document)
    assert render_trace(document).count("<dt>Found by</dt>") == 3
    after["machine"] = twin["machine"] = "C"
    assert "Reseeded" not in _text(document)


def test_charts_say_what_they_show() -> None:
    names = re.findall(r'role="img" aria-label="([^"]+)"', render_trace(planted()))
    for told in (
        "Survivors: Forward: 7,623 passed, 7,737 by chance",
        "Trials: 26 trials judged, best 518.7 bits, chosen is trial ",
        "Rank correlation with the labels, 0 by chance: xgboost: learned from 0.75",
        "A draw of the test slice: 1.3 bits as predicted, 10.0 bits uniformly",
        "Reliability: stated 90.1%, came true 91.1% of 750",
    ):
        assert any(name.startswith(told) for name in names), told


def test_the_chosen_trial_stands_above_all_others_also_at_lower_thresholds() -> None:
    document = planted()
    window = document["documents"]["window"]
    chosen = window["trials"][window["chosen_trial"]]
    objective = chosen["outcome"]["objective"]
    window["forward_threshold"] /= 2  # as where more survivors are wanted
    for trial in window["trials"]:
        trial["outcome"] |= {"objective": objective, "pruned": None}
    page = render_trace(document)
    chart = page[page.index('aria-label="Trials: ') :].split("</svg>")[0]
    marks = re.findall(r'<circle class="(\w+)"[^>]*><title>trial (\d+)', chart)
    assert len(marks) == 30
    assert marks[-1] == ("hit", str(chosen["number"]))
    assert [kind for kind, _ in marks[:-1]] == ["observed"] * 29
    assert page.count(f'rowheader">{chosen["number"]}<div class="small pass">chosen') == 1
    assert "</svg>pruned</li>" not in page
    assert "</svg>pruned</li>" in render_trace(planted())


def test_marks_stand_where_their_figures_say() -> None:
    page = render_trace(planted())
    drawing = page[page.index('aria-label="Survivors: ') :].split("</svg>")[0]
    circles = [float(x) for x in re.findall(r'<circle class="hit" cx="([\d.]+)"', drawing)]
    ticks = [float(x) for x in re.findall(r'<line class="tick" x1="([\d.]+)"', drawing)]
    assert circles[0] < circles[1]  # 7,623 and 7,698
    assert all(circle < tick for circle, tick in zip(circles, ticks, strict=True))


@pytest.mark.parametrize("name", TRACES)
def test_a_page_has_the_same_parts_whatever_the_outcome(name: str) -> None:
    page = render_trace(TRACES[name]())
    for part in ("verdict", "next", "models", "course", "history", "provenance"):
        assert f'id="{part}"' in page


@pytest.mark.parametrize(
    ("chosen", "label"), [(["midday", "evening"], "+1"), (["evening"], "evening +1")]
)
def test_coming_draws_name_sessions_only_where_some_were_chosen(
    chosen: list[str], label: str
) -> None:
    trace = planted()
    trace["history"]["sessions"] = ["evening", "midday"]
    trace["documents"]["predict"]["sessions"] = chosen
    trace["predictions"] = coming_draws(trace["documents"], "predict")
    first = re.search(
        r'<ol class="draws".*?<span class="small soft">([^<]*)<', render_trace(trace), re.DOTALL
    )
    assert first is not None
    assert first[1] == label
