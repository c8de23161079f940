"""Ends what a test's services have started, also if the process of the tests was killed outright.

A guard is a process of its own that waits until its owner closes a pipe, or dies by whatever
signal. Then it kills every process that has a certain variable, or works below a certain folder,
and removes that folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from seedfleet.fleet.testing._processes import all_processes, wait_gone

if TYPE_CHECKING:
    from seedfleet.fleet.testing._processes import Process

__all__ = ["Guard"]

_PROGRAM = "from seedfleet.fleet.testing._guard import main; main()"
_SLOWEST_S = 60.0


class Guard:
    """Watches over its maker from now on.

    Parameters
    ----------
    variable
        `NAME=VALUE` of the environment with which the processes were started.
    folder
        Where they work, or below. It goes with them.
    """

    def __init__(self, variable: str, folder: Path) -> None:
        # A session of its own: what ends the tests must not end it.
        self._process = subprocess.Popen(  # noqa: S603 - a fixed list of words
            [sys.executable, "-c", _PROGRAM, variable, str(folder)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        """Watch on."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End all that is left of the processes."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_SLOWEST_S)


def main() -> None:
    """Wait for the end of the standard input, and kill."""
    variable, folder = os.fsencode(sys.argv[1]), Path(sys.argv[2])
    sys.stdin.buffer.read()
    while found := {one for one, _ in all_processes() if _belongs(one, variable, folder)}:
        for process in found:
            process.send(signal.SIGKILL)
        with suppress(TimeoutError):
            wait_gone(found)
    shutil.rmtree(folder, ignore_errors=True)


def _belongs(process: Process, variable: bytes, folder: Path) -> bool:
    home = Path(f"/proc/{process.pid}")
    try:
        if variable in (home / "environ").read_bytes().split(b"\0"):
            return process.pid != os.getpid()
        return (home / "cwd").readlink().is_relative_to(folder)
    except OSError:  # it has ended, or is not ours to look into
        return False
