"""The Ray engine on a real cluster of two nodes, and what it says where there is none."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fleet_house import GOOD, House, living_attempts

import seedfleet
from seedfleet.fleet import BadInputError, RunReport, run, run_sync
from seedfleet.fleet.engines.base import Allocation, Attempt, Ended, EngineEvent, NodeDown, NodeUp
from seedfleet.fleet.engines.choice import make_engine
from seedfleet.fleet.engines.ray.engine import RayEngine, RaySettings
from seedfleet.fleet.node.locks import Lock
from seedfleet.fleet.options import RunOptions
from seedfleet.fleet.outcome import Cancelled, Failed, OutputMissing, Succeeded, TimedOut
from seedfleet.fleet.testing import Outage, check_engine
from seedfleet.fleet.testing.ray import RayCluster, missing_for_ray

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

PATIENCE_S = 90.0
# Of runs; the process that tests is in the name, since others may test on this machine as well.
FIRST, SECOND, THIRD = (f"{name}-{os.getpid()}" for name in ("first", "second", "third"))
TELL = (
    "json.dump({'node': os.environ['SEEDFLEET_NODE'], 'argv': sys.argv, "
    "'pid': os.getpid(), 'env': dict(os.environ)}, open(out, 'w'))"
)


def engine_of(ray_cluster: RayCluster, **settings: Any) -> RayEngine:
    return RayEngine(RaySettings(address=ray_cluster.address, python=sys.executable, **settings))


def run_on(ray_cluster: RayCluster, house: House, *jobs: Job, **changes: Any) -> RunReport:
    engine = engine_of(ray_cluster, **changes.pop("settings", {}))
    return run_sync(jobs, house.options(**changes), engine=engine, on_event=house.events.append)


def result_of(report: RunReport, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report.folder / "results" / f"{job_id}.json").read_text())
    return found


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.05)


# --- without a cluster ---


def test_ray_that_is_missing_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else found(name)
    )
    with pytest.raises(BadInputError, match=r"pip install 'seedfleet\[ray\]'"):
        make_engine(RunOptions(engine="ray"))


def test_a_keeper_that_is_left_gives_back_what_no_living_supervisor_needs(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from seedfleet.fleet.engines.ray import keeper  # noqa: PLC0415 - it imports Ray

    async def play() -> list[bool]:
        kept, alive = keeper.Keeper("node"), Lock(tmp_path / "alive")
        holds = [
            keeper._Hold(path, asyncio.get_running_loop().create_future())
            for path in (alive.path, tmp_path / "gone")
        ]
        kept._holds |= dict(zip(("living", "ended"), holds, strict=True))
        assert alive.acquire_nowait()
        try:
            await kept.leave()
        finally:
            alive.release()
            shutil.rmtree(kept._folder)
        return [hold.freed.is_set() for hold in holds]

    assert asyncio.run(play()) == [False, True]


def test_a_cluster_is_joined_and_never_started() -> None:
    with pytest.raises(BadInputError, match="address=local"):
        make_engine(RunOptions(engine="ray", engine_options={"address": "local"}))


def test_nothing_else_imports_ray() -> None:
    code = "import sys, seedfleet.fleet.engines.choice as c; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=words_of_the_package())


def words_of_the_package() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(seedfleet.__file__).parents[1])}


# --- on a cluster ---


@pytest.mark.ray
@pytest.mark.slow
def test_the_contract_holds(ray_cluster: RayCluster, house: House) -> None:
    made: list[RayEngine] = []

    def make() -> RayEngine:
        made.append(engine_of(ray_cluster))
        return made[-1]

    def cut() -> None:
        ray_cluster.silence(silent=True)
        os.kill(driver_of(made[-1]), signal.SIGKILL)

    outage = Outage(cut, lambda: ray_cluster.silence(silent=False))
    asyncio.run(check_engine(make, house.root, outage))


@pytest.mark.ray
@pytest.mark.slow
def test_jobs_run_where_they_ask_and_say_so(ray_cluster: RayCluster, house: House) -> None:
    jobs = [
        house.job(TELL, "pinned", node="beta", args=("-o", "pinned.json", "{gpu_id}", "{device}")),
        house.job(TELL, "both", node="alpha", gpus=2),
        house.job(TELL, "none", gpus=0),
        house.job("", "silent"),
        house.job("sys.exit(3)", "bad"),
        house.job("time.sleep(60)", "long", timeout_s=0.5),
    ]
    report = run_on(ray_cluster, house, *jobs)
    outcomes = {job_id: job.outcome for job_id, job in report.jobs.items()}
    for job_id in ("pinned", "both", "none"):
        assert isinstance(outcomes[job_id], Succeeded), outcomes
    assert outcomes["bad"] == Failed(3, None)
    assert outcomes["silent"] == OutputMissing(("silent.json",))
    assert outcomes["long"] == TimedOut(0.5)
    manifest = json.loads((report.folder / "manifest.json").read_text())["jobs"]
    pinned, both, none = (result_of(report, job_id) for job_id in ("pinned", "both", "none"))
    assert pinned["node"] == manifest["pinned"]["node"] == "beta"
    (card,) = manifest["pinned"]["gpu_ids"]
    assert pinned["env"]["CUDA_VISIBLE_DEVICES"] == pinned["argv"][-2] == str(card)
    assert pinned["argv"][-1] == "0"
    assert both["env"]["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert (manifest["both"]["node"], manifest["both"]["gpu_ids"]) == ("alpha", [0, 1])
    assert none["env"]["CUDA_VISIBLE_DEVICES"] == "-1"
    for told in (pinned, both, none):
        assert told["env"]["OF_THE_NODE"] == told["node"]
        assert not [name for name in told["env"] if name.startswith("RAY_")]
        assert "OMP_NUM_THREADS" not in told["env"]


@pytest.mark.ray
@pytest.mark.slow
def test_files_travel_through_ray_where_no_disk_is_shared(
    ray_cluster: RayCluster, house: House, tmp_path: Path
) -> None:
    (house.root / "numbers").write_bytes(os.urandom(3_000_000))
    body = "data = open('numbers', 'rb').read(); open(out, 'wb').write(data * 2)"
    elsewhere = tmp_path / "elsewhere"
    report = run_on(
        ray_cluster,
        house,
        house.job(body, "big", inputs=("numbers",), expected_output="big.bin"),
        house.job("json.dump(dict(os.environ), open(out, 'w'))", "amd"),
        stage=True,
        settings={"root": str(elsewhere), "shared_disks": False, "platform": "rocm"},
    )
    assert report.succeeded, report.jobs
    whole = (house.root / "numbers").read_bytes()
    assert (report.folder / "results" / "big.bin").read_bytes() == whole * 2
    assert (elsewhere / "big.py").exists()
    amd, (card,) = (
        result_of(report, "amd"),
        json.loads((report.folder / "manifest.json").read_text())["jobs"]["amd"]["gpu_ids"],
    )
    assert (amd["ROCR_VISIBLE_DEVICES"], amd["HIP_VISIBLE_DEVICES"]) == (str(card), "0")
    assert "CUDA_VISIBLE_DEVICES" not in amd


@pytest.mark.ray
@pytest.mark.slow
def test_workers_and_supervisors_that_are_killed_cost_no_retry(
    ray_cluster: RayCluster, house: House
) -> None:
    body = "open(f'started-{os.getpid()}', 'w'); time.sleep(3); " + GOOD
    jobs = [house.job(body, name, node="alpha", gpus=1) for name in ("worker", "supervisor")]

    def disturb() -> None:
        until(lambda: len(list(house.root.glob("started-*"))) == 2, "both run")
        for pid, title in ray_cluster.processes("alpha").items():
            if title.startswith("ray::seedfleet"):
                os.kill(pid, signal.SIGKILL)
        (script,) = (
            int(path.name.split("-")[1])
            for path in house.root.glob("started-*")
            if "supervisor.py" in Path(f"/proc/{path.name.split('-')[1]}/cmdline").read_text()
        )
        os.kill(parent_of(script), signal.SIGKILL)

    report = while_it_runs(disturb, jobs, house.options(), ray_cluster)
    assert report.succeeded, report.jobs
    assert report.jobs["worker"].attempts == 1
    assert report.jobs["supervisor"].attempts == 2
    assert len(list(house.root.glob("started-*"))) == 3


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Head:
    """An open engine without a run around it."""

    def __init__(self, engine: RayEngine, paths: RunPaths) -> None:
        self.engine = engine
        self.paths = paths
        self.events: AsyncIterator[EngineEvent] = engine.events()

    @classmethod
    async def open(cls, ray_cluster: RayCluster, house: House, run_id: str) -> Head:
        engine, options = engine_of(ray_cluster), house.options()
        paths = options.paths(run_id)
        await engine.open(paths, options.rules())
        return cls(engine, paths)

    async def start(self, job: Job, node: str, *gpu_ids: int) -> None:
        await self.engine.start(Attempt(job, 1), Allocation(node, gpu_ids, None))

    async def next(self, kind: type[Any]) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await anext(self.events)
                if isinstance(event, kind):
                    return event


@pytest.mark.ray
@pytest.mark.slow
def test_what_waits_in_line_is_cancelled_and_what_runs_keeps_its_gpus_without_a_head(
    ray_cluster: RayCluster, house: House
) -> None:
    async def play() -> None:
        waits = house.job("time.sleep(600)", "holder")
        first = await Head.open(ray_cluster, house, FIRST)
        await first.start(waits, "beta", 0, 1)
        await asyncio.to_thread(until, lambda: living_attempts(FIRST), "the first one runs")
        await first.engine.close()

        second = await Head.open(ray_cluster, house, SECOND)
        queued = house.job(GOOD, "queued")
        await second.start(queued, "beta", 0)
        await asyncio.sleep(1.0)
        assert not living_attempts(SECOND)  # the GPUs are taken, and the first head has gone
        await second.engine.cancel("queued", 1)
        ended = await second.next(Ended)
        assert ended.outcome == Cancelled()
        assert ended.started_utc is None
        await second.engine.close()

        again = await Head.open(ray_cluster, house, FIRST)
        await again.start(waits, "beta", 0, 1)
        await again.engine.cancel("holder", 1)
        ended = await again.next(Ended)
        assert ended.outcome == Cancelled()
        assert ended.started_utc is not None
        await again.engine.close()

    asyncio.run(play())


# Says that it runs, and waits for leave to end well: each copy for its own.
WAITS = """me, last = os.getpid(), time.monotonic() + 90
open(f'started-{os.path.basename(sys.argv[0])[:-3]}-{me}', 'w')
while not os.path.exists(f'go-{me}') and time.monotonic() < last: time.sleep(0.05)
json.dump({'pid': me}, open(out, 'w'))"""


def started(house: House, job_id: str) -> list[int]:
    """List the processes of all scripts of a job that have been started."""
    return [int(path.name.rpartition("-")[2]) for path in house.root.glob(f"started-{job_id}-*")]


def let_go(house: House, *pids: int) -> None:
    """Give scripts leave to end."""
    for pid in pids:
        (house.root / f"go-{pid}").touch()


@pytest.mark.ray
@pytest.mark.slow
def test_an_attempt_outlives_its_keeper_and_the_whole_cluster_and_runs_once(
    ray_cluster: RayCluster, house: House
) -> None:
    async def play() -> None:
        head = await Head.open(ray_cluster, house, THIRD)
        await head.start(house.job(WAITS, "survivor"), "beta", 0)
        await asyncio.to_thread(until, lambda: started(house, "survivor"), "it runs")

        for pid, title in ray_cluster.processes("beta").items():
            if title.startswith("ray::Keeper"):
                os.kill(pid, signal.SIGKILL)
        down = await head.next(NodeDown)
        assert down.node == "beta"
        assert down.problem
        assert (await head.next(NodeUp)).node.name == "beta"

        await asyncio.to_thread(ray_cluster.restart)
        assert {(await head.next(NodeDown)).node for _ in "12"} == {"alpha", "beta"}
        assert {(await head.next(NodeUp)).node.name for _ in "12"} == {"alpha", "beta"}
        let_go(house, *started(house, "survivor"))
        ended = await head.next(Ended)
        assert isinstance(ended.outcome, Succeeded), ended
        assert len(started(house, "survivor")) == 1
        await head.engine.close()

    asyncio.run(play())


@pytest.mark.ray
@pytest.mark.slow
def test_a_job_whose_raylet_was_killed_runs_elsewhere_and_its_first_copy_is_ended(
    ray_cluster: RayCluster, house: House
) -> None:
    """The copies meet at no path, one success is taken, and who comes back is sent away."""
    jobs = [house.job(WAITS, "filler", node="alpha", gpus=2), house.job(WAITS, "mover")]
    jobs += [house.job(WAITS, "pinned", node="alpha", gpus=1)]
    winner: list[int] = []

    def play() -> None:
        until(lambda: started(house, "filler") and started(house, "mover"), "both run")
        (first,) = started(house, "mover")
        ray_cluster.kill("beta")
        let_go(house, *started(house, "filler"))
        until(lambda: len(started(house, "mover")) == 2, "it runs elsewhere as well")
        (second,) = set(started(house, "mover")) - {first}
        let_go(house, second)
        until(lambda: sorted(published(house)) == ["filler", "mover"], "that one has succeeded")
        winner.append(second)
        assert Path(f"/proc/{first}").exists()
        ray_cluster.start_again("beta")
        until(lambda: not Path(f"/proc/{first}").exists(), "the first copy is ended")
        let_go(house, *started(house, "pinned"))

    report = while_it_runs(play, jobs, house.options(node_lost_after_s=1.0), ray_cluster)
    assert report.succeeded, report.jobs
    assert report.jobs["mover"].attempts == 2
    assert result_of(report, "mover") == {"pid": winner[0]}
    assert sorted(published(house)) == ["filler", "mover", "pinned"]
    manifest = json.loads((report.folder / "manifest.json").read_text())["jobs"]
    assert manifest["mover"]["node"] == "alpha"
    assert len(started(house, "pinned")) == 1


def published(house: House) -> list[str]:
    """List the jobs whose successes have been taken, as often as they were."""
    (journal,) = house.root.glob("out/*/journal.jsonl")
    lines = [line for line in journal.read_text().splitlines() if '"published"' in line]
    return [re.findall(r'"job_id": "(\w+)"', line)[0] for line in lines]


def while_it_runs(
    play: Callable[[], None], jobs: list[Job], options: RunOptions, ray_cluster: RayCluster
) -> RunReport:
    """Run jobs while something happens to them."""

    async def both() -> RunReport:
        playing = asyncio.create_task(asyncio.to_thread(play))
        report = await run(jobs, options, engine=engine_of(ray_cluster))
        await playing
        return report

    return asyncio.run(both())


def driver_of(engine: RayEngine) -> int:
    assert engine._gateway is not None
    assert engine._gateway._child is not None
    return engine._gateway._child.pid


@pytest.mark.ray
@pytest.mark.slow
def test_a_run_whose_head_and_cluster_were_killed_is_resumed_and_prints_one_json_value(
    ray_cluster: RayCluster, house: House
) -> None:
    """What ran all the while is taken up: it is not started again."""
    jobs = [house.job(WAITS, name) for name in ("a", "b")]
    (house.root / "jobs.json").write_text(json.dumps([job.to_document() for job in jobs]))
    options = [
        *("--engine", "ray", "--engine-option", f"address={ray_cluster.address}"),
        *("--engine-option", f"python={sys.executable}", "--output", "json"),
    ]
    head = seedfleet_run(house, "jobs.json", *options)
    until(lambda: started(house, "a") and started(house, "b"), "both run")
    assert keepers(ray_cluster)
    head.kill()
    head.communicate()
    ray_cluster.restart()
    assert not keepers(ray_cluster)
    (run,) = (path.name for path in (house.root / "out").iterdir() if path.name != "results")
    later = seedfleet_run(house, "--resume", run, "--output", "json")
    until(lambda: keepers(ray_cluster), "the next head is there")
    let_go(house, *started(house, "a"), *started(house, "b"))
    said, complaints = later.communicate(timeout=PATIENCE_S)
    assert later.returncode == 0, complaints
    assert json.loads(said)["counts"] == {"succeeded": 2}
    assert len(list(house.root.glob("started-*"))) == 2
    until(lambda: not keepers(ray_cluster), "nothing of the run is left on the cluster")


def keepers(cluster: RayCluster) -> list[str]:
    titles = [*cluster.processes("alpha").values(), *cluster.processes("beta").values()]
    return [title for title in titles if title.startswith("ray::Keeper")]


def seedfleet_run(
    house: House, *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    head = subprocess.Popen(
        [sys.executable, "-m", "seedfleet", "run", *words, "--output-dir", "out"],
        cwd=house.root,
        env=words_of_the_package() | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    house.heads.append(head)
    return head


@pytest.mark.ray
@pytest.mark.slow
def test_pins_that_ray_cannot_keep_are_refused_together(
    ray_cluster: RayCluster, house: House
) -> None:
    jobs = [
        house.job(GOOD, "card", gpu_id=1),
        house.job(GOOD, "gone", node="gamma"),
        house.job(GOOD, "amd", platform="rocm"),
        house.job(GOOD, "fine", node="alpha", platform="cuda"),
    ]
    with pytest.raises(BadInputError) as refused:
        run_on(ray_cluster, house, *jobs)
    assert len(refused.value.problems) == 3
    assert "gpu_id 1" in refused.value.problems[0]
    assert not (house.root / "out").exists()


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_that_asks_for_a_token_is_joined_with_it_alone(
    tmp_path: Path, house: House, need: Callable[[str, list[str]], None]
) -> None:
    need("Ray", missing_for_ray())
    (house.root / "jobs.json").write_text(json.dumps([house.job(GOOD, "one").to_document()]))
    with RayCluster(tmp_path, token="known to few " * 3) as cluster:
        cluster.start("alpha")
        words = ["jobs.json", "--engine", "ray", "--engine-option", f"address={cluster.address}"]
        words += ["--engine-option", f"python={sys.executable}"]
        head = seedfleet_run(house, *words)
        refusal = head.communicate(timeout=PATIENCE_S)[1].decode()
        assert head.returncode == 2
        assert "RAY_AUTH_TOKEN" in refusal
        assert not (house.root / "out").exists()
        head = seedfleet_run(house, *words, environment=cluster.joining)
        complaints = head.communicate(timeout=PATIENCE_S)[1].decode()
        assert head.returncode == 0, complaints


@pytest.mark.ray
@pytest.mark.slow
def test_a_thousand_jobs_need_little_of_the_head(ray_cluster: RayCluster, house: House) -> None:
    noop = house.root / "noop.sh"
    noop.write_text("#!/bin/sh\necho 1 > $2\n")
    noop.chmod(0o755)
    jobs = [
        house.job(script="noop.sh", job_id=f"j{n}", expected_output=f"j{n}.txt").to_document()
        for n in range(1000)
    ]
    (house.root / "jobs.json").write_text(json.dumps(jobs))
    code = (
        "import sys\nfrom seedfleet.fleet import RunOptions, run_sync\n"
        "report = run_sync('jobs.json', RunOptions(engine='ray', output_dir='out', "
        f"engine_options={{'address': {ray_cluster.address!r}, 'python': {sys.executable!r}}}))\n"
        # Its own peak: what `getrusage` tells includes the process that has forked it.
        "status = open('/proc/self/status').read()\n"
        "most = int(status.split('VmHWM:')[1].split()[0]) / 1024\n"
        "print(report.succeeded, round(most), 'ray' in sys.modules)"
    )
    head = subprocess.run(
        [sys.executable, "-c", code],
        cwd=house.root,
        env=words_of_the_package(),
        stdout=subprocess.PIPE,
        check=True,
    )
    good, megabytes, imported = head.stdout.split()
    assert good == b"True"
    assert int(megabytes) < 300
    assert imported == b"False"
