"""The machine of the head as the only node."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.cluster import LOCALHOST, Cluster, NodeConfig
from seedfleet.fleet.engines._session import Reach
from seedfleet.fleet.engines.nodes import NodesEngine
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.paths import node_home

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.fleet.engines.base import Node, Rules
    from seedfleet.fleet.paths import RunPaths

__all__ = ["LocalEngine"]

_NO_LIMIT: Final = 1 << 20  # beside the slots


class LocalEngine(NodesEngine):
    """Runs attempts on this machine.

    Parameters
    ----------
    slots
        How many scripts run at once without a GPU, at least 1; None is one for each core that this
        process may use.
    python
        The interpreter for `.py` scripts; None is the one that runs this.
    home
        Where running attempts keep their files; None is `$SEEDFLEET_HOME` or the default.
    lock_folder
        Where all users' runs on this machine exclude each other; None is the default.
    """

    def __init__(
        self,
        *,
        slots: int | None = None,
        python: str | None = None,
        home: Path | None = None,
        lock_folder: Path | None = None,
    ) -> None:
        wishes: dict[str, Any] = {"home": str(home or node_home())}
        if lock_folder is not None:
            wishes["locks"] = str(lock_folder)
        config = NodeConfig(
            name=LOCALHOST,
            hostname=LOCALHOST,
            python_env=python or sys.executable,
            max_concurrent_script_jobs=_NO_LIMIT,
            cpu_slots=slots,
        )
        super().__init__(Cluster((config,)), Reach(wishes=wishes))
        self._slots = slots

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Find this machine's GPUs and cores."""
        problems = []
        if self._slots is not None and self._slots < 1:
            problems.append(f"slots is {self._slots}, at least 1 is needed")
        try:
            nodes = await super().open(paths, rules)
        except BadInputError as error:
            problems += error.problems
        if problems:
            raise BadInputError(problems)
        return nodes
