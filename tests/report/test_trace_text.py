"""The lines of a run hold the essentials and obey no one's escape sequences."""

from __future__ import annotations

import re
from typing import Any

import pytest
from page_outline import Outline
from report_samples import HOSTILE_TEXT, recovered_java
from trace_samples import SEED, TRACES, at_random, hostile, interrupted, only_recovered, planted

from seedfleet.pipeline.steps.workflow.coming_draws import coming_draws
from seedfleet.report import render_trace, render_trace_text


def _long_in_every_way() -> dict[str, Any]:
    document = hostile()
    long = HOSTILE_TEXT * 40
    for step in document["steps"]:
        step["reason"] = long
    sidecar = document["documents"]["train"]
    sidecar["comparison"] = [{**each, "model_type": long} for each in sidecar["comparison"]]
    window = document["documents"]["window"]
    window["controls"] = [
        {**each, "passed": False, "text": long} for each in window["controls"] * 9
    ]
    document["nodes"] = {f"{number}{long}": {"jobs": 1, "busy_s": 1.0} for number in range(30)}
    predicted = document["documents"]["predict"]
    predicted["predictions"] = predicted["predictions"] * 100
    return document


@pytest.mark.parametrize("sample", [*TRACES.values(), _long_in_every_way])
def test_forty_lines_say_it_and_nothing_escapes(sample: Any) -> None:
    text = render_trace_text(sample())
    assert text.count("\n") < 40
    assert all(line.isprintable() for line in text.splitlines())
    assert not re.search(r"-0(\.0+)?\b(?!\.)", text)
    text.encode("utf-8")


@pytest.mark.parametrize("name", [name for name in TRACES if name != "hostile"])
def test_only_what_is_copied_is_wider_than_a_terminal(name: str) -> None:
    wide = [line for line in render_trace_text(TRACES[name]()).splitlines() if len(line) > 96]
    assert all(line.startswith("reproduce ") for line in wide)


def test_a_finding_is_complete() -> None:
    document = planted()
    lines = render_trace_text(document).splitlines()
    coming = " ".join(str(each["value"]) for each in document["predictions"])
    assert lines[0] == "verdict     Generator recovered: java_lcg, seed 1234"
    assert "matches     4,551 of 5,000 known draws (by chance 0.1%), posterior > 99.99%" in lines
    assert "            both: 353 passed, 363 by chance" in lines
    assert "node        192.0.2.10: 3 jobs, busy 11.0 s" in lines
    assert any(" 519.3 (-4.907 by chance) evidence in bits" in line for line in lines)
    assert lines[-4].startswith("reproduce   seedfleet generators sample java_lcg --seed 1234 ")
    assert lines[-3] == "            It gives draws 0 to 4999."
    assert lines[-2:] == [
        f"next draws  {coming} (90.1%, by chance 0.1%)",
        "report      report.html",
    ]


def _choose(document: dict[str, Any], *sessions: str) -> None:
    """Have steps 1 to 6 choose some of three sessions."""
    document["history"]["sessions"] = ["midday", "evening", "night"]
    document["documents"]["predict"]["sessions"] = list(sessions)
    document["predictions"] = coming_draws(document["documents"], "predict")


def test_coming_draws_of_two_streams_stand_by_their_sessions() -> None:
    document = planted()
    recovery = document["documents"]["recover"]
    recovery |= {"abstained": False}
    recovery["predictions"] = [
        {"draw": draw, "probability": 0.9, "session": session, "ahead": ahead}
        | {"machine": None, "date": None}
        for session in ("midday", "evening")
        for ahead, draw in ((1, 11), (2, 12))
    ]
    _choose(document, "midday")
    text = render_trace_text(document)
    assert re.search(r"^next draws  midday: 681 [0-9 ]+; evening: 11 12 \(", text, re.MULTILINE)
    page = render_trace(document)
    assert '<span class="small soft">evening +2</span>' in page
    assert "by steps 1 to 6 and step 0;" in page


def test_a_session_that_no_stream_explains_is_told_with_the_command_that_asks_for_it() -> None:
    document = planted()
    _choose(document, "midday")
    trials = document["documents"]["window"]["trials"]
    for trial in trials:
        trial["configuration"]["sessions"] = ["midday"]
    for trial, bits in zip(trials[:3], (634.71, None, -3.2), strict=True):
        trial["configuration"]["sessions"] = ["evening"]
        trial["outcome"]["objective"] = bits
    document["documents"]["window"]["sessions"] = ["midday"]
    asks = "seedfleet trace run daily3.json --seeds 5000 --session"
    lines = render_trace_text(document).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("further "))
    told = " ".join(" ".join(lines[place : place + 2]).split())
    assert "of evening: step 1's trials of evening alone found 634.7 bits (signal 20), but" in told
    assert f"to ask      {asks} evening" in lines
    assert f"to ask      {asks} night" in lines
    page = render_trace(document)
    assert page.count("No stream is named of the draws of") == 2
    assert f"To ask for one: {asks} night" in Outline(page).text()
    trials[0]["outcome"]["objective"] = -3.1  # looked at, and nothing found
    told = " ".join(render_trace_text(document).split())
    assert "of 3 trials of evening alone in step 1 the best found -3.1 bits (signal 20)" in told
    document["request"]["sessions"] = ["midday"]  # nobody asked for another one
    assert "to ask" not in render_trace_text(document)


def test_a_stream_of_all_sessions_leaves_none_to_ask_for() -> None:
    document = planted()
    _choose(document)
    assert "to ask" not in render_trace_text(document)


def test_what_step_0_handed_on_is_not_told_as_found_twice() -> None:
    document = planted()
    recovery = recovered_java()
    own, found = document["documents"]["predict"]["survivors"][0], recovery["candidates"][0]
    found |= {"generator": own["generator"], "seed": own["seed"]}
    found["alignment"] |= {name: own[name] for name in ("skip_min", "skip_max", "origin")}
    document["documents"]["recover"] = recovery
    assert f"seed {SEED} (steps 1 to 6 and step 0)" in render_trace_text(document)
    assert render_trace(document).count(", fitted draws <span") == 2
    own["from_step_0"] = True
    text, page = render_trace_text(document), render_trace(document)
    assert f"seed {SEED} (step 0 alone, which handed it to steps 1 to 6)" in text
    assert "evidence    steps 1 to 6: the stream that step 0 handed to them, no more" in text
    assert "            step 0: " in text
    assert page.count(", fitted draws <span") == 1
    assert "no evidence of their own" in page
    assert "Steps 1 to 6 and step 0" not in page
    document["documents"]["recover"] = None  # its word does not count any more
    assert "handed" not in render_trace_text(document)


def _with_a_missing_record(session: str | None = None) -> dict[str, Any]:
    """Have step 0 find the stream with one record missing, and step 6 what comes after that."""
    document = planted()
    recovery = recovered_java()
    own, found = document["documents"]["predict"]["survivors"][0], recovery["candidates"][0]
    place = {name: own[name] for name in ("offset", "skip_min", "skip_max", "origin")}
    gap = own["skip_max"] + 1
    found |= {"generator": own["generator"], "seed": own["seed"], "n": 5000, "matches": 5000}
    jumps = [{"after": 3999, "outputs": gap, "records": 1}]
    found["alignment"] |= {**place, "session": session, "jumps": jumps}
    own |= {"origin": 4000, "draws": 1000, "matches": 1000, "offset": 4000 * gap + gap}
    document["documents"]["recover"] = recovery
    if session is not None:
        _choose(document, session)
    return document


@pytest.mark.parametrize("session", [None, "midday"])
@pytest.mark.parametrize("first", ["predict", "recover"])
def test_a_stream_with_missing_records_is_told_once_and_whole(
    session: str | None, first: str
) -> None:
    document = _with_a_missing_record(session)
    document["answered_by"] = first
    lines = render_trace_text(document).splitlines()
    sources = {"predict": "steps 1 to 6 and step 0", "recover": "step 0 and steps 1 to 6"}
    (told,) = [line for line in lines if line.startswith("generator ")]
    assert told.endswith(f"seed {SEED} ({sources[first]})")
    assert "1 record is missing after draw 3999" in " ".join(" ".join(lines).split())
    assert "matches     5,000 of 5,000 known draws (by chance 0.1%), posterior > 99.99%" in lines
    assert "It gives draws 4000 to 4999" not in render_trace(document)
    own = document["documents"]["predict"]["survivors"][0]
    own["from_step_0"] = True
    assert "(step 0 alone, which handed it to steps 1 to 6)" in render_trace_text(document)


@pytest.mark.parametrize("change", [{"offset": 1}, {"skip_max": 9}, {"seed": 7}, {"draws": 900}])
def test_a_stream_that_stands_elsewhere_is_another_one(change: dict[str, int]) -> None:
    document = _with_a_missing_record()
    document["documents"]["predict"]["survivors"][0] |= change
    assert render_trace_text(document).count("\ngenerator ") == 2


def test_draws_of_one_session_are_told_as_such() -> None:
    document = planted()
    _choose(document, "midday")
    assert "next draws  midday: 681 " in render_trace_text(document)
    assert '<span class="small soft">midday +1</span>' in render_trace(document)
    _choose(document, "midday", "evening")
    assert "next draws  midday and evening: 681 " in render_trace_text(document)
    assert '<span class="small soft">midday and evening +1</span>' in render_trace(document)


def test_nothing_found_names_nobody() -> None:
    text = render_trace_text(at_random())
    assert "verdict     No evidence of a generator in what was searched" in text
    assert "No model is used" in text
    assert "next draws  no prediction: > 99.99% for no generator, each value 0.1%" in text
    assert "generator   " not in text
    assert "reproduce" not in text


def test_what_there_was_no_time_to_look_at_stands_below_the_verdict() -> None:
    document = at_random()
    assert "no time" not in render_trace_text(document)
    window = document["documents"]["window"]
    left_out = ["mt19937", "mt19937_hybrid", "pcg32", "pcg32_hybrid", "musl_rand_hybrid"]
    left_out += ["lua_random", "lua_random_hybrid"]
    window["look"] = {"looked_at": ["musl_rand"], "left_out": left_out, "sure": True}
    assert "no time" not in render_trace_text(document)
    window["look"]["sure"] = False
    searched = document["documents"]["recover"]["searched"]
    asked = [each for each in searched if not each["status"].startswith("not_")]
    asked[0] |= {"status": "over_budget", "budget_needed_s": 95.2}
    completed = sum(each["status"] == "completed" for each in asked)
    lines = render_trace_text(document).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("no time     "))
    told = " ".join(lines[place:]).replace("             ", " ")
    assert (
        f"step 0 completed {completed} of {len(asked)} searches; no time was left for 1, which "
        "needs --recover-budget 96s"
    ) in told
    assert (
        "step 1 had time to look at 1 of 8 generators and skip laws: a longer --look or "
        "--generator NAME asks the others (mt19937, pcg32, musl_rand_hybrid and 1 more)"
    ) in told
    assert "Time was too short to look at all." in render_trace(document)


def test_what_only_step_0_has_found_leads() -> None:
    lines = render_trace_text(only_recovered()).splitlines()
    assert lines[0] == "verdict     Generator recovered: java.util.Random, seed 20150101"
    assert (
        "but         steps 1 to 6 say: no survivor explains the draws better than chance" in lines
    )
    assert lines[-2].startswith("next draws  755 147 ")


def test_a_run_that_was_interrupted_says_so() -> None:
    text = render_trace_text(interrupted())
    assert text.startswith("verdict     The run was interrupted before it had an answer")
    assert "next draws  none yet" in text


def test_all_draws_that_were_asked_for_are_printed() -> None:
    document = planted()
    told = document["predictions"]
    told[:] = [{**told[0], "step": step, "value": 100 + step} for step in range(1, 21)]
    line = next(
        line for line in render_trace_text(document).splitlines() if line.startswith("next draws")
    )
    assert " ".join(str(100 + step) for step in range(1, 21)) in line
    assert "more" not in line


def test_one_job_is_one_job() -> None:
    document = planted()
    document["nodes"] = {"localhost": {"jobs": 1, "busy_s": 2.0}}
    assert "node        localhost: 1 job, busy 2.0 s" in render_trace_text(document)
