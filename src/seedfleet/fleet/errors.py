"""What can go wrong around a run, by whose fault it is and what to do next.

    FleetError
    ├── BadInputError        the caller's: every problem is listed, nothing was started
    ├── RunExistsError       the run id is taken: resume it or choose another
    ├── RunHeldError         another head works on the run: its pid and host
    ├── JournalDamagedError  the journal was changed after it was written: where
    └── HeadLostError        this head can no longer write its truth down; resume elsewhere or later

A job that fails is no error: it is an outcome in the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "BadInputError",
    "FleetError",
    "HeadLostError",
    "JournalDamagedError",
    "RunExistsError",
    "RunHeldError",
]


class FleetError(Exception):
    """The root of the tree above."""


class BadInputError(FleetError):
    """Jobs, options or a resume that cannot be accepted.

    Parameters
    ----------
    problems
        Everything found, not only the first; each names where, as `$[3].args[0]` or `--option`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class RunExistsError(FleetError):
    """A run with this id is already in the output folder."""

    def __init__(self, run_id: str, folder: Path) -> None:
        super().__init__(f"run {run_id} exists in {folder}: resume it, or choose another id")
        self.run_id = run_id
        self.folder = folder


class RunHeldError(FleetError):
    """Another head has the run open."""

    def __init__(self, folder: Path, pid: int | None, host: str | None) -> None:
        holder = f"process {pid} on {host}" if pid else "a process that left no name"
        super().__init__(f"{folder} is in use by {holder}")
        self.folder = folder
        self.pid = pid
        self.host = host


class JournalDamagedError(FleetError):
    """A complete line of the journal is not what was written."""

    def __init__(self, path: Path, line: int, offset: int, problem: str) -> None:
        super().__init__(
            f"{path} is damaged at line {line} (byte {offset}): {problem}. "
            "Nothing was changed; restore the file, or run the jobs anew"
        )
        self.path = path
        self.line = line
        self.offset = offset


class HeadLostError(FleetError):
    """The journal cannot be written, or another head has taken the run over."""
