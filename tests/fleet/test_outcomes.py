"""Every outcome of one machine, each reached by a real script that deserves it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from fleet_house import GOOD, House, living_attempts

from seedfleet.fleet import RunControl, RunReport, run
from seedfleet.fleet.outcome import (
    Cancelled,
    Failed,
    FailedToStart,
    Lost,
    Outcome,
    OutputEmpty,
    OutputInvalid,
    OutputMissing,
    Succeeded,
    TimedOut,
)

pytestmark = pytest.mark.slow


def outcome_of(report: RunReport, job_id: str = "a") -> Outcome | None:
    manifest = json.loads((report.folder / "manifest.json").read_text())
    assert manifest["jobs"][job_id]["outcome"] == report.jobs[job_id].word
    return report.jobs[job_id].outcome


def nothing_published(report: RunReport) -> bool:
    results = report.folder / "results"
    return not results.exists() or not [path for path in results.rglob("*") if path.is_file()]


def test_a_good_worker_succeeds_and_leaves_a_marked_result(house: House) -> None:
    report = house.run(house.job(GOOD))
    result = report.jobs["a"].output
    assert result == house.root / "out" / report.run_id / "results" / "a.json"
    assert json.loads(result.read_text()) == {"good": True}
    marker = json.loads(Path(f"{result}.done").read_text())
    outcome = outcome_of(report)
    assert isinstance(outcome, Succeeded)
    assert marker == {
        "job_id": "a",
        "run_id": report.run_id,
        "attempt": 1,
        "size_bytes": outcome.outputs[0].size_bytes,
        "sha256": outcome.outputs[0].sha256,
    }
    assert not list((house.home / "runs").glob("*/attempts/*/*"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("print(json.dumps({'success': True, 'result': 1}))", OutputMissing(("a.json",))),
        ("pass", OutputMissing(("a.json",))),
        ("open(out, 'w')", OutputEmpty(("a.json",))),
        (GOOD + "; sys.exit(3)", Failed(3, None)),
        (GOOD + "; os.kill(os.getpid(), signal.SIGSEGV)", Failed(None, 11)),
        ("raise RuntimeError('no such luck')", Failed(1, None)),
    ],
)
def test_a_bad_worker_is_called_what_it_is(house: House, body: str, expected: Outcome) -> None:
    report = house.run(house.job(body))
    assert outcome_of(report) == expected
    assert nothing_published(report)
    assert not report.succeeded


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("open(out, 'w').write('{\"half\": [1, 2')", "not JSON"),
        ("open(out, 'wb').write(b'\\x00' * 4096)", "not JSON"),
        ("os.mkdir(out)", "no regular file"),
        ("open('real.json', 'w').write('{}'); os.symlink('real.json', out)", "no regular file"),
        ("os.mkfifo(out)", "no regular file"),
    ],
)
def test_an_output_that_is_no_result_is_invalid(house: House, body: str, words: str) -> None:
    report = house.run(house.job(body))
    outcome = outcome_of(report)
    assert isinstance(outcome, OutputInvalid)
    assert words in outcome.problem
    assert nothing_published(report)


def test_text_outputs_are_not_parsed_and_json_can_be_asked_for(house: House) -> None:
    body = "open(out, 'w').write('no json')"
    report = house.run(
        house.job(body, "plain", expected_output="x.txt"),
        house.job(body, "strict", expected_output="y.txt", validate="json"),
        house.job(body, "lax", validate="nonempty"),
    )
    assert [job.word for job in report.jobs.values()] == [
        "succeeded",
        "output_invalid",
        "succeeded",
    ]


def test_any_exit_code_can_be_accepted_and_stays_visible(house: House) -> None:
    report = house.run(house.job(GOOD + "; sys.exit(3)"), accept_any_exit=True)
    assert report.succeeded
    manifest = json.loads((report.folder / "manifest.json").read_text())
    assert manifest["jobs"]["a"]["exit_code"] == 3


def test_a_job_may_list_its_good_exit_codes(house: House) -> None:
    report = house.run(
        house.job(GOOD + "; sys.exit(3)", "a", ok_exit_codes=(3,)),
        house.job(GOOD, "b", ok_exit_codes=(3,)),
    )
    assert isinstance(outcome_of(report, "a"), Succeeded)
    assert outcome_of(report, "b") == Failed(0, None)


def test_three_megabytes_of_talk_are_kept_and_block_nothing(house: House) -> None:
    talk = "sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 3_000_000); " + GOOD
    report = house.run(house.job(talk))
    assert report.succeeded
    attempt = report.folder / "attempts" / "a" / "1"
    assert (attempt / "stdout.log").stat().st_size == 3_000_000
    assert (attempt / "stderr.log").stat().st_size == 3_000_000


STUBBORN = """
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
for session in (False, True):
    subprocess.Popen([sys.executable, "-c", child], start_new_session=session)
subprocess.Popen([sys.executable, "-c", child], start_new_session=True, env={})
"""


def test_a_hanging_worker_is_ended_with_all_its_children(house: House) -> None:
    report = house.run(house.job(STUBBORN + "time.sleep(60)", timeout_s=3.0))
    assert outcome_of(report) == TimedOut(3.0)
    assert living_attempts(report.run_id) == []
    status = json.loads((report.folder / "attempts/a/1/status.json").read_text())
    assert status["processes_ended"] == 4
    assert status["run_s"] < 20


def test_children_left_behind_are_ended_before_the_output_is_judged(house: House) -> None:
    writer = "import time; time.sleep(1); open({out!r}, 'a').write('late')"
    body = f"{GOOD}; subprocess.Popen([sys.executable, '-c', {writer!r}.format(out=out)])"
    report = house.run(house.job(body))
    assert report.succeeded
    assert json.loads(report.jobs["a"].output.read_text()) == {"good": True}
    assert living_attempts(report.run_id) == []


def test_a_script_that_cannot_be_executed_never_started(house: House) -> None:
    (house.root / "plain.sh").write_text("#!/no/such/interpreter\n")
    (house.root / "plain.sh").chmod(0o755)
    (house.root / "data.bin").write_text("not executable")
    report = house.run(
        house.job(job_id="a", script="plain.sh"), house.job(job_id="b", script="data.bin")
    )
    for job_id in "ab":
        outcome = outcome_of(report, job_id)
        assert isinstance(outcome, FailedToStart)
        assert "cannot run the script" in outcome.problem


def test_a_job_whose_supervisor_always_dies_is_lost_in_the_end(house: House) -> None:
    report = house.run(house.job("os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)"))
    outcome = outcome_of(report)
    assert isinstance(outcome, Lost)
    assert outcome.node == "localhost"
    assert report.jobs["a"].attempts == 3
    assert living_attempts(report.run_id) == []


def test_a_job_that_must_not_rerun_is_lost_at_once(house: House) -> None:
    body = "open('ran', 'a').write('x'); os.kill(os.getppid(), signal.SIGKILL)"
    report = house.run(house.job(body, rerun=False), retries=5)
    assert isinstance(outcome_of(report), Lost)
    assert (house.root / "ran").read_text() == "x"


def test_cancelled_jobs_end_and_the_others_never_start(house: House) -> None:
    async def cancel_when_running() -> RunReport:
        control = RunControl()
        jobs = [house.job(f"open('ran-{i}', 'w'); time.sleep(60)", i) for i in "abc"]

        async def interrupt_twice() -> None:
            while not (house.root / "ran-a").exists():
                await asyncio.sleep(0.01)
            control.interrupt()
            control.interrupt()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(interrupt_twice())
            work = tasks.create_task(
                run(jobs, house.options(), engine=house.engine(1), control=control)
            )
        return work.result()

    report = asyncio.run(cancel_when_running())
    assert outcome_of(report) == Cancelled()
    assert report.interrupted
    assert report.counts == {"cancelled": 1, "not_run": 2}
    assert living_attempts(report.run_id) == []


def test_a_failure_is_tried_again_and_both_attempts_are_kept(house: House) -> None:
    body = f"if os.environ['SEEDFLEET_ATTEMPT'] == '1': sys.exit(9)\n{GOOD}"
    report = house.run(house.job(body), retries=1)
    assert report.succeeded
    assert report.jobs["a"].attempts == 2
    attempts = report.folder / "attempts" / "a"
    assert json.loads((attempts / "1/status.json").read_text())["exit_code"] == 9
    assert json.loads((attempts / "2/status.json").read_text())["outcome"] == "succeeded"


def test_a_timeout_is_not_tried_again_unless_asked(house: House) -> None:
    job = house.job("time.sleep(60)", timeout_s=0.2)
    assert house.run(job, retries=1).jobs["a"].attempts == 1
    assert house.run(job, retries=1, retry_timed_out=True).jobs["a"].attempts == 2


def test_max_fails_stops_early_without_calling_it_an_interruption(house: House) -> None:
    jobs = [house.job("sys.exit(1)", name) for name in "abcd"]
    report = house.run(*jobs, slots=1, max_fails=2)
    assert report.counts == {"failed": 2, "not_run": 2}
    assert not report.interrupted


def test_a_script_that_removes_the_folder_of_its_own_attempt_is_told_as_what_it_is(
    house: House,
) -> None:
    body = "import shutil, pathlib; shutil.rmtree(pathlib.Path(out).parents[2])"
    report = house.run(house.job(f"open('ran', 'a').write('x'); {body}"), retries=0)
    assert outcome_of(report) == OutputMissing(("a.json",))
    assert (house.root / "ran").read_text() == "x"
