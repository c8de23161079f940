"""A real Ray cluster on loopback: a head and as many nodes as wanted, each in place of a machine.

Ports, sockets and logs are the cluster's own; usage statistics and the dashboard are off. A token
that this machine's user has for other clusters is not asked for. A node's environment is that of
the machine that it stands for; its GPUs are numbers only. A node can be killed, all of Ray at once,
and be started again, and so can the cluster; what scripts and supervisors do goes on meanwhile.

>>> with RayCluster(folder) as cluster:  # doctest: +SKIP
...     cluster.start("alpha", gpus=2)
...     cluster.start("beta", gpus=2)
...     engine = RayEngine(RaySettings(address=cluster.address))
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from seedfleet.fleet.testing._guard import Guard
from seedfleet.fleet.testing._processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RayCluster", "missing_for_ray"]

_HEAD: Final = "127.0.0.2"  # Ray takes 127.0.0.1 for a wish to be told its own address
_PATIENCE_S: Final = 120.0
_STORE_BYTES: Final = 80_000_000  # about the least that Ray takes
_TRIES: Final = 3  # on a busy machine Ray's own time limits can end what it starts
_POLL_S: Final = 0.05
_SPARING: Final = {"RAY_prestart_worker_first_driver": "0"}  # else each driver costs some processes


def missing_for_ray() -> list[str]:
    """Name what this module needs and the machine has not."""
    missing = [] if importlib.util.find_spec("ray") else ["the ray package (seedfleet[ray])"]
    if not Path("/proc/self/stat").exists():
        missing.append("/proc")
    return missing


@dataclass
class _Machine:
    """A node: how it is started, and the session that all of Ray's processes on it are in."""

    words: Sequence[str]
    environment: Mapping[str, str]
    session: int = 0


class RayCluster:
    """A cluster without nodes at first; the first node started is its head.

    Parameters
    ----------
    folder
        An existing, empty folder for logs; Ray's sockets go to a short path of their own.
    token
        Asked of whoever wants to join, who needs `joining` in the environment; None asks nobody.
    """

    def __init__(self, folder: Path, *, token: str | None = None) -> None:
        self.folder = folder
        self.joining = {"RAY_AUTH_MODE": "disabled" if token is None else "token"}
        if token is not None:
            self.joining["RAY_AUTH_TOKEN"] = token
        self._port = free_port(_HEAD)
        # Names of sockets have room for about a hundred letters.
        self._ray_folder = Path(tempfile.mkdtemp(prefix="ray-"))
        self._machines: dict[str, _Machine] = {}
        self._mark = {"RAY_LOOPBACK_FOLDER": str(self._ray_folder)}
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        """Nothing starts before the first node."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    @property
    def address(self) -> str:
        """Where drivers join."""
        return f"{_HEAD}:{self._port}"

    def start(
        self,
        name: str,
        *,
        gpus: int = 0,
        cpus: int = 2,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a node.

        Parameters
        ----------
        name
            Of the node.
        gpus, cpus
            What Ray shall believe that it has.
        environment
            For everything on the node.

        Raises
        ------
        OSError
            If it does not come up, with what Ray said.
        """
        if self._guard is None:  # whatever ends this process must not leave Ray behind
            (mark,) = self._mark.items()
            self._guard = Guard("=".join(mark), self._ray_folder)
        number = len(self._machines)
        where = [f"--address={self.address}"]
        if number == 0:
            where = ["--head", f"--port={self._port}", f"--temp-dir={self._ray_folder}"]
            where += ["--include-dashboard=false", "--disable-usage-stats"]
        words = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", *where),
            *(f"--node-name={name}", f"--node-ip-address=127.0.0.{2 + number}"),
            *(f"--num-gpus={gpus}", f"--num-cpus={cpus}", f"--object-store-memory={_STORE_BYTES}"),
        ]
        self._machines[name] = _Machine(tuple(words), dict(environment or {}))
        self.start_again(name)

    def start_again(self, name: str) -> None:
        """Start a node that was killed as it was before.

        Raises
        ------
        OSError
            If it does not come up, with what Ray said.
        """
        said = self.folder / f"{name}.log"
        for _ in range(_TRIES):
            if self._start(self._machines[name], said):
                return
            self.kill(name)
        raise OSError(f"no Ray node {name}: {said.read_text()[-2000:]}")

    def processes(self, name: str) -> dict[int, str]:
        """List Ray's own processes on a node, its daemons and workers, by pid with their titles.

        Supervisors and scripts have sessions of their own.
        """
        return dict(_members(self._machines[name].session))

    def kill(self, name: str) -> None:
        """Kill all of Ray's processes on a node, and wait until they are gone.

        Raises
        ------
        TimeoutError
            If they stay.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while living := self.processes(name):
            for pid in living:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise TimeoutError(f"processes of {name} do not end: {living}")
            time.sleep(_POLL_S)

    def restart(self) -> None:
        """Kill all nodes, then start each as it was before; the new cluster knows nothing.

        Raises
        ------
        OSError
            If a node does not come up, with what Ray said.
        """
        for name in reversed(self._machines):
            self.kill(name)
        for name in self._machines:
            self.start_again(name)

    def silence(self, *, silent: bool) -> None:
        """Keep the cluster from answering who wants to join it, or let it; its nodes go on.

        Ray's nodes give up a cluster that is silent for a minute.
        """
        head = next(iter(self._machines))
        for pid, title in self.processes(head).items():
            if "gcs_server" in title.split(maxsplit=1)[0]:
                os.kill(pid, signal.SIGSTOP if silent else signal.SIGCONT)

    def close(self) -> None:
        """End all nodes, the head last."""
        for name in reversed(self._machines):
            self.kill(name)
        if self._guard is not None:
            self._guard.close()

    def _start(self, machine: _Machine, said: Path) -> bool:
        with said.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - Ray's own program
                machine.words,
                env={**os.environ, **_SPARING, **self._mark, **self.joining, **machine.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        machine.session = process.pid
        try:
            return process.wait(_PATIENCE_S) == 0
        except subprocess.TimeoutExpired:
            return False


def _members(session: int) -> Iterator[tuple[int, str]]:
    """Find the living processes of a session."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, _, _, member_of = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(member_of) == session and state != "Z":
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                yield int(entry.name), title.decode("utf-8", "replace").strip()
