"""What a person is told of nodes that are not there: in plans, lines, reports and statuses."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GATED, GOOD, wait_until

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]


def test_a_plan_leaves_out_a_node_that_is_out_of_contact_and_says_so(house: House) -> None:
    house.node("alpha")
    house.node("gone").server.stop()
    jobs = [house.job(GOOD, f"a{number}") for number in range(4)]
    jobs.append(house.job(GOOD, "pinned", node="gone"))
    told = house.run(jobs, "--dry-run")
    assert told.code == 0, told.said
    assert "gone is out of contact, so it is left out of this plan" in told.stdout
    assert "jobs that only such a node can run: pinned" in told.stdout
    assert "alpha | 2 GPU workers | 4 jobs | distribution: {0: 2, 1: 2}" in told.stdout
    assert "gone | 2 GPU workers | 0 jobs | distribution: {0: 0, 1: 0}" in told.stdout


def test_a_bound_counts_only_on_nodes_in_contact(house: House) -> None:
    alpha = house.node("alpha", gpu_count=1)
    gone = house.node("gone", gpu_count=1)
    script = house.script("time.sleep(0.5); " + GOOD)
    first = house.run([house.job("", "a", script=script)])
    assert first.code == 0, first.said
    plans = {}
    for name in ("there", "gone"):
        jobs = [house.job("", f"a{number}", script=script) for number in range(2)]
        told = house.run(jobs, "--dry-run", "--output", "json", name=name)
        plans[name] = json.loads(told.stdout)
        gone.server.stop()
    assert plans["gone"]["lower_bound_s"] >= 1.9 * plans["there"]["lower_bound_s"] > 0
    assert plans["gone"]["distribution"] == {"alpha": {"0": 2}, "gone": {"0": 0}}
    assert len(alpha.ledger() + gone.ledger()) == 2, "a plan runs nothing"


def test_a_job_that_never_had_a_node_says_why_everywhere(house: House) -> None:
    house.node("alpha")
    house.node("gone").server.stop()
    jobs = [house.job(GOOD, "a", node="alpha"), house.job(GOOD, "pinned", node="gone")]
    jobs.append(house.job("sys.exit(3)", "once", node="alpha", rerun=False))
    told = house.run(jobs, "--retries", "0", "--node-lost-after", "1")
    assert told.outcomes == {"a": "succeeded", "pinned": "lost", "once": "failed"}, told.said
    assert told.jobs["pinned"]["attempts"] == 0
    assert "onnection refused" in told.stdout, "the report says why"
    assert "not in contact yet: gone" in told.stderr
    assert "go on" not in told.stderr, "nothing runs there"
    (again,) = (line for line in told.stdout.splitlines() if line.startswith("or as a new run"))
    assert "--only pinned" in again
    assert "once" not in again, "it must not run twice"
    status, _ = house.command("status", told.manifest["run_id"]).communicate(timeout=90)
    (line,) = (line for line in status.splitlines() if line.startswith("node gone"))
    assert "onnection refused" in line
    (line,) = (line for line in status.splitlines() if line.startswith("  pinned: lost"))
    assert "onnection refused" in line
    words = ("status", told.manifest["run_id"], "--output", "json")
    document = json.loads(house.command(*words).communicate(timeout=90)[0])
    assert "onnection refused" in document["nodes"]["gone"]["problem"]
    assert document["nodes"]["alpha"]["problem"] == ""


def test_a_node_that_takes_its_jobs_along_says_how_many_and_the_report_where(house: House) -> None:
    alpha, beta = house.node("alpha", gpu_count=1), house.node("beta", gpu_count=1)
    jobs = [
        house.job(GATED, "once", node="alpha", rerun=False),
        house.job(GATED, "other", node="beta"),
    ]
    head = house.start(jobs, "--node-lost-after", "1", "--retries", "0")
    house.wait_starts(2)
    alpha.server.stop()
    alpha.server.drop_connections()
    wait_until(lambda: "1 attempt there may go on; trying again" in head.stderr, "that is said")
    wait_until(lambda: "once: lost" in head.stderr, "it is given up")
    beta.open_gate()
    told = head.wait()
    assert told.code == 1, told.said
    assert told.jobs["once"]["unreachable"] == {"1": "alpha"}
    assert "alpha is out of reach; on it may still run: once" in told.stdout
    assert "run just these again" not in told.stdout, "there is none that may"


def test_a_head_that_was_told_to_leave_does_not_say_that_nothing_ran(house: House) -> None:
    house.node("alpha", gpu_count=2)
    head = house.start([house.job(GATED, name) for name in ("a", "b", "c")])
    house.wait_starts(2)
    head.process.send_signal(signal.SIGTERM)
    told = head.wait()
    assert "2 running, 1 not run" in told.stdout, told.said
    assert "no script was run" not in told.stdout
    assert "no script has ended yet" in told.stdout
    assert "alpha | 2 GPU workers | 2 jobs | distribution: {0: 1, 1: 1}" in told.stdout


def test_a_resume_on_other_nodes_says_what_differs(house: House) -> None:
    alpha = house.node("alpha")
    house.node("beta")
    told = house.run([house.job(GOOD, "a")])
    house.cluster(alpha.entry(gpu_count=7), house.nodes["beta"].entry(hostname="gamma", port=2222))
    again = house.resume(told.manifest["run_id"], "--cluster", "cluster.json").wait()
    assert again.code == 2, again.said
    assert "gpu_count of node alpha is 7, the run was started with 2" in again.stderr
    assert "the run was started with node beta, which is not there" in again.stderr
    assert "the run was started without node gamma" in again.stderr
    assert "{" not in again.stderr, "no program's own notation"
