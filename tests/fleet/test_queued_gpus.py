"""GPUs that a scheduler gives: masks that agree, and locks that all runs of a machine share."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from queue_house import job, start, starts, until, with_play

from seedfleet.fleet.node.locks import Lock, is_held, shared_folder
from seedfleet.fleet.outcome import FailedToStart

if TYPE_CHECKING:
    from queue_house import Line

pytestmark = pytest.mark.slow  # all of them start interpreters


@pytest.mark.parametrize(
    ("platform", "set_to", "absent"),
    [
        ("cuda", {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, "ROCR"),
        ("rocm", {"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, "CUDA"),
    ],
)
def test_masks_of_the_scheduler_are_made_to_agree(
    line: Line, root: Path, platform: str, set_to: dict[str, str], absent: str
) -> None:
    names = ("SLURM_JOB_GPUS", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    line.environment |= dict.fromkeys(names, "1") | {"GPU_DEVICE_ORDINAL": "1"}
    asked = job(gpus=1, platform=platform)
    report = asyncio.run(start(root, line.engine(), asked))
    assert report.jobs["a"].output.read_text() == "1:0", "physical, and inside the mask"
    seen = dict(each.split("=", 1) for each in (root / "env-a").read_text().splitlines())
    assert set_to.items() <= seen.items()
    assert not [name for name in seen if name.startswith((absent, "GPU_DEVICE_ORDINAL"))]
    manifest = json.loads(Path(report.folder, "manifest.json").read_text())
    assert manifest["jobs"]["a"]["gpu_ids"] == [1]


def test_a_job_without_its_gpus_does_not_start(line: Line, root: Path) -> None:
    line.environment["SLURM_JOB_GPUS"] = "0"
    report = asyncio.run(start(root, line.engine(), job(gpus=2, retries=0)))
    assert isinstance(report.jobs["a"].outcome, FailedToStart)
    assert "takes 2 GPUs, the scheduler gave 1" in report.jobs["a"].detail
    assert starts(root) == 0


def test_a_machine_that_was_given_too_few_gpus_costs_no_retry(line: Line, root: Path) -> None:
    line.environment["SLURM_JOB_GPUS"] = "0"

    async def play() -> None:
        await until(lambda: bool(line.tasks))
        line.environment["SLURM_JOB_GPUS"] = "0,1"

    report = with_play(root, line, play, job(gpus=2, retries=0))
    assert report.succeeded
    refused, _ = (ended for ended, _ in report.jobs["a"].history)
    assert (type(refused.outcome), refused.node_fault) == (FailedToStart, True)
    assert "takes 2 GPUs, the scheduler gave 1" in refused.detail


def test_a_gpu_that_another_run_of_the_machine_uses_is_waited_for(line: Line, root: Path) -> None:
    """A scheduler shares out its own GPUs; who came by ssh has asked it for nothing."""
    uuid = f"GPU-{secrets.token_hex(8)}"
    tools = root / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text(f"#!/bin/sh\necho 1, {uuid}, 00000000:65:00.0, 81559\n")
    (tools / "nvidia-smi").chmod(0o755)
    line.environment |= {"SLURM_JOB_GPUS": "1", "PATH": f"{tools}:/usr/bin:/bin"}
    lock = Lock(shared_folder() / uuid)
    assert lock.acquire_nowait()

    async def play() -> None:
        await until(lambda: bool(line.tasks))
        (root / "hold").unlink()
        await asyncio.sleep(3)
        assert starts(root) == 0
        lock.release()

    try:
        report = with_play(root, line, play, job(gpus=1, timeout_s=2.0, retries=0))
        assert report.succeeded, "the timeout begins with the script"
        assert starts(root) == 1
        assert not is_held(lock.path)
    finally:
        lock.path.unlink()
