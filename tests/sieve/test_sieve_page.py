"""The page about sieving says what happens."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.generators import find_preset, reference

PAGE = Path(__file__).parents[2] / "docs" / "sieve.md"


@pytest.mark.slow
def test_the_examples_in_python() -> None:
    # A closing fence would count as printed output, a blank line does not.
    examples = PAGE.read_text("utf-8").replace("\n```", "\n")
    test = doctest.DocTestParser().get_doctest(examples, {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert results.attempted > 10
    assert not results.failed, "".join(said)


@pytest.mark.slow
def test_the_example_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```sh\nseedfleet (.+)\n```", PAGE.read_text("utf-8"))
    assert found is not None
    positions = (8 + np.arange(100) * 4).tolist()
    draws = reference.at_positions(find_preset("xorshift32").stream, 123_456, 1000, positions)
    (tmp_path / "draws.txt").write_text("\n".join(map(str, draws)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, shlex.split(found[1]))
    assert result.exit_code == 0, result.output
    assert "Generator recovered: xorshift32, seed 123456" in result.stdout
    assert len(list(tmp_path.glob("sieve_results/*/sieve.json"))) == 1
