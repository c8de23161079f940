"""Runs one attempt of one job, outlives the head, and leaves the truth in files.

The supervisor claims the attempt's folder, takes the locks, runs the script, ends all that is left
of it, checks the outputs, and writes `status.json` last. It holds the lock on `alive` from before
the folder has its name until it ends: a folder without a status whose lock is free belongs to a
supervisor that was killed, and `orphan.settle` finishes its work.

TERM cancels the attempt. Where an order names a `cancel_file`, as those do that a scheduler starts,
that file cancels it too, and TERM without it means that the scheduler wants the machine back: then
the attempt is left without a status, as if its supervisor had been killed. So it is where another
machine has taken a lease over: then the folder and the output paths belong to somebody else.
Nothing is ever read from the script's output while it runs.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Optional, Set

from .layout import AttemptFolder, tombstone, write_atomically
from .leases import Leases
from .locks import Lock
from .outputs import (
    UnsuccessfulError,
    check_outputs,
    check_territory,
    keep_previous,
    restore_previous,
)
from .processes import become_subreaper, end_processes, living
from .script import arguments, environment
from .stdout_result import StdoutResult

__all__ = ["EXIT_DUPLICATE", "claim", "supervise", "supervise_claimed", "tail"]

EXIT_DUPLICATE = 4
_TAIL_BYTES = 4000
_LONGEST_WAIT_S = 3600.0  # select refuses very long ones; the caller waits again
_CANCEL_POLL_S = 2.0
_SETTLE_S = 0.25  # from the first signal of a scheduler to the last one, with much room

_ADVICE = {
    errno.EACCES: "; `chmod +x` makes it executable",
    errno.ENOEXEC: "; its first line must name an interpreter, as #!/bin/sh does",
}

Order = Dict[str, Any]
Status = Dict[str, Any]


def supervise(order: Order) -> int:
    """Run the attempt that `order` describes; this process is its supervisor from here on.

    Returns
    -------
    int
        0 when `status.json` tells how it ended, `EXIT_DUPLICATE` when another supervisor has
        claimed this very attempt, in which case nothing was touched.
    """
    # Handlers first: whoever finds our folder may signal us at once.
    signals = _Signals()
    become_subreaper()
    folder = AttemptFolder(order["folder"])
    alive = claim(folder, order)
    if alive is None:
        return EXIT_DUPLICATE
    if tombstone(folder.path).exists() or os.path.exists(order["delivered"]):
        shutil.rmtree(folder.path)  # ended and cleared away before we came up
        return EXIT_DUPLICATE
    _see_through(_Attempt(order, folder, signals, Leases(order)), order, folder)
    return 0  # the lock on `alive` goes with the process


def supervise_claimed(order: Order, leases: Leases) -> None:
    """Run an attempt whose folder this process has claimed.

    Parameters
    ----------
    order
        As `claim` was given it.
    leases
        Of the order; the job's own may be taken already.
    """
    signals = _Signals()
    become_subreaper()
    folder = AttemptFolder(order["folder"])
    _see_through(_Attempt(order, folder, signals, leases), order, folder)


def _see_through(attempt: _Attempt, order: Order, folder: AttemptFolder) -> None:
    try:
        status = attempt.run()
        if not attempt.is_cut_off():
            _leave(status, order, folder)
    finally:  # a full disk, say: whatever happened, nothing of the job may go on without us
        attempt.end()


def _leave(status: Status, order: Order, folder: AttemptFolder) -> None:
    # Restored before the status says how it ended: whoever reads it finds the old file back.
    if status["outcome"] != "succeeded":
        restore_previous(folder)
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # a script may have removed it
    if not (status["outcome"] == "cancelled" and _was_taken_away(order)):
        # Not durable: a machine that goes down forgets the attempt, and its job runs again.
        write_atomically(folder.status, json.dumps(status).encode(), durable=False)


def claim(folder: AttemptFolder, order: Order) -> Optional[Lock]:
    """Make the attempt's folder, complete with its order and a held `alive` lock, or say None.

    The folder gets its name by one rename, which fails when the name is taken; so of any number
    of supervisors one claims the attempt, and nobody ever sees its folder unlocked.
    """
    folder.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = AttemptFolder(
        folder.path.with_name(".{}.{}".format(folder.path.name, secrets.token_hex(6)))
    )
    draft.path.mkdir(mode=0o700)
    alive = Lock(draft.alive)
    if not alive.acquire_nowait():
        raise RuntimeError("a folder with a random name is locked: {}".format(draft.path))
    os.write(alive.descriptor, str(os.getpid()).encode())
    draft.order.write_text(json.dumps(order))
    try:
        draft.path.rename(folder.path)
    except OSError:
        if not folder.path.exists():
            raise
        draft.order.unlink()
        alive.remove()
        draft.path.rmdir()
        return None
    return alive


def tail(path: Path) -> str:
    """Return the last few kilobytes of a log, or nothing if there is no log."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, os.path.getsize(path) - _TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


class _Signals:
    """TERM, and the end of a child, as something to wait for together with a deadline.

    The signals get handlers, not SIG_IGN, since a script would inherit being deaf to them.
    """

    def __init__(self) -> None:
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(self._reader, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.cancelled = False
        signal.signal(signal.SIGTERM, self._cancel)
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def _cancel(self, number: int, frame: Any) -> None:
        del number, frame
        self.cancelled = True

    def wait(self, timeout_s: float) -> None:
        """Return at the next signal, or after `timeout_s`."""
        ready, _, _ = select.select([self._reader], [], [], min(timeout_s, _LONGEST_WAIT_S))
        if ready:
            os.read(self._reader, 4096)


class _Attempt:
    """The steps of one attempt; `run` never raises for anything that the script or job can do."""

    def __init__(
        self, order: Order, folder: AttemptFolder, signals: _Signals, leases: Leases
    ) -> None:
        self._order = order
        self._folder = folder
        self._signals = signals
        self._leases = leases
        self._stdout_result = StdoutResult(order, folder)
        self._script_pid: Optional[int] = None
        self._exit: Optional[int] = None  # as Popen gives it: a signal's number is negative
        self._status: Status = {
            "version": 1,
            "run_id": order["run_id"],
            "job_id": order["job_id"],
            "attempt": order["attempt"],
            "exit_code": None,
            "signal": None,
        }
        if "copy" in order:
            self._status["copy"] = order["copy"]
        if "host" in order:
            self._status.update(host=order["host"], gpu_ids=order["gpu_ids"])

    def run(self) -> Status:
        began = None
        try:
            self._check_territory()
            waited_from = time.monotonic()
            self._leases.take_nowait()
            self._leases.wait_gpus(self._pause)
            self._status["waited_s"] = time.monotonic() - waited_from
            self._prepare_places()
            self._pause(0)
            self._status["started_utc"], began = _now(), time.monotonic()
            with contextlib.suppress(OSError):  # tells `orphan` when, if we cannot do it any more
                os.utime(self._folder.order)
            self._run_script()
            self._status["run_s"] = time.monotonic() - began
            self._judge()
        except UnsuccessfulError as problem:
            self._status.update(outcome=problem.kind, paths=problem.paths, problem=str(problem))
        if began is not None:
            self._status.setdefault("run_s", time.monotonic() - began)
        self._status["ended_utc"] = _now()
        self._status["stderr_tail"] = tail(self._folder.stderr)
        return self._status

    def is_cut_off(self) -> bool:
        """Look whether another machine believes us dead and has gone on without us."""
        return self._leases.are_lost()

    def end(self) -> None:
        """Leave no process behind and let go of the locks."""
        end_processes(self._processes_left, self._order["kill_grace_s"])
        self._leases.release()

    def _wait(self, timeout_s: float) -> None:
        """Wait for a signal, the cancel file, the loss of a lease, or the end of the time."""
        cancel_file = self._order.get("cancel_file")
        polls = cancel_file is not None or self._leases.are_shared
        self._signals.wait(min(timeout_s, _CANCEL_POLL_S) if polls else timeout_s)
        if (cancel_file is not None and os.path.exists(cancel_file)) or self.is_cut_off():
            self._signals.cancelled = True

    def _pause(self, timeout_s: float) -> None:
        self._wait(timeout_s)
        if self._signals.cancelled:
            raise UnsuccessfulError("cancelled", [], "cancelled before the script had started")

    def _check_territory(self) -> None:
        paths = [self._order["script"]]
        if self._order["preserve_paths"]:
            paths += [output["path"] for output in self._order["outputs"]]
        check_territory(paths, self._order["tops"])

    def _prepare_places(self) -> None:
        paths = [Path(output["path"]) for output in self._order["outputs"]]
        try:
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
            if self._order["preserve_paths"]:
                keep_previous(self._folder, paths)
            self._stdout_result.prepare()
        except OSError as error:
            text = "cannot prepare the output paths: {}".format(error)
            raise UnsuccessfulError("failed_to_start", [], text) from error

    def _run_script(self) -> None:
        deadline = time.monotonic() + self._order["timeout_s"]
        self._spawn()
        while self._exit is None and not self._signals.cancelled:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            self._wait(left_s)
            self._reap()
        has_ended, cancelled = self._exit is not None, self._signals.cancelled
        self._status["processes_ended"] = end_processes(
            self._processes_left, self._order["kill_grace_s"]
        )
        self._note_exit()
        if self._was_stopped(has_ended, cancelled):
            raise UnsuccessfulError("cancelled", [], "cancelled while it ran")
        if not has_ended:
            text = "ran longer than {:g} s".format(self._order["timeout_s"])
            raise UnsuccessfulError("timed_out", [], text)

    def _was_stopped(self, has_ended: bool, cancelled: bool) -> bool:
        """Tell whether somebody wanted the script's end, which then says nothing of its files.

        Where TERM is for this process alone, a script that has ended did so by itself, also if TERM
        came a moment later. A scheduler ends all processes of a task, in any order: a script that
        saves and exits well on TERM may be gone before we hear of it.
        """
        if not has_ended or "cancel_file" not in self._order:
            return cancelled and not has_ended
        until = time.monotonic() + _SETTLE_S
        while not self._signals.cancelled and time.monotonic() < until:
            self._wait(max(0.0, until - time.monotonic()))
        return self._signals.cancelled

    def _spawn(self) -> None:
        order = self._order
        try:
            with self._folder.stdout.open("wb") as stdout, self._folder.stderr.open("wb") as stderr:
                process = subprocess.Popen(  # noqa: S603 - to run the script is the order
                    arguments(order),
                    cwd=order["root"],
                    env=environment(order, os.environ),
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                    # The script holds the locks too, so that they outlive a killed supervisor.
                    pass_fds=self._leases.descriptors(),
                )
        except (OSError, ValueError) as error:
            advice = _ADVICE.get(getattr(error, "errno", 0), "")
            text = "cannot run the script: {}{}".format(error, advice)
            raise UnsuccessfulError("failed_to_start", [], text) from error
        self._script_pid = process.pid
        process.returncode = 0  # `_reap` collects it; Popen must not wait for it as well

    def _reap(self) -> bool:
        """Collect ended children, our own and inherited; say whether any child is left."""
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._script_pid:
                killed = os.WIFSIGNALED(wait_status)
                self._exit = -os.WTERMSIG(wait_status) if killed else os.WEXITSTATUS(wait_status)

    def _processes_left(self) -> Set[int]:
        # A subreaper without children has no descendants at all: the usual case costs no search.
        if not self._reap():
            return set()
        found = living(self._order["token"], os.getpid())
        if self._exit is None and self._script_pid is not None:
            found.add(self._script_pid)  # where there is no /proc, the script itself at least
        return found

    def _note_exit(self) -> None:
        if self._exit is not None and self._exit < 0:
            self._status["signal"] = -self._exit
        else:
            self._status["exit_code"] = self._exit

    def _judge(self) -> None:
        order = self._order
        if self._status["exit_code"] not in order["ok_exit_codes"] and not order["accept_any_exit"]:
            how = "exit code {exit_code}" if self._status["signal"] is None else "signal {signal}"
            raise UnsuccessfulError("failed", [], "ended with " + how.format(**self._status))
        if self.is_cut_off():  # nothing at the output paths is ours any more
            raise UnsuccessfulError("cancelled", [], "another copy has taken over")
        self._stdout_result.take()
        self._status["outputs"] = check_outputs(order["outputs"])
        self._status["outcome"] = "succeeded"


def _was_taken_away(order: Order) -> bool:
    cancel_file = order.get("cancel_file")
    return cancel_file is not None and not os.path.exists(cancel_file)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
