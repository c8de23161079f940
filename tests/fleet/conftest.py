"""The fixtures that give every test a house, or a line, of its own."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from fleet_house import House, living_attempts
from queue_house import SCRIPT, Line, end_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    monkeypatch.setenv("SEEDFLEET_HOME", str(home))
    monkeypatch.chdir(root)
    made = House(root, home)
    yield made
    for head in made.heads:
        head.kill()
        head.communicate()
    for run in (home / "runs").glob("*"):
        for pid in living_attempts(run.name):  # a failed test must not leave its workers behind
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with `work.sh`, for runs in a line."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "work.sh").write_text(SCRIPT)
    (folder / "work.sh").chmod(0o755)
    return folder


@pytest.fixture
def line(root: Path) -> Iterator[Line]:
    """A scheduler whose tasks end with the test."""
    made = Line()
    yield made
    for hold in root.glob("hold*"):
        hold.unlink()
    made.end_all()
    end_scripts(str(root))
