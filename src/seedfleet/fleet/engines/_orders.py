"""From an attempt and what is known of its node to the order that its supervisor gets."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seedfleet.fleet.masks import gpu_mask
from seedfleet.fleet.node.layout import AttemptFolder
from seedfleet.fleet.node_offer import gpu_lock_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet.engines.base import Allocation, Attempt, Gpu, Node, Rules
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["Site", "make_order", "output_paths", "token_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A node as its agent has found it.

    Parameters
    ----------
    node
        What it offers.
    home, root, locks
        Absolute folders on the node: for running attempts, for relative paths of jobs, and for the
        locks that all its users share.
    python
        The interpreter of `.py` scripts there.
    env
        Added to every script's environment.
    sees_root
        The node's root and the head's are one folder on a disk that both see.
    home_seen
        The head sees the node's home folder at the same path.
    home_shared
        The node's home folder is on a disk that other machines may see.
    cards
        The machine's GPUs, where another scheduler picks among them and the node offers places.
    """

    node: Node
    home: str
    root: str
    locks: str
    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    sees_root: bool = False
    home_seen: bool = False
    home_shared: bool = False
    cards: tuple[Gpu, ...] = ()

    @property
    def machine(self) -> Node:
        """The node with the cards that indices of allocations mean."""
        return replace(self.node, gpus=self.cards) if self.node.lent else self.node

    def run_folder(self, run_id: str) -> str:
        """Name the folder of a run on the node."""
        return f"{self.home}/runs/{run_id}"

    def attempt(self, paths: RunPaths, job_id: str, number: int) -> AttemptFolder:
        """Name the folder of an attempt on the node."""
        return AttemptFolder(f"{self.run_folder(paths.run_id)}/attempts/{job_id}/{number}")


def token_of(paths: RunPaths, job_id: str, number: int) -> str:
    """Name an attempt on the wire and in the environment of its processes."""
    return f"{paths.run_id}/{job_id}/{number}"


def make_order(
    attempt: Attempt, allocation: Allocation, site: Site, paths: RunPaths, rules: Rules
) -> dict[str, Any]:
    """Write down all that a supervisor has to know."""
    job, run_folder = attempt.job, site.run_folder(paths.run_id)
    machine = site.machine
    mask = gpu_mask(machine, allocation.gpu_ids, hide=job.wants_no_gpu)
    script = paths.under(site.root, job.script)
    folder = site.attempt(paths, job.job_id, attempt.number)
    # Only where it is not what the head has allocated: then the status tells it.
    place = {"host": site.node.name} if site.node.lent else {}
    return {
        **place,
        "run_id": paths.run_id,
        "job_id": job.job_id,
        "attempt": attempt.number,
        "token": token_of(paths, job.job_id, attempt.number),
        "node": site.node.name,
        "folder": str(folder.path),
        "log": f"{run_folder}/supervisors.log",
        "delivered": str(paths.attempt(job.job_id, attempt.number).status),
        "job_lease": f"{run_folder}/leases/{job.job_id}",
        "home_shared": site.home_shared,
        "lock_folder": site.locks,
        "root": site.root,
        "tops": [site.root, *map(str, paths.allow_roots)],
        "interpreter": [site.python] if script.endswith(".py") else [],
        "script": script,
        "args": list(job.args),
        "env": {**site.env, **job.env},
        "job_document": job.job_document,
        "mask_set": dict(mask.set),
        "mask_unset": list(mask.unset),
        "gpu_ids": list(allocation.gpu_ids),
        "gpu_locks": [gpu_lock_name(machine, index, site.root) for index in allocation.gpu_ids],
        "outputs": _outputs(job, site, paths, folder),
        "rerun": job.rerun,
        "preserve_paths": paths.preserve,
        "in_place": paths.preserve and site.sees_root,
        "carry": not site.home_seen,
        "ok_exit_codes": list(job.ok_exit_codes),
        "accept_any_exit": rules.accept_any_exit,
        "timeout_s": job.timeout_s,
        "kill_grace_s": rules.kill_grace_s,
    }


def output_paths(job: Job, site: Site, paths: RunPaths, folder: AttemptFolder) -> list[str]:
    """Name where an attempt writes its outputs on the node, in the order declared."""
    named = [paths.under(site.root, declared) for declared in job.all_outputs]
    if paths.preserve:
        return named
    return [str(folder.outputs / str(n) / posixpath.basename(path)) for n, path in enumerate(named)]


def _outputs(job: Job, site: Site, paths: RunPaths, folder: AttemptFolder) -> list[dict[str, Any]]:
    made = []
    places = output_paths(job, site, paths, folder)
    for declared, path in zip(job.all_outputs, places, strict=True):
        spellings = {*paths.spellings(declared), paths.under(site.root, declared)}
        spellings.discard(path)  # with preserved paths: written as it should be
        made.append(
            {
                "declared": declared,
                "path": path,
                "spellings": sorted(spellings),
                "validate": job.validate or _default_validation(declared),
            }
        )
    return made


def _default_validation(declared: str) -> str:
    return "json" if declared.casefold().endswith(".json") else "nonempty"
