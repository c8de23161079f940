"""The one owner of file names on the head: the folder of a run, and where each output belongs."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seedfleet.fleet._folders import Folders
from seedfleet.fleet.node.layout import AttemptFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["DEFAULT_OUTPUT_DIR", "RUN_ID", "RunPaths", "Territory", "new_run_id", "node_home"]

DEFAULT_OUTPUT_DIR: Final = "full_scoring_results"
RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_HIDDEN: Final = ".seedfleet"


@dataclass(frozen=True, kw_only=True)  # without slots, since it remembers a few joined paths
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
    aliases
        Absolute folders that mean the root: where nodes have theirs. A job that names
        `/data/work/x.py` means `x.py` wherever it runs, if `/data/work` is the root anywhere.
    """

    root: Path
    output_dir: Path
    run_id: str
    preserve: bool
    allow_roots: tuple[Path, ...] = ()
    aliases: tuple[str, ...] = ()

    @cached_property
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

    @cached_property
    def results(self) -> Path:
        """Where outputs belong that are not written in place."""
        return self.folder / "results"

    @property
    def queue(self) -> Path:
        """Where the head meets tasks that a scheduler starts; only such runs have it."""
        return self.folder / "queue"

    @cached_property
    def _tops(self) -> tuple[str, ...]:
        return (str(self.root), *map(str, self.allow_roots))

    def attempt(self, job_id: str, number: int) -> AttemptFolder:
        """Name the head's copy of an attempt's files."""
        return AttemptFolder(self.folder / "attempts" / job_id / str(number))

    def on_head(self, path: str) -> Path:
        """Name the place that a job's path means on the head."""
        return Path(self.text_on_head(path))

    def text_on_head(self, path: str) -> str:
        """Do as `on_head`, many times faster, for checks over 100,000 jobs."""
        return self.under(self._tops[0], path)

    def under(self, root: str, path: str) -> str:
        """Name the place that a job's path means where the root is `root`."""
        if path.startswith(os.sep):
            path = self._relative(path)
        return os.path.normpath(os.path.join(root, path))  # noqa: PTH118 - called very often

    def in_root(self, path: Path) -> str | None:
        """Name a path on the head relative to the root, or None if it lies elsewhere."""
        inside = _is_under(str(path), self._tops[0])
        return os.path.relpath(path, self._tops[0]) if inside else None

    def spellings(self, path: str) -> frozenset[str]:
        """List the absolute paths that mean the same as a job's path, on whatever node."""
        return frozenset(self.under(root, path) for root in (self._tops[0], *self.aliases))

    def _relative(self, path: str) -> str:
        """Take the root, or a node's, off an absolute path; others stay absolute."""
        if not (self.aliases or path.startswith(self._tops[0])):
            return path
        normal = os.path.normpath(path)
        for root in (self._tops[0], *self.aliases):
            if _is_under(normal, root):
                return normal[len(root) :].lstrip(os.sep) or os.curdir
        return path

    def place(self, declared: str) -> Path:
        """Name the place where a declared output belongs on the head.

        Raises
        ------
        ValueError
            If the path lies under no root.
        """
        return Path(self.text_place(declared))

    def text_place(self, declared: str) -> str:
        """Do as `place`, many times faster."""
        path = self.text_on_head(declared)
        if self.preserve:
            return path
        for top in (str(self.output_dir), *self._tops):
            if path != top and _is_under(path, top):
                return f"{self.results}{os.sep}{path[len(top) :].lstrip(os.sep)}"
        raise ValueError(f"{declared} lies under no root")


class Territory:
    """Which paths the jobs of a run may use; remembers folders, so it is for one look at all jobs.

    Parameters
    ----------
    paths
        Of the run.
    """

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._tops = [str(top) for top in (paths.root, *paths.allow_roots)]
        self._real_tops = [os.path.realpath(top) for top in self._tops]
        self._folders = Folders()
        self._needed = {str(paths.root), str(paths.output_dir)}
        self._own = str(paths.output_dir / _HIDDEN)

    def problems(self, path: str) -> Iterator[str]:
        """Say why a job's path cannot be used, if it cannot."""
        text = self._paths.text_on_head(path)
        hint = f"outside {self._paths.root}; --allow-root names more folders"
        if not any(_is_under(text, top) for top in self._tops):
            yield f"{path!r} is {hint}"
        elif not any(_is_under(self.real(text), top) for top in self._real_tops):
            yield f"{path!r} leads to {self.real(text)}, {hint}"

    def real(self, path: str) -> str:
        """Follow symbolic links; those of each folder once."""
        return self._folders.real(path)

    def is_folder(self, path: str) -> bool:
        """Tell whether a folder, or a link to one, stands at `path`."""
        return self._folders.is_folder(path)

    def reserved(self, path: str) -> bool:
        """Tell whether `path` is where this program keeps its own files, or a folder it needs."""
        return path in self._needed or _is_under(path, self._own)


def _is_under(path: str, top: str) -> bool:
    """Tell whether a normalised absolute path is `top` or lies below it."""
    return path == top or path.startswith(top.rstrip(os.sep) + os.sep)


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
