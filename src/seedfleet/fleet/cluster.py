"""The cluster file: which machines there are, and what is particular about each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOCALHOST", "Cluster", "NodeConfig"]

LOCALHOST: Final = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One machine of a cluster file.

    Parameters
    ----------
    name
        As jobs pin it: the hostname, or `hostname:port` where several nodes share the hostname.
    hostname, username, port
        As `ssh` takes them; None leaves the choice to the user's own ssh configuration.
    ssh_config_host
        A `Host` of the user's ssh configuration to connect to instead of `hostname`.
    gpu_count
        How many GPUs the node has; None is what a probe finds.
    gpu_type
        For people, and a hint at the platform.
    platform
        "cuda", "rocm" or "cpu"; None is what `gpu_type` and a probe say.
    script_path
        The root of relative paths and the scripts' working directory on the node, `~` allowed;
        None is the head's root on this machine, and the home folder elsewhere.
    python_env
        Interpreter or venv folder for `.py` scripts, `~` allowed; None is the head's own
        interpreter on this machine, and `python3` elsewhere.
    max_concurrent_script_jobs
        How many scripts run at once, at least 1; never more than there are slots.
    env
        Added to the environment of every script on the node.
    start_stagger_s
        Least seconds between two starts, at least 0.
    max_starting
        How many scripts may be within `start_window_s` of their start; None is no limit.
    start_window_s
        Seconds, more than 0.
    """

    name: str
    hostname: str
    username: str | None = None
    port: int | None = None
    ssh_config_host: str | None = None
    gpu_count: int | None = None
    gpu_type: str | None = None
    platform: str | None = None
    script_path: str | None = None
    python_env: str | None = None
    max_concurrent_script_jobs: int = 12
    env: Mapping[str, str] = field(default_factory=dict)
    start_stagger_s: float = 0.0
    max_starting: int | None = None
    start_window_s: float = 20.0

    @property
    def is_local(self) -> bool:
        """True for this machine; `localhost` with a port is reached by ssh like any other."""
        return self.hostname == LOCALHOST and self.port is None and self.ssh_config_host is None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes of a cluster file, at least one, with different names."""

    nodes: tuple[NodeConfig, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """The absolute roots of its nodes, the longest first, so that the nearest one counts."""
        named = {node.script_path for node in self.nodes if node.script_path is not None}
        absolute = {os.path.normpath(path) for path in named if path.startswith(os.sep)}
        return tuple(sorted(absolute, key=len, reverse=True))
