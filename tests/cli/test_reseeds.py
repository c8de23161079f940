"""A generator that is seeded anew, through steps 0, 1 and 6: what comes is the second stream's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seedfleet.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
for step in ("window", "predict"):
    pytest.importorskip(f"seedfleet.pipeline.steps.{step}")

_DRAWS, _COMING = 400, 3


def sampled(seed: int, skip: str, count: int) -> list[str]:
    words = ["generators", "sample", "xorshift32", "--seed", str(seed), "--count", str(count)]
    option = "--variable-skip" if ".." in skip else "--skip"
    noise = ["--noise", "0.1", "--path-seed", str(seed)]
    return CliRunner().invoke(main, [*words, option, skip, *noise]).stdout.split()


@pytest.mark.parametrize(
    ("skip", "place"),  # within the sieve slice, and after it
    [("3", 120), ("0..3", 120), ("0..3", 300)],
)
def test_the_second_seed_leads_and_is_foretold(tmp_path: Path, skip: str, place: int) -> None:
    second = sampled(202, skip, _DRAWS - place + _COMING)
    whole = sampled(101, skip, place) + second
    draws = tmp_path / "draws.txt"
    draws.write_text("\n".join(whole[:_DRAWS]), encoding="utf-8")
    asked = ["--generator", "xorshift32", "--seeds", "250", "--trials", "4", "--steps", "0,1,6"]
    more = ["--recover-budget", "0.1", "--output", "json", "--output-dir", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["trace", "run", str(draws), *asked, *more])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["verdict"] == "recovered"
    told = document["documents"]["predict"]
    best = told["survivors"][0]
    assert best["seed"] == 202
    assert abs(best["origin"] - place) <= 1
    assert told["test"]["bits"] > 60 * 5
    coming = {each["value"]: each["probability"] for each in told["predictions"][0]["top"]}
    if skip == "3":
        (value,) = sampled_exactly(202, skip, _DRAWS - place + 1)
        assert coming[value] > 0.75
    else:
        assert len([each for each in coming.values() if each > 0.01]) >= 4
    later = place > 240
    assert (told["reliability"]["survivors_fitted_to_these_draws"] > 0) == later


def sampled_exactly(seed: int, skip: str, count: int) -> list[int]:
    """Return the last of so many draws, none of them wrong."""
    words = ["generators", "sample", "xorshift32", "--seed", str(seed), "--count", str(count)]
    return [int(CliRunner().invoke(main, [*words, "--skip", skip]).stdout.split()[-1])]
