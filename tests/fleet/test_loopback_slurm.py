"""The Slurm that other tests stand on does what its names say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedfleet.fleet.testing.slurm import SlurmCluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

# Says where it runs with which GPUs, then waits until the file is gone.
GATED = """#!/bin/sh
cd "$1"
echo "$SLURMD_NODENAME $CUDA_VISIBLE_DEVICES $ROCR_VISIBLE_DEVICES" > $SLURM_ARRAY_TASK_ID
mv $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_ID.up
setsid sh -c 'while [ -e shut ]; do sleep 0.05; done; touch $0.end' $SLURM_ARRAY_TASK_ID
"""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def submit(cluster: SlurmCluster, folder: Path, *options: str) -> str:
    script = folder / "gated.sh"
    script.write_text(GATED)
    (folder / "shut").touch()
    words = ["--parsable", "--gres=gpu:1", f"--output={folder}/log", *options, str(script)]
    return cluster.run("sbatch", *words, str(folder)).strip()


def has(folder: Path, pattern: str, count: int) -> Callable[[], bool]:
    return lambda: len(list(folder.glob(pattern))) == count


def test_an_array_fills_the_gpus_of_both_nodes_and_the_rest_waits(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    job = submit(slurm_cluster, tmp_path, "--array=0-4")
    wait_until(has(tmp_path, "*.up", 4), "four run")
    places = sorted(path.read_text().split() for path in tmp_path.glob("*.up"))
    taken = [["alpha", "0", "0"], ["alpha", "1", "1"], ["beta", "0", "0"], ["beta", "1", "1"]]
    assert places == taken
    why = ("squeue", "--states=PENDING", "--format=%r", "-j", job)
    wait_until(lambda: "Resources" in slurm_cluster.run(*why), "the scheduler has looked at it")
    (tmp_path / "shut").unlink()
    wait_until(has(tmp_path, "*.end", 5), "all have ended")


def test_a_killed_slurmd_leaves_its_jobs_and_a_crashed_node_does_not(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    job = submit(slurm_cluster, tmp_path, "--array=0-1", "--nodelist=alpha", "--no-requeue")
    wait_until(has(tmp_path, "*.up", 2), "both run")
    alpha = slurm_cluster.nodes["alpha"]
    alpha.kill()
    alpha.start()
    assert len(alpha._processes()) > 4, "the daemon, two keepers, their scripts and children"
    assert slurm_cluster.run("squeue", "--noheader", "-j", job).count(" R ") == 2
    alpha.crash()
    assert not alpha._processes()
    (tmp_path / "shut").unlink()
    down = ["State=DOWN", "Reason=crashed"]  # as Slurm finds itself after a while
    slurm_cluster.run("scontrol", "update", "NodeName=alpha", *down)
    wait_until(lambda: job not in slurm_cluster.run("squeue", "--noheader"), "Slurm knows")
    alpha.start()
    slurm_cluster.wait_nodes("idle")
    assert not list(tmp_path.glob("*.end"))


def test_scancel_ends_what_waits_and_what_runs_also_after_the_controller_came_back(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    running = submit(slurm_cluster, tmp_path, "--array=0-3")
    waiting = submit(slurm_cluster, tmp_path, "--array=4")
    wait_until(has(tmp_path, "*.up", 4), "four run")
    slurm_cluster.controller.stop()  # in order: it writes down what it knows
    slurm_cluster.controller.start()
    slurm_cluster.wait_nodes("mixed")
    slurm_cluster.run("scancel", waiting, running)
    wait_until(lambda: not slurm_cluster.run("squeue", "--noheader"), "the queue is empty")
    assert not (tmp_path / "4.up").exists()


def test_an_urgent_job_sends_another_back_into_the_queue(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    slurm_cluster.wait_nodes("idle")
    submit(slurm_cluster, tmp_path, "--array=0-3")
    wait_until(has(tmp_path, "*.up", 4), "four run")
    for path in tmp_path.glob("*.up"):
        path.unlink()
    submit(slurm_cluster, tmp_path, "--array=9", "--partition=urgent")
    wait_until((tmp_path / "9.up").exists, "the urgent one runs")
    (tmp_path / "shut").unlink()
    wait_until(lambda: not slurm_cluster.run("squeue", "--noheader"), "the queue is empty")
    assert len(list(tmp_path.glob("[0-3].up"))) == 1, "one ran again"
