"""Figures are written exactly where they are exact and never as more than is known."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.report._charts import Point, comparison_panels, comparison_points, evidence_meter
from seedfleet.report._figures import bits, duration, percent, probability, quantity, whole
from seedfleet.report._places import alignment_text
from seedfleet.report._search_words import coverage_text
from seedfleet.report._words import visible

LIMITS = [("signal", 20.0), ("recovered", 40.0)]


@given(st.integers(-(2**4000), 2**4000))
def test_whole_numbers_are_exact(value: int) -> None:
    assert whole(value, grouped=False) == str(value)
    assert int(whole(value).replace(",", "")) == value


@pytest.mark.parametrize(
    ("value", "log10", "text"),
    [
        (0, None, "0"),
        (0.0, -1332.85, "1.4 × 10^-1333"),
        (1e-14, -14.0, "10^-14"),
        (9.97e-8, None, "10^-7"),
        (0.73, -0.1367, "0.73"),
        (1.0, 0.0, "1"),
        (241.3, None, "241"),
        (16_492.7, None, "16,493"),
        (1.41e11, 11.149, "1.4 × 10^11"),
    ],
)
def test_quantity(value: float, log10: float | None, text: str) -> None:
    assert quantity(value, log10) == text


@given(st.floats(-5000, -4))
def test_tiny_quantity_keeps_its_order_of_magnitude(log10: float) -> None:
    *mantissa, power = quantity(10**log10, log10).split(" × ")
    written = math.log10(float(mantissa[0]) if mantissa else 1) + int(power.removeprefix("10^"))
    assert abs(written - log10) < 0.03


@given(st.floats(0, 1))
def test_only_certainty_is_written_as_certainty(share: float) -> None:
    assert (percent(share) == "100%") == (share == 1)
    assert (percent(share) == "0%") == (share == 0)
    assert probability(share) not in {"0%", "100%"}


@given(st.floats(0.0001, 0.9999))
def test_percent_is_off_by_less_than_its_last_digit(share: float) -> None:
    assert abs(float(percent(share).removesuffix("%")) / 100 - share) <= 0.0005


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0, "0.0"), (-0.04, "0.0"), (-0.94, "-0.9"), (4423.87, "4,423.9"), (-12.0, "-12.0")],
)
def test_bits(value: float, text: str) -> None:
    assert bits(value) == text


@pytest.mark.parametrize(
    ("elapsed_s", "text"),
    [
        (0, "0 ms"),
        (0.0104, "10.4 ms"),
        (3.812, "3.8 s"),
        (211.4, "3 min 31 s"),
        (7384, "2 h 3 min"),
    ],
)
def test_duration(elapsed_s: float, text: str) -> None:
    assert duration(elapsed_s) == text


@pytest.mark.parametrize(
    ("tested", "space", "text"),
    [
        (2**48, 2**48, "all 281,474,976,710,656 (2^48)"),
        (2**31 - 2, 2**31 - 1, "2,147,483,646 of 2,147,483,647, > 99.99%"),
        (0, 2**128, "none of 2^128"),
        (500, 1000, "500 of 1,000, 50%"),
    ],
)
def test_coverage(tested: int, space: int, text: str) -> None:
    assert coverage_text({"seeds_tested": tested, "seed_space": space}) == text


@given(st.text(st.characters()))
def test_visible_text_can_be_shown_and_encoded(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert all(character.isprintable() or character == "\n" for character in shown)
    if text.isprintable():
        assert shown == text


@given(st.floats(-1e6, 1e6))
def test_evidence_bar_stays_inside_its_drawing(evidence_bits: float) -> None:
    drawing = str(evidence_meter("Evidence", evidence_bits, LIMITS))
    bar = re.search(r'class="bar" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawing)
    assert bar is not None
    left, width = float(bar[1]), float(bar[2])
    assert 0 <= left <= left + width <= 360
    # Beyond either end the bar points on; within the scale it must not.
    assert ("<path" in drawing) == (evidence_bits > 80 or evidence_bits < -10)


def test_meter_escapes_its_label() -> None:
    drawing = evidence_meter('"><script>', 1, [("<b>", 2)])
    assert "<script" not in drawing
    assert "<b>" not in drawing


def test_points_tell_hit_miss_and_silence() -> None:
    points = comparison_points(
        {"start": 7, "observed": [1, 2, 3], "predicted": [1, 5, None], "held_out_from": 9}
    )
    assert points == [Point(7, 1, 1, False), Point(8, 2, 5, False), Point(9, 3, None, True)]
    assert [point.kind for point in points] == ["hit", "miss", "silent"]


def test_marks_differ_in_shape() -> None:
    points = [Point(0, 5, 5, False), Point(1, 5, 7, False), Point(2, 5, None, False)]
    (panel,) = comparison_panels(points, 10)
    hit, miss, silent = str(panel).split("<g>")[1:]
    assert 'class="hit"' in hit
    assert "<path" not in hit
    assert 'class="observed"' in miss
    assert "<path" in miss
    assert 'class="observed"' in silent
    assert "<path" not in silent


@settings(max_examples=25)
@given(st.integers(0, 700))
def test_panels_share_the_draws_evenly(count: int) -> None:
    comparison = {
        "start": 3,
        "observed": [0] * count,
        "predicted": [0] * count,
        "held_out_from": 3 + count,
    }
    points = comparison_points(comparison)
    panels = [str(panel) for panel in comparison_panels(points, 1)]
    shown = [panel.count("<circle") for panel in panels]
    assert sum(shown) == len(points) == min(count, 256)
    assert all(size <= 32 for size in shown)
    if count:
        assert f"draw {2 + count}: " in panels[-1]


@pytest.mark.parametrize(
    ("jump", "told"),
    [
        ({"after": 39, "outputs": 3, "records": 1}, "1 record is missing after draw 39"),
        ({"after": 39, "outputs": 6, "records": 2}, "2 records are missing after draw 39"),
        ({"after": 7, "outputs": 4, "records": None}, "after draw 7 4 more outputs dropped"),
        ({"after": 7, "outputs": -1, "records": None}, "after draw 7 1 fewer output dropped"),
    ],
)
def test_missing_records_are_told_with_the_alignment(jump: dict[str, Any], told: str) -> None:
    part = {"session": None, "machine": None, "segment": None, "origin": 0}
    alignment = {"offset": 0, "skip_min": 2, "skip_max": 2, **part}
    whole = alignment_text({**alignment, "jumps": []})
    assert whole == "skip 2, offset 0, all sessions as one stream, begun at draw 0"
    assert alignment_text({**alignment, "jumps": [jump]}) == f"{whole}; {told}"
