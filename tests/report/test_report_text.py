"""The lines on the terminal hold the essentials, in order, and obey no one's escape sequences."""

from __future__ import annotations

from typing import Any

import pytest
from report_samples import (
    HOSTILE_TEXT,
    SAMPLES,
    constant,
    no_evidence,
    recovered_java,
    under_powered,
)

from seedfleet.report import render_html, render_text


def _long_in_every_way() -> dict[str, Any]:
    document = SAMPLES["hostile"]()
    long = HOSTILE_TEXT * 40
    document["verdict_reason"] = document["structure"]["text"] = long
    document["history"] |= {"name": long, "notes": [long] * 30}
    document["command"] = [long] * 9
    document["searched"] = document["searched"] * 40
    document["controls"] = [
        {**control, "passed": False, "text": long} for control in document["controls"] * 9
    ]
    best = document["candidates"][0]
    best |= {"generator": long, "bounding": long, "presets": [long] * 9, "state": [long] * 625}
    best |= {"equivalent_seeds": list(range(2**40, 2**40 + 500))}
    best["alignment"]["session"] = long
    return document


@pytest.mark.parametrize("sample", [*SAMPLES.values(), _long_in_every_way])
def test_forty_lines_say_it_and_nothing_escapes(sample: Any) -> None:
    text = render_text(sample())
    assert text.count("\n") < 40
    assert all(line.isprintable() for line in text.splitlines())
    assert "-0.0" not in text
    text.encode("utf-8")


def test_recovered_names_everything_needed_to_use_it() -> None:
    document = recovered_java()
    lines = render_text(document).splitlines()
    assert lines[0] == "verdict     Generator recovered: java.util.Random, seed 20150101"
    assert "seed        20150101 (every seed that is 20150101 modulo 2^48)" in lines
    assert "state now   0x9328e2a7b5ad" in lines
    assert f"reproduce   {document['candidates'][0]['reproduce']}" in lines
    assert any("500 of 500 known draws, 50 of 50 held out" in line for line in lines)
    assert any("all 281,474,976,710,656 (2^48) seeds" in line for line in lines)
    assert "controls    2 of 2 passed" in lines


def test_calls_and_seeds_of_their_own_are_told_apart() -> None:
    document = recovered_java()
    best = document["candidates"][0]
    best["members"][1] |= {"skip_min": 9, "skip_max": 9}
    best["nearby_seeds"] = [2**47 + 1, 2**47 + 3]
    own, other = (member["preset"] for member in best["members"])
    told = " ".join(render_text(document).split())
    assert f"known as {own}, {other} at skip 9, offset 0" in told
    seeds = "140737488355329, 140737488355331"
    assert f"or, as the gap before the first draw is open: {seeds}" in told
    assert "Random, seed 20150101 or one of 2 others, by the first gap" in told
    assert f"Or, by the first gap</dt><dd><code>{seeds}</code>" in render_html(document)


def test_next_draws_and_the_page_come_last() -> None:
    document = recovered_java()
    draws = " ".join(str(prediction["draw"]) for prediction in document["predictions"])
    *_, next_draws, page = render_text(document).splitlines()
    assert next_draws == f"next draws  {draws} (> 99.99% each, by chance 0.1%)"
    assert page == f"report      {document['files']['report']}"


def test_single_abstentions_are_dashes_and_odds_a_range() -> None:
    document = recovered_java()
    document["predictions"] = [
        {"draw": 7, "probability": 0.9, "session": None, "machine": None, "ahead": 1, "date": None},
        {
            "draw": None,
            "probability": 0.001,
            "session": None,
            "machine": None,
            "ahead": 2,
            "date": None,
        },
    ]
    assert "next draws  7 – (0.1% to 90%, by chance 0.1%)" in render_text(document)


def test_next_draws_of_sessions_are_told_apart() -> None:
    document = recovered_java()
    document["predictions"] = [
        {
            "draw": draw,
            "probability": 0.9,
            "session": session,
            "machine": None,
            "ahead": ahead,
            "date": None,
        }
        for session, draws in (("noon", (7, 8)), ("night", (9, 10)))
        for ahead, draw in enumerate(draws, start=1)
    ]
    assert "noon: 7 8 night: 9 10 (90% each" in render_text(document)


def test_seeds_by_date_are_told_with_their_rule_and_dates() -> None:
    document = SAMPLES["seeds_by_date"]()
    text = " ".join(render_text(document).split())
    assert "Generator recovered: mt19937, a seed by date" in text
    assert "by date: year*10000+month*100+day 2015-01-01 20150101 … 2016-05-14 20160514" in text
    assert "skip 2, offset 1 on every date" in text
    assert "499 of 500 known draws" in text
    assert "reproduce std::mt19937 r(20160514); r() % 1000 all dates as a program in Java" in text
    assert "next draws 2016-05-15: " in text
    document["abstained"] = True
    assert "no prediction: the dates follow no rhythm" in render_text(document)
    document["candidates"] = recovered_java()["candidates"]
    document["dated"][0]["posterior"] = 0.0
    assert "mt19937" not in render_text(document).splitlines()[0]


def test_abstaining_predicts_nothing() -> None:
    *_, next_draws, _ = render_text(no_evidence()).splitlines()
    assert next_draws == "next draws  no prediction: 98.7% for no generator, each value 0.1%"


def test_streams_leads_and_the_budget_are_told() -> None:
    text = " ".join(render_text(SAMPLES["several_streams"]()).split())
    assert "draws 0 to 498 (machine A): mt19937, word % m from a state of 625 words" in text
    assert "draws 241 to 499 (machine B, draws 120 to 249 of it): java.util.Random, next" in text
    assert "lead glibc random TYPE_3: the draws follow the lag relation" in text
    assert "what time was too short for" not in text  # it was enough for an answer
    unanswered = {**SAMPLES["several_streams"](), "verdict": "signal"}
    text = " ".join(render_text(unanswered).split())
    assert "what time was too short for: 2, which need --budget 96s to 8m" in text
    assert "none of the 2^32 seeds leads to this state within 65,536 outputs" in text
    assert "19,937 of 19,968 unknowns decided, 31 that matter to no word" in text


def _many_streams(count: int) -> dict[str, Any]:
    """Sessions that have a stream each; the last one is the surest."""
    document = recovered_java()
    (candidate,), (finding,) = document["candidates"], document["findings"]
    places = range(count)
    document["candidates"] = [
        {**candidate, "seed": 7000 + place, "state": [f"0x{place}ace"], "reproduce": f"R({place})"}
        for place in reversed(places)
    ]
    document["findings"] = [
        {**finding, "session": f"s{place}", "seed": 7000 + place, "candidate": count - 1 - place}
        for place in places
    ]
    return document


def test_every_stream_has_what_it_takes_to_draw_on_and_again() -> None:
    lines = render_text(_many_streams(4)).splitlines()
    assert lines[0] == "verdict     Generator recovered: 4 streams of java.util.Random"
    assert "seed        20150101 (every seed that is 20150101 modulo 2^48)" not in lines
    assert any("> 99.99% or more for each stream" in line for line in lines)
    text = " ".join(" ".join(lines).split())
    for place in range(4):
        assert f"stream {place + 1} draws 0 to 499 (session s{place}): java.util.Random," in text
        assert (
            f"seed {7000 + place}, skip 4, offset 0; 500 of 500 known draws, 4,423.9 bits "
            f"state now 0x{place}ace reproduce R({place})"
        ) in text
    assert len([line for line in lines if line.startswith("reproduce")]) == 4


def test_of_many_streams_the_surest_are_told_and_the_others_counted() -> None:
    text = render_text(_many_streams(7))
    assert text.count("\n") < 40
    assert [f"R({place})" in text for place in range(7)] == [False] * 3 + [True] * 4
    assert "… and 3 more in recovery.json" in text


def test_what_chance_gives_is_one_quiet_line() -> None:
    document = no_evidence()
    text = render_text(document)
    assert "\nclosest     mt19937 with 7 of 500 known draws, which does not tell it from" in text
    assert "posterior   98.7% for no generator" in text
    best = document["candidates"][0]
    for told in (str(best["seed"]), best["reproduce"], *best["presets"], "offset 107"):
        assert told not in text


def test_a_path_of_skips_is_summed_up() -> None:
    text = render_text(SAMPLES["variable_skip"]())
    assert "variable skip 0..8, offset 0" in text
    assert "skips 0..8 along the likeliest path, 14 of 500 in doubt" in text


def test_the_time_of_the_compiler_is_told_apart() -> None:
    document = {**recovered_java(), "elapsed_s": 75.3}
    assert "9f3a1c, 1 min 15 s: seedfleet" in " ".join(render_text(document).split())
    document["compiled_s"] = 21.04
    told = "9f3a1c, 1 min 15 s (21.0 s of it compiling kernels, on first use only): seedfleet"
    assert told in " ".join(render_text(document).split())


def test_failed_control_is_shouted() -> None:
    assert "\nFAILED      lane split, negative: " in render_text(no_evidence())


def test_repeats_come_before_the_verdict_they_withhold() -> None:
    text = render_text(constant())
    assert text.startswith("verdict     Every draw is the same\n")
    assert "Too few draws" not in text
    assert render_text(under_powered()).startswith("verdict     Too few draws to tell\n")


def test_where_no_search_applies_no_number_of_draws_is_blamed() -> None:
    document = under_powered()
    for search in document["searched"]:
        search["status"] = "not_applicable"
    assert render_text(document).startswith("verdict     No search applies to these draws\n")


def test_periodic_history_is_named_with_its_period() -> None:
    document = constant()
    document["structure"] |= {"kind": "periodic", "period": 365}
    assert "The history repeats itself every 365 draws" in render_text(document)


def test_matches_stand_beside_what_a_wrong_stream_matches_as_it_was_followed() -> None:
    document = recovered_java()
    document["candidates"][0]["matches_by_chance"] = 0.0839
    assert "(by chance 8.39%)" in render_text(document)
    assert "(by chance 8.39%)" in render_html(document)
