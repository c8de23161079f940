"""Cancelling where a node cannot be reached: what goes on is named, and asking again ends it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GATED, wait_until

if TYPE_CHECKING:
    from ssh.ssh_house import Head, House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]


def one_of_two_nodes_is_gone(house: House) -> Head:
    house.node("alpha")
    beta = house.node("beta")
    jobs = [house.job(GATED, name, node=node) for name, node in (("a", "alpha"), ("b", "beta"))]
    jobs.append(house.job(GATED, "c", node="beta"))
    head = house.start(jobs)
    house.wait_starts(3)
    beta.server.stop()
    beta.server.drop_connections()
    wait_until(lambda: "beta: out of contact" in head.stderr, "the head knows that beta is gone")
    return head


def cancel(house: House, *words: str) -> tuple[int, str]:
    process = house.command("cancel", house.run_folder().name, *words)
    said, _ = process.communicate(timeout=90)
    return process.returncode, said


def cancel_ends_what_was_out_of_reach(house: House) -> None:
    beta = house.nodes["beta"]
    assert len(beta.living_scripts()) >= 2, "nobody has ended them yet"
    beta.server.start()
    code, said = cancel(house)
    assert code == 0, said
    assert "nothing to cancel" not in said
    assert "may still run" not in said
    wait_until(lambda: not house.living(), "nothing is left on any node")
    manifest = json.loads((house.run_folder() / "manifest.json").read_text())
    assert manifest["counts"] == {"cancelled": 3}, said
    assert house.starts() == {"a": 1, "b": 1, "c": 1}
    code, said = cancel(house)
    assert (code, "nothing to cancel" in said) == (0, True), said


def test_what_ctrl_c_could_not_end_is_named_and_cancel_ends_it_later(house: House) -> None:
    head = one_of_two_nodes_is_gone(house)
    head.interrupt()
    wait_until(lambda: "no more jobs start" in head.stderr, "the head says what it does")
    head.interrupt()
    told = head.wait()
    assert told.code == 3, told.said
    assert "beta is out of reach; on it may still run: b, c" in told.stdout
    assert f"seedfleet cancel {told.manifest['run_id']}" in told.stdout
    assert told.outcomes == {"a": "cancelled", "b": "running", "c": "running"}
    assert told.manifest["nodes"]["beta"]["contact"] is False, "as it is at the end"
    assert told.manifest["nodes"]["alpha"]["contact"] is True
    cancel_ends_what_was_out_of_reach(house)


def test_what_another_terminal_could_not_end_is_named_and_ends_when_asked_again(
    house: House,
) -> None:
    head = one_of_two_nodes_is_gone(house)
    code, said = cancel(house)
    assert code == 1, said
    assert "beta is out of reach; on it may still run: b, c" in said
    assert head.wait().code == 3
    code, said = cancel(house)
    assert code == 1, "also where no head is at work any more"
    assert "beta is out of reach; on it may still run: b, c" in said
    cancel_ends_what_was_out_of_reach(house)


def test_one_job_out_of_reach_is_named_with_and_without_a_head(house: House) -> None:
    head = one_of_two_nodes_is_gone(house)
    code, said = cancel(house, "b")
    assert (code, "beta is out of reach; on it may still run: b\n" in said) == (1, True), said
    head.process.send_signal(signal.SIGTERM)
    assert head.wait().code == 3
    code, said = cancel(house, "c")
    assert (code, "beta is out of reach; on it may still run: c\n" in said) == (1, True), said
    assert house.nodes["alpha"].living_scripts(), "the other job goes on"
    house.nodes["beta"].server.start()
    code, said = cancel(house, "b", "c")
    assert code == 0, said
    wait_until(lambda: not house.nodes["beta"].living_scripts(), "both have ended")
    assert house.nodes["alpha"].living_scripts(), "the other job goes on"


def test_where_no_node_can_be_reached_all_that_may_go_on_is_named(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, "a")])
    house.wait_starts(1)
    head.kill()
    alpha.server.stop()
    alpha.server.drop_connections()
    code, said = cancel(house)
    assert code == 1, said
    assert "alpha is out of reach; on it may still run: a" in said
    assert "onnection refused" in said, "why"


def test_a_job_that_waits_is_cancelled_where_nothing_runs(house: House) -> None:
    alpha = house.node("alpha", gpu_count=1)
    head = house.start([house.job(GATED, name) for name in ("a", "b", "c")])
    house.wait_starts(1)
    head.interrupt()
    wait_until(lambda: "no more jobs start" in head.stderr, "the head says what it does")
    alpha.open_gate()
    assert head.wait().code == 3
    code, said = cancel(house, "c")
    assert code == 0, said
    manifest = json.loads((house.run_folder() / "manifest.json").read_text())
    outcomes = {name: job["outcome"] for name, job in manifest["jobs"].items()}
    assert outcomes == {"a": "succeeded", "b": "not_run", "c": "cancelled"}, said
