"""The Slurm engine over a real Slurm on loopback, with everything that may happen to its tasks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from queue_house import own_run_id, until

import seedfleet
from seedfleet.fleet import BadInputError, Job, RunOptions, run
from seedfleet.fleet.engines.queued.engine import QueuePace
from seedfleet.fleet.engines.queued.folder import TaskRules
from seedfleet.fleet.engines.slurm import SlurmEngine, SlurmWishes
from seedfleet.fleet.node.shared_lease import has_ended
from seedfleet.fleet.outcome import Cancelled, FailedToStart, Lost, OutputMissing, Succeeded
from seedfleet.fleet.testing import check_engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from seedfleet.fleet import RunReport
    from seedfleet.fleet.testing.slurm import SlurmCluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.usefixtures("slurm_cluster")]

SOON = QueuePace(slots=300, gather_s=0.05, files_s=0.1, poll_s=0.3, grace_s=1.0)
RUN = own_run_id()
_PATIENCE_S = 90.0  # Slurm queues again what was preempted, in its own time
_MOST_KIB = 300 * 1024  # of a head's memory, whatever the number of its jobs
_MANY = int(os.environ.get("SEEDFLEET_MANY_TASKS", "150"))
# Its own peak: what `getrusage` tells includes the process that has forked it.
_HEAD = """from seedfleet.cli import main
try:
    main()
finally:
    with open("peak_kib", "w") as file:
        status = open("/proc/self/status").read()
        file.write(status.split("VmHWM:")[1].split()[0])
"""
# Counts its starts, waits as long as its `hold` is there, and tells which GPUs it sees.
SCRIPT = """#!/bin/sh
echo x >> "starts-$2"
while [ -e "hold-$2" ]; do sleep 0.2; done
echo "$3|$CUDA_VISIBLE_DEVICES|$ROCR_VISIBLE_DEVICES|$HIP_VISIBLE_DEVICES|$HEAD_SECRET" > "$1"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "root"
    folder.mkdir()
    for name, body in (("work.sh", SCRIPT), ("idle.sh", "#!/bin/sh\n")):
        (folder / name).write_text(body)
        (folder / name).chmod(0o755)
    monkeypatch.chdir(folder)
    yield folder
    let_go(folder)


def job(name: str = "a", **changes: Any) -> Job:
    values: dict[str, Any] = {
        "script": "work.sh",
        "args": ("{output}", "{job_id}", "{gpu_id}:{device}"),
        "expected_output": f"{name}.txt",
        "gpus": 0,
        "retries": 0,
    }
    return Job(job_id=name, **values | changes)


def make_engine(**wishes: Any) -> SlurmEngine:
    rules = TaskRules(default_gpus=0)
    return SlurmEngine(
        SlurmWishes(**wishes), task_rules=rules, pace=SOON, probe_wait_s=None, most_in_batch=100
    )


async def start(root: Path, *jobs: Job, engine: SlurmEngine | None = None) -> RunReport:
    options = RunOptions(root=root, output_dir="out", kill_grace_s=0.5)
    return await run(jobs, options, engine=engine or make_engine(), run_id=RUN)


def starts(root: Path, name: str = "a") -> int:
    with suppress(FileNotFoundError):
        return len((root / f"starts-{name}").read_text().split())
    return 0


def let_go(root: Path) -> None:
    for hold in root.glob("hold-*"):
        hold.unlink()


def with_play(root: Path, play: Callable[[], Awaitable[None]], *jobs: Job) -> RunReport:
    """Run jobs while something happens to them."""

    async def both() -> RunReport:
        running = asyncio.ensure_future(start(root, *jobs))
        try:
            await play()
        finally:
            let_go(root)
        async with asyncio.timeout(60):
            return await running

    for each in jobs:
        (root / f"hold-{each.job_id}").touch()
    return asyncio.run(both())


def holder(root: Path, name: str = "a") -> int:
    """Name the supervisor of a job's living attempt."""
    lease = json.loads((root / f"out/{RUN}/queue/leases" / name).read_bytes())
    assert not has_ended(lease)
    return int(lease["pid"])


def test_slurm_keeps_the_contract(tmp_path: Path) -> None:
    asyncio.run(check_engine(make_engine, tmp_path))


def test_each_job_gets_what_it_asks_and_the_manifest_tells_where(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAD_SECRET", "not for jobs")
    monkeypatch.setenv("SLURM_JOB_GPUS", "7")  # as if this head were itself a job
    jobs = [
        *(job(f"cuda{n}", gpus=1, platform="cuda", node="alpha") for n in range(2)),
        *(job(f"rocm{n}", gpus=1, platform="rocm", node="beta") for n in range(2)),
        job("both", gpus=2),
        job("none"),
        job("never", gpus=99),
        job("nothing", script="idle.sh"),
        job("nowhere", node="gamma"),
    ]
    report = asyncio.run(start(root, *jobs))
    told = {
        name: each.output.read_text().strip().split("|")
        for name, each in report.jobs.items()
        if each.succeeded
    }
    assert sorted(told[f"cuda{n}"][0] for n in range(2)) == ["0:0", "1:0"]
    assert {told[f"cuda{n}"][1] for n in range(2)} == {"0", "1"}
    assert {tuple(told[f"rocm{n}"][1:4]) for n in range(2)} == {("", "0", "0"), ("", "1", "0")}
    assert told["both"][:3] == ["0:0", "0,1", ""]
    assert told["none"][:4] == ["-1:-1", "-1", "-1", "-1"]
    assert {each[4] for each in told.values()} == {""}, "the head's environment stays here"
    assert isinstance(report.jobs["never"].outcome, FailedToStart)
    assert "sbatch" in report.jobs["never"].detail
    assert isinstance(report.jobs["nowhere"].outcome, FailedToStart)
    assert isinstance(report.jobs["nothing"].outcome, OutputMissing)
    manifest = json.loads((root / f"out/{RUN}/manifest.json").read_text())["jobs"]
    assert [manifest[name]["node"] for name in ("cuda0", "rocm0")] == ["alpha", "beta"]
    assert manifest["both"]["gpu_ids"] == [0, 1]


def test_a_killed_supervisor_and_a_node_that_crashes_cost_no_retry(
    slurm_cluster: SlurmCluster, root: Path
) -> None:
    async def play() -> None:
        await until(lambda: all(starts(root, name) == 1 for name in "abc"), _PATIENCE_S)
        os.kill(holder(root, "a"), signal.SIGKILL)
        await asyncio.to_thread(slurm_cluster.nodes["beta"].crash)
        slurm_cluster.nodes["beta"].start()
        await until(lambda: starts(root, "a") == starts(root, "b") == 2, _PATIENCE_S)

    jobs = [job("a", node="alpha"), job("b", node="beta"), job("c", node="beta", rerun=False)]
    report = with_play(root, play, *jobs)
    assert report.jobs["a"].succeeded
    assert report.jobs["b"].succeeded
    assert isinstance(report.jobs["c"].outcome, Lost), "it must not run again"
    assert starts(root, "c") == 1
    first = [ended.outcome for ended, _ in report.jobs["a"].history]
    assert [type(each) for each in first] == [Lost, Succeeded]
    assert starts(root, "a") == starts(root, "b") == 2
    slurm_cluster.wait_nodes("idle")


def test_a_killed_slurmd_and_a_restarted_slurmctld_end_nothing(
    slurm_cluster: SlurmCluster, root: Path
) -> None:
    async def play() -> None:
        await until(lambda: starts(root) == 1, _PATIENCE_S)
        alpha, controller = slurm_cluster.nodes["alpha"], slurm_cluster.controller
        await asyncio.to_thread(alpha.kill)
        await asyncio.to_thread(controller.stop)
        await asyncio.sleep(2)
        controller.start()
        alpha.start()

    report = with_play(root, play, job(node="alpha"))
    assert report.succeeded
    assert report.jobs["a"].attempts == 1
    assert starts(root) == 1
    slurm_cluster.wait_nodes("idle")


def test_a_preempted_attempt_runs_again_and_one_cancelled_in_the_queue_never_does(
    slurm_cluster: SlurmCluster, root: Path
) -> None:
    async def play() -> None:
        await until(lambda: starts(root, "a") == starts(root, "b") == 1, _PATIENCE_S)
        listed = await asyncio.to_thread(
            slurm_cluster.run, "squeue", "--noheader", "--array", "--format=%i %T"
        )
        (waiting,) = [line.split()[0] for line in listed.splitlines() if "PENDING" in line]
        await asyncio.to_thread(slurm_cluster.run, "scancel", waiting)
        words = ("--partition=urgent", "--gres=gpu:2", "--nodelist=alpha", "--output=/dev/null")
        await asyncio.to_thread(slurm_cluster.run, "sbatch", *words, "--wrap=sleep 1")
        await until(lambda: starts(root, "a") == 2, _PATIENCE_S)

    jobs = [
        job("a", gpus=2, node="alpha"),
        job("b", gpus=2, node="beta"),
        job("c", gpus=2, node="beta", priority=-1),
    ]
    report = with_play(root, play, *jobs)
    assert report.jobs["a"].succeeded
    assert report.jobs["a"].attempts == 1, "it is queued again as the same attempt"
    assert report.jobs["b"].succeeded
    assert report.jobs["c"].outcome == Cancelled()
    assert starts(root, "c") == 0


def test_a_disk_that_slurm_does_not_share_is_told_with_what_was_said(root: Path) -> None:
    engine = SlurmEngine(
        task_rules=TaskRules(python="/no/such/python3"), pace=SOON, probe_wait_s=30.0
    )
    with pytest.raises(BadInputError, match=r"do not share(.|\n)*not found"):
        asyncio.run(start(root, job(), engine=engine))
    assert not (root / "out").exists()


def test_a_killed_head_is_followed_by_one_that_takes_everything_up(root: Path) -> None:
    """And neither of them grows large over many jobs."""
    names = [f"j{number}" for number in range(_MANY)]
    jobs = [job(name, args=("{output}", "{job_id}", "")).to_document() for name in names]
    (root / "jobs.json").write_text(json.dumps(jobs))
    (root / "hold-j0").touch()
    head = start_head("run", "jobs.json", "--engine", "slurm", *option_words())
    asyncio.run(until(lambda: starts(root, "j0") > 0, _PATIENCE_S))
    killed_kib = peak_kib(head.pid)  # one that is killed leaves no word of it
    head.kill()
    head.communicate()
    let_go(root)
    (folder,) = (root / "full_scoring_results").glob("jobs_*")
    later = start_head("run", "--resume", folder.name)
    said, complaint = later.communicate(timeout=_MANY * 5)
    assert later.returncode == 0, said.decode() + complaint.decode()
    journal = (folder / "journal.jsonl").read_text()
    assert journal.count('"kind": "published"') == _MANY, "one success of each is taken"
    assert 0 < killed_kib < _MOST_KIB
    assert 0 < int((root / "peak_kib").read_text()) < _MOST_KIB


def peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def option_words() -> list[str]:
    # Few at once: Slurm gives up nodes that a busy machine keeps from answering.
    few = "extra=--cpus-per-task=8"
    options = (few, "poll_s=0.5", "grace_s=2", f"slots={_MANY}", f"python={sys.executable}")
    return [word for each in options for word in ("--engine-option", each)]


def start_head(*words: str) -> subprocess.Popen[bytes]:
    """Start a head that leaves its peak memory in a file."""
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD, *words],
        env=os.environ | {"PYTHONPATH": str(Path(seedfleet.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
