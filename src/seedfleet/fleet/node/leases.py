"""The locks of one attempt: on its job, on the paths it writes, on its GPUs.

On a disk of this machine they are `flock`s that the script inherits; what stands on a disk that
other machines share gets a lease there, since `flock` may not reach them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Union

from .disks import is_network_disk
from .locks import Lock, path_lock_name
from .outputs import UnsuccessfulError
from .shared_lease import SharedLease

__all__ = ["Leases"]

_POLL_S = 0.2


class Leases:
    """Takes and frees the locks that an order asks for.

    Parameters
    ----------
    order
        Read are `job_lease`, `home_shared`, `token`, `lock_folder`, `gpu_locks`, `preserve_paths`
        and `outputs`.
    is_shared
        Tells whether other machines see the disk of an output path.

    Attributes
    ----------
    has_job
        True once the job is locked.
    """

    def __init__(
        self, order: Dict[str, Any], is_shared: Callable[[Path], bool] = is_network_disk
    ) -> None:
        self._order = order
        self._is_shared = is_shared
        self._folder = Path(order["lock_folder"])
        # Of a job or a path: the file goes when we let go.
        self._names: List[Union[Lock, SharedLease]] = []
        self._gpus: List[Lock] = []  # few and for ever

        self.has_job = False

    def take_nowait(self) -> None:
        """Lock the job, unless that was done, and with preserved paths each output path.

        Raises
        ------
        UnsuccessfulError
            If another attempt or another run has one of them.
        """
        if not self.has_job and not self.take_job_nowait():
            text = "an earlier attempt of this job still runs (lock {})"
            raise UnsuccessfulError("failed_to_start", [], text.format(self._order["job_lease"]))
        self.take_paths_nowait()

    def take_job_nowait(self) -> bool:
        """Lock the job, or say False if another attempt or copy has it.

        Raises
        ------
        UnsuccessfulError
            If the lock cannot be used.
        """
        job = Path(self._order["job_lease"])
        # The agent knows its home; asking the kernel again would cost each job more than the lock.
        shared = self._order["home_shared"]
        lease: Union[Lock, SharedLease]
        lease = SharedLease(job, self._order["token"]) if shared else Lock(job)
        self.has_job = _try(lease)
        if self.has_job:
            self._names.append(lease)
        return self.has_job

    def take_paths_nowait(self) -> None:
        """Lock each output path, with preserved paths.

        Raises
        ------
        UnsuccessfulError
            If another run has one of them.
        """
        if self._order["preserve_paths"]:
            for path in sorted({output["path"] for output in self._order["outputs"]}):
                otherwise = "another run is writing {}".format(path)
                self._take(Lock(self._folder / path_lock_name(Path(path))), otherwise)
                real = Path(os.path.realpath(path))
                if self._is_shared(real):
                    beside = real.with_name(".{}.seedfleet-lease".format(real.name))
                    self._take(SharedLease(beside, self._order["token"]), otherwise)

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

    @property
    def are_shared(self) -> bool:
        """Whether any of them can be lost while we live."""
        return any(isinstance(lock, SharedLease) for lock in self._names)

    def are_lost(self) -> bool:
        """Look whether somebody else has taken one over, having believed us dead."""
        return any(isinstance(lock, SharedLease) and lock.is_lost() for lock in self._names)

    def descriptors(self) -> List[int]:
        """List the open lock files, for a child to inherit."""
        locks = [lock for lock in self._names if isinstance(lock, Lock)]
        return [lock.descriptor for lock in locks + self._gpus]

    def release(self) -> None:
        """Let go of everything."""
        for lock in self._names:
            lock.remove()
        for lock in self._gpus:
            lock.release()

    def _take(self, lock: Union[Lock, SharedLease], otherwise: str) -> None:
        if not _try(lock):
            text = "{} (lock {})".format(otherwise, lock.path)
            raise UnsuccessfulError("failed_to_start", [], text)
        self._names.append(lock)


def _try(lock: Union[Lock, SharedLease]) -> bool:
    try:
        return lock.acquire_nowait()
    except OSError as error:
        raise UnsuccessfulError("failed_to_start", [], "cannot lock: {}".format(error)) from error
