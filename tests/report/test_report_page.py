"""The page is safe to open, says what the document says, and is fit for every reader."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from itertools import product

import pytest
from page_outline import Outline
from rendered_pages import PAGES
from report_samples import (
    RATES,
    SAMPLES,
    no_evidence,
    recovered_java,
    recovered_noisy,
    under_powered,
)

from seedfleet.report import render_html


@pytest.mark.parametrize("name", PAGES)
def test_page_is_well_formed_and_fetches_nothing(name: str) -> None:
    page = PAGES[name]()
    page.encode("utf-8")
    outline = Outline(page)
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(outline.tags)
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in outline.attributes
    assert all(value.startswith("#") for key, value in outline.attributes if key == "href")
    assert not [key for key, _ in outline.attributes if key.startswith("on") or key == "src"]


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_read_without_seeing_it(name: str) -> None:
    page = PAGES[name]()
    outline = Outline(page)
    assert outline.tags.count("h1") == 1
    assert outline.tags.count("caption") == outline.tags.count("table")
    ids = [value for key, value in outline.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    targets = [value for key, value in outline.attributes if key == "aria-labelledby"]
    targets += [value[1:] for key, value in outline.attributes if key == "href"]
    assert set(targets) <= set(ids)
    for drawing in re.findall("<svg[^>]*>", page):
        assert 'aria-hidden="true"' in drawing or 'role="img" aria-label="' in drawing


@pytest.mark.parametrize("name", PAGES)
def test_figures_are_never_a_negative_zero_or_in_computer_notation(name: str) -> None:
    text = Outline(PAGES[name]()).text()
    assert not re.search(r"[-−]0\.0\b", text)
    text = re.sub(r"0x[0-9a-f]+|[0-9a-f]{64}", "", text)
    assert not re.search(r"\d[eE][-+]?\d", text)


def test_verdict_and_generator_are_on_the_page() -> None:
    text = Outline(render_html(recovered_noisy())).text()
    for fact in (
        "Generator recovered: java.util.Random, seed 20150101",
        "0x9328e2a7b5ad",
        "3 seeds give this stream: 20150101, 281474996860757, -281474956560555",
        "77120931004411",
        "455 of 500 known draws, 46 of 50 held out",
        "9.11%",
        "8141792004431337021",
        "new Random(20150101L)",
        "Draws 203 to 214 repeat draws 41 to 52",
        "seedfleet trace recover examples/java_daily3.json --predict 10",
        "by chance every value has 0.1% (1/1000)",
    ):
        assert fact in text


def test_seeds_by_date_are_on_the_page() -> None:
    document = SAMPLES["seeds_by_date"]()
    for abstained, told in ((False, "2016-05-15"), (True, "the dates follow no rhythm")):
        document["abstained"] = abstained
        text = Outline(render_html(document)).text()
        for fact in (
            "Generator recovered: mt19937, a seed by date",
            "year*10000+month*100+day",
            "skip 2, offset 1, all sessions",
            "499 of 500 known draws",
            "20160514",
            "pairs of seed and alignment that match as well",
            "All dates again: PHP mt_rand(0, m - 1)",
            "$dates = [[20150101, 2]];",
            told,
        ):
            assert fact in text


def test_streams_leads_and_what_was_left_out_are_on_the_page() -> None:
    text = Outline(render_html(SAMPLES["several_streams"]())).text()
    for fact in (
        "Generator recovered: 3 streams of mt19937 and java.util.Random",
        "(625 numbers, all in recovery.json)",
        "none of the 2^32 seeds leads to this state within 65,536 outputs",
        "machine B, draws 120 to 249 of it",
        "One of 3 streams",
        "Draws 1 to 239 Generator java.util.Random",
        "Draws 241 to 499 Generator java.util.Random",
        "0xc0ffee",
        "469 of 469, by chance 0.4%",
        "19,937 of 19,968 unknowns decided, 31 that matter to no word",
        "needs --budget 8m",
        "needs --budget 96s",
    ):
        assert fact in text


def test_a_stream_among_several_has_its_own_path_of_skips() -> None:
    document = SAMPLES["several_streams"]()
    path = {"skips": [5, 0, 7], "certain": [True, True, False]}
    document["candidates"][2]["path"] = path
    assert " 5 0 7? " in Outline(render_html(document)).text()


def test_every_skip_of_a_path_is_on_the_page_with_its_doubts() -> None:
    text = Outline(render_html(SAMPLES["variable_skip"]())).text()
    assert "variable skip 0..8" in text
    assert " 0 4 5 3 7 8? 6 1 2 " in text
    assert "any offset" in text


def test_what_only_seeds_could_tell_is_listed_where_nothing_was_found() -> None:
    said = "1 generator is covered only as far as the seeds were tested"
    assert said not in Outline(render_html(recovered_java())).text()
    text = Outline(render_html(SAMPLES["no_evidence"]())).text()
    assert said in text
    assert "4,294,967,296 of 18,446,744,073,709,551,616 (2" in text


def test_what_chance_gives_is_one_quiet_line() -> None:
    document = no_evidence()
    document["comparison"] = recovered_java()["comparison"]
    document["candidates"] *= 2
    text = Outline(render_html(document)).text()
    assert "Closest: mt19937 with 7 of 500 known draws, which does not tell it from chance." in text
    best = document["candidates"][0]
    for told in (
        str(best["seed"]),
        best["reproduce"],
        "offset 107",
        "Other candidates",
        "Observed and",
    ):
        assert told not in text


def test_powers_are_raised() -> None:
    assert "1.4 × 10<sup>−1333</sup>" in render_html(recovered_java())


def test_every_prediction_stands_with_its_probability() -> None:
    document = recovered_noisy()
    page = render_html(document)
    values = re.findall(r'class="value">(\d+)</span> <span class="small">([^<]+)<', page)
    assert values == [(str(each["draw"]), "90.8%") for each in document["predictions"]]


def test_no_evidence_is_never_called_random() -> None:
    document = no_evidence()
    for row in document["searched"] + document["controls"]:
        row["generator"] = row["generator"].replace("java.util.Random", "java")
    text = render_html(document).lower()
    assert "no evidence of a generator in what was searched" in text
    assert "random" not in text


def test_failed_controls_are_announced_before_the_findings() -> None:
    page = render_html(no_evidence())
    assert 0 < page.index("1 of 2 controls failed") < page.index('id="next"')
    assert "controls failed" not in render_html(recovered_java())


def test_nothing_found_still_makes_a_page() -> None:
    document = under_powered()
    document["searched"] = []
    text = Outline(render_html(document)).text()
    assert "Too few draws to tell" in text
    assert "No search ran." in text
    assert "No control ran." in text


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_colours_have_enough_contrast(theme: int) -> None:
    style = files("seedfleet.report").joinpath("page.css").read_text("utf-8")
    colours = dict(
        re.findall(r"--([a-z-]+): #([0-9a-f]{3,6});", re.findall(r":root \{[^}]+\}", style)[theme])
    )
    pairs = [
        *product(["ink", "soft", "accent", "good", "warn", "bad", "calm"], ["paper", "card"]),
        ("good", "accent-wash"),
        *product(["ink", "soft"], ["accent-wash", "warn-wash", "bad-wash", "calm-wash"]),
        ("warn", "warn-wash"),
        ("calm", "calm-wash"),
        ("accent", "warn-wash"),
        ("accent", "bad-wash"),
    ]
    for front, back in pairs:
        bright, dim = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)
        # WCAG 2.2, 1.4.3: 4.5 to 1 for text of ordinary size.
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (front, back)


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_report_needs_nothing_else_of_seedfleet() -> None:
    code = (
        "import sys, seedfleet.report\n"
        "print(*(n for n in sys.modules if n.startswith('seedfleet.')), 'numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *modules, numpy_loaded = run.stdout.split()
    assert modules
    assert all(name.startswith("seedfleet.report") for name in modules)
    assert numpy_loaded == "False"


def test_power_says_whose_draws_were_searched_and_what_did_not_run() -> None:
    page = render_html(no_evidence())
    table = Outline(
        "<table>" + page[page.index("<caption>Power") :].partition("</table>")[0] + "</table>"
    )
    assert table.text().count("not run") == len(RATES), "of the one search without draws enough"
    for told in ("Draws in a window", "Draws for proof", "skips 0..20", "session midday"):
        assert told in table.text()


def test_controls_say_with_how_many_they_pass() -> None:
    document = no_evidence()
    negative, positive = document["controls"][0], document["controls"][-1]
    text = Outline(render_html(document)).text()
    assert f"{negative['least']} to {negative['most']} pass" in text
    assert f"{positive['least']} or more pass" in text
