"""Looking at the nodes of a cluster, or cleaning them, all at once and without running anything."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from seedfleet.fleet.checking import Clock, Finding, NodeCheck, judge
from seedfleet.fleet.engines._session import Reach
from seedfleet.fleet.engines._ways import ways_to
from seedfleet.fleet.engines.link import NodeContactError, NodeLink, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from seedfleet.fleet.cluster import Cluster, NodeConfig

__all__ = ["Reach", "check_nodes", "clean_nodes"]

_T = TypeVar("_T")
_PATIENCE_S: Final = 120.0  # for one node's answer


async def check_nodes(cluster: Cluster, reach: Reach) -> tuple[NodeCheck, ...]:
    """Check every node; one that cannot be reached is a finding, not an error.

    Returns
    -------
    tuple of NodeCheck
        In the cluster's order.
    """
    return await _visit_all(cluster, lambda config: _check(config, reach))


async def clean_nodes(
    cluster: Cluster,
    reach: Reach,
    *,
    run_id: str | None,
    older_than_s: float,
    dry_run: bool,
) -> tuple[Mapping[str, Any], ...]:
    """Remove what ended runs have left on every node.

    Parameters
    ----------
    cluster, reach
        Which nodes, and how to get there.
    run_id, older_than_s, dry_run
        As `seedfleet.fleet.node.cleaning.clean` takes them.

    Returns
    -------
    tuple of mapping
        In the cluster's order: what `clean` gave on the node, and its name as `node`; a node that
        cannot be reached has that as its only problem.
    """
    wishes: dict[str, Any] = {"run_id": run_id, "older_than_s": older_than_s, "dry_run": dry_run}

    async def clean(config: NodeConfig) -> Mapping[str, Any]:
        try:
            link = await _connect(config, reach)
            try:
                answer = (await link.ask("clean", within_s=_PATIENCE_S, **wishes))["answer"]
            finally:
                await link.close()
        except (NodeContactError, RefusedError) as error:
            answer = {"removed": [], "kept": [], "problems": [error.problem], "freed_bytes": 0}
        return {"node": config.name, **answer}

    return await _visit_all(cluster, clean)


async def _visit_all(
    cluster: Cluster, visit: Callable[[NodeConfig], Coroutine[Any, Any, _T]]
) -> tuple[_T, ...]:
    async with asyncio.TaskGroup() as tasks:
        visits = [tasks.create_task(visit(config), name=config.name) for config in cluster.nodes]
    return tuple(each.result() for each in visits)


async def _connect(config: NodeConfig, reach: Reach) -> NodeLink:
    # As in a run: on this machine the root is where the head works.
    wishes = {"root": str(Path.cwd())} if config.is_local and not config.script_path else {}
    return await NodeLink.connect(
        config, ssh_command=reach.ssh_command, timeouts=reach.timeouts, wishes=wishes
    )


async def _check(config: NodeConfig, reach: Reach) -> NodeCheck:
    try:
        link = await _connect(config, reach)
        try:
            asked_utc_s, asked = time.time(), time.monotonic()
            seen = (await link.ask("survey", within_s=_PATIENCE_S))["answer"]
            answered_utc_s = asked_utc_s + (time.monotonic() - asked)
        finally:
            await link.close()
    except (NodeContactError, RefusedError) as error:
        return _unreachable(config, reach, error.problem)
    clock = Clock.between(asked_utc_s, answered_utc_s, seen["clock"])
    node, findings = judge(config, seen, clock)
    return NodeCheck(
        config=config,
        host_key="none" if config.is_local else "known",
        node=node,
        survey=seen,
        clock=clock,
        findings=findings,
    )


def _unreachable(config: NodeConfig, reach: Reach, problem: str) -> NodeCheck:
    states = {"host key has changed": "changed", "host key is not known": "unknown"}
    host_key = next((state for words, state in states.items() if words in problem), "not seen")
    advice = "until then no job runs there"
    if "`" not in problem and not config.is_local:  # it does not name a command to try already
        way = ways_to(config, reach.ssh_command, reach.timeouts.connect_s)[0]
        advice = f"see what `{way.by_hand}` says; {advice}"
    return NodeCheck(config=config, host_key=host_key, findings=(Finding(problem, advice),))
