"""The page about sieving says what happens."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from seedfleet.cli import main

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
    found = re.search(
        r"```sh\nseedfleet (.+) > (\S+)\nseedfleet (.+)\n```", PAGE.read_text("utf-8")
    )
    assert found is not None
    monkeypatch.chdir(tmp_path)
    drawn = CliRunner().invoke(main, shlex.split(found[1]))
    Path(found[2]).write_text(drawn.stdout, encoding="utf-8")
    result = CliRunner().invoke(main, shlex.split(found[3]))
    assert result.exit_code == 0, result.output
    assert "Generator recovered: xorshift32, seed 123456" in result.stdout
    assert len(list(tmp_path.glob("sieve_results/*/sieve.json"))) == 1
