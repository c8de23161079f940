"""The one owner of file names on the head: the folder of a run, and where each output belongs."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.node.layout import AttemptFolder, marker_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["RUN_ID", "RunPaths", "new_run_id", "node_home"]

RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_HIDDEN: Final = ".seedfleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaths:
    """Every path of one run.

    Parameters
    ----------
    root
        Absolute; relative paths of jobs start here, and it is the scripts' working directory.
    output_dir
        Absolute; the folder of all runs.
    run_id
        Matches `RUN_ID`.
    preserve
        True: outputs belong where the jobs say, under `root`, and the run's own files go to a
        hidden folder. False: outputs belong into the run's `results/`.
    allow_roots
        More absolute folders that absolute paths may lie under.
    """

    root: Path
    output_dir: Path
    run_id: str
    preserve: bool
    allow_roots: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        parent = self.output_dir / _HIDDEN if self.preserve else self.output_dir
        return parent / self.run_id

    @property
    def jobs(self) -> Path:
        """The jobs as run, and the options that a resume uses again."""
        return self.folder / "jobs.json"

    @property
    def options(self) -> Path:
        """The options as run."""
        return self.folder / "options.json"

    @property
    def journal(self) -> Path:
        """The truth."""
        return self.folder / "journal.jsonl"

    @property
    def lock(self) -> Path:
        """Names the one head that may write the journal."""
        return self.folder / "lock"

    @property
    def manifest(self) -> Path:
        """What became of every job, for people and programs."""
        return self.folder / "manifest.json"

    @property
    def results(self) -> Path:
        """Where outputs belong that are not written in place."""
        return self.folder / "results"

    def attempt(self, job_id: str, number: int) -> AttemptFolder:
        """Name the head's copy of an attempt's files."""
        return AttemptFolder(self.folder / "attempts" / job_id / str(number))

    def on_node(self, path: str) -> Path:
        """Name the place that a job's path means on a node that shares the head's root."""
        return Path(os.path.normpath(self.root / path))

    def place(self, declared: str) -> Path:
        """Name the place where a declared output belongs on the head.

        Raises
        ------
        ValueError
            If the path lies under no root.
        """
        path = self.on_node(declared)
        if self.preserve:
            return path
        for top in (self.output_dir, self.root, *self.allow_roots):
            if path != top and path.is_relative_to(top):
                return self.results / path.relative_to(top)
        raise ValueError(f"{declared} lies under no root")

    def problems(self, path: str) -> Iterator[str]:
        """Say why a job's path cannot be used, if it cannot."""
        tops = (self.root, *self.allow_roots)
        lexical, real = self.on_node(path), Path(os.path.realpath(self.on_node(path)))
        if not any(lexical.is_relative_to(top) for top in tops):
            yield f"{path!r} is outside {self.root}; --allow-root names more folders"
        elif not any(real.is_relative_to(os.path.realpath(top)) for top in tops):
            yield f"{path!r} leads to {real}, outside {self.root}; --allow-root names more folders"

    def reserved(self, path: Path) -> bool:
        """Tell whether `path` is where this program keeps its own files, or a folder it needs."""
        return path in {self.root, self.output_dir} or path.is_relative_to(
            self.output_dir / _HIDDEN
        )

    def taken_by(self, declared: str) -> tuple[Path, Path]:
        """Name the two files that an output takes: its own and its marker."""
        place = self.place(declared)
        return place, marker_path(place)


def new_run_id(stem: str, now: datetime) -> str:
    """Make a run id that sorts by time and repeats never.

    Parameters
    ----------
    stem
        The jobs file's name without its suffix; other characters than `RUN_ID` has become "-".
    now
        The time in UTC.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-_")[:100] or "run"
    return f"{safe}_{now:%Y%m%dT%H%M%SZ}_{secrets.token_hex(3)}"


def node_home() -> Path:
    """Name the folder in which this machine, as a node, keeps running attempts."""
    given = os.environ.get("SEEDFLEET_HOME")
    return Path(given).absolute() if given else Path.home() / ".local" / "state" / "seedfleet"
