"""Nodes that cannot be reached, fall silent, come back, or are not who they should be."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GATED, GOOD, parent_of, runs, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from ssh.ssh_house import Head, House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]


def test_a_node_that_is_unreachable_from_the_start_costs_no_job(house: House) -> None:
    alpha = house.node("alpha")
    house.node("gone").server.stop()
    jobs = [house.job(GOOD, f"a{number}") for number in range(4)]
    jobs.append(house.job(GOOD, "pinned", node="gone"))
    told = house.run(jobs, "--retries", "0", "--node-lost-after", "1")
    assert told.code == 1
    assert told.outcomes == {f"a{n}": "succeeded" for n in range(4)} | {"pinned": "lost"}, told.said
    assert {job["node"] for name, job in told.jobs.items() if name != "pinned"} == {"alpha"}
    assert "gone" in told.jobs["pinned"]["detail"] + told.said
    assert len(alpha.ledger()) == 8


def test_where_no_node_can_be_reached_nothing_is_started_and_each_says_why(house: House) -> None:
    for name in ("alpha", "beta"):
        house.node(name).server.stop()
    told = house.run([house.job(GOOD, "a")])
    assert told.code == 2, told.said
    assert "alpha" in told.stderr
    assert "beta" in told.stderr
    assert "onnection refused" in told.stderr
    assert not (house.root / "out").exists()


def test_a_node_that_comes_up_later_is_used(house: House) -> None:
    alpha, late = house.node("alpha", gpu_count=1), house.node("late")
    late.server.stop()
    jobs = [house.job(GATED, "a", node="alpha"), house.job(GOOD, "b", node="late")]
    head = house.start(jobs)
    house.wait_starts(1)
    late.server.start()
    wait_until(late.ledger, "the late node has run its job", 20)
    alpha.open_gate()
    told = head.wait()
    assert told.code == 0, told.said


def test_a_server_that_dies_and_returns_costs_nothing(house: House) -> None:
    alpha = house.node("alpha")
    jobs = [house.job(GATED, name) for name in ("a", "b")] + [house.job(GOOD, "c")]
    head = house.start(jobs)
    house.wait_starts(2)
    alpha.server.stop()
    alpha.server.drop_connections()
    alpha.open_gate()
    wait_until(lambda: len(alpha.ledger()) == 4, "the jobs have ended without a head in contact")
    alpha.server.start()
    told = head.wait()
    assert told.code == 0, told.said
    assert {job["attempts"] for job in told.jobs.values()} == {1}
    assert house.starts() == {"a": 1, "b": 1, "c": 1}


def test_a_connection_dropped_again_and_again_costs_nothing(house: House) -> None:
    alpha = house.node("alpha", gpu_count=4)
    body = "time.sleep(0.2); " + GOOD
    head = house.start([house.job(body, f"a{number}") for number in range(16)])
    for number in (2, 6, 10):
        house.wait_starts(number)
        alpha.server.drop_connections()
    told = head.wait()
    assert told.code == 0, told.said
    assert set(house.starts().values()) == {1}
    assert {job["attempts"] for job in told.jobs.values()} == {1}


def silence_until_beta_runs(house: House) -> Head:
    """Bring one job to run on both nodes: alpha has fallen silent for too long."""
    alpha, beta = house.node("alpha", gpu_count=1), house.node("beta", gpu_count=1)
    # Pinned to beta, and over soon: the job that matters starts on alpha.
    jobs = [house.job("time.sleep(1); " + GOOD, "first", node="beta"), house.job(GATED, "twice")]
    # ssh itself then notices within seconds that nobody answers.
    house.ssh_words.extend(["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"])
    head = house.start(jobs, "--node-lost-after", "2", "--retries", "0")
    wait_until(lambda: alpha.ledger() and beta.ledger(), "both nodes are at work")
    alpha.server.stop()
    alpha.server.freeze()
    wait_until(
        lambda: [line["job"] for line in beta.ledger()].count("twice") == 1,
        "beta has begun the job of the silent node",
        40,
    )
    return head


def test_after_a_long_silence_the_one_that_took_over_is_accepted(house: House) -> None:
    head = silence_until_beta_runs(house)
    alpha, beta = house.nodes["alpha"], house.nodes["beta"]
    alpha.server.thaw()
    alpha.server.start()
    wait_until(lambda: not alpha.living_scripts(), "the first copy was ended")
    beta.open_gate()
    told = head.wait()
    assert told.code == 0, told.said
    job = told.jobs["twice"]
    assert (job["node"], job["attempts"]) == ("beta", 2)
    assert [line["what"] for line in alpha.ledger()] == ["start"], "the other one was ended"
    accepted = list((house.run_folder() / "results").rglob("twice.json"))
    assert len(accepted) == 1
    wait_until(lambda: not house.living(), "nothing is left")


def test_a_result_from_the_time_of_silence_is_accepted_once(house: House) -> None:
    head = silence_until_beta_runs(house)
    alpha = house.nodes["alpha"]
    alpha.open_gate()
    wait_until(lambda: len(alpha.ledger()) == 2, "the silent node has finished the job")
    alpha.server.thaw()
    alpha.server.start()
    told = head.wait()
    assert told.code == 0, told.said
    assert told.outcomes == {"first": "succeeded", "twice": "succeeded"}
    assert len(list((house.run_folder() / "results").rglob("twice.json"))) == 1
    beta_ends = [line for line in house.nodes["beta"].ledger() if line["what"] == "end"]
    assert [line["job"] for line in beta_ends] == ["first"], "the second copy was ended"
    wait_until(lambda: not house.living(), "nothing is left")


def test_a_job_that_may_not_run_twice_is_lost_with_its_node(house: House) -> None:
    alpha = house.node("alpha", gpu_count=1)
    beta = house.node("beta", gpu_count=1)
    jobs = [
        house.job(GATED, "once", node="alpha", rerun=False),
        house.job(GATED, "other", node="beta"),
    ]
    head = house.start(jobs, "--node-lost-after", "1")
    house.wait_starts(2)
    alpha.server.stop()
    alpha.server.drop_connections()
    beta.open_gate()
    told = head.wait()
    assert told.code == 1, told.said
    assert told.outcomes == {"once": "lost", "other": "succeeded"}
    assert house.starts()["once"] == 1


def test_a_killed_agent_costs_nothing(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, name) for name in ("a", "b", "c")])
    house.wait_starts(2)
    (agent,) = alpha.agents()
    os.kill(agent, signal.SIGKILL)
    wait_until(lambda: alpha.agents() not in ([], [agent]), "there is a new agent")
    alpha.open_gate()
    told = head.wait()
    assert told.code == 0, told.said
    assert house.starts() == {"a": 1, "b": 1, "c": 1}


def test_a_killed_supervisor_is_noticed_and_its_job_runs_again_alone(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, "a")], "--retries", "0", "--kill-grace", "0.3")
    house.wait_starts(1)
    orphan = alpha.ledger()[0]["pid"]
    os.kill(parent_of(orphan), signal.SIGKILL)
    house.wait_starts(2)
    assert not runs(orphan), "one copy at a time"
    alpha.open_gate()
    told = head.wait()
    assert told.code == 0, told.said
    assert told.jobs["a"]["attempts"] == 2
    lost = told.jobs["a"]["history"][0]
    assert lost["outcome"] == "lost"
    assert lost["started_utc"] is not None, "its script ran"
    assert lost["run_s"] > 0
    assert told.manifest["nodes"]["alpha"]["jobs"] == 1
    assert told.manifest["nodes"]["alpha"]["attempts"] == 2
    wait_until(lambda: not house.living(), "nothing is left")


@pytest.mark.parametrize("lax", [False, True])
def test_an_unknown_and_a_changed_host_key_stop_their_nodes(house: House, *, lax: bool) -> None:
    for name in ("alpha", "changed", "unknown"):
        house.node(name)
    jobs = [house.job(GOOD, name, node=name) for name in house.nodes]
    house.nodes["changed"].server.change_host_key()
    house.network.forget("unknown")
    if lax:  # what a user's own configuration allows does not count
        house.network.extra_config += ["Host *", "StrictHostKeyChecking no"]
        house.network.write_config()
    known = house.network.known_hosts.read_text()
    told = house.run(jobs)
    assert told.code == 1, told.said
    assert told.outcomes == {"alpha": "succeeded", "changed": "lost", "unknown": "lost"}
    assert house.starts() == {"alpha": 1}
    assert house.network.known_hosts.read_text() == known
    for name in ("changed", "unknown"):
        assert "host key" in told.jobs[name]["detail"].lower(), "the manifest says why"
    assert "ssh-keygen" in told.said, "what to do about a changed key"
    assert "fingerprint" in told.jobs["unknown"]["detail"], "what to do about an unknown one"


def test_all_ways_to_name_a_node_lead_to_it(house: House) -> None:
    for name in ("gate", "alpha", "aliased"):
        house.node(name)
    house.node("behind", jump="gate")
    house.cluster(
        house.nodes["alpha"].entry(
            hostname="127.0.0.1",
            port=house.nodes["alpha"].server.port,
            username=getpass.getuser(),
        ),
        house.nodes["aliased"].entry(hostname="192.0.2.77", ssh_config_host="aliased"),
        house.nodes["behind"].entry(),
    )
    names = ["127.0.0.1", "192.0.2.77", "behind"]
    jobs = [house.job(GOOD, f"j{number}", node=name) for number, name in enumerate(names)]
    told = house.run(jobs)
    assert told.code == 0, told.said
    ran = {line["job"]: line["node"] for line in house.ledger()}
    assert ran == {"j0": "alpha", "j1": "aliased", "j2": "behind"}
    assert "Accepted publickey" in house.nodes["gate"].server.log.read_text()


def test_a_key_that_only_the_users_agent_holds_is_enough(house: House, tmp_path: Path) -> None:
    house.node("alpha")
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as agent:
        try:
            wait_until(socket.exists, "the agent listens")
            key, held = house.network.client_key, {"SSH_AUTH_SOCK": str(socket)}
            subprocess.run(["ssh-add", "-q", key], env=os.environ | held, check=True)
            config = house.network.config.read_text().replace("IdentityAgent none", "")
            house.network.config.write_text(config.replace("IdentitiesOnly yes", ""))
            key.unlink()
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SSH_AUTH_SOCK", str(socket))
                told = house.run([house.job(GOOD, "a")])
        finally:
            agent.terminate()
    assert told.code == 0, told.said
