"""The ways to start an agent on a node, and what it means when one does not work."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines._boot import boot_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.fleet.cluster import NodeConfig

__all__ = ["NodeContactError", "RefusedError", "Way", "quoted", "translate", "ways_to"]

_NOT_FOUND: Final = 127  # what shells say of a command that is not there, or ...
_NOT_EXECUTABLE: Final = 126  # ... that is there and cannot be run
_SSH_FAILED: Final = 255


class NodeContactError(Exception):
    """A node cannot be used now.

    Parameters
    ----------
    problem
        Why, and what to do about it.
    for_good
        True where trying again is no use before somebody has changed something.
    other_python
        True where another interpreter on the node may do.
    untrusted
        True where the node may not be the one that it is taken for.
    """

    def __init__(
        self,
        problem: str,
        *,
        for_good: bool = False,
        other_python: bool = False,
        untrusted: bool = False,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.for_good = for_good or untrusted
        self.other_python = other_python
        self.untrusted = untrusted


class RefusedError(Exception):
    """A node that is in contact cannot do what it was asked for: a full disk, a folder in the way.

    Parameters
    ----------
    problem
        What the node says.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Way:
    """One way to start an agent.

    Parameters
    ----------
    ssh
        The words before the remote command; none on this machine.
    by_hand
        What a person would type to get there; empty on this machine.
    python
        The interpreter on the node.
    """

    ssh: tuple[str, ...]
    by_hand: str
    python: str

    def command(self, word: str) -> list[str]:
        """List the words of the whole command; the agent answers with `word` first."""
        words = boot_words(self.python, word)
        return [*self.ssh, " ".join(map(quoted, words))] if self.ssh else words


def ways_to(config: NodeConfig, ssh_command: Sequence[str], connect_s: float) -> list[Way]:
    """List the ways to a node's agent, the most usual first."""
    if config.is_local:
        return [Way((), "", sys.executable)]
    options = [
        *("-T", "-x", "-a"),  # no terminal, and nothing of the head's that jobs could use for hours
        *("-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", f"ConnectTimeout={max(1, round(connect_s))}"),
        *("-o", "ServerAliveInterval=10"),
        *("-o", "ServerAliveCountMax=3"),
        *("-o", "TCPKeepAlive=yes"),
        *("-o", "ControlMaster=no"),  # a user's own master may be used, but none is started
        *("-o", "RemoteCommand=none"),
        *("-o", "ClearAllForwardings=yes"),
    ]
    if config.port is not None:
        options += ["-p", str(config.port)]
    if config.username is not None:
        options += ["-l", config.username]
    host = config.ssh_config_host or config.hostname
    ssh = (*ssh_command, *options, "--", host)
    port = () if config.port is None else ("-p", str(config.port))
    destination = f"{config.username}@{host}" if config.username else host
    by_hand = shlex.join([*ssh_command, *port, destination])
    pythons = ["python3"]
    if config.python_env:
        pythons += [config.python_env.rstrip("/") + "/bin/python3", config.python_env]
    return [Way(ssh, by_hand, python) for python in pythons]


def quoted(word: str) -> str:
    """Quote a word for the login shell of a node, whatever shell that is.

    Between single quotes sh, csh and fish agree on everything but a single quote, a backslash, an
    exclamation mark and a line feed; a word that holds one of these is quoted for sh. A leading
    `~/` stays outside, for the shell to expand.
    """
    if word.startswith("~/"):
        return "~/" + quoted(word[2:])
    if any(letter in word for letter in "'\\!\n"):
        return shlex.quote(word)
    return f"'{word}'"


def translate(way: Way, status: int, said: str) -> NodeContactError:
    """Say what it means that the command ended with `status` before an agent was up.

    Parameters
    ----------
    way
        What was tried.
    status
        Exit status of the command.
    said
        What it, and the login before it, have written.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = "; ".join(lines[-3:]) if lines else f"exit status {status}"
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said or "POSSIBLE DNS SPOOFING" in said:
        return NodeContactError(
            "its host key has changed. If the machine was set up anew, ask its owner for the "
            f"fingerprint, remove the old key ({_removal(lines)}), and connect once with "
            f"`{way.by_hand}`; if not, somebody may be listening",
            untrusted=True,
        )
    if "Host key verification failed" in said or "host key is known for" in said:
        return NodeContactError(
            f"its host key is not known here. Connect once with `{way.by_hand}`, compare the "
            "fingerprint with what the machine's owner says, and accept it",
            untrusted=True,
        )
    if status == _SSH_FAILED and "Permission denied" in said:
        return NodeContactError(
            f"it refuses our keys ({last}). `{way.by_hand}` must work without a password",
            for_good=True,
        )
    if status in {_NOT_FOUND, _NOT_EXECUTABLE}:
        return NodeContactError(
            f"there is no {way.python} on it ({last}); python_env names its interpreter",
            for_good=True,
            other_python=True,
        )
    if status == _SSH_FAILED:
        return NodeContactError(last)
    return NodeContactError(f"{way.python} did not come up ({last})", other_python=True)


def _removal(lines: Sequence[str]) -> str:
    """Find the command that `ssh` itself proposes, else name the tool."""
    return next((line for line in lines if line.startswith("ssh-keygen")), "ssh-keygen -R HOST")
