"""One function chooses this machine's back end, and all that ask for seeds ask it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seedfleet
from seedfleet.generators import Stream, find_preset
from seedfleet.pipeline import legacy_sieve, seed_block, seed_jobs
from seedfleet.recover.scans import seed_scan
from seedfleet.sieve import (
    Backend,
    ConstantSkip,
    CpuBackend,
    Hits,
    Question,
    Rows,
    local_backend,
    sieve,
    sieving,
)

_PACKAGE = Path(seedfleet.__file__).parent
_PLACES = {"sieve/__init__.py", "sieve/local.py"}


def test_this_machine_has_a_back_end() -> None:
    assert isinstance(local_backend(), CpuBackend)


def names(code: str) -> set[str]:
    """Return every name and attribute of a module's code, and what it imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.ImportFrom(module=module, names=members):
                found |= {member.name for member in members} | {module or ""}
            case ast.Import(names=members):
                found |= {member.name for member in members}
    return found


def test_no_other_module_names_the_processors_back_end() -> None:
    naming = {
        str(path.relative_to(_PACKAGE))
        for path in _PACKAGE.rglob("*.py")
        if names(path.read_text("utf-8")) & {"CpuBackend", "seedfleet.sieve.cpu"}
    }
    assert naming == _PLACES


@pytest.mark.parametrize("module", [sieving, legacy_sieve, seed_block, seed_jobs, seed_scan])
def test_all_callers_ask_the_one_function(module: object) -> None:
    assert vars(module)["local_backend"] is local_backend


def test_a_sieve_asks_the_machines_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[range] = []

    class Listening(CpuBackend):
        def scan(self, stream: Stream, rows: Rows, seeds: range, **options: Any) -> Hits:
            asked.append(seeds)
            return super().scan(stream, rows, seeds, **options)

    def listening(workers: int | None = None) -> Backend:
        return Listening(workers)

    monkeypatch.setattr(sieving, "local_backend", listening)
    stream = find_preset("xorshift32").stream
    question = Question(stream, np.arange(4), 10, ConstantSkip(range(1)))
    assert sieve(question, range(5)).tested == 5
    assert asked == [range(5)]
