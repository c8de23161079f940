"""Scripts on a machine that says it has two GPUs: masks, tokens, and locks between runs."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from fleet_house import GOOD, House

from seedfleet.fleet import RunControl, RunReport, run
from seedfleet.fleet.node.locks import Lock, is_held
from seedfleet.fleet.outcome import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SEEN = """
names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "SEEDFLEET_GPU_IDS",
         "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
seen = {name: os.environ.get(name) for name in names}
json.dump(seen | {"tokens": sys.argv[3:]}, open(out, "w"))
"""


@pytest.fixture
def gpus(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    tool = tmp_path / "nvidia-smi"
    lines = "".join(f"{n}, GPU-{n}{n}, 00000000:0{n}:00.0, 24576\\n" for n in range(2))
    tool.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "7")
    return house


def seen(report: RunReport, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report.jobs[job_id].output.read_text())
    return found


def test_each_script_sees_exactly_its_gpus(gpus: House) -> None:
    def job(name: str, **wishes: Any) -> Any:
        args = ("-o", f"{name}.json", "{gpu_id}", "{device}")
        return gpus.job(SEEN, name, args=args, **wishes)

    report = gpus.run(job("one", gpu_id=1), job("two", gpus=2), job("none", gpus=0))
    assert seen(report, "one") == {
        "CUDA_VISIBLE_DEVICES": "GPU-11",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "HIP_VISIBLE_DEVICES": None,
        "ROCR_VISIBLE_DEVICES": None,
        "GPU_DEVICE_ORDINAL": None,
        "SEEDFLEET_GPU_IDS": "1",
        "tokens": ["1", "0"],
    }
    two = seen(report, "two")
    assert (two["CUDA_VISIBLE_DEVICES"], two["SEEDFLEET_GPU_IDS"]) == ("GPU-00,GPU-11", "0,1")
    none = seen(report, "none")
    assert (none["CUDA_VISIBLE_DEVICES"], none["tokens"]) == ("-1", ["-1", "-1"])
    manifest = json.loads((report.folder / "manifest.json").read_text())
    assert manifest["jobs"]["two"]["gpu_ids"] == [0, 1]
    assert report.distribution == {"localhost": {0: 1, 1: 2}}


def test_on_rocm_the_cards_are_picked_once_and_renumbered(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = {f"card{n}": {"Node ID": str(n + 1), "Unique ID": f"0xa{n}"} for n in range(2)}
    for name, words in (("rocm-smi", f"echo '{json.dumps(cards)}'"), ("nvidia-smi", "exit 9")):
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{words}\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")  # each of these would hide the card
    monkeypatch.setenv("GPU_DEVICE_ORDINAL", "1")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "1")
    report = house.run(
        house.job(SEEN, "one", args=("-o", "one.json", "{gpu_id}", "{device}"), gpu_id=1),
        house.job(SEEN, "two", gpus=2),
        house.job(SEEN, "none", gpus=0),
    )
    assert seen(report, "one") == {
        "CUDA_VISIBLE_DEVICES": None,
        "CUDA_DEVICE_ORDER": None,
        "HIP_VISIBLE_DEVICES": "0",
        "ROCR_VISIBLE_DEVICES": "GPU-00000000000000a1",
        "GPU_DEVICE_ORDINAL": None,
        "SEEDFLEET_GPU_IDS": "1",
        "tokens": ["1", "0"],
    }
    two = seen(report, "two")
    assert two["ROCR_VISIBLE_DEVICES"] == "GPU-00000000000000a0,GPU-00000000000000a1"
    assert two["HIP_VISIBLE_DEVICES"] == "0,1"
    none = seen(report, "none")
    assert (none["ROCR_VISIBLE_DEVICES"], none["HIP_VISIBLE_DEVICES"]) == ("-1", "-1")


def test_a_gpu_in_use_by_another_run_is_waited_for_outside_the_timeout(gpus: House) -> None:
    lock = Lock(gpus.home / "locks" / "GPU-00")
    assert lock.acquire_nowait()

    async def release_later() -> RunReport:
        async with asyncio.TaskGroup() as tasks:
            job = gpus.job(GOOD, gpu_id=0, timeout_s=3.0)
            work = tasks.create_task(run([job], gpus.options(), engine=gpus.engine()))
            await asyncio.sleep(4.0)
            assert not work.done()
            lock.release()
        return work.result()

    report = asyncio.run(release_later())
    assert report.succeeded
    assert not is_held(lock.path)
    assert lock.path.exists(), "a GPU's lock file is for ever"


def test_a_job_that_waits_for_a_gpu_can_be_cancelled(gpus: House) -> None:
    lock = Lock(gpus.home / "locks" / "GPU-00")
    assert lock.acquire_nowait()

    async def cancel_soon() -> RunReport:
        control = RunControl()
        async with asyncio.TaskGroup() as tasks:
            job = gpus.job(GOOD + "; open('ran', 'w')", gpu_id=0)
            work = tasks.create_task(
                run([job], gpus.options(), engine=gpus.engine(), control=control)
            )
            while not list((gpus.home / "runs").glob("*/attempts/a/1")):
                await asyncio.sleep(0.01)
            control.interrupt()
            control.interrupt()
        return work.result()

    began = time.monotonic()
    report = asyncio.run(cancel_soon())
    assert report.jobs["a"].outcome == Cancelled()
    assert not (gpus.root / "ran").exists()
    assert time.monotonic() - began < 20
    lock.release()


def test_a_script_whose_supervisor_was_killed_keeps_its_gpu_until_it_is_ended(gpus: House) -> None:
    body = f"""
if os.environ['SEEDFLEET_ATTEMPT'] == '1':
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
{GOOD}"""
    report = gpus.run(gpus.job(body, gpu_id=1))
    assert report.succeeded, "the second attempt got the GPU, so the first one's script was ended"
    assert report.jobs["a"].attempts == 2


def test_a_cancelled_asyncio_task_leaves_the_jobs_running(house: House) -> None:
    async def abandon() -> None:
        job = house.job("time.sleep(0.5); " + GOOD)
        work = asyncio.create_task(
            run([job], house.options(), engine=house.engine(), run_id="left")
        )
        while not list((house.home / "runs").glob("*/attempts/a/1")):
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(abandon())
    manifest = json.loads((house.root / "out/left/manifest.json").read_text())
    assert manifest["state"] == "interrupted"
    assert manifest["jobs"]["a"]["outcome"] == "running"
