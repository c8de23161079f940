"""The page about histories says what happens."""

import datetime as dt
import doctest
import re
from pathlib import Path

import pytest

from seedfleet.draws import load

_PAGE = Path(__file__).parents[2] / "docs" / "draws.md"
_FILE = re.compile(r"```\w+ (\S+)\n(.*?)```", re.DOTALL)


def test_examples_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _PAGE.read_text(encoding="utf-8")
    for name, content in _FILE.findall(text):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # A closing fence would count as printed output, a blank line does not.
    examples = text.replace("\n```", "\n")
    test = doctest.DocTestParser().get_doctest(examples, {}, _PAGE.name, str(_PAGE), 0)
    said: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert results.attempted > 10
    assert not results.failed, "".join(said)


def test_the_shipped_example_is_a_history() -> None:
    history = load(_PAGE.parents[1] / "examples" / "java_daily3.json")
    assert history.modulus == 1000
    assert history.session_names == ("evening",)
    assert history.dates[0] == dt.date(2015, 1, 1)
