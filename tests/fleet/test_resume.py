"""The head killed in the middle, and a new one that goes on: nothing that finished runs again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fleet_house import GOOD, House, living_attempts

from seedfleet.fleet import (
    BadInputError,
    Job,
    Notice,
    ResumeOptions,
    RunHeldError,
    RunReport,
    resume_sync,
)
from seedfleet.fleet.lock import WriterLock

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

# Each script appends to a file of its own before it does anything else.
COUNT = "open('ran-' + os.environ['SEEDFLEET_JOB_ID'], 'a').write('x'); "


def wait_until(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def write_jobs(house: House, *jobs: Job) -> Path:
    path = house.root / "jobs.json"
    path.write_text(json.dumps([job.to_document() for job in jobs]))
    return path


def kill_head(head: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> int:
    head.send_signal(number)
    head.communicate()
    return head.returncode


def run_id_in(house: House) -> str:
    (folder,) = (path for path in (house.root / "out").iterdir() if path.name != ".seedfleet")
    return folder.name


def resume(house: House, **changes: object) -> RunReport:
    wanted = ResumeOptions(output_dir="out", **changes)  # type: ignore[arg-type]
    return resume_sync(
        run_id_in(house), wanted, engine=house.engine(), on_event=house.events.append
    )


def runs_of(house: House) -> dict[str, int]:
    return {path.name[4:]: len(path.read_text()) for path in house.root.glob("ran-*")}


def notices(house: House) -> list[str]:
    return [event.text for event in house.events if isinstance(event, Notice)]


def test_after_kill_9_finished_and_running_jobs_are_taken_up(house: House) -> None:
    gate = "\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
    jobs = write_jobs(
        house,
        house.job(COUNT + GOOD, "quick"),
        house.job(COUNT + gate + GOOD, "slow"),
        house.job(COUNT + gate + GOOD, "slower"),
        house.job(COUNT + GOOD, "later"),
    )
    head = house.start_head(str(jobs))
    wait_until(lambda: {"quick", "slow", "slower"} <= runs_of(house).keys())
    wait_until(lambda: '"published"' in next(house.root.glob("out/*/journal.jsonl")).read_text())
    kill_head(head)
    assert len(living_attempts(run_id_in(house))) == 2
    (house.root / "go").touch()
    report = resume(house)
    assert report.succeeded
    assert runs_of(house) == {"quick": 1, "slow": 1, "slower": 1, "later": 1}
    assert {job.attempts for job in report.jobs.values()} == {1}


def test_what_ended_while_there_was_no_head_is_taken_in(house: House) -> None:
    jobs = write_jobs(house, house.job(COUNT + "time.sleep(0.3); " + GOOD))
    head = house.start_head(str(jobs))
    wait_until(lambda: runs_of(house) == {"a": 1})
    kill_head(head)
    wait_until(lambda: living_attempts(run_id_in(house)) == [])
    report = resume(house)
    assert report.succeeded
    assert runs_of(house) == {"a": 1}


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4])
def test_a_head_killed_at_any_moment_can_be_resumed(house: House, delay_s: float) -> None:
    jobs = write_jobs(house, *(house.job(COUNT + GOOD, f"job-{n}") for n in range(6)))
    head = house.start_head(str(jobs))
    wait_until(lambda: bool(list(house.root.glob("out/*/jobs.json"))))
    time.sleep(delay_s)
    kill_head(head)
    report = resume(house)
    assert report.succeeded
    assert runs_of(house) == {f"job-{n}": 1 for n in range(6)}


def test_two_heads_on_one_run_are_refused_with_the_holder(house: House) -> None:
    jobs = write_jobs(house, house.job(COUNT + "time.sleep(30)"))
    head = house.start_head(str(jobs))
    wait_until(lambda: runs_of(house) == {"a": 1})
    with pytest.raises(RunHeldError, match=f"process {head.pid} on {os.uname().nodename}") as held:
        resume(house)
    assert (held.value.pid, held.value.host) == (head.pid, os.uname().nodename)
    second = house.start_head("--resume", run_id_in(house), "--output", "json")
    stdout, _ = second.communicate()
    assert second.returncode == 2
    assert str(head.pid) in json.loads(stdout)["error"]
    kill_head(head)


def test_ctrl_c_drains_and_a_second_one_cancels(house: House) -> None:
    gate = COUNT + "\nwhile not os.path.exists('go'): time.sleep(0.01)\n" + GOOD
    jobs = write_jobs(house, *(house.job(gate, name) for name in "abc"))
    head = house.start_head(str(jobs))
    wait_until(lambda: runs_of(house).keys() == {"a", "b"})
    head.send_signal(signal.SIGINT)
    time.sleep(0.2)
    (house.root / "go").touch()
    stdout, _ = head.communicate()
    assert head.returncode == 3
    assert b"2 succeeded" in stdout
    assert f"--resume {run_id_in(house)}".encode() in stdout
    manifest = json.loads(next(house.root.glob("out/*/manifest.json")).read_text())
    assert manifest["state"] == "interrupted"
    assert manifest["counts"] == {"succeeded": 2, "not_run": 1}

    (house.root / "go").unlink()
    again = house.start_head("--resume", run_id_in(house))
    wait_until(lambda: "c" in runs_of(house))
    again.send_signal(signal.SIGINT)
    time.sleep(0.2)
    again.send_signal(signal.SIGINT)
    again.communicate()
    assert again.returncode == 3
    manifest = json.loads(next(house.root.glob("out/*/manifest.json")).read_text())
    assert manifest["counts"] == {"succeeded": 2, "cancelled": 1}
    assert living_attempts(run_id_in(house)) == []

    (house.root / "go").touch()
    assert resume(house).succeeded
    assert runs_of(house) == {"a": 1, "b": 1, "c": 2}


def test_term_leaves_at_once_and_jobs_go_on(house: House) -> None:
    jobs = write_jobs(house, house.job(COUNT + "time.sleep(0.7); " + GOOD))
    head = house.start_head(str(jobs))
    wait_until(lambda: runs_of(house) == {"a": 1})
    assert kill_head(head, signal.SIGTERM) == 3
    manifest = json.loads(next(house.root.glob("out/*/manifest.json")).read_text())
    assert manifest["jobs"]["a"]["outcome"] == "running"
    assert resume(house).succeeded
    assert runs_of(house) == {"a": 1}


def test_a_result_that_is_gone_or_changed_runs_again_with_a_notice(house: House) -> None:
    first = house.run(*(house.job(COUNT + GOOD, name) for name in "abc"))
    first.jobs["a"].output.unlink()
    first.jobs["b"].output.write_text("{}")
    Path(f"{first.jobs['c'].output}.done").unlink()
    report = resume(house)
    assert report.succeeded
    assert runs_of(house) == {"a": 2, "b": 2, "c": 1}
    assert [text.split(":")[0] for text in notices(house)] == ["a", "b"]
    assert report.jobs["a"].attempts == 2
    assert Path(f"{report.jobs['c'].output}.done").exists()


def test_failed_jobs_run_again_unless_told_otherwise(house: House) -> None:
    body = COUNT + f"\nif not os.path.exists('fixed'): sys.exit(1)\n{GOOD}"
    assert not house.run(house.job(body), retries=1).succeeded
    assert not resume(house, retry_failed=False).succeeded
    assert runs_of(house) == {"a": 2}
    (house.root / "fixed").touch()
    report = resume(house)
    assert report.succeeded
    assert report.jobs["a"].attempts == 3


def test_a_job_that_must_not_rerun_is_left_as_it_is(house: House) -> None:
    bad = house.job(COUNT + "sys.exit(1)", "bad", rerun=False)
    good = house.job(COUNT + GOOD, "good", rerun=False)
    house.run(bad, good).jobs["good"].output.unlink()
    report = resume(house)
    assert runs_of(house) == {"bad": 1, "good": 1}
    assert report.jobs["bad"].word == "failed"
    assert "does not run again" in notices(house)[0]


def test_a_changed_script_is_refused_unless_accepted(house: House) -> None:
    house.run(house.job("sys.exit(1)", "bad"), house.job(COUNT + GOOD, "good"))
    house.script(COUNT + GOOD, "bad.py")
    house.script(COUNT + GOOD + "  # changed", "good.py")
    with pytest.raises(BadInputError) as refused:
        resume(house)
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["bad", "good"]
    assert runs_of(house) == {"good": 1}
    assert resume(house, accept_changes=True).succeeded
    assert runs_of(house) == {"good": 1, "bad": 1}
    assert resume(house).succeeded


def test_a_changed_input_or_definition_is_refused(house: House) -> None:
    (house.root / "data").write_text("1")
    job = house.job("sys.exit(1)", inputs=("data",))
    house.run(job)
    (house.root / "data").write_text("2")
    with pytest.raises(BadInputError, match="an input changed"):
        resume(house)
    (house.root / "data").write_text("1")
    other = house.job("sys.exit(1)", inputs=("data",), args=("-o", "a.json", "--new"))
    with pytest.raises(BadInputError, match="a: the job, its script"):
        resume(house, jobs=[other])
    with pytest.raises(BadInputError, match="added or removed"):
        resume(house, jobs=[job, house.job(GOOD, "b")])


@pytest.mark.parametrize("change", [{"retries": 5}, {"rerun": False}, {"node": "localhost"}])
def test_what_decisions_were_made_by_cannot_be_changed_at_all(
    house: House, change: dict[str, Any]
) -> None:
    """Else the journal would be replayed to another state than the one that it records."""
    house.run(house.job("sys.exit(1)"))
    other = house.job("sys.exit(1)", **change)
    with pytest.raises(BadInputError, match="needs a new run"):
        resume(house, jobs=[other], accept_changes=True)
    recorded = next(house.root.glob("out/*/jobs.json"))
    recorded.write_text(json.dumps([other.to_document()]))
    with pytest.raises(BadInputError, match="needs a new run"):
        resume(house, accept_changes=True)


def test_a_changed_argument_can_be_accepted(house: House) -> None:
    house.run(house.job("sys.exit('-x' not in sys.argv)"))
    body = f"assert '-x' in sys.argv; {GOOD}"
    other = house.job(body, args=("-o", "a.json", "-x"))
    assert resume(house, jobs=[other], accept_changes=True).succeeded


def test_a_job_that_has_one_more_output_now_is_not_done_by_its_earlier_result(
    house: House,
) -> None:
    house.run(house.job(GOOD))
    body = f"{GOOD}; open(sys.argv[-1], 'w').write('more')"
    other = house.job(body, args=("-o", "a.json", "more.txt"), outputs=("more.txt",))
    report = resume(house, jobs=[other], accept_changes=True)
    assert report.jobs["a"].attempts == 2


def test_a_contradicting_option_is_refused_and_an_equal_one_is_fine(house: House) -> None:
    house.run(house.job("sys.exit(1)"), retries=0)
    with pytest.raises(BadInputError) as refused:
        resume(house, given={"retries": 3, "preserve_paths": True})
    assert len(refused.value.problems) == 2
    assert not resume(house, given={"retries": 0}).succeeded


def test_an_unknown_run_is_refused(house: House) -> None:
    with pytest.raises(BadInputError, match="there is no run nothing"):
        resume_sync("nothing", ResumeOptions(output_dir="out"), engine=house.engine())


def test_a_run_in_place_is_resumed_from_its_hidden_folder(house: House) -> None:
    body = f"if os.environ['SEEDFLEET_ATTEMPT'] == '1': sys.exit(1)\n{GOOD}"
    first = house.run(house.job(body), preserve_paths=True)
    wanted = ResumeOptions(output_dir="out")
    report = resume_sync(first.run_id, wanted, engine=house.engine())
    assert report.succeeded
    assert report.jobs["a"].output == house.root / "a.json"


def test_a_lock_that_outlives_its_killed_head_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """As when the head is killed between the fork and the exec of a supervisor."""
    path = tmp_path / "lock"
    held = WriterLock(path)
    holder = json.loads(path.read_text())
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(0.5)"], pass_fds=[held._descriptor]
    )
    os.close(held._descriptor)
    with pytest.raises(RunHeldError):
        WriterLock(path)  # its holder, this process, is alive
    gone = subprocess.Popen(["true"])
    gone.wait()
    path.write_text(json.dumps(holder | {"pid": gone.pid}))
    with WriterLock(path):
        assert child.poll() is not None
    child.wait()


def test_a_lock_held_elsewhere_is_respected_until_it_has_been_quiet(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = {"name": "n", "pid": 7, "host": "another-host"}
    path.write_text(json.dumps(holder))
    with pytest.raises(RunHeldError, match="process 7 on another-host"):
        WriterLock(path)
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    with WriterLock(path) as lock:
        assert json.loads(path.read_text())["pid"] == os.getpid()
        path.write_text(json.dumps(holder))
        with pytest.raises(Exception, match="taken over by process 7 on another-host"):
            lock.beat()
    assert json.loads(path.read_text()) == holder


def test_of_heads_on_two_hosts_that_find_a_quiet_lock_the_last_to_write_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"name": "n", "pid": 7, "host": "another-host"}))
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    other = {"name": "o", "pid": 8, "host": "third-host"}

    def meanwhile(_: float) -> None:
        path.write_text(json.dumps(other))

    monkeypatch.setattr(time, "sleep", meanwhile)
    with pytest.raises(RunHeldError, match="process 8 on third-host"):
        WriterLock(path)
    assert json.loads(path.read_text()) == other
