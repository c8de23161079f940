"""Real OpenSSH servers on loopback, each in the place of one machine.

The servers run as the calling user on ports of their own, know one key, and give what runs behind
them the environment of the machine that they stand for: its home, its PATH. The client side is an
ssh configuration with one `Host` a server, so that `network.ssh_command` reaches them by name.

>>> with SshNetwork(folder) as network:  # doctest: +SKIP
...     server = network.start("alpha", environment={"HOME": "/tmp/alpha"})
...     subprocess.run([*network.ssh_command, "alpha", "hostname"])
...     server.drop_connections()
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from seedfleet.fleet.testing._processes import (
    ADDRESS,
    Process,
    all_processes,
    free_port,
    wait_gone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SshNetwork", "SshServer", "missing_programs"]

_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.01
_PORTS_TRIED: Final = 5
# As root the server refuses to run without this folder, which otherwise a boot script makes.
_PRIVILEGE_SEPARATION: Final = Path("/run/sshd")


def missing_programs() -> list[str]:
    """Name the programs that this module needs and the machine has not."""
    found = {"sshd": _sshd()} | {name: shutil.which(name) for name in ("ssh", "ssh-keygen")}
    return [name for name, path in found.items() if path is None]


class SshNetwork:
    """Some servers, one client key, and the client's configuration and known hosts.

    Parameters
    ----------
    folder
        An existing, empty folder for keys, configurations and logs.

    Attributes
    ----------
    config
        The ssh configuration; written anew with every server.
    known_hosts
        One line a server.
    extra_config
        Lines that go before all others, for the next time the configuration is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "ssh_config"
        self.known_hosts = folder / "known_hosts"
        self.client_key = folder / "client_key"
        self.extra_config: list[str] = []
        self.servers: dict[str, SshServer] = {}
        self._jumps: dict[str, str] = {}
        _make_key(self.client_key)

    def __enter__(self) -> Self:
        """Nothing starts before the first server."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    @property
    def ssh_command(self) -> tuple[str, ...]:
        """The client with this network's configuration."""
        return ("ssh", "-F", str(self.config))

    def start(
        self,
        host: str,
        *,
        environment: Mapping[str, str] | None = None,
        login_command: str | None = None,
        jump: str | None = None,
    ) -> SshServer:
        """Start a server that clients know, and trust, as `host`.

        Parameters
        ----------
        host
            A word, not in use in this network.
        environment
            Set for everything that is started through this server; wins over a login's own.
        login_command
            Runs in place of what the client asks for, which it finds in SSH_ORIGINAL_COMMAND: a
            stand-in for another login shell.
        jump
            The server that clients reach this one through.

        Raises
        ------
        OSError
            If the server does not come up, with what it said.
        """
        folder = self.folder / host
        folder.mkdir()
        server = SshServer(
            host,
            folder,
            client_key=self.client_key,
            environment=dict(environment or {}),
            login_command=login_command,
        )
        self.servers[host] = server
        if jump is not None:
            self._jumps[host] = jump
        server.start()
        self.trust(host)
        self.write_config()
        return server

    def trust(self, host: str) -> None:
        """Write the server's present key into the known hosts, by name and by port."""
        server = self.servers[host]
        line = f"{host},[{ADDRESS}]:{server.port} {server.public_key}\n"
        with self.known_hosts.open("a") as stream:
            stream.write(line)

    def forget(self, host: str) -> None:
        """Drop a server from the known hosts."""
        lines = self.known_hosts.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f"{host},")]
        self.known_hosts.write_text("".join(kept))

    def write_config(self) -> None:
        """Write the client's configuration."""
        lines = list(self.extra_config)
        for host, server in self.servers.items():
            lines += [f"Host {host}", f"HostName {ADDRESS}", f"Port {server.port}"]
            lines += [f"HostKeyAlias {host}"]
            lines += [f"ProxyJump {self._jumps[host]}"] if host in self._jumps else []
        lines += ["Host *", f"User {getpass.getuser()}"]
        lines += [f'IdentityFile "{self.client_key}"', "IdentitiesOnly yes", "IdentityAgent none"]
        lines += [f'UserKnownHostsFile "{self.known_hosts}"', "GlobalKnownHostsFile /dev/null"]
        self.config.write_text("\n".join(lines) + "\n")

    def close(self) -> None:
        """Stop all servers and drop their connections; what ran behind them goes on."""
        for server in self.servers.values():
            server.stop()
            server.drop_connections()


class SshServer:
    """One OpenSSH server; made by `SshNetwork.start`.

    Parameters
    ----------
    host
        The name that clients know it by.
    folder
        For its key, configuration and log.
    client_key
        The one key that may log in.
    environment, login_command
        As `SshNetwork.start` has them.

    Attributes
    ----------
    port
        Its TCP port on 127.0.0.1, the same after a restart; 0 before the first start.
    log
        What it wrote, at level VERBOSE.
    """

    def __init__(
        self,
        host: str,
        folder: Path,
        *,
        client_key: Path,
        environment: Mapping[str, str],
        login_command: str | None,
    ) -> None:
        self.host = host
        self.port = 0
        self.log = folder / "log"
        self._folder = folder
        self._client_key = client_key
        self._environment = environment
        self._login_command = login_command
        self._daemon: subprocess.Popen[bytes] | None = None
        self._left: set[Process] = set()  # connections whose daemon is gone
        _make_key(self._host_key)

    @property
    def public_key(self) -> str:
        """Kind and value of the host key, as known hosts files have them."""
        return " ".join(self._host_key.with_name("host_key.pub").read_text().split()[:2])

    def start(self) -> None:
        """Start listening, also again after `stop`; returns when clients can connect.

        Raises
        ------
        OSError
            If the server does not come up, with what it said.
        """
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
        for _ in range(1 if self.port else _PORTS_TRIED):
            port = self.port or free_port()
            if self._listens(port):
                self.port = port
                return
        raise OSError(f"sshd for {self.host} does not start: {self.log.read_text()}")

    def stop(self) -> None:
        """End the daemon: new connections are refused, those that there are go on."""
        if self._daemon is not None:
            self._left |= self._connections()
            self._daemon.terminate()
            self._daemon.wait()
            self._daemon = None

    def drop_connections(self) -> None:
        """Kill every connection; what was started through them lives on, without its pipes."""
        dropped = self._connections()
        for process in dropped:
            process.send(signal.SIGKILL)
        wait_gone(dropped)

    def freeze(self) -> None:
        """Stop every connection in its tracks: to clients the machine has fallen silent."""
        for process in self._connections():
            process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let frozen connections go on."""
        for process in self._connections():
            process.send(signal.SIGCONT)

    def change_host_key(self) -> None:
        """Come back with another host key, as a machine that was installed anew."""
        self.stop()
        self._host_key.unlink()
        _make_key(self._host_key)
        self.start()

    @property
    def _host_key(self) -> Path:
        return self._folder / "host_key"

    def _listens(self, port: int) -> bool:
        config = self._folder / "sshd_config"
        config.write_text("\n".join(self._settings(port)) + "\n")
        self.log.touch()
        said = self.log.stat().st_size
        with self.log.open("ab") as log:
            # Its own session: a Ctrl-C at the terminal is not meant for a machine far away.
            daemon = subprocess.Popen(  # noqa: S603 - a fixed list of words
                [_sshd() or "sshd", "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE_S
        while daemon.poll() is None and time.monotonic() < deadline:
            # By its log and not by a connection: newer servers hold empty connections against us.
            if b"Server listening" in self.log.read_bytes()[said:]:
                self._daemon = daemon
                return True
            time.sleep(_POLL_S)
        daemon.kill()
        daemon.wait()
        return False

    def _settings(self, port: int) -> Iterator[str]:
        yield f"ListenAddress {ADDRESS}:{port}"
        yield f'HostKey "{self._host_key}"'
        yield f'AuthorizedKeysFile "{self._client_key}.pub"'
        yield "PidFile none"
        yield "UsePAM no"
        yield "StrictModes no"  # temporary folders are writable for others
        yield "PermitRootLogin prohibit-password"
        yield "PasswordAuthentication no"
        yield "KbdInteractiveAuthentication no"
        yield "MaxStartups 100"
        yield "PrintMotd no"
        yield "LogLevel VERBOSE"
        if self._environment:
            pairs = (f'"{name}={value}"' for name, value in self._environment.items())
            yield f"SetEnv {' '.join(pairs)}"
        if self._login_command is not None:
            yield f"ForceCommand {self._login_command}"

    def _connections(self) -> set[Process]:
        found = {process for process in self._left if process.is_alive()}
        parents = {self._daemon.pid} if self._daemon is not None else set()
        parents |= {process.pid for process in found}
        # A connection may be several processes, each the parent of the next.
        while parents:
            children = set(_children(parents)) - found
            found |= children
            parents = {process.pid for process in children}
        return found


def _children(parents: set[int]) -> Iterator[Process]:
    """Find the servers' own processes among the children: not the sessions that they serve."""
    for process, facts in all_processes():
        if facts.parent in parents and facts.name.startswith(b"sshd"):
            yield process


def _make_key(path: Path) -> None:
    subprocess.run(  # noqa: S603 - a fixed list of words
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],  # noqa: S607
        stdin=subprocess.DEVNULL,
        check=True,
    )


def _sshd() -> str | None:
    # Distributions keep it out of users' PATH, and it insists on being called by its full path.
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
