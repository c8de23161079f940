"""What the caller of a run may choose, and what a resume uses again."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seedfleet.fleet.cluster import Cluster, NodeConfig
from seedfleet.fleet.engines.base import Rules
from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR, RunPaths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of a run.

    Parameters
    ----------
    output_dir
        The folder of all runs; relative to `root`.
    root
        Where relative paths of jobs start, and the scripts' working directory; None is the folder
        the caller runs in.
    preserve_paths
        Scripts write where they say, under `root`, instead of into the run's `results/`.
    retries
        Tries after a job's own failure, at least 0; a job may say otherwise.
    retry_timed_out
        Treat a timeout like any other failure.
    max_fails
        Start nothing more once so many jobs have ended without success, at least 1.
    only
        Patterns (`*`, `?`, `[...]`) of job ids; without any, all jobs run.
    allow_roots
        More folders that absolute paths of jobs may lie under.
    accept_any_exit
        Good outputs are enough, whatever the exit code.
    kill_grace_s
        Seconds between TERM and KILL when a script is ended, at least 0.
    engine
        "local" for this machine, "ssh" for the nodes of `cluster`, "slurm" or "ray".
    engine_options
        Settings of that engine; see `seedfleet.fleet.engines.choice`.
    cluster
        The nodes of the ssh engine.
    stage
        Copy scripts to nodes that have another copy or none; `inputs` are always copied.
    node_lost_after_s
        A node out of contact for so long is given up: its jobs may start elsewhere. At least 0.
        A queue is never given up so.
    """

    output_dir: str | Path = DEFAULT_OUTPUT_DIR
    root: str | Path | None = None
    preserve_paths: bool = False
    retries: int = 1
    retry_timed_out: bool = False
    max_fails: int | None = None
    only: tuple[str, ...] = ()
    allow_roots: tuple[str | Path, ...] = ()
    accept_any_exit: bool = False
    kill_grace_s: float = 5.0
    engine: str = "local"
    engine_options: Mapping[str, str] = field(default_factory=dict)
    cluster: Cluster | None = None
    stage: bool = False
    node_lost_after_s: float = 600.0

    def resolved(self) -> Self:
        """Make every path absolute."""
        root = os.path.abspath(self.root or Path.cwd())  # noqa: PTH100 - this one drops ".."
        return dataclasses.replace(
            self,
            root=root,
            output_dir=os.path.normpath(Path(root, self.output_dir)),
            allow_roots=tuple(os.path.normpath(Path(root, each)) for each in self.allow_roots),
        )

    def paths(self, run_id: str) -> RunPaths:
        """Name every file of a run with these options."""
        resolved = self.resolved()
        return RunPaths(
            root=Path(str(resolved.root)),
            output_dir=Path(resolved.output_dir),
            run_id=run_id,
            preserve=self.preserve_paths,
            allow_roots=tuple(map(Path, resolved.allow_roots)),
            aliases=() if self.cluster is None else self.cluster.roots,
        )

    def rules(self) -> Rules:
        """Tell an engine what it has to know of the options."""
        return Rules(
            accept_any_exit=self.accept_any_exit, kill_grace_s=self.kill_grace_s, stage=self.stage
        )

    @property
    def scripts_on_head(self) -> bool:
        """True where scripts run or are copied from here, so that they must exist here."""
        nodes = () if self.cluster is None else self.cluster.nodes
        here = any(node.is_local and node.script_path is None for node in nodes)
        return self.stage or self.cluster is None or here

    def problems(self) -> Iterator[str]:
        """List values out of range."""
        if self.retries < 0:
            yield f"retries is {self.retries}, at least 0 is needed"
        if self.max_fails is not None and self.max_fails < 1:
            yield f"max_fails is {self.max_fails}, at least 1 is needed"
        for name in ("kill_grace_s", "node_lost_after_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                yield f"{name} is {getattr(self, name)}, a number from 0 is needed"

    def to_document(self) -> dict[str, Any]:
        """Write the options as they are recorded; paths are absolute."""
        return dataclasses.asdict(self.resolved())

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read recorded options."""
        tuples = {key: tuple(value) for key, value in document.items() if isinstance(value, list)}
        known = {**document, **tuples}
        if document.get("cluster") is not None:
            nodes = [NodeConfig(**node) for node in document["cluster"]["nodes"]]
            known["cluster"] = Cluster(tuple(nodes))
        return cls(**known)
