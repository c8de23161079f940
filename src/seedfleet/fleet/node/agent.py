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
import signal
import sys
import time
import traceback
from collections import deque
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Set

from .answers import ANSWERS
from .facts import Facts, look_around
from .fetching import frames_of_end
from .frames import Unpacker, pack
from .layout import AttemptFolder, discard, tombstone
from .locks import is_held
from .orphan import settle
from .outputs import forget_previous
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
        self.told = False  # its end is on the way to the head


class _Agent:
    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._unpacker = Unpacker()
        self._urgent = bytearray()  # frames that must not wait behind files
        self._files: Deque[Iterator[bytes]] = deque()
        self._held: Dict[str, _Held] = {}
        self._children: Dict[int, Callable[[], None]] = {}
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
            readable, writable, _ = select.select(
                [self._incoming, self._wakeup], writing, [], wait_s
            )
            if self._wakeup in readable:
                os.read(self._wakeup, 4096)
            if self._incoming in readable:
                data = self._read()
                if data == b"":
                    return 0
                heard = time.monotonic()
                for header, body in self._unpacker.feed(data or b""):
                    self._obey(header, body)
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
        elif operation == "settled":
            for token, keep in header["kept"].items():
                self._settled(token, keep)
        elif operation == "ask":
            self._answer(header, body)
        elif operation == "open":
            self._facts = look_around(header)
            self._say(dict(self._facts.document, op="hello"))
        else:
            self._say({"op": "trouble", "problem": "unknown operation {!r}".format(operation)})

    def _answer(self, header: Dict[str, Any], body: bytes) -> None:
        answer: Dict[str, Any] = {"op": "answer", "id": header["id"]}
        reply = b""
        try:
            answer["answer"], reply = ANSWERS[header["question"]](self._facts, header, body)
        except Exception as error:  # noqa: BLE001 - an odd question must not end everything else
            answer["problem"] = "{}: {}".format(type(error).__name__, error)
        self._say(answer, reply)

    def _start(self, order: _Order, unless_known: Optional[Dict[str, Any]]) -> None:
        """Start an attempt or take it up; `unless_known` ends one that is new here."""
        token = order["token"]
        if token in self._held:
            return
        held = self._held[token] = _Held(order)
        if held.folder.path.exists():
            self._look(token)
        elif tombstone(held.folder.path).exists():
            self._tell(token, {"outcome": "lost", "problem": "its result was taken away before"})
        elif unless_known is not None:
            self._tell(token, unless_known)
        else:
            held.child = self._fork(
                lambda: supervise(order), order["log"], lambda: self._supervisor_ended(token)
            )

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

    def _settled(self, token: str, keep: bool) -> None:
        held = self._held.pop(token, None)
        if held is not None and not keep and held.folder.path.exists():
            forget_previous(held.folder)
            discard(held.folder)

    # --- children ---

    def _fork(self, work: Callable[[], Any], log: str, then: Callable[[], None]) -> int:
        """Run `work` in a child with a session of its own, and `then` here when it has ended."""
        os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
        pid = os.fork()
        if pid == 0:
            self._be_child(work, log)
        self._children[pid] = then
        return pid

    def _be_child(self, work: Callable[[], Any], log: str) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.chdir("/")
            for descriptor in self._own_descriptors:
                os.close(descriptor)
            # Also standard error: a session of sshd lasts as long as anybody holds its channels.
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            os.close(descriptor)
            status = work() or 0
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
            then = self._children.pop(pid, None)
            if then is not None:
                then()

    def _supervisor_ended(self, token: str) -> None:
        held = self._held.get(token)
        if held is None:
            return
        held.child = None
        if held.folder.path.exists():
            self._look(token)
        elif held.cancelled:
            self._tell(token, {"outcome": "cancelled", "problem": "cancelled before it started"})
        else:
            # All supervisors of a run share the log; its end is most likely about this one.
            last_words = tail(Path(held.order["log"])).strip()[-500:]
            problem = "no supervisor came up: {}".format(last_words)
            status = {"outcome": "failed_to_start", "problem": problem, "node_fault": True}
            self._tell(token, status)

    def _look(self, token: str) -> None:
        """Find out how an attempt that has a folder stands."""
        held = self._held[token]
        if is_held(held.folder.alive):
            self._foreign.add(token)
        elif not held.folder.path.exists():  # another head of this run took it in just now
            self._tell(token, {"outcome": "lost", "problem": "its result was taken away before"})
        elif held.folder.status.exists():
            self._tell(token, None)
        else:  # killed without a word: ending what it left may take a while
            self._fork(
                lambda: _settle(held.folder), held.order["log"], lambda: self._settler_ended(token)
            )

    def _settler_ended(self, token: str) -> None:
        held = self._held.get(token)
        if held is None:
            return
        if held.folder.status.exists() or is_held(held.folder.alive):
            self._look(token)
        else:
            problem = "its supervisor was killed, and the node cannot write that down: "
            last_words = tail(Path(held.order["log"])).strip()[-500:]
            status = {"outcome": "lost", "problem": problem + last_words}
            self._tell(token, status)

    def _look_after_foreign(self) -> None:
        for token in list(self._foreign):
            held = self._held.get(token)
            if held is None or not is_held(held.folder.alive):
                self._foreign.discard(token)
                if held is not None:
                    self._look(token)

    def _tell(self, token: str, status: Optional[Dict[str, Any]]) -> None:
        """Send how an attempt ended: by its own status, or by `status` where it left none."""
        held = self._held[token]
        held.told = True
        self._files.append(frames_of_end(held.order, held.folder, status))


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
