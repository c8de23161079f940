"""The page on adding a generator does what it says, and its generator is the real one."""

import importlib
import re
from itertools import islice
from pathlib import Path

import pytest

from seedfleet.generators import reference

_PAGE = Path(__file__).parents[2] / "docs" / "new_generator.md"


@pytest.mark.slow
def test_a_fresh_generator_is_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition, use = re.findall(r"```python\n(.*?)```", _PAGE.read_text(), flags=re.DOTALL)
    (tmp_path / "msvc_of_the_page.py").write_text(definition)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("msvc_of_the_page")
    # What every C textbook for Windows prints after srand(1).
    assert list(islice(reference.words(module.MSVC, 1), 5)) == [41, 18467, 6334, 26500, 19169]
    exec(use, {"MSVC": module.MSVC})
