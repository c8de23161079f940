"""A real Slurm on loopback: munge, a controller, and some nodes with made-up GPUs.

All daemons run as the calling user, on ports and sockets of their own, beside whatever Slurm the
machine has. There is no accounting. The GPUs are device files that every Linux has, which is all
that Slurm asks of a GPU: jobs are given indices and the variables that name them. The partition
`urgent` preempts jobs of the default partition `main`, which are queued again.

>>> with SlurmCluster(folder) as cluster:  # doctest: +SKIP
...     cluster.run("sbatch", "--gres=gpu:1", "--wrap=env")
...     cluster.nodes["alpha"].crash()
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from seedfleet.fleet.testing._guard import Guard
from seedfleet.fleet.testing._processes import (
    ADDRESS,
    Process,
    all_processes,
    free_port,
    wait_gone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["SlurmCluster", "SlurmDaemon", "SlurmNode", "missing_programs"]

_DAEMONS: Final = ("munged", "slurmctld", "slurmd")
_CLIENTS: Final = ("sbatch", "squeue", "scancel", "sinfo")
_PATIENCE_S: Final = 30.0
_POLL_S: Final = 0.05
_STARTS_TRIED: Final = 3
# Distributions keep daemons out of users' PATH.
_SEARCHED: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def missing_programs() -> list[str]:
    """Name the programs that this module needs and the machine has not."""
    return [name for name in _DAEMONS + _CLIENTS if _program(name) is None]


class SlurmCluster:
    """A controller and its nodes; a context manager that starts and ends all of it.

    Parameters
    ----------
    folder
        An existing folder for the configuration, the controller's state and logs.
    nodes
        The nodes' names.
    gpus
        GPUs of each node, whose indices start at 0 on each.
    cpus
        CPUs that each node claims to have, however many there are.
    extra_config
        More lines of slurm.conf.

    Attributes
    ----------
    config
        The slurm.conf.
    controller
        The slurmctld.
    nodes
        The slurmd of each node, by name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: Sequence[str] = ("alpha", "beta"),
        gpus: int = 2,
        cpus: int = 16,
        extra_config: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.config = folder / "slurm.conf"
        (folder / "state").mkdir()
        self._gpus = gpus
        self._cpus = cpus
        self._extra_config = tuple(extra_config)
        # Paths of sockets have to be short, which a test's own folder often is not.
        self._sockets = Path(tempfile.mkdtemp(prefix="slurm-"))
        self._munge = SlurmDaemon(self._munge_words(), folder / "munged.out", self.environment)
        self.controller = SlurmDaemon(
            [_program("slurmctld") or "slurmctld", "-D"], folder / "slurmctld.out", self.environment
        )
        self.nodes = {name: self._make_node(name) for name in nodes}
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a client has to have in its environment to speak to this cluster."""
        return {"SLURM_CONF": str(self.config)}

    def start(self) -> None:
        """Start all daemons; returns when every node is idle.

        Raises
        ------
        OSError
            If they do not come up, with what they said.
        """
        # Whatever ends this process must not leave daemons and jobs behind.
        self._guard = Guard(f"SLURM_CONF={self.config}", self._sockets)
        for _ in range(_STARTS_TRIED):
            self._write_config()  # with other ports: another process may have taken one
            for daemon in self._daemons():
                daemon.start()
            if self._comes_up():
                return
            self._stop_daemons()
        said = "\n".join(daemon.log.read_text() for daemon in self._daemons())
        self.close()
        raise OSError(f"Slurm does not start: {said}")

    def close(self) -> None:
        """End the daemons and every process of every job."""
        self._stop_daemons()
        for node in self.nodes.values():
            node.crash()
        if self._guard is not None:
            self._guard.close()

    def run(self, *words: str) -> str:
        """Run a client command and return what it printed.

        Raises
        ------
        subprocess.CalledProcessError
            If it fails.
        """
        return subprocess.run(  # noqa: S603 - the caller's own words, no shell
            words,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=True,
        ).stdout

    def node_states(self) -> dict[str, str]:
        """Return the state of every node as sinfo has it: "idle", "mixed", "down*"."""
        lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def wait_nodes(self, *states: str) -> None:
        """Wait until every node is in one of these states.

        Raises
        ------
        TimeoutError
            If that takes more than half a minute.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while not set(self.node_states().values()) <= set(states):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nodes are {self.node_states()}, not {states}")
            time.sleep(_POLL_S)

    def _comes_up(self) -> bool:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and all(one.is_running for one in self._daemons()):
            try:
                if set(self.node_states().values()) == {"idle"}:
                    return True
            except subprocess.SubprocessError:
                pass  # not yet
            time.sleep(_POLL_S)
        return False

    def _daemons(self) -> list[SlurmDaemon]:
        return [self._munge, self.controller, *self.nodes.values()]

    def _stop_daemons(self) -> None:
        for daemon in reversed(self._daemons()):
            daemon.stop()

    def _make_node(self, name: str) -> SlurmNode:
        spool = self._sockets / name
        spool.mkdir()
        return SlurmNode(name, self.folder / f"slurmd-{name}.out", self.environment, spool=spool)

    def _munge_words(self) -> list[str]:
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        # --force: the folders of tests are not as open, or as closed, as munge would have them.
        words = [_program("munged") or "munged", "--foreground", "--force", "--num-threads=2"]
        words += [f"--socket={self._munge_socket}", f"--key-file={key}"]
        named = ("log", "pid", "seed")
        return [*words, *(f"--{name}-file={self.folder / f'munge.{name}'}" for name in named)]

    @property
    def _munge_socket(self) -> Path:
        return self._sockets / "munge"

    def _write_config(self) -> None:
        lines = [*self._settings(), *self._node_settings(), *self._extra_config]
        self.config.write_text("\n".join(lines) + "\n")
        first = 0
        gpus = []
        for name in self.nodes if self._gpus else ():
            files = f"/dev/tty[{first}-{first + self._gpus - 1}]"
            gpus.append(f"NodeName={name} Name=gpu File={files}\n")
            first += self._gpus
        (self.folder / "gres.conf").write_text("".join(gpus))

    def _settings(self) -> Iterator[str]:
        user = pwd.getpwuid(os.geteuid()).pw_name
        yield "ClusterName=loopback"
        yield f"SlurmctldHost={_short_hostname()}({ADDRESS})"
        yield f"SlurmctldPort={free_port()}"
        yield f"SlurmUser={user}"
        yield f"SlurmdUser={user}"
        # A job that was queued again waits until the credentials of its first start are void.
        yield f"AuthInfo=socket={self._munge_socket},cred_expire=5"
        yield f"StateSaveLocation={self.folder / 'state'}"
        yield f"SlurmdSpoolDir={self._sockets}/%n"
        yield f"SlurmctldPidFile={self.folder / 'slurmctld.pid'}"
        yield f"SlurmdPidFile={self.folder}/slurmd-%n.pid"
        # What a machine without cgroups, and without the right to make some, can do.
        yield "ProctrackType=proctrack/linuxproc"
        yield "TaskPlugin=task/none"
        yield "JobAcctGatherType=jobacct_gather/none"
        yield "AccountingStorageType=accounting_storage/none"
        yield "MpiDefault=none"
        yield "SelectType=select/cons_tres"
        yield "SelectTypeParameters=CR_CPU"
        yield "SlurmdParameters=config_overrides"  # more CPUs than there are
        yield "GresTypes=gpu"
        yield "PreemptType=preempt/partition_prio"
        yield "PreemptMode=REQUEUE"
        yield "MaxArraySize=10001"
        yield "MaxJobCount=20000"
        yield "PropagateResourceLimits=NONE"
        # Impatient, as tests are: ended jobs are forgotten soon, silent nodes are given up soon.
        yield "MinJobAge=2"
        yield "KillWait=2"
        yield "SlurmdTimeout=5"
        yield "BatchStartTimeout=2"
        yield "MessageTimeout=5"
        yield "ReturnToService=2"
        yield "SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1"

    def _node_settings(self) -> Iterator[str]:
        host = _short_hostname()
        gres = f" Gres=gpu:{self._gpus}" if self._gpus else ""
        for name in self.nodes:
            place = f"NodeHostname={host} NodeAddr={ADDRESS} Port={free_port()}"
            yield f"NodeName={name} {place} CPUs={self._cpus} RealMemory=1000{gres}"
        yield "PartitionName=main Nodes=ALL Default=YES PriorityTier=1"
        yield "PartitionName=urgent Nodes=ALL PriorityTier=2"


class SlurmDaemon:
    """One daemon; made by `SlurmCluster`.

    Parameters
    ----------
    words
        The command, which stays in the foreground.
    log
        Gets what it prints.
    environment
        Added to the caller's.
    """

    def __init__(
        self, words: Sequence[str], log: Path, environment: Mapping[str, str], *, cwd: Path = Path()
    ) -> None:
        self.log = log
        self._words = words
        self._environment = environment
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Say whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, also again; does not wait until it is ready."""
        with self.log.open("ab") as log:
            # Its own session: a Ctrl-C at the terminal is not meant for a machine far away.
            self._process = subprocess.Popen(  # noqa: S603 - a fixed list of words
                self._words,
                cwd=self._cwd,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it as an administrator does; jobs go on."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it outright; jobs go on."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class SlurmNode(SlurmDaemon):
    """The slurmd of one node, and what runs on it.

    Parameters
    ----------
    name
        What Slurm calls the node.
    spool
        Its spool folder.
    """

    def __init__(
        self, name: str, log: Path, environment: Mapping[str, str], *, spool: Path
    ) -> None:
        # In its spool folder, as a slurmd in the background would be: by that it is told apart.
        words = [_program("slurmd") or "slurmd", "-D", "-N", name]
        super().__init__(words, log, environment, cwd=spool)
        self.name = name
        self._spool = spool
        self._marks = {
            f"SLURM_CONF={environment['SLURM_CONF']}".encode(),
            f"SLURMD_NODENAME={name}".encode(),
        }

    def crash(self) -> None:
        """Kill the daemon and every process of every job on this node, as a power cut does."""
        self.kill()
        while found := self._processes():
            for process in found:
                process.send(signal.SIGKILL)
            wait_gone(found)

    def _processes(self) -> set[Process]:
        living = list(all_processes())
        found = {process for process, facts in living if self._is_here(process, facts.name)}
        grown = 0
        while grown != len(found):
            grown = len(found)
            parents = {process.pid for process in found}
            found |= {process for process, facts in living if facts.parent in parents}
        return found

    def _is_here(self, process: Process, name: bytes) -> bool:
        home = Path(f"/proc/{process.pid}")
        try:
            # A step's keeper has written over its environment; jobs have it as Slurm made it.
            if name == b"slurmstepd":
                return (home / "cwd").readlink() == self._spool
            return set((home / "environ").read_bytes().split(b"\0")) >= self._marks
        except OSError:  # it has ended, or is not ours to look into
            return False


def _program(name: str) -> str | None:
    return shutil.which(name, path=_SEARCHED)


def _short_hostname() -> str:
    return socket.gethostname().split(".", maxsplit=1)[0]
