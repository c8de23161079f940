"""Steps of `seedfleet trace` whose jobs run on nodes over ssh, and what may happen to these."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import seedfleet
from seedfleet.draws import History
from seedfleet.fleet import RunOptions
from seedfleet.fleet.cluster import read_cluster
from seedfleet.generators import find_preset
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.context_record import Check, Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.request import Request, begin_folder
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.score import ScoreOptions, run_score
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.survivor_files import read_survivors, write_survivors
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.pipeline.steps.workflow import TraceRun, asked_steps
from ssh.ssh_house import parent_of, runs, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ssh.ssh_house import House, Node

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

PRESET, TRUE_SEED, DRAWS, ROWS = "java_lcg", 123, 800, 120

# Read by every interpreter that starts on a node: a job says that it has begun, and waits for `go`
# where its node was told to hold jobs.
_ON_NODES = """\
import os, time
if os.environ.get("SEEDFLEET_JOB_ID"):
    with open("begun", "a") as stream:
        stream.write("%s %d\\n" % (os.environ["SEEDFLEET_JOB_ID"], os.getpid()))
    while os.path.exists("hold") and not os.path.exists("go"):
        time.sleep(0.05)
"""


@dataclass
class Steps:
    """A run of the pipeline whose jobs run on the nodes of a house."""

    house: House
    said: list[str] = field(default_factory=list)

    def node(self, name: str, *, with_package: bool = True, hold: bool = False) -> Node:
        """Make a machine with one slot, whose interpreter knows the package or has nothing."""
        more: dict[str, Any] = {}
        if with_package:
            more["python_env"] = sys.executable
            source = Path(seedfleet.__file__).parents[1]
            env = {"PYTHONPATH": f"{source}{os.pathsep}{self.house.folder / 'on_nodes'}"}
            cache = os.environ.get("NUMBA_CACHE_DIR")
            more["env"] = env | ({"NUMBA_CACHE_DIR": cache} if cache else {})
        node = self.house.node(
            name,
            gpu_count=0,
            platform="cpu",
            root_name=f"far/{name}",
            max_concurrent_script_jobs=1,
            **more,
        )
        if hold:
            (node.root / "hold").touch()
        return node

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.house.root / "run")

    @property
    def ssh(self) -> str:
        return shlex.join(self.house.network.ssh_command)

    @property
    def fan_out(self) -> FanOut:
        options = RunOptions(
            engine="ssh",
            engine_options={"ssh": self.ssh, "shared_disks": "no"},
            cluster=read_cluster(self.house.cluster()),
        )
        return FanOut(options, notice=self.said.append)

    def survivors(self) -> History:
        """Write the files of a run up to step 1, with ROWS survivors, and return its draws."""
        history, rows = planted(), np.zeros(ROWS, dtype=ROW)
        rows["seed"], rows["end"] = np.arange(ROWS) + 50, NO_END
        rows["bidirectional_count"], rows["bidirectional_selectivity"] = ROWS, 1.0
        begin_folder(self.files, history, Request(self.context))
        path = self.files.survivors("bidirectional")
        write_survivors(path, SurvivorTable((PRESET,), (), rows), {"run_id": "run"})
        StepRun("window", self.files, self.context, FanOut()).record(
            [], [path], parameters={}, metrics=(), checks=[Check("survivors", ROWS, 1)]
        )
        return history

    @property
    def context(self) -> RunContext:
        return RunContext("run", ("seedfleet",), "2026-01-01T00:00:00+00:00", "out")

    def take(self, history: History, *numbers: str) -> dict[str, str]:
        """Take some steps, trials as jobs and survivors in two chunks; returns how each ended."""
        request = Request(
            self.context,
            generators=(PRESET,),
            seeds="500",
            steps=numbers,
            trials=2,
            jobs=True,
            model_type="lightgbm",
        )
        asked = asked_steps(request, history)
        chunks = ScoreOptions(chunk_size=ROWS // 2)
        asked = [
            replace(each, options=chunks) if each.planned.name == "score" else each
            for each in asked
        ]
        document = TraceRun(history, request, self.files, self.fan_out).take(asked)
        return {each["step"]: each["ending"] for each in document["steps"]}

    def start(self) -> subprocess.Popen[str]:
        """Score the survivors in two chunks, with a head that can be killed."""
        words = ["trace", "score", str(self.files.folder), "--chunk-size", str(ROWS // 2)]
        words += ["--no-json", "--cluster", str(self.house.cluster())]
        words += ["--engine-option", f"ssh={self.ssh}", "--engine-option", "shared_disks=no"]
        return subprocess.Popen(
            [sys.executable, "-m", "seedfleet", *words],
            env=self.house.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def begun(self) -> list[tuple[str, str, int]]:
        """Return node, job and process of every job that has begun on a node."""
        found = []
        for node in self.house.nodes.values():
            path = node.root / "begun"
            for line in path.read_text().splitlines() if path.exists() else ():
                job, pid = line.split()
                found.append((node.name, job, int(pid)))
        return found

    def wait_begun(self, count: int) -> list[tuple[str, str, int]]:
        wait_until(lambda: len(self.begun()) >= count, f"{count} jobs have begun", 120)
        return self.begun()

    def let_go(self) -> None:
        for node in self.house.nodes.values():
            (node.root / "go").touch()

    def places(self) -> dict[str, str]:
        """Return the node of each job, as the manifests of the fleet's runs tell."""
        told = [json.loads(path.read_text()) for path in self.files.folder.rglob("manifest.json")]
        return {name: job["node"] for each in told for name, job in each["jobs"].items()}

    def assert_all_scored(self) -> None:
        scored = read_survivors(self.files.scores)
        assert (scored.rows == read_survivors(self.files.survivors("bidirectional")).rows).all()
        found = pq.read_table(self.files.scores)
        best = int(np.argmax(np.asarray(found["score"])))
        assert found["seed"][best].as_py() == TRUE_SEED


def planted() -> History:
    """Return draws of one seed, a tenth of them replaced by lot."""
    rng = np.random.default_rng(5)
    values, _ = at_positions(find_preset(PRESET).stream, TRUE_SEED, 1000, np.arange(DRAWS))
    values = np.where(rng.random(DRAWS) < 0.1, rng.integers(0, 1000, DRAWS), values)
    none = (None,) * DRAWS
    return History("draws", "draws.json", "ab" * 32, values, none, none, none, 1000, False, ())


@pytest.fixture
def steps(house: House, monkeypatch: pytest.MonkeyPatch) -> Steps:
    for name in ("HOME", "SEEDFLEET_HOME"):
        monkeypatch.setenv(name, house.environment[name])
    (house.folder / "on_nodes").mkdir()
    (house.folder / "on_nodes" / "sitecustomize.py").write_text(_ON_NODES)
    return Steps(house)


def test_the_jobs_of_all_steps_run_on_nodes_that_share_no_path_with_the_head(
    steps: Steps,
) -> None:
    steps.node("alpha")
    steps.node("beta")
    history = steps.survivors()
    steps.files.context("window").unlink()
    endings = steps.take(history, "1")
    steps.survivors()  # enough of them to learn from
    endings |= steps.take(history, "2.5", "3", "5")
    assert set(steps.take(history, "2.5", "3", "5").values()) == {"unchanged"}
    assert {endings[step] for step in ("window", "score", "train")} == {"done"}
    steps.assert_all_scored()
    places = steps.places()
    for kind in ("window-", "scorer-", "score-", "lightgbm"):
        assert {node for job, node in places.items() if job.startswith(kind)} <= {"alpha", "beta"}
        assert any(job.startswith(kind) for job in places), kind
    assert set(places.values()) == {"alpha", "beta"}
    assert {(job, node) for node, job, _ in steps.begun()} == set(places.items())


def test_a_node_without_the_package_says_so_and_its_jobs_go_elsewhere(steps: Steps) -> None:
    steps.node("bare", with_package=False)
    steps.node("empty", with_package=False)
    steps.node("alpha")
    history = steps.survivors()
    run = StepRun("score", steps.files, steps.context, steps.fan_out)
    record = run_score(history, ScoreOptions(chunk_size=ROWS // 2, json=False), run)
    assert record.decision is Decision.PROCEED
    steps.assert_all_scored()
    assert set(steps.places().values()) == {"alpha"}
    told = [line for line in steps.said if "is not installed for" in line]
    assert {line.split(":")[0] for line in told} <= {"node bare", "node empty"}
    assert told
    assert len(told) == len(set(told))


@pytest.fixture
def full_disk(house: House) -> Iterator[Path]:
    """Mount a disk that holds nothing of use where the machine `alpha` keeps running attempts."""
    state = house.folder / "machines" / "alpha" / "state"
    state.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "none", str(state)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a disk that is soon full")
    yield state
    subprocess.run(["umount", "--lazy", str(state)], check=True)


def test_a_node_with_a_full_disk_costs_a_try_and_no_row(steps: Steps, full_disk: Path) -> None:
    alpha = steps.node("alpha")
    steps.node("beta")
    assert alpha.state == full_disk
    history = steps.survivors()
    run = StepRun("score", steps.files, steps.context, steps.fan_out)
    record = run_score(history, ScoreOptions(chunk_size=ROWS // 2, json=False), run)
    assert record.decision is Decision.PROCEED
    steps.assert_all_scored()
    assert set(steps.places().values()) == {"beta"}
    assert any(" KiB are free there" in line for line in steps.said), steps.said


def test_killed_scripts_and_supervisors_cost_a_try_and_no_row(steps: Steps) -> None:
    steps.node("alpha", hold=True)
    steps.node("beta", hold=True)
    steps.survivors()
    head = steps.start()
    (_, first, script), (_, second, other) = steps.wait_begun(2)
    assert first != second
    supervisor = parent_of(other)
    os.kill(script, signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    steps.wait_begun(4)
    steps.let_go()
    _, stderr = head.communicate(timeout=120)
    assert head.returncode == 0, stderr
    steps.assert_all_scored()
    assert sorted(job for _, job, _ in steps.begun()) == sorted([first, second] * 2)
    wait_until(lambda: not runs(other), "what the killed supervisor left is ended")


def test_a_killed_head_and_a_server_that_was_away_cost_nothing(steps: Steps) -> None:
    alpha = steps.node("alpha", hold=True)
    steps.node("beta", hold=True)
    steps.survivors()
    first = steps.start()
    begun = steps.wait_begun(2)
    first.kill()
    first.communicate()
    alpha.server.stop()
    alpha.server.drop_connections()
    assert not steps.files.context("score").exists()
    steps.let_go()
    wait_until(lambda: not any(runs(pid) for _, _, pid in begun), "both scripts have ended", 120)
    alpha.server.start()
    second = steps.start()
    _, stderr = second.communicate(timeout=120)
    assert second.returncode == 0, stderr
    steps.assert_all_scored()
    assert steps.begun() == begun, "what ended without a head is taken up, and nothing runs twice"
