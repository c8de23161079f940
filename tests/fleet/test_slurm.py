"""The Slurm engine over a real Slurm on loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet.engines.queued.engine import QueuePace
from seedfleet.fleet.engines.queued.folder import TaskRules
from seedfleet.fleet.engines.slurm import SlurmEngine
from seedfleet.fleet.testing import check_engine

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.fleet.testing.slurm import SlurmCluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SOON = QueuePace(slots=64, gather_s=0.05, files_s=0.1, poll_s=0.3, grace_s=1.0)


def make_engine(*, default_gpus: int = 0, probe_wait_s: float | None = None) -> SlurmEngine:
    rules = TaskRules(default_gpus=default_gpus)
    return SlurmEngine(task_rules=rules, pace=SOON, probe_wait_s=probe_wait_s)


def test_slurm_keeps_the_contract(slurm_cluster: SlurmCluster, tmp_path: Path) -> None:
    asyncio.run(check_engine(make_engine, tmp_path))
