"""Runs attempts on the nodes of a Ray cluster that is there already.

Ray gives, and the fleet runs. For every attempt Ray holds GPUs, or CPUs, by one task (`keeper`);
the script runs below an agent and a supervisor on that task's node, as on a node behind ssh and by
the same code. So scripts have an interpreter and an environment of their own, a worker that Ray
loses takes no script with it, and what is true of an attempt stands in its files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.cluster import Cluster, NodeConfig
from seedfleet.fleet.engines._session import Reach
from seedfleet.fleet.engines.link import NodeContactError, Timeouts
from seedfleet.fleet.engines.nodes import NodesEngine
from seedfleet.fleet.engines.ray.gateway import Gateway, ray_is_installed
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from seedfleet.fleet.engines.base import Node, Rules
    from seedfleet.fleet.engines.ray.gateway import RayNode
    from seedfleet.fleet.paths import RunPaths

__all__ = ["RayEngine", "RaySettings"]

_NO_LIMIT: Final = 1 << 20  # beside what Ray gives


@dataclass(frozen=True, slots=True, kw_only=True)
class RaySettings:
    """How to join a cluster, and where its nodes have things.

    Parameters
    ----------
    address
        As `ray.init` takes it; "auto" is the cluster that this machine belongs to.
    python
        Interpreter or venv folder of `.py` scripts on the nodes, `~` allowed; None is `python3`.
    root
        The folder on the nodes where relative paths start; None is where the head's is.
    platform
        "cuda" or "rocm"; None is what a probe finds on each node.
    num_cpus
        How many of a node's CPUs Ray holds for a script without GPUs, more than 0.
    connect_s
        How long joining the cluster may take.
    shared_disks
        False: files always travel through Ray, also where head and node share a disk.
    """

    address: str = "auto"
    python: str | None = None
    root: str | None = None
    platform: str | None = None
    num_cpus: float = 1.0
    connect_s: float = 60.0
    shared_disks: bool = True


class RayEngine(NodesEngine):
    """Implements `seedfleet.fleet.engines.base.Engine` over a Ray cluster.

    Parameters
    ----------
    settings
        None is `RaySettings()`.

    Raises
    ------
    BadInputError
        If Ray is not installed here.
    """

    def __init__(self, settings: RaySettings | None = None) -> None:
        if not ray_is_installed():
            raise BadInputError(["the ray engine needs Ray: pip install 'seedfleet[ray]'"])
        self._settings = settings or RaySettings()
        self._gateway: Gateway | None = None
        super().__init__(Cluster(()), Reach())

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Join the cluster, and reach each of its nodes."""
        settings = self._settings
        gateway = self._gateway = Gateway(
            settings.address, paths.run_id, connect_s=settings.connect_s, cpus=settings.num_cpus
        )
        try:
            found = await _nodes_of(gateway, settings.address)
            self._cluster = Cluster(tuple(self._config(node, paths) for node in found))
            self._reach = Reach(
                timeouts=Timeouts(),
                shared_disks=settings.shared_disks,
                dial=gateway.dial,
                lender=gateway,
            )
            return await super().open(paths, rules)
        except NodeContactError as error:
            await self.close()
            raise BadInputError([error.problem]) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of all nodes and leave the cluster; attempts go on and keep their GPUs."""
        await super().close()
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            await gateway.close()

    def _config(self, node: RayNode, paths: RunPaths) -> NodeConfig:
        settings = self._settings
        return NodeConfig(
            name=node.name,
            hostname=node.address,
            gpu_count=node.gpus,
            gpu_type=node.accelerator,
            platform=settings.platform,
            script_path=settings.root or str(paths.root),
            python_env=settings.python,
            max_concurrent_script_jobs=_NO_LIMIT,
            cpu_slots=max(1, math.floor(node.cpus / settings.num_cpus)),
        )


async def _nodes_of(gateway: Gateway, address: str) -> tuple[RayNode, ...]:
    nodes = await gateway.nodes()
    if not nodes:
        raise BadInputError([f"no node of the Ray cluster at {address} has GPUs or CPUs to give"])
    return nodes
