"""The one process of a head on a node: it starts supervisors and carries files, and owns nothing.

It speaks frames on its standard input and output, waits for nothing but them and its children, and
ends with its channel. A supervisor is a fork of it in a session of its own, so that it costs no
new interpreter and outlives the agent, its connection and its head. What is true of an attempt is
in the attempt's folder; the agent remembers only which attempts its head wants to hear of.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Set

from .answers import ANSWERS, SLOW
from .facts import Facts, look_around
from .fetching import frames_of_end, read_status
from .frames import Unpacker, pack
from .layout import AttemptFolder, tombstone
from .locks import is_held
from .orphan import settle
from .supervisor import supervise, tail

__all__ = ["main"]

_POLL_S = 0.2  # for supervisors of earlier agents, whose end nobody tells us
_SILENCE_S = 300.0  # a head that lives speaks more often; then its connection is dead
_READ_BYTES = 1 << 20
_ENOUGH_BYTES = 4 << 20  # of outgoing frames made before the channel takes them

_Order = Dict[str, Any]


def main() -> int:
    """Serve the head at the other end of standard input and output until it goes."""
    incoming, outgoing = _own_channel()
    return _Agent(incoming, outgoing).serve()


def _own_channel() -> List[int]:
    """Take the channel away from 0 and 1, so that nothing of ours ever prints into it."""
    channel = [os.dup(0), os.dup(1)]  # not inherited by any program that is started
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    os.close(nowhere)
    for descriptor in channel:
        os.set_blocking(descriptor, False)
    return channel


class _Held:
    """An attempt whose end the head wants to hear."""

    def __init__(self, order: _Order) -> None:
        self.order = order
        self.folder = AttemptFolder(order["folder"])
        self.child: Optional[int] = None  # its supervisor, if that is our child
        self.cancelled = False
        self.settling = False  # a child finishes the work of its killed supervisor
        self.told = False  # its end is on the way to the head


class _Aside:
    """An answer that a child is making."""

    def __init__(self, question: int) -> None:
        self.question = question
        self.said = bytearray()


class _Agent:
    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._unpacker = Unpacker()
        self._urgent = bytearray()  # frames that must not wait behind files
        self._files: Deque[Iterator[bytes]] = deque()
        self._held: Dict[str, _Held] = {}
        self._children: Dict[int, Optional[str]] = {}
        self._asides: Dict[int, _Aside] = {}
        self._foreign: Set[str] = set()
        self._facts = Facts()
        self._wakeup, writer = os.pipe()
        for descriptor in (self._wakeup, writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._own_descriptors = [incoming, outgoing, self._wakeup, writer]

    def serve(self) -> int:
        """Run until the channel ends or falls silent."""
        if hasattr(gc, "freeze"):  # PyPy has no need of it
            gc.freeze()  # what is loaded now is shared by all forks and never collected
        heard = time.monotonic()
        self._say({"op": "loaded"})
        while True:
            writing = [self._outgoing] if self._fill() else []
            wait_s = _POLL_S if self._foreign else _SILENCE_S / 4
            reading = [self._incoming, self._wakeup, *self._asides]
            readable, writable, _ = select.select(reading, writing, [], wait_s)
            if self._wakeup in readable:
                os.read(self._wakeup, 4096)
            if self._incoming in readable:
                data = self._read()
                if data == b"":
                    return 0
                heard = time.monotonic()
                for header, body in self._unpacker.feed(data or b""):
                    self._obey(header, body)
            for reader in set(readable) & set(self._asides):
                self._hear_aside(reader)
            if writable and not self._write():
                return 0
            self._reap()
            self._look_after_foreign()
            if time.monotonic() - heard > _SILENCE_S:
                return 0

    # --- the channel ---

    def _say(self, header: Dict[str, Any], body: bytes = b"") -> None:
        self._urgent += pack(header, body)

    def _fill(self) -> bool:
        """Make some frames of files ready and say whether there is anything to send."""
        while self._files and len(self._urgent) < _ENOUGH_BYTES:
            frame = next(self._files[0], None)
            if frame is None:
                self._files.popleft()
            else:
                self._urgent += frame
                self._files.rotate(-1)  # a small result need not wait for a large one
        return bool(self._urgent)

    def _read(self) -> Optional[bytes]:
        """Return what has come, b"" at the end of the channel, None after a false alarm."""
        try:
            return os.read(self._incoming, _READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _write(self) -> bool:
        try:
            sent = os.write(self._outgoing, self._urgent)
        except BlockingIOError:
            return True
        except OSError:  # the head is gone
            return False
        del self._urgent[:sent]
        return True

    # --- what the head asks for ---

    def _obey(self, header: Dict[str, Any], body: bytes) -> None:
        operation = header["op"]
        if operation == "start":
            self._start(header["order"], header["unless_known"])
        elif operation == "cancel":
            self._cancel(header["token"])
        elif operation == "ask":
            self._answer(header, body)
        elif operation == "open":
            self._facts = look_around(header)
            self._say(dict(self._facts.document, op="hello"))
        else:
            self._say({"op": "trouble", "problem": "unknown operation {!r}".format(operation)})

    def _answer(self, header: Dict[str, Any], body: bytes) -> None:
        if header["question"] == "settle":
            for token in header["kept"]:
                self._held.pop(token, None)
        if header["question"] not in SLOW:
            self._urgent += self._answered(header, body)
            return
        # Large files, hanging drivers: whatever it takes, the others must not wait for it.
        reader, writer = os.pipe()
        self._fork(lambda: _write_all(writer, self._answered(header, body)), None, None)
        os.close(writer)
        os.set_blocking(reader, False)
        self._asides[reader] = _Aside(header["id"])

    def _answered(self, header: Dict[str, Any], body: bytes) -> bytes:
        answer: Dict[str, Any] = {"op": "answer", "id": header["id"]}
        reply = b""
        try:
            answer["answer"], reply = ANSWERS[header["question"]](self._facts, header, body)
        except Exception as error:  # noqa: BLE001 - an odd question must not end everything else
            answer["problem"] = "{}: {}".format(type(error).__name__, error)
        return pack(answer, reply)

    def _hear_aside(self, reader: int) -> None:
        """Take a piece of an answer that a child is writing; all of it is one frame."""
        aside = self._asides[reader]
        try:
            piece = os.read(reader, _READ_BYTES)
        except BlockingIOError:
            return
        if piece:
            aside.said += piece
            return
        os.close(reader)
        del self._asides[reader]
        broken = {"op": "answer", "id": aside.question, "problem": "its child process was killed"}
        self._urgent += aside.said if aside.said else pack(broken)

    def _start(self, order: _Order, unless_known: Optional[Dict[str, Any]]) -> None:
        """Start an attempt or take it up; `unless_known` ends one that is new here."""
        token = order["token"]
        if token not in self._held:
            self._held[token] = _Held(order)
            self._carefully(token, lambda: self._start_new(token, unless_known))

    def _start_new(self, token: str, unless_known: Optional[Dict[str, Any]]) -> None:
        held = self._held[token]
        order = held.order
        if held.folder.path.exists():
            self._look(token)
        elif tombstone(held.folder.path).exists():
            self._tell(token, {"outcome": "lost", "problem": "its result was taken away before"})
        elif unless_known is not None:
            self._tell(token, unless_known)
        else:
            held.child = self._fork(lambda: supervise(order), order["log"], token)

    def _carefully(self, token: str, step: Callable[[], None]) -> None:
        """Take a step for an attempt; what this machine refuses ends it, and nothing else."""
        try:
            step()
        except OSError as error:
            problem = "the node cannot run it: {}".format(error)
            status = {"outcome": "failed_to_start", "problem": problem, "node_fault": True}
            self._tell(token, status)

    def _cancel(self, token: str) -> None:
        held = self._held.get(token)
        if held is None or held.told:
            return
        held.cancelled = True
        pid = _owner(held.folder)
        if pid is None:
            pid = held.child  # it has not claimed its folder yet
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    # --- children ---

    def _fork(self, work: Callable[[], int], log: Optional[str], token: Optional[str]) -> int:
        """Run `work` in a child with a session of its own; `token` is looked at when it ends."""
        if log is not None:
            os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
        pid = os.fork()
        if pid == 0:
            self._be_child(work, log)
        self._children[pid] = token
        return pid

    def _be_child(self, work: Callable[[], int], log: Optional[str]) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.chdir("/")
            for descriptor in (*self._own_descriptors, *self._asides):
                os.close(descriptor)
            # Also standard error: a session of sshd lasts as long as anybody holds its channels.
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            descriptor = os.open(log or os.devnull, flags, 0o600)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            os.close(descriptor)
            status = work()
        except BaseException:  # noqa: BLE001 - whatever it is, this process must end here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            token = self._children.pop(pid, None)
            if token in self._held:
                self._carefully(str(token), partial(self._child_ended, str(token)))

    def _child_ended(self, token: str) -> None:
        """Find out what a supervisor, or the child that settled one's work, has left."""
        held = self._held[token]
        held.child = None
        if held.folder.path.exists():
            self._look(token)
        elif held.cancelled:
            self._tell(token, {"outcome": "cancelled", "problem": "cancelled before it started"})
        else:
            problem = "no supervisor came up: {}".format(_last_words(held))
            status = {"outcome": "failed_to_start", "problem": problem, "node_fault": True}
            self._tell(token, status)

    def _look(self, token: str) -> None:
        """Find out how an attempt that has a folder stands."""
        held = self._held[token]
        if is_held(held.folder.alive):
            self._foreign.add(token)
        elif not held.folder.path.exists():  # another head of this run took it in just now
            self._tell(token, {"outcome": "lost", "problem": "its result was taken away before"})
        elif read_status(held.folder) is not None:
            self._tell(token, None)
        elif held.settling:
            free_kib = shutil.disk_usage(str(held.folder.path)).free // 1024
            problem = "its supervisor left no word, and the node cannot write one"
            problem += " ({} KiB are free there) {}".format(free_kib, _last_words(held))
            self._tell(token, {"outcome": "lost", "problem": problem.strip()})
        else:  # killed without a word: ending what it left may take a while
            held.settling = True
            self._fork(lambda: _settle(held.folder), held.order["log"], token)

    def _look_after_foreign(self) -> None:
        for token in list(self._foreign):
            held = self._held.get(token)
            if held is None or not _lives(held.folder):
                self._foreign.discard(token)
                if held is not None:
                    self._carefully(token, partial(self._look, token))

    def _tell(self, token: str, status: Optional[Dict[str, Any]]) -> None:
        """Send how an attempt ended: by its own status, or by `status` where it left none."""
        held = self._held[token]
        held.told = True
        self._files.append(frames_of_end(held.order, held.folder, status))


def _lives(folder: AttemptFolder) -> bool:
    try:
        return is_held(folder.alive)
    except OSError:
        return False


def _last_words(held: _Held) -> str:
    # All supervisors of a run share the log; its end is most likely about this one.
    lines = tail(Path(held.order["log"])).strip().splitlines()
    return lines[-1][:500] if lines else ""


def _write_all(descriptor: int, data: bytes) -> int:
    with open(descriptor, "wb") as stream:
        stream.write(data)
    return 0


def _settle(folder: AttemptFolder) -> int:
    settle(folder)
    return 0


def _owner(folder: AttemptFolder) -> Optional[int]:
    """Return the pid of the supervisor that lives in a folder, if one does."""
    if not is_held(folder.alive):
        return None
    try:
        return int(folder.alive.read_text())
    except (OSError, ValueError):
        return None
