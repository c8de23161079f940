"""The locks of one attempt: on its job, on the paths it writes, on its GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List

from .locks import Lock, path_lock_name
from .outputs import UnsuccessfulError

__all__ = ["Leases"]

_POLL_S = 0.2


class Leases:
    """Takes and frees the locks that an order asks for.

    Parameters
    ----------
    order
        Read are `job_lease`, `lock_folder`, `gpu_locks`, `preserve_paths` and `outputs`.
    """

    def __init__(self, order: Dict[str, Any]) -> None:
        self._order = order
        self._folder = Path(order["lock_folder"])
        self._names: List[Lock] = []  # of a job or a path: the file goes when we let go
        self._gpus: List[Lock] = []  # few and for ever

    def take_nowait(self) -> None:
        """Lock the job and, with preserved paths, each output path; never wait.

        Raises
        ------
        UnsuccessfulError
            If another attempt or another run has one of them.
        """
        self._take(Path(self._order["job_lease"]), "an earlier attempt of this job still runs")
        if self._order["preserve_paths"]:
            for path in sorted({output["path"] for output in self._order["outputs"]}):
                name = path_lock_name(Path(path))
                self._take(self._folder / name, "another run is writing {}".format(path))

    def wait_gpus(self, pause: Callable[[float], None]) -> None:
        """Lock the GPUs in one order for everybody, waiting for those in use.

        Parameters
        ----------
        pause
            Called with a number of seconds between tries; may raise to give up.

        Raises
        ------
        UnsuccessfulError
            If a lock file cannot be opened.
        """
        for name in sorted(self._order["gpu_locks"]):
            lock = Lock(self._folder / name)
            while not _try(lock):
                pause(_POLL_S)
            self._gpus.append(lock)

    def descriptors(self) -> List[int]:
        """List the open lock files, for a child to inherit."""
        return [lock.descriptor for lock in self._names + self._gpus]

    def release(self) -> None:
        """Let go of everything."""
        for lock in self._names:
            lock.remove()
        for lock in self._gpus:
            lock.release()

    def _take(self, path: Path, otherwise: str) -> None:
        lock = Lock(path)
        if not _try(lock):
            raise UnsuccessfulError("failed_to_start", [], "{} (lock {})".format(otherwise, path))
        self._names.append(lock)


def _try(lock: Lock) -> bool:
    try:
        return lock.acquire_nowait()
    except OSError as error:
        raise UnsuccessfulError("failed_to_start", [], "cannot lock: {}".format(error)) from error
