"""The machines of a cluster file, reached by the OpenSSH client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.fleet.engines._session import Reach
from seedfleet.fleet.engines.link import Timeouts
from seedfleet.fleet.engines.nodes import NodesEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.fleet.cluster import Cluster

__all__ = ["SshEngine"]


class SshEngine(NodesEngine):
    """Runs attempts on the nodes of a cluster.

    Whoever can say `ssh node` can use the node: the user's own configuration, jump hosts, agent,
    hardware keys and known hosts count. A host key that is not known is never accepted.

    Parameters
    ----------
    cluster
        The nodes; `localhost` among them is this machine and needs no ssh.
    ssh_command
        The client and options that come before all others.
    timeouts
        Of every contact; None is `Timeouts()`.
    shared_disks
        False: files always travel over the connection, also where head and node share a disk.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        ssh_command: Sequence[str] = ("ssh",),
        timeouts: Timeouts | None = None,
        shared_disks: bool = True,
    ) -> None:
        reach = Reach(
            ssh_command=tuple(ssh_command),
            timeouts=timeouts or Timeouts(),
            shared_disks=shared_disks,
        )
        super().__init__(cluster, reach)
