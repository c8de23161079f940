"""Services of tests do not outlive the tests, however those end."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet.testing._processes import all_processes, wait_gone

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # it starts interpreters

OWNER = """
import os, subprocess, sys, time
from pathlib import Path
from seedfleet.fleet.testing._guard import Guard
folder = Path(sys.argv[1])
guard = Guard(f"GUARDED={folder}", folder)
words = ["sleep", "600"]
subprocess.Popen(words, env={**os.environ, "GUARDED": str(folder)}, start_new_session=True)
subprocess.Popen(words, cwd=folder, start_new_session=True)
other = subprocess.Popen(words, start_new_session=True)
print(other.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_of_tests_has_started_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    words = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        other = int(owner.stdout.readline())
        mine = [one for one, facts in all_processes() if facts.parent == owner.pid]
        assert len(mine) == 4, "the guard, and three that sleep"
        owner.send_signal(number)
    (last,) = (one for one in mine if one.pid == other)
    try:
        wait_gone([one for one in mine if one != last])
        assert not tmp_path.exists()
        assert last.is_alive(), "it has neither the variable nor the folder"
    finally:
        last.send(signal.SIGKILL)
