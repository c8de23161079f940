"""Removing what runs have left on a node.

Nothing that lives is touched: an attempt is removed under the lock that its supervisor would hold.
What somebody may still want is kept unless its run is named: a result that may be the only copy,
and files that stood at an output path before. Ages count by the clock of the disk.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from .layout import AttemptFolder, discard
from .locks import Lock, is_held
from .orphan import settle

__all__ = ["clean"]

_BIRTH_S = 3600.0  # what is younger and has no status may belong to a supervisor just being born
_TOMBSTONE = ".gone"
_LEFTOVERS = re.compile(
    r"\.shown-[0-9a-f]{16}"  # for the probe of a shared disk
    r"|\..+\.[0-9a-f]{8}\.part"  # of a file on its way to the node
)


def clean(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Remove what ended attempts have left, and the folders of runs that are empty then.

    Parameters
    ----------
    settings
        `home`, the state folder; `root`, where staged files may have been left half-way; `run_id`,
        the one run to clean, or None for all; `older_than_s`, how long ago an attempt must have
        ended at least; `dry_run`, to remove nothing.

    Returns
    -------
    dict
        `removed`: for each attempt, run or other file `what` and `size_bytes`. `kept`: for each
        attempt `what` and `why`. `problems`: a line for each thing that could not be removed.
        `freed_bytes`: in all, or what would be freed.
    """
    home, run_id = Path(settings["home"]), settings.get("run_id")
    if run_id is not None and (os.sep in run_id or run_id in {"", os.curdir, os.pardir}):
        raise ValueError("{!r} is no run id".format(run_id))
    work = _Cleaning(home, named=run_id is not None, settings=settings)
    runs = home / "runs"
    for run in [runs / run_id] if run_id is not None else _entries(runs):
        if run.is_dir():
            work.clean_run(run)
    if run_id is None:
        for entry in (*_entries(home), *_entries(Path(settings["root"]))):
            work.remove_leftover(entry)
    return work.report


class _Cleaning:
    def __init__(self, home: Path, *, named: bool, settings: Mapping[str, Any]) -> None:
        self._named = named
        self._older_than_s = float(settings["older_than_s"])
        self._dry_run = bool(settings["dry_run"])
        self._now_s = _disk_time_s(home)
        self.report: Dict[str, Any] = {"removed": [], "kept": [], "problems": [], "freed_bytes": 0}

    def clean_run(self, run: Path) -> None:
        """Clean one run's folder, and remove it if nothing is left in it."""
        left, freed_bytes = False, self.report["freed_bytes"]
        tombstones = []
        jobs = _entries(run / "attempts")
        entries = [entry for job in jobs for entry in _entries(job)]
        newest = min(map(self._age_s, (run, run / "attempts", *jobs, *entries)))
        for entry in entries:
            if entry.name.isdigit():
                left |= not self._clean_attempt(entry)
            elif entry.name.startswith("."):
                left |= not self._clean_draft(entry)
            elif entry.name.endswith(_TOMBSTONE):
                tombstones.append(entry)
            else:
                left = True
        leases = any(is_held(lease) for lease in _entries(run / "leases"))
        # Tombstones have no use any more once no supervisor can come late.
        if not left and not leases and (self._named or newest > _BIRTH_S):
            counted_bytes = self.report["freed_bytes"] - freed_bytes if self._dry_run else 0
            self.remove(run, run.name, counted_bytes)
        else:
            self._clean_tombstones(run.name, tombstones)

    def remove_leftover(self, path: Path) -> None:
        """Remove a file that was left half-way, unless it is so new that it may be in use."""
        if _LEFTOVERS.fullmatch(path.name) and self._age_s(path) > _BIRTH_S:
            self.remove(path, str(path))

    def remove(self, path: Path, what: str, counted_bytes: int = 0) -> None:
        """Remove a file or a folder, or note that it would be, with what is not yet counted."""
        size_bytes = _size_bytes(path) - counted_bytes
        try:
            if not self._dry_run:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        except OSError as error:
            self.report["problems"].append("{}: {}".format(what, error))
        else:
            self._note(what, size_bytes)

    def _age_s(self, path: Path) -> float:
        """Tell how long ago something was changed; what is not there was changed long ago."""
        try:
            return self._now_s - path.lstat().st_mtime
        except OSError:
            return float("inf")

    def _clean_attempt(self, path: Path) -> bool:
        """Remove an attempt's folder if that is right, and say whether it is gone."""
        folder, what = AttemptFolder(path), _named(path)
        ended = folder.status if folder.status.exists() else path
        why: Optional[str] = None
        try:
            if is_held(folder.alive):
                why = "it is running"
            elif self._age_s(ended) < self._older_than_s:
                why = "it ended too short a time ago"
            else:
                if not self._dry_run:
                    settle(folder)  # a killed supervisor's: its processes end, old files come back
                why = None if self._named else _still_wanted(folder)
            if why is None:
                return self._discard(folder, what)
        except (OSError, ValueError) as error:
            self.report["problems"].append("{}: {}".format(what, error))
            return False
        self.report["kept"].append({"what": what, "why": why})
        return False

    def _discard(self, folder: AttemptFolder, what: str) -> bool:
        size_bytes = _size_bytes(folder.path)
        if not self._dry_run:
            alive = Lock(folder.alive)
            if not alive.acquire_nowait():  # somebody settles it this moment
                return False
            try:
                discard(folder)
            finally:
                alive.release()
        self._note(what, size_bytes)
        return True

    def _clean_draft(self, path: Path) -> bool:
        """Remove what a killed supervisor or a killed removal has left."""
        if is_held(path / "alive") or self._age_s(path) < _BIRTH_S:
            return False
        self.remove(path, _named(path))
        return self._dry_run or not path.exists()

    def _clean_tombstones(self, run_name: str, tombstones: List[Path]) -> None:
        """Remove those so old that no supervisor can come late; all of them are one line."""
        least_s = max(self._older_than_s, _BIRTH_S)
        old = [path for path in tombstones if self._age_s(path) > least_s]
        what = "{}: {} marks of attempts cleared before".format(run_name, len(old))
        try:
            for path in [] if self._dry_run else old:
                path.unlink()
        except OSError as error:
            self.report["problems"].append("{}: {}".format(what, error))
        else:
            if old:
                self._note(what, 0)

    def _note(self, what: str, size_bytes: int) -> None:
        self.report["removed"].append({"what": what, "size_bytes": size_bytes})
        self.report["freed_bytes"] += size_bytes


def _named(path: Path) -> str:
    """Name what belongs to an attempt as run, job and number."""
    return "{}/{}/{}".format(path.parents[2].name, path.parent.name, path.name)


def _still_wanted(folder: AttemptFolder) -> Optional[str]:
    if folder.status.exists():
        succeeded = json.loads(folder.status.read_bytes()).get("outcome") == "succeeded"
        if succeeded and not _was_fetched(folder):
            # Only the head knows whether it has taken the result in, so age alone is no reason.
            return (
                "it succeeded, and no head has cleared it away: resume its run to do that, "
                "or remove it with `nodes clean --run RUN_ID` where it is not needed any more"
            )
        if _entries(folder.previous):
            return "it holds files that stood at its output paths, in {}".format(folder.previous)
    return None


def _was_fetched(folder: AttemptFolder) -> bool:
    """Tell whether the head's own copy can be seen from here: on this disk, or on a shared one."""
    try:
        delivered = json.loads(folder.order.read_bytes())["delivered"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return os.path.isfile(delivered)


def _entries(folder: Path) -> List[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size_bytes(path: Path) -> int:
    return sum(_file_sizes(path))


def _file_sizes(path: Path) -> Iterator[int]:
    if path.is_dir() and not path.is_symlink():
        for folder, _, files in os.walk(path):
            for name in files:
                yield os.lstat(os.path.join(folder, name)).st_size
    else:
        yield path.lstat().st_size


def _disk_time_s(home: Path) -> float:
    there = next(place for place in (home, *home.parents) if place.is_dir())
    with tempfile.TemporaryFile(dir=str(there)) as probe:
        return os.fstat(probe.fileno()).st_mtime
