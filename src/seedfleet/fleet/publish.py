"""Putting checked outputs at their places, each with its marker written last.

Many attempts are published together, since what costs is not the moving but the waiting for the
disk: first every file is put at its place, then each folder is synced once, then come the markers.
Each step can be repeated, so a head that is killed at any point is replaced by one that publishes
again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.node.layout import marker_path, sync_file, sync_folder, write_atomically
from seedfleet.fleet.node.locks import Lock, path_lock_name, shared_folder
from seedfleet.fleet.node.outputs import (
    digest,
    forget_previous,
    keep_previous,
    move,
    restore_previous,
)
from seedfleet.fleet.outcome import Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seedfleet.fleet.engines.base import Ended
    from seedfleet.fleet.node.layout import AttemptFolder
    from seedfleet.fleet.outcome import ProducedFile
    from seedfleet.fleet.paths import RunPaths

__all__ = ["publish_all", "stands"]

_PATIENCE_S: Final = 5.0  # another head that places its files needs far less
_RETRY_S: Final = 0.02


def publish_all(
    paths: RunPaths, attempts: Sequence[Ended], lock_folder: Path | None = None
) -> list[str | None]:
    """Put attempts' outputs at their places; may be repeated after a crash at any point.

    Where that fails for an attempt, what stood at all of its places before comes back.

    Parameters
    ----------
    attempts
        Of different jobs, all succeeded.
    lock_folder
        Where runs on this machine exclude each other from a path; None is the usual one.

    Returns
    -------
    list of str or None
        For each attempt why it cannot be done, or None when every output stands at its place with
        its marker.
    """
    locks = shared_folder() if lock_folder is None else lock_folder
    pending = [_Publication(paths, ended, locks) for ended in attempts]
    try:
        _each(pending, _Publication.prepare)
        _sync_folders(pending, lambda each: each.unmarked)
        _each(pending, _Publication.place)
        _sync_folders(pending, _Publication.folders)
        _each(pending, _Publication.mark)
        _sync_folders(pending, _Publication.folders)
    finally:
        for each in pending:
            each.settle()
    return [each.problem for each in pending]


class _Publication:
    """One attempt on its way; `problem` is None as long as all goes well."""

    def __init__(self, paths: RunPaths, ended: Ended, lock_folder: Path) -> None:
        if not isinstance(ended.outcome, Succeeded):
            raise TypeError(f"{ended.job_id} has nothing to publish: {ended.outcome}")
        self.problem: str | None = None
        self.unmarked: set[Path] = set()  # folders out of which an older marker was taken
        self._paths = paths
        self._ended = ended
        self._head = paths.attempt(ended.job_id, ended.attempt)
        self._lock_folder = lock_folder
        self._locks: list[Lock] = []
        self._files = [
            (produced, self._head.outputs / str(number), paths.place(produced.declared))
            for number, produced in enumerate(ended.outcome.outputs)
        ]
        self._finished = False

    def folders(self) -> set[Path]:
        """Name the folders that the outputs belong into."""
        return {place.parent for _, _, place in self._files}

    def prepare(self) -> None:
        """Check the outputs and clear their places of what an earlier run left there."""
        delivered = [source for _, source, _ in self._files if source.exists()]
        for produced, source, place in self._files:
            # Not delivered any more means that it was put there before a crash, or written there.
            found = source if source in delivered else place
            if digest(found) != produced.sha256:
                raise _RefusedError(f"{found} is not what the attempt wrote")
        if self._paths.preserve and delivered:
            self._lease()
            _keep_previous(self._head, [place for _, _, place in self._files])
        for folder in self.folders():
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
        for _, _, place in self._files:
            marker = marker_path(place)
            if os.path.lexists(marker):  # an old one must never stand beside a new file
                marker.unlink()
                self.unmarked.add(marker.parent)

    def place(self) -> None:
        """Move the outputs to their places and make their content durable."""
        for _, source, place in self._files:
            if source.exists():
                move(source, place)
            sync_file(place)

    def mark(self) -> None:
        """Write the markers; their names are durable when their folders have been synced."""
        for produced, _, place in self._files:
            marker = marker_path(place)
            temporary = marker.with_name(f".{marker.name}.{secrets.token_hex(4)}.tmp")
            try:
                with temporary.open("wb") as stream:
                    stream.write(_marker(self._paths, self._ended, produced))
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(marker)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        self._finished = True

    def settle(self) -> None:
        """Drop what stood there before, or bring it back; then let others in."""
        try:
            if self.problem is None and self._finished:
                if self._paths.preserve:
                    forget_previous(self._head)
                with contextlib.suppress(OSError):  # it is not there, or holds something else
                    self._head.outputs.rmdir()
            elif self.problem is not None:
                restore_previous(self._head, unless_accepted_for=self._paths.run_id)
        except OSError as error:
            if self.problem is not None:
                kept = self._head.previous
                self.problem += f"; what stood there before is kept in {kept}, since {error}"
        finally:
            for lock in self._locks:
                lock.remove()

    def _lease(self) -> None:
        for name in sorted({path_lock_name(place) for _, _, place in self._files}):
            lock = Lock(self._lock_folder / name)
            until = time.monotonic() + _PATIENCE_S
            while not lock.acquire_nowait():
                if time.monotonic() > until:
                    raise _RefusedError(f"another run is writing there (lock {lock.path})")
                time.sleep(_RETRY_S)
            self._locks.append(lock)


class _RefusedError(Exception):
    """These outputs cannot be published, for the reason that it says."""


def _each(pending: Iterable[_Publication], step: Callable[[_Publication], None]) -> None:
    for each in _sound(pending):
        try:
            step(each)
        except OSError as error:
            each.problem = f"cannot put an output at its place: {error}"
        except _RefusedError as reason:
            each.problem = str(reason)


def _sync_folders(
    pending: Sequence[_Publication], folders: Callable[[_Publication], Iterable[Path]]
) -> None:
    """Sync each folder once, whatever number of attempts has changed it."""
    concerned: dict[Path, list[_Publication]] = {}
    for each in _sound(pending):
        for folder in folders(each):
            concerned.setdefault(folder, []).append(each)
    for folder, those in concerned.items():
        try:
            sync_folder(folder)
        except OSError as error:
            for each in those:
                each.problem = f"cannot put an output at its place: {error}"


def _sound(pending: Iterable[_Publication]) -> Iterator[_Publication]:
    return (each for each in pending if each.problem is None)


def _keep_previous(head: AttemptFolder, places: list[Path]) -> None:
    """Move aside what stands at `places`; also goes on after a crash in the midst of it."""
    if not head.previous_list.exists():
        with contextlib.suppress(FileNotFoundError):  # the list comes before the first move
            head.previous.rmdir()
        keep_previous(head, places)
        return
    entries = json.loads(head.previous_list.read_bytes())
    for number, entry in reversed(list(enumerate(entries))):
        kept = head.previous / str(number)
        # Outputs are placed only when all of this is done: what stands there is not ours yet.
        if entry["existed"] and not os.path.lexists(kept) and os.path.lexists(entry["path"]):
            move(Path(entry["path"]), kept)


def stands(paths: RunPaths, ended: Ended) -> bool:
    """Tell whether every output of a succeeded attempt is still what it was; markers are renewed.

    Raises
    ------
    OSError
        If a marker that is gone cannot be written again.
    """
    if not isinstance(ended.outcome, Succeeded):
        return False
    for produced in ended.outcome.outputs:
        place = paths.place(produced.declared)
        marker = marker_path(place)
        try:
            if digest(place) != produced.sha256:
                return False
        except OSError:
            return False
        if not marker.exists():
            write_atomically(marker, _marker(paths, ended, produced))
    return True


def _marker(paths: RunPaths, ended: Ended, produced: ProducedFile) -> bytes:
    line = {
        "job_id": ended.job_id,
        "run_id": paths.run_id,
        "attempt": ended.attempt,
        "size_bytes": produced.size_bytes,
        "sha256": produced.sha256,
    }
    return json.dumps(line).encode() + b"\n"
