"""Preserved paths on the head belong to one run at a time, wherever the scripts run.

A node keeps other runs off the paths that its scripts write. Where two runs use different nodes,
only the heads can keep their results apart: both put them at the same place in the end.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from seedfleet.fleet.node.locks import Lock, shared_folder

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["PlaceLeases"]


class PlaceLeases:
    """The places of the outputs of jobs under way; heads on one machine exclude each other.

    Parameters
    ----------
    paths
        Of the run; unless paths are preserved every run has places of its own.
    folder
        Of the locks; None is the one that all users of this machine share.
    """

    def __init__(self, paths: RunPaths, folder: Path | None = None) -> None:
        self._paths = paths
        self._folder = folder or shared_folder()
        self._held: dict[str, list[Lock]] = {}

    def take_nowait(self, job: Job) -> str | None:
        """Take the places of a job's outputs, or say which one another run has.

        Raises
        ------
        OSError
            If the locks cannot be used.
        """
        if not self._paths.preserve or job.job_id in self._held:
            return None
        taken = self._held[job.job_id] = []
        for declared in job.all_outputs:
            place = self._paths.place(declared)
            lock = Lock(self._folder / _name(place))
            if not lock.acquire_nowait():
                self.release(job.job_id)
                return f"another run is writing {place}"
            taken.append(lock)
        return None

    def release(self, job_id: str) -> None:
        """Let go of a job's places; may be repeated."""
        for lock in self._held.pop(job_id, ()):
            lock.remove()

    def release_all(self) -> None:
        """Let go of all places."""
        for job_id in list(self._held):
            self.release(job_id)


def _name(place: Path) -> str:
    # Not the name by which a supervisor on this very machine locks the path that it writes.
    return "place-" + hashlib.sha256(os.fsencode(os.path.realpath(place))).hexdigest()[:32]
