"""The machine of the head as a node: one detached supervisor process for each attempt.

An attempt's folder is claimed by its supervisor in one rename, so a second supervisor for the same
attempt ends without touching anything. That makes `start` safe to repeat, also by a later head
while a supervisor of an earlier one is still being born: whoever loses the race watches the winner.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines._delivery import deliver, delivered, discard
from seedfleet.fleet.engines.base import Allocation, Attempt, Ended, Gpu, Node, Rules
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.masks import gpu_mask
from seedfleet.fleet.node.gpus import probe_gpus
from seedfleet.fleet.node.layout import AttemptFolder
from seedfleet.fleet.node.locks import is_held, shared_folder
from seedfleet.fleet.node.orphan import settle
from seedfleet.fleet.node.outputs import hand_over_previous
from seedfleet.fleet.node.supervisor import tail
from seedfleet.fleet.node_offer import gpu_lock_name
from seedfleet.fleet.outcome import Succeeded
from seedfleet.fleet.paths import RunPaths, node_home

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["LOCALHOST", "LocalEngine"]

LOCALHOST: Final = "localhost"
# The folder goes last on the path, so that no file of ours can stand before a standard module.
_BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); from node.supervisor import main; sys.exit(main())"
)
_POLL_S: Final = 0.1  # where the system has no process descriptors

_Key = tuple[str, int]


class LocalEngine:
    """Runs attempts on this machine; implements `seedfleet.fleet.engines.base.Engine`.

    Parameters
    ----------
    slots
        How many scripts run at once without a GPU; None is one for each core that this process
        may use.
    python
        The interpreter for `.py` scripts; None is the one that runs this.
    home
        Where running attempts keep their files; None is `$SEEDFLEET_HOME` or the default.
    lock_folder
        Where all users' runs on this machine exclude each other; None is the usual one.
    """

    def __init__(
        self,
        *,
        slots: int | None = None,
        python: str | None = None,
        home: Path | None = None,
        lock_folder: Path | None = None,
    ) -> None:
        self._slots = slots
        self._python = python or sys.executable
        self._home = home or node_home()
        self._lock_folder = lock_folder or shared_folder()
        self._node = Node(LOCALHOST, "cpu", (), 1)
        self._paths: RunPaths | None = None
        self._rules = Rules()
        self._attempts: dict[_Key, tuple[Attempt, Allocation]] = {}
        self._children: dict[_Key, subprocess.Popen[bytes]] = {}
        self._watched: dict[_Key, int] = {}
        self._cancelled: set[_Key] = set()
        self._ready: asyncio.Queue[_Key] = asyncio.Queue()

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Find this machine's GPUs and cores."""
        problems = []
        if self._slots is not None and self._slots < 1:
            problems.append(f"slots is {self._slots}, at least 1 is needed")
        if shutil.which(self._python) is None:
            problems.append(f"there is no interpreter {self._python}")
        above = next(folder for folder in (self._home, *self._home.parents) if folder.exists())
        if not (above.is_dir() and os.access(above, os.W_OK)):
            problems.append(f"{self._home} cannot be written; SEEDFLEET_HOME names another folder")
        if problems:
            raise BadInputError(problems)
        self._paths, self._rules = paths, rules
        found = await asyncio.to_thread(probe_gpus)
        gpus = tuple(Gpu(**gpu) for gpu in found["gpus"])
        self._node = Node(LOCALHOST, found["platform"], gpus, self._slots or _cores())
        return (self._node,)

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Spawn a supervisor, unless the attempt has been claimed or delivered before."""
        key = (attempt.job.job_id, attempt.number)
        if key in self._attempts:
            return
        self._attempts[key] = (attempt, allocation)
        # A look and no promise: if a supervisor is just being born, the rename decides.
        folder = self._folder(key)
        if self._head_folder(key).status.exists():
            self._ready.put_nowait(key)
        elif folder.path.exists():
            self._watch_owner(key, folder)
        else:
            self._spawn(key, attempt, allocation)

    async def events(self) -> AsyncIterator[Ended]:
        """Report attempts as they end, after their files have come to the head."""
        while True:
            key = await self._ready.get()
            self._unwatch(key)
            ended = await asyncio.to_thread(self._collect, key)
            if ended is None:  # our supervisor was the second: the first one is at work
                self._watch_owner(key, self._folder(key))
                continue
            self._attempts.pop(key, None)
            yield ended

    async def cancel(self, job_id: str, attempt: int) -> None:
        """Send TERM to the attempt's supervisor."""
        key = (job_id, attempt)
        if key in self._attempts:
            self._cancelled.add(key)
            pid = self._owner(self._folder(key))
            child = self._children.get(key)
            if pid is None and child is not None:
                pid = child.pid  # not claimed yet; it acts on the signal when it has
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    async def close(self) -> None:
        """Stop watching; supervisors go on. A run that left nothing behind leaves no folder."""
        for key in list(self._watched):
            self._unwatch(key)
        for child in self._children.values():
            child.returncode = 0  # no longer ours to wait for: Popen would complain at its end
        if self._paths is not None and not self._attempts:
            await asyncio.to_thread(self._remove_if_empty)

    # --- names ---

    def _opened(self) -> RunPaths:
        if self._paths is None:
            raise RuntimeError("the engine is not open")
        return self._paths

    def _run_folder(self) -> Path:
        return self._home / "runs" / self._opened().run_id

    def _folder(self, key: _Key) -> AttemptFolder:
        return AttemptFolder(self._run_folder() / "attempts" / key[0] / str(key[1]))

    def _head_folder(self, key: _Key) -> AttemptFolder:
        return self._opened().attempt(*key)

    def _supervisor_log(self) -> Path:
        return self._run_folder() / "supervisors.log"

    def _remove_if_empty(self) -> None:
        attempts = self._run_folder() / "attempts"
        with contextlib.suppress(OSError):
            for job in attempts.iterdir():
                for unfinished in job.glob(".*"):  # a claim or a removal cut short by a kill
                    shutil.rmtree(unfinished)
                job.rmdir()  # fails for a job that kept a failed attempt, which ends this
            shutil.rmtree(self._run_folder())

    # --- supervisors ---

    def _spawn(self, key: _Key, attempt: Attempt, allocation: Allocation) -> None:
        self._run_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        order = json.dumps(self._order(key, attempt, allocation)).encode()
        with self._supervisor_log().open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and words
                [sys.executable, "-I", "-S", "-c", _BOOT, str(Path(__file__).parents[1])],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self._children[key] = child
        with contextlib.suppress(BrokenPipeError), child.stdin or contextlib.nullcontext() as pipe:
            if pipe is not None:
                pipe.write(order)
        self._watch(key, child.pid)

    def _order(self, key: _Key, attempt: Attempt, allocation: Allocation) -> dict[str, Any]:
        job, paths, folder = attempt.job, self._opened(), self._folder(key)
        mask = gpu_mask(self._node, allocation.gpu_ids)
        script = paths.on_node(job.script)
        return {
            "run_id": paths.run_id,
            "job_id": job.job_id,
            "attempt": attempt.number,
            "token": f"{paths.run_id}/{job.job_id}/{attempt.number}",
            "node": self._node.name,
            "folder": str(folder.path),
            "delivered": str(self._head_folder(key).status),
            "job_lease": str(self._run_folder() / "leases" / job.job_id),
            "lock_folder": str(self._lock_folder),
            "root": str(paths.root),
            "interpreter": [self._python] if script.suffix == ".py" else [],
            "script": str(script),
            "args": list(job.args),
            "env": dict(job.env),
            "mask_set": dict(mask.set),
            "mask_unset": list(mask.unset),
            "gpu_ids": list(allocation.gpu_ids),
            "gpu_locks": [gpu_lock_name(self._node, index) for index in allocation.gpu_ids],
            "outputs": [
                {
                    "declared": declared,
                    "path": str(
                        paths.on_node(declared)
                        if paths.preserve
                        else folder.outputs / str(number) / Path(declared).name
                    ),
                    "validate": job.validate or _default_validation(declared),
                }
                for number, declared in enumerate(job.all_outputs)
            ],
            "preserve_paths": paths.preserve,
            "ok_exit_codes": list(job.ok_exit_codes),
            "accept_any_exit": self._rules.accept_any_exit,
            "timeout_s": job.timeout_s,
            "kill_grace_s": self._rules.kill_grace_s,
        }

    def _owner(self, folder: AttemptFolder) -> int | None:
        """Return the pid of the supervisor that lives in a folder, if one does."""
        if not is_held(folder.alive):
            return None
        with contextlib.suppress(OSError, ValueError):
            return int(folder.alive.read_text())
        return None

    # --- waiting for a process to end, ours or a dead head's ---

    def _watch_owner(self, key: _Key, folder: AttemptFolder) -> None:
        pid = self._owner(folder)
        if pid is None:
            self._ready.put_nowait(key)
        else:
            self._watch(key, pid)

    def _watch(self, key: _Key, pid: int) -> None:
        loop = asyncio.get_running_loop()
        # A descriptor follows this very process, child or not, and never a later one with its id.
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._ready.put_nowait(key)
        except (AttributeError, OSError):
            loop.call_later(_POLL_S, self._poll, key, pid)
        else:
            self._watched[key] = descriptor
            loop.add_reader(descriptor, self._has_ended, key)

    def _poll(self, key: _Key, pid: int) -> None:
        child = self._children.get(key)
        if child is not None and child.pid == pid:
            running = child.poll() is None
        else:
            running = self._owner(self._folder(key)) == pid
        if running:
            asyncio.get_running_loop().call_later(_POLL_S, self._poll, key, pid)
        else:
            self._ready.put_nowait(key)

    def _has_ended(self, key: _Key) -> None:
        self._unwatch(key)
        self._ready.put_nowait(key)

    def _unwatch(self, key: _Key) -> None:
        descriptor = self._watched.pop(key, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    # --- taking results in; runs in a thread ---

    def _collect(self, key: _Key) -> Ended | None:
        """Return how an attempt ended, or None if another supervisor is running it."""
        child = self._children.pop(key, None)
        if child is not None:
            child.wait()  # it has ended; this only takes its entry out of the process table
        attempt, _ = self._attempts[key]
        head, folder = self._head_folder(key), self._folder(key)
        if not head.status.exists():
            status = settle(folder) if folder.path.exists() else self._never_claimed(key)
            if status is None:
                return None
            deliver(status, folder, head, in_place=self._opened().preserve)
        ended = delivered(attempt, self._node.name, head)
        if isinstance(ended.outcome, Succeeded):  # else the folder is evidence
            # It has not succeeded before its outputs are published: until then the head keeps
            # what stood at their paths.
            hand_over_previous(folder, head)
            discard(folder)
        return ended

    def _never_claimed(self, key: _Key) -> dict[str, Any]:
        if key in self._cancelled:
            return {"outcome": "cancelled", "problem": "cancelled before its supervisor was up"}
        # The log is shared by all supervisors of the run; its end is most likely about this one.
        log = tail(self._supervisor_log()).strip()[-500:]
        return {"outcome": "failed_to_start", "problem": f"no supervisor came up: {log}"}


def _default_validation(declared: str) -> str:
    return "json" if declared.casefold().endswith(".json") else "nonempty"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
