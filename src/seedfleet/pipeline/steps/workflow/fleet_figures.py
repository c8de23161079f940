"""How long the jobs of a step took on each node, from the manifests of the fleet's runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["busy_by_node", "fleet_figures", "manifests"]

_TAKEN = ("run_id", "counts", "makespan_s", "lower_bound_s")


def manifests(folder: Path) -> dict[Path, int]:
    """Return the manifests below a run's folder, with the time of each in nanoseconds."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("manifest.json")}


def fleet_figures(before: Mapping[Path, int], after: Mapping[Path, int]) -> list[dict[str, Any]]:
    """Return the figures of the runs whose manifests are new or were written again.

    Returns
    -------
    list
        For each run its ``run_id``, ``counts`` by outcome, ``makespan_s``, ``lower_bound_s``, and
        ``nodes``: by name the ``jobs`` and ``busy_s``.
    """
    written = sorted(path for path, time_ns in after.items() if before.get(path) != time_ns)
    read = (json.loads(path.read_text(encoding="utf-8")) for path in written)
    return [_figures(document) for document in read if "makespan_s" in document]


def _figures(document: Mapping[str, Any]) -> dict[str, Any]:
    nodes = {
        name: {"jobs": node["jobs"], "busy_s": node["busy_s"]}
        for name, node in document["nodes"].items()
    }
    return {**{name: document[name] for name in _TAKEN}, "nodes": nodes}


def busy_by_node(runs: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Add up jobs and busy seconds of each node over several runs of the fleet."""
    total: dict[str, dict[str, float]] = {}
    for run in runs:
        for name, node in run["nodes"].items():
            sums = total.setdefault(name, {"jobs": 0, "busy_s": 0.0})
            sums["jobs"] += node["jobs"]
            sums["busy_s"] = round(sums["busy_s"] + node["busy_s"], 3)
    return total
