"""Processes and ports of the machine that the real services of these tests run on."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["ADDRESS", "Process", "ProcessFacts", "all_processes", "free_port", "wait_gone"]

ADDRESS: Final = "127.0.0.1"
_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.01


class ProcessFacts(NamedTuple):
    """What the kernel says of a living process: its name and its parent."""

    name: bytes
    parent: int


class Process:
    """A process that cannot be mistaken for a later one with its number."""

    def __init__(self, pid: int, started: bytes) -> None:
        self.pid = pid
        self._started = started

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Process) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[int, bytes]:
        return self.pid, self._started

    def is_alive(self) -> bool:
        """Say whether it runs: a zombie does not."""
        found = _stat(self.pid)
        return found is not None and found[1] == self._started

    def send(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def all_processes() -> Iterator[tuple[Process, ProcessFacts]]:
    """Go through the living processes of this machine."""
    for entry in Path("/proc").iterdir():
        found = _stat(int(entry.name)) if entry.name.isdigit() else None
        if found is not None:
            yield Process(int(entry.name), found[1]), found[0]


def wait_gone(processes: Collection[Process]) -> None:
    """Wait until they have ended.

    Raises
    ------
    TimeoutError
        If one still runs after ten seconds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while any(process.is_alive() for process in processes):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes do not end: {[process.pid for process in processes]}")
        time.sleep(_POLL_S)


def free_port(address: str = ADDRESS) -> int:
    """Return a TCP port of an address here that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
    return port


def _stat(pid: int) -> tuple[ProcessFacts, bytes] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    name, fields = text[text.index(b"(") + 1 : text.rindex(b")")], text[text.rindex(b")") + 2 :]
    state, parent, *others = fields.split()
    return None if state in {b"Z", b"X"} else (ProcessFacts(name, int(parent)), others[17])
