"""Asking programs of the machine, several at once, without waiting for one that hangs.

A driver in trouble can hold its own tools in a call that not even KILL ends. So what they print
goes to files, nobody waits for them longer than the limit, and one that cannot be ended is left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import IO, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

__all__ = ["Answer", "ask"]

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05
_REAP_S = 0.5
_SHOWN_CHARACTERS = 200

_Running = Tuple["subprocess.Popen[bytes]", IO[bytes]]


class Answer(NamedTuple):
    """What a program printed on both its streams, and why that is not to be believed, if so."""

    text: str
    problem: str

    @property
    def good(self) -> bool:
        """True if the program ran to its end and said that all is well."""
        return not self.problem


def ask(commands: Mapping[str, Sequence[str]], timeout_s: float) -> Dict[str, Answer]:
    """Run programs side by side and give what each printed.

    Parameters
    ----------
    commands
        Argument lists, each under a name of the caller's choice.
    timeout_s
        Seconds for all of them together, more than 0.

    Returns
    -------
    dict of Answer
        One for each command, also for those that are not installed, fail, or hang.
    """
    answers: Dict[str, Answer] = {}
    running: Dict[str, _Running] = {}
    for name, command in commands.items():
        problem = _start(name, command, running)
        if problem is not None:
            answers[name] = Answer("", problem)
    deadline = time.monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while running:
        for name in [name for name, (process, _) in running.items() if process.poll() is not None]:
            answers[name] = _result(*running.pop(name))
        if not running or time.monotonic() >= deadline:
            break
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    _abandon(running)
    late = Answer("", "no answer within {:g} s".format(timeout_s))
    return {name: answers.get(name, late) for name in commands}


def _start(name: str, command: Sequence[str], running: Dict[str, _Running]) -> Optional[str]:
    if shutil.which(command[0]) is None:
        return "not installed"
    printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
    try:
        process = subprocess.Popen(  # noqa: S603 - fixed words, or the interpreter of the cluster file
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, ValueError) as error:
        printed.close()
        return str(error)
    running[name] = (process, printed)
    return None


def _result(process: subprocess.Popen[bytes], printed: IO[bytes]) -> Answer:
    with printed:
        printed.seek(0)
        text = printed.read().decode("utf-8", "replace")
    if process.returncode == 0:
        return Answer(text, "")
    said = " ".join(text.split())[:_SHOWN_CHARACTERS]
    return Answer(text, "exit code {}: {}".format(process.returncode, said).rstrip(": "))


def _abandon(running: Mapping[str, _Running]) -> None:
    processes: List[subprocess.Popen[bytes]] = []
    for process, printed in running.values():
        printed.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        processes.append(process)
    deadline = time.monotonic() + _REAP_S
    for process in processes:
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(_FIRST_PAUSE_S)
        if process.returncode is None:
            process.returncode = 0  # it may never end, and Popen must not complain about that
