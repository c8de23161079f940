"""Advice on time can be copied and is in words that a person measures time in."""

from __future__ import annotations

import pytest

from seedfleet.cli._durations import Duration
from seedfleet.report._budgets import as_option, days_text, wanted_text


@pytest.mark.parametrize("needed_s", [0.2, 13.0, 95.2, 118_064.0, 14_855_439.0])
def test_the_option_gives_at_least_what_is_needed(needed_s: float) -> None:
    given_s = Duration().convert(as_option(needed_s), None, None)
    assert needed_s <= given_s <= max(1.0, 1.51 * needed_s)


def test_what_needs_days_says_so() -> None:
    assert (as_option(118_064), days_text(118_064)) == ("33h", "1.4 days")
    assert days_text(14_855_439) == "172 days"
    assert days_text(86_400) == ""


@pytest.mark.parametrize(
    ("needed", "told"),
    [
        ([95.2], "which needs --budget 96s"),
        ([95.2, 441.0], "which need --budget 96s to 8m"),
        (
            [95.2, 441.0, 118_064.0, 14_855_439.0],
            "2 of which need --budget 96s to 8m, 2 more than a day",
        ),
        ([95.2, 118_064.0], "1 of which needs --budget 96s, 1 more than a day"),
        ([118_064.0, 14_855_439.0], "which need 1.4 days or more"),
    ],
)
def test_what_needs_more_than_a_day_is_summed_up(needed: list[float], told: str) -> None:
    assert wanted_text(needed, "--budget") == told
