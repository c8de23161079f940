"""Nodes over ssh as a program uses them: options, typed progress, and the contract of engines."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet import Job, JobDone, Progress, ResumeOptions, RunOptions, resume_sync, run_sync
from seedfleet.fleet.cluster import Cluster, NodeConfig
from seedfleet.fleet.engines.ssh import SshEngine
from seedfleet.fleet.testing import Outage, check_engine
from ssh.ssh_house import GOOD

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.fleet.testing.sshd import SshServer
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]


@pytest.fixture(autouse=True)
def head(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "SEEDFLEET_HOME"):
        monkeypatch.setenv(name, house.environment[name])


def config(house: House, name: str, root: Path | None = None) -> NodeConfig:
    return NodeConfig(
        name=name,
        hostname=name,
        gpu_count=2,
        platform="cuda",
        script_path=str(root or house.nodes[name].root),
    )


def test_a_program_runs_jobs_on_nodes_and_hears_of_each(house: House) -> None:
    for name in ("alpha", "beta"):
        house.node(name)
    house.script(GOOD, "work.py")
    jobs = [
        Job(job_id=f"j{n}", script="work.py", args=("-o", "{output}"), expected_output=f"j{n}.json")
        for n in range(6)
    ]
    options = RunOptions(
        root=house.root,
        output_dir="out",
        engine="ssh",
        engine_options={"ssh": shlex.join(house.network.ssh_command)},
        cluster=Cluster((config(house, "alpha"), config(house, "beta"))),
    )
    heard: list[Progress] = []
    report = run_sync(jobs, options, run_id="mine", on_event=heard.append)
    assert report.succeeded
    assert {event.job_id for event in heard if isinstance(event, JobDone)} == set(house.starts())
    assert set(house.starts().values()) == {1}
    again = resume_sync("mine", ResumeOptions(output_dir=house.root / "out"))
    assert again.succeeded, "the recorded options lead to the same nodes"
    assert house.starts().total() == 6


def outage_of(server: SshServer) -> Outage:
    def cut() -> None:
        server.stop()
        server.drop_connections()

    return Outage(cut, server.start)


def test_the_engine_keeps_the_contract_of_all_engines(house: House, tmp_path: Path) -> None:
    alpha = house.node("alpha")
    root = tmp_path / "contract"
    root.mkdir()

    def make_engine() -> SshEngine:
        cluster = Cluster((config(house, "alpha", root),))
        return SshEngine(cluster, ssh_command=house.network.ssh_command)

    asyncio.run(check_engine(make_engine, root, outage_of(alpha.server)))


def test_the_contract_holds_without_a_shared_disk(house: House, tmp_path: Path) -> None:
    alpha = house.node("alpha")
    root = tmp_path / "contract"
    root.mkdir()

    def make_engine() -> SshEngine:
        for script in root.glob("*.sh"):
            copy = alpha.root / script.name
            copy.write_bytes(script.read_bytes())
            copy.chmod(0o755)
        return SshEngine(
            Cluster((config(house, "alpha"),)),
            ssh_command=house.network.ssh_command,
            shared_disks=False,
        )

    asyncio.run(check_engine(make_engine, root, outage_of(alpha.server)))
