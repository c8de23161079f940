"""Heads that are killed, interrupted or not alone: nothing they started is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GATED, GOOD, overlaps, parent_of, wait_until

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]


def test_after_kill_9_a_resume_takes_up_what_runs_and_takes_in_what_ended(house: House) -> None:
    alpha, beta = house.node("alpha"), house.node("beta", python="pypy3")
    jobs = [house.job(GATED, f"alpha{n}", node="alpha") for n in range(3)]
    jobs += [house.job(GATED, f"beta{n}", node="beta") for n in range(3)]
    head = house.start(jobs)
    house.wait_starts(4)
    head.kill()
    alpha.open_gate()
    wait_until(lambda: len(alpha.ledger()) == 4, "two jobs have ended without a head")
    assert house.starts().total() == 4, "without a head nothing is started"
    second = house.resume(house.run_folder().name)
    wait_until(lambda: house.starts()["alpha2"], "the new head starts what had not run")
    beta.open_gate()
    told = second.wait()
    assert told.code == 0, told.said
    assert set(house.starts().values()) == {1}
    assert {job["attempts"] for job in told.jobs.values()} == {1}
    third = house.resume(house.run_folder().name).wait()
    assert third.code == 0, third.said
    assert house.starts().total() == 6, "a finished run has nothing left to do"


def test_heads_killed_again_and_again_run_nothing_twice(house: House) -> None:
    house.node("alpha", gpu_count=4)
    house.node("beta", gpu_count=4)
    jobs = [house.job("time.sleep(0.3); " + GOOD, f"a{number}") for number in range(24)]
    head = house.start(jobs)
    for number in (1, 6, 12):
        house.wait_starts(number)
        head.kill()
        head = house.resume(house.run_folder().name)
    told = head.wait()
    assert told.code == 0, told.said
    assert set(told.outcomes.values()) == {"succeeded"}
    assert set(house.starts().values()) == {1}


def test_a_timeout_is_kept_without_a_head_and_without_a_connection(house: House) -> None:
    alpha = house.node("alpha")
    hangs = "subprocess.Popen(['sleep', '300']); time.sleep(300)"
    head = house.start([house.job(hangs, "a", timeout=5)], "--retries", "0")
    house.wait_starts(1)
    head.kill()
    alpha.server.stop()
    alpha.server.drop_connections()
    wait_until(lambda: not house.living(), "the job, its child and its supervisor are gone")
    alpha.server.start()
    told = house.resume(house.run_folder().name, "--no-retry-failed").wait()
    assert told.outcomes == {"a": "timed_out"}, told.said
    assert house.starts() == {"a": 1}


def test_ctrl_c_once_lets_running_jobs_end_and_the_run_can_go_on(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, name) for name in ("a", "b", "c", "d")])
    house.wait_starts(2)
    head.interrupt()
    wait_until(lambda: "no more jobs start" in head.stderr, "the head says what it does")
    alpha.open_gate()
    told = head.wait()
    assert told.code == 3, told.said
    assert sorted(told.outcomes.values()) == ["not_run", "not_run", "succeeded", "succeeded"]
    assert told.manifest["state"] == "interrupted"
    assert house.starts().total() == 2
    again = house.resume(told.manifest["run_id"]).wait()
    assert again.code == 0, again.said
    assert house.starts() == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_ctrl_c_twice_ends_what_runs_and_the_run_can_go_on(house: House) -> None:
    alpha = house.node("alpha")
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + GATED
    jobs = [house.job(body, name) for name, body in (("a", GATED), ("b", stubborn), ("c", GOOD))]
    head = house.start(jobs, "--kill-grace", "0.5")
    house.wait_starts(2)
    head.interrupt()
    wait_until(lambda: "no more jobs start" in head.stderr, "the head says what it does")
    head.interrupt()
    told = head.wait()
    assert told.code == 3, told.said
    assert told.outcomes == {"a": "cancelled", "b": "cancelled", "c": "not_run"}
    wait_until(lambda: not house.living(), "nothing is left on the node")
    alpha.open_gate()
    again = house.resume(told.manifest["run_id"]).wait()
    assert again.code == 0, again.said
    assert house.starts() == {"a": 2, "b": 2, "c": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_head_that_is_told_to_leave_leaves_its_jobs_running(house: House, number: int) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, "a")])
    house.wait_starts(1)
    head.process.send_signal(number)
    assert head.wait().code == 3
    assert alpha.living_scripts(), "the job goes on"
    alpha.open_gate()
    told = house.resume(house.run_folder().name).wait()
    assert told.code == 0, told.said
    assert house.starts() == {"a": 1}


def test_two_runs_at_once_share_gpus_one_job_at_a_time(house: House) -> None:
    house.node("alpha", gpu_count=2)
    house.node("beta", gpu_count=2, python="pypy3")
    body = "time.sleep(0.15); " + GOOD
    heads = []
    for run in ("one", "two"):
        jobs = [house.job(body, f"{run}{number}") for number in range(10)]
        jobs.append(house.job(body, f"{run}-wide", gpus=2))
        heads.append(house.start(jobs, name=run))
    for head in heads:
        told = head.wait()
        assert told.code == 0, told.said
    assert overlaps(house.ledger()) == []
    assert set(house.starts().values()) == {1}
    assert house.starts().total() == 22


def test_a_script_outliving_its_supervisor_keeps_its_gpu(house: House) -> None:
    alpha = house.node("alpha", gpu_count=1)
    head = house.start([house.job(GATED, "busy")], name="first")
    house.wait_starts(1)
    supervisor = parent_of(alpha.ledger()[0]["pid"])
    head.kill()
    wait_until(lambda: not alpha.agents(), "nobody is left to tidy up")
    os.kill(supervisor, signal.SIGKILL)
    late = house.start([house.job(GOOD, "late")], name="second")
    wait_until(lambda: any(alpha.state.rglob("late")), "the second run has an attempt on the node")
    with pytest.raises(AssertionError):
        wait_until(lambda: house.starts()["late"], "never", patience_s=1.5)
    alpha.open_gate()
    told = late.wait()
    assert told.code == 0, told.said
    assert overlaps(house.ledger()) == []


def test_the_manifest_is_valid_at_every_moment(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, "a")])
    house.wait_starts(1)
    wait_until((house.run_folder() / "manifest.json").exists, "there is a manifest")
    document = json.loads((house.run_folder() / "manifest.json").read_text())
    assert document["state"] == "running"
    head.kill()
    document = json.loads((house.run_folder() / "manifest.json").read_text())
    assert document["jobs"]["a"]["outcome"] in {"running", "not_run"}
    alpha.open_gate()
    assert house.resume(document["run_id"]).wait().code == 0


def test_two_runs_with_one_output_exclude_each_other_on_whatever_nodes(house: House) -> None:
    alpha, beta = house.node("alpha"), house.node("beta")
    job = house.job(GATED, "a")
    first = house.start([job | {"node": "alpha"}], "--preserve-paths", name="first")
    house.wait_starts(1)
    beta.open_gate()
    second = house.start(
        [job | {"node": "beta"}], "--preserve-paths", "--retries", "0", name="second"
    ).wait()
    assert second.outcomes == {"a": "failed_to_start"}, second.said
    assert "another run is writing" in second.jobs["a"]["detail"]
    alpha.open_gate()
    assert first.wait().outcomes == {"a": "succeeded"}
    assert house.starts() == {"a": 1}


def test_an_input_that_the_node_does_not_take_is_told_and_other_jobs_go_on(house: House) -> None:
    alpha = house.node("alpha")
    (house.root / "data").mkdir()
    (house.root / "data/x.txt").write_text("x")
    (alpha.root / "data").write_text("a file where a folder is needed")
    jobs = [house.job(GOOD, "needs", inputs=["data/x.txt"]), house.job(GOOD, "b")]
    told = house.run(jobs)
    assert told.outcomes == {"needs": "failed_to_start", "b": "succeeded"}, told.said
    assert "data/x.txt" in told.jobs["needs"]["detail"]


def test_a_connection_that_breaks_while_files_travel_brings_them_whole(house: House) -> None:
    alpha = house.node("alpha")
    (house.root / "large.bin").write_bytes(os.urandom(40_000_000))
    body = "import shutil; shutil.copyfile('large.bin', out)"
    job = house.job(body, "a", inputs=["large.bin"]) | {"validate": "nonempty"}
    head = house.start([job])
    wait_until((house.root / "out").exists, "the run has begun")
    for _ in range(6):  # on the way there, and on the way back
        time.sleep(0.4)
        alpha.server.drop_connections()
    told = head.wait()
    assert told.code == 0, told.said
    ((place, output),) = told.jobs["a"]["outputs"].items()
    assert output["size_bytes"] == 40_000_000
    assert Path(place).read_bytes() == (house.root / "large.bin").read_bytes()
    assert house.starts() == {"a": 1}
