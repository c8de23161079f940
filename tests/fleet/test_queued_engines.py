"""What every queueing engine does, over a scheduler of local processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from queue_house import RUN, SOON, Line, job, start, starts, until, with_play

from seedfleet.cli import main
from seedfleet.fleet import (
    AttemptStarted,
    BadInputError,
    NodeContact,
    Notice,
    ResumeOptions,
    RunOptions,
    resume,
    run,
    run_sync,
)
from seedfleet.fleet.engines.base import Allocation, Attempt, Rules
from seedfleet.fleet.engines.queued._held import Held
from seedfleet.fleet.engines.queued.arrivals import Arrivals
from seedfleet.fleet.engines.queued.engine import QueuePace
from seedfleet.fleet.engines.queued.probe import DiskProbe
from seedfleet.fleet.engines.queued.scheduler import TaskState
from seedfleet.fleet.engines.slurm import SlurmScheduler, SlurmWishes
from seedfleet.fleet.node.shared_lease import has_ended, whereabouts
from seedfleet.fleet.outcome import Cancelled, Failed, FailedToStart, Lost, Succeeded
from seedfleet.fleet.paths import RunPaths
from seedfleet.fleet.spec import parse_jobs
from seedfleet.fleet.testing import Outage, check_engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet import Progress, RunReport
    from seedfleet.fleet.engines.base import Ended

pytestmark = pytest.mark.slow  # all of them start interpreters


def test_an_interruption_and_status_say_what_a_queue_may_still_do(
    root: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    line.holds = True
    said: list[str] = []

    def hear(event: Progress) -> None:
        match event:
            case AttemptStarted():
                (folder,) = (root / "full_scoring_results").iterdir()
                said.append(CliRunner().invoke(main, ["status", folder.name]).stdout)
                os.kill(os.getpid(), signal.SIGINT)
            case Notice(text) if "interrupted" in text:
                said.append(text)
                if "again to cancel" in text:
                    os.kill(os.getpid(), signal.SIGINT)

    done = run_sync([job()], RunOptions(root=root), engine=line.engine(), on_event=hear)
    standing, first, second = said
    assert "; 1 waiting\n" in standing
    assert (
        "1 job under way, 1 waiting in the queue:\n  a: attempt 1 waits in line, handed in "
    ) in standing
    assert first.endswith("are handed in, those handed to the queue go on; again to cancel")
    assert second == "interrupted: cancelling"
    assert isinstance(done.jobs["a"].outcome, Cancelled)


def test_a_queueing_engine_keeps_the_contract(line: Line, tmp_path: Path) -> None:
    def set_down(down: bool) -> None:
        line.down = down

    outage = Outage(cut=lambda: set_down(True), mend=lambda: set_down(False))
    asyncio.run(check_engine(line.engine, tmp_path, outage))


def test_tasks_that_ask_the_same_share_a_batch_and_results_say_where_they_ran(
    line: Line, root: Path
) -> None:
    line.environment["SLURMD_NODENAME"] = "moon"
    jobs = [job(f"j{n}") for n in range(4)] + [job("other", timeout_s=50.0)]
    report = asyncio.run(start(root, line.engine(), *jobs))
    assert report.succeeded
    assert sorted(len(batch.numbers) for batch in line.batches) == [1, 1, 3]
    manifest = json.loads(Path(report.folder, "manifest.json").read_text())
    assert {each["node"] for each in manifest["jobs"].values()} == {"moon"}
    assert manifest["jobs"]["j0"]["history"][0]["node"] == "moon"
    assert manifest["nodes"]["line"]["queue"]
    assert not list(Path(report.folder, "queue", "orders").iterdir()), "nothing is left to do"


def test_a_task_that_is_started_again_while_its_first_copy_lives_touches_nothing(
    line: Line, root: Path
) -> None:
    async def play() -> None:
        await until(lambda: starts(root) == 1)
        second = line.run_task(line.batches[0], 1)
        await asyncio.to_thread(second.wait, 60)
        assert second.returncode == 0

    report = with_play(root, line, play, job())
    assert report.succeeded
    assert report.jobs["a"].attempts == 1
    assert starts(root) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_task_that_its_scheduler_ends_and_starts_again_runs_anew_as_the_same_attempt(
    line: Line, root: Path, number: signal.Signals
) -> None:
    """As preemption does it, with a grace and without."""

    async def play() -> None:
        await until(lambda: starts(root) == 1)
        (batch,) = line.batches
        task = line.tasks[batch.name, 1]
        line.tasks.pop((batch.name, 1))  # it is queued again, says the scheduler
        task.send_signal(number)
        await asyncio.to_thread(task.wait)
        line.run_task(batch, 1)
        await until(lambda: starts(root) == 2)

    report = with_play(root, line, play, job())
    assert report.succeeded
    assert report.jobs["a"].attempts == 1
    first, second = (int(pid) for pid in (root / "starts-a").read_text().split())
    ended = {**whereabouts(), "pid": first}
    assert has_ended(ended), "what the dead copy had started"
    assert first != second


@pytest.mark.parametrize("succeeds", [True, False])
def test_what_stood_at_a_path_survives_a_killed_copy_of_its_attempt(
    line: Line, root: Path, succeeds: bool
) -> None:
    """Also where that one had half written its own, and nobody had put the old one back."""
    script = root / "half.sh"
    script.write_text(
        "#!/bin/sh\n[ -e a.txt ] && cat a.txt > seen\necho half > a.txt\necho x >> starts-a\n"
        "while [ -e hold ]; do sleep 0.02; done\n"
        + ("echo new > a.txt\n" if succeeds else "exit 3\n")
    )
    script.chmod(0o755)
    (root / "a.txt").write_text("old")

    async def play() -> None:
        await until(lambda: starts(root) == 1)
        (batch,) = line.batches
        task = line.tasks.pop((batch.name, 1))
        task.kill()
        await asyncio.to_thread(task.wait)
        line.run_task(batch, 1)
        await until(lambda: starts(root) == 2)

    asked = job(script="half.sh", args=(), expected_output="a.txt", retries=0)
    report = with_play(root, line, play, asked, preserve_paths=True)
    assert report.succeeded == succeeds
    assert (root / "a.txt").read_text() == ("new\n" if succeeds else "old")
    assert not list(Path().glob("path-*")), "locks are where all users of the machine meet"
    assert not (root / "seen").exists(), "a stale file is out of the way of each copy"
    assert report.jobs["a"].attempts == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_must_not_run_again_is_lost_when_its_task_is_started_again(
    line: Line, root: Path, number: signal.Signals
) -> None:
    async def play() -> None:
        await until(lambda: starts(root) == 1)
        (batch,) = line.batches
        assert not batch.request.requeue
        task = line.tasks.pop((batch.name, 1))
        task.send_signal(number)
        await asyncio.to_thread(task.wait)
        second = line.run_task(batch, 1)
        await asyncio.to_thread(second.wait, 60)

    report = with_play(root, line, play, job(rerun=False))
    assert isinstance(report.jobs["a"].outcome, Lost)
    assert starts(root) == report.jobs["a"].attempts == 1


def test_a_copy_whose_lease_was_taken_over_ends_its_script_and_says_nothing(
    line: Line, root: Path
) -> None:
    """As it does where it was cut off from the disk for longer than others wait for it."""

    async def play() -> None:
        await until(lambda: starts(root) == 1)
        first = line.tasks[line.batches[0].name, 1]
        (lease,) = root.rglob("leases/a")
        known = json.loads(lease.read_bytes()) | {"name": "x", "host": "elsewhere", "token": "t"}
        draft = lease.with_name("draft")
        draft.write_text(json.dumps(known))
        draft.replace(lease)
        await asyncio.to_thread(first.wait, 20)
        script = int((root / "starts-a").read_text())
        assert not Path(f"/proc/{script}").exists()
        assert not list(root.rglob("queue/attempts/a/1/status.json"))
        lease.unlink()
        await until(lambda: starts(root) == 2)

    report = with_play(root, line, play, job(retries=0))
    assert report.succeeded
    assert [type(ended.outcome) for ended, _ in report.jobs["a"].history] == [Lost, Succeeded]


# At first gives its lease to somebody else, and goes on; then it fails.
LOSES = """import glob, json, os, sys
open("starts-a", "a").write("x\\n")
if not os.path.exists("hold"):
    sys.exit(4)
os.remove("hold")
(lease,) = glob.glob("out/.seedfleet/*/queue/leases/a")
taken = dict(json.load(open(lease)), name="x", token="t", pid=99999999)
open("draft", "w").write(json.dumps(taken))
os.replace("draft", lease)
"""


@pytest.mark.parametrize("prints", [False, True])
def test_a_copy_that_ends_by_itself_after_its_lease_was_taken_over_says_and_writes_nothing(
    line: Line, root: Path, prints: bool
) -> None:
    """Neither that it has failed nor, where its result is what it prints, that result."""
    (root / "sieve_filter.py").write_text(LOSES + ("print('{}')" if prints else "sys.exit(3)"))

    async def play() -> None:
        await until(lambda: bool(line.tasks))
        line.down = True  # so that the head does not clear away first
        (first,) = line.tasks.values()
        await asyncio.to_thread(first.wait, 20)
        assert not (root / "result_a.json").exists()
        line.down = False
        await until(lambda: starts(root) == 2)

    asked = job(script="sieve_filter.py", args=(), expected_output="result_a.json")
    if prints:
        sieve_job = {"job_id": "a", "search_type": "residue_sieve", "seed_start": 0, "seed_end": 9}
        ((_, asked),) = parse_jobs([sieve_job]).jobs
    report = with_play(root, line, play, asked, preserve_paths=True, retries=0)
    ends = [ended.outcome for ended, _ in report.jobs["a"].history]
    assert [type(end) for end in ends] == [Lost, Failed]
    assert ends[-1] == Failed(4, None)
    assert not (root / "result_a.json").exists(), "nor is it put back as if it were an older one"


@pytest.mark.parametrize(
    ("in_place", "queued_again"), [(True, True), (True, False), (False, False)]
)
def test_of_a_copy_that_may_live_elsewhere_nothing_is_tried_again_in_place(
    line: Line, root: Path, in_place: bool, queued_again: bool
) -> None:
    """Neither by the head nor by its scheduler."""

    async def play() -> None:
        await until(lambda: starts(root) == 1)
        task = line.tasks[line.batches[0].name, 1]
        line.down = queued_again  # so that the head does not judge it first
        (lease,) = root.rglob("leases/a")
        known = json.loads(lease.read_bytes()) | {"host": "elsewhere"}
        lease.write_text(json.dumps(known))
        task.kill()
        await asyncio.to_thread(task.wait)
        os.utime(lease, (0, 0))  # it has been quiet for long
        if queued_again:
            await asyncio.to_thread(line.run_task(line.batches[0], 1).wait, 20)
            line.down = False
        await until(lambda: in_place or starts(root) == 2)
        (root / "hold").unlink()

    report = with_play(root, line, play, job(retries=0), preserve_paths=in_place)
    assert report.succeeded != in_place
    assert starts(root) == report.jobs["a"].attempts == (1 if in_place else 2)
    assert report.jobs["a"].history[0][0].copy_may_live


def test_slurms_word_for_how_a_task_ended_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = ("OUT_OF_MEMORY", "NODE_FAIL", "TIMEOUT", "PENDING", "COMPLETING")
    lines = [f"7|{n}|{state}|x|Priority" for n, state in enumerate(states)]
    (tmp_path / "squeue").write_text("#!/bin/sh\ncat <<E\n" + "\n".join(lines) + "\nE\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    slurm = SlurmScheduler(SlurmWishes(), 5)
    told = asyncio.run(slurm.look({"7+1+x": range(1, 6)}))
    over, alive = TaskState.OVER, TaskState.ALIVE
    assert list(told.values()) == [TaskState.OUT_OF_MEMORY, over, over, alive, alive]
    reasons = [slurm.reason("7+1+x", number) for number in range(1, 6)]
    assert reasons == ["OUT_OF_MEMORY", "NODE_FAIL", "TIMEOUT", "Priority", "Priority"]


def test_what_a_scheduler_kills_for_its_memory_has_failed(line: Line, root: Path) -> None:
    async def play() -> None:
        await until(lambda: starts(root) == 1)
        line.over, line.reason = TaskState.OUT_OF_MEMORY, "OUT_OF_MEMORY"
        line.tasks[line.batches[0].name, 1].kill()

    report = with_play(root, line, play, job(retries=0))
    assert report.jobs["a"].outcome == Failed(None, signal.SIGKILL)
    assert "OUT_OF_MEMORY" in report.jobs["a"].detail
    assert starts(root) == 1


def test_what_ends_while_the_scheduler_is_away_for_long_counts(line: Line, root: Path) -> None:
    """Also where the job writes in place, so that nothing may start beside it."""

    async def play() -> None:
        await until(lambda: starts(root) == 1)
        line.down = True
        await asyncio.sleep(0.5)  # it has missed two questions
        (root / "hold").unlink()
        await asyncio.sleep(2.5)
        line.down = False

    report = with_play(root, line, play, job(), preserve_paths=True, node_lost_after_s=2.0)
    assert report.succeeded
    assert starts(root) == report.jobs["a"].attempts == 1


def test_nothing_ends_by_a_scheduler_that_is_away_for_longer_than_a_node_may_be(
    line: Line, root: Path
) -> None:
    names = [f"j{n}" for n in range(12)]  # more than may be handed in at once
    told: list[NodeContact] = []

    def hear(event: Progress) -> None:
        assert not (isinstance(event, Notice) and "too long" in event.text)
        if isinstance(event, NodeContact):
            told.append(event)

    async def both() -> RunReport:
        options = RunOptions(root=root, output_dir="out", node_lost_after_s=0.3)
        jobs = [job(name, retries=0) for name in names]
        running = asyncio.ensure_future(
            run(jobs, options, engine=line.engine(), run_id=RUN, on_event=hear)
        )
        await until(lambda: sum(starts(root, name) for name in names) == SOON.slots)
        line.down = True
        await until(lambda: bool(told))
        await asyncio.sleep(0.6)
        assert not running.done()
        (root / "hold").unlink()  # what ends meanwhile is taken in
        results = root / f"out/{RUN}/results"
        await until(lambda: len(list(results.glob("*.done"))) == SOON.slots)
        line.down = False
        async with asyncio.timeout(90):
            return await running

    (root / "hold").touch()
    report = asyncio.run(both())
    assert report.succeeded
    assert [starts(root, name) for name in names] == [1] * 12
    assert [event.node.contact for event in told] == [False, True]


def test_faults_of_many_tasks_keep_no_other_from_being_handed_in(line: Line, root: Path) -> None:
    """Three of them would put a machine into quarantine for 15 s."""
    names = [f"j{n}" for n in range(12)]

    async def play() -> None:
        await until(lambda: sum(starts(root, name) for name in names) == SOON.slots)
        for task in list(line.tasks.values()):
            task.kill()
        await until(lambda: sum(starts(root, name) for name in names) == 2 * SOON.slots, 12.0)

    report = with_play(root, line, play, *(job(name, retries=0) for name in names))
    assert report.succeeded
    assert {report.jobs[name].attempts for name in names} == {1, 2}


def test_slow_arrivals_are_brought_in_by_one_at_a_time(
    line: Line, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are seen and the scheduler says so meanwhile: both would end the attempt."""
    at_work: list[str] = []
    told: list[str] = []
    end = Arrivals.end

    def slow(self: Arrivals, attempt: Attempt, status: Mapping[str, Any]) -> Ended:
        name = attempt.job.job_id
        assert name not in at_work
        told.append(name)
        at_work.append(name)
        time.sleep(0.5)
        try:
            return end(self, attempt, status)
        finally:
            at_work.remove(name)

    monkeypatch.setattr(Arrivals, "end", slow)
    monkeypatch.setattr("seedfleet.fleet.engines.queued._work._MOST_AT_ONCE", 2)
    names = [f"j{n}" for n in range(6)]
    report = asyncio.run(start(root, line.engine(), *map(job, names)))
    assert report.succeeded
    assert sorted(told) == names


def test_many_tasks_of_a_batch_are_cancelled_with_one_question(line: Line, root: Path) -> None:
    async def both() -> int:
        paths = RunPaths(
            root=root, output_dir=root / "out", run_id=f"r{os.getpid()}", preserve=False
        )
        paths.folder.mkdir(parents=True)
        engine = line.engine()
        await engine.open(paths, Rules())
        for name in "abc":
            await engine.start(Attempt(job(name), 1), Allocation("line", ()))
        await until(lambda: all(starts(root, name) for name in "abc"))
        for name in "abc":
            await engine.cancel(name, 1)
        ends = engine.events()
        for _ in "abc":
            assert (await anext(ends)).outcome == Cancelled()  # type: ignore[union-attr]
        await engine.close()
        return line.cancels

    (root / "hold").touch()
    assert asyncio.run(both()) == 1


def test_a_task_that_nobody_keeps_is_judged_more_and_more_seldom() -> None:
    held, pace = Held(Attempt(job(), 1)), QueuePace(poll_s=5.0, grace_s=0.0)
    judged = [now for now in range(0, 3600, 5) if held.is_due(TaskState.UNKNOWN, now, pace)]
    assert judged[:4] == [0, 5, 15, 35]
    assert max(b - a for a, b in pairwise(judged)) == 120
    held.cancelled = True
    assert held.is_due(TaskState.UNKNOWN, judged[-1], pace), "but at once when it is to end"


def test_a_killed_supervisor_costs_no_retry(line: Line, root: Path) -> None:
    async def play() -> None:
        await until(lambda: starts(root) == 1)
        line.tasks[line.batches[0].name, 1].kill()
        await until(lambda: starts(root) == 2)

    report = with_play(root, line, play, job(retries=0))
    assert report.succeeded
    assert [type(ended.outcome) for ended, _ in report.jobs["a"].history] == [Lost, Succeeded]


def test_a_task_that_ends_without_a_trace_is_lost_and_tried_again(line: Line, root: Path) -> None:
    line.holds = True

    async def play() -> None:
        await until(lambda: len(line.batches) == 1)
        line.holds = False
        line.batches.clear()  # the scheduler has forgotten it

    report = with_play(root, line, play, job(retries=0))
    assert report.succeeded
    assert report.jobs["a"].attempts == 2
    lost = report.jobs["a"].history[0][0]
    assert "does not know its task any more" in lost.detail


def test_what_a_task_said_that_could_not_start_is_told(line: Line, root: Path) -> None:
    report = asyncio.run(start(root, line.engine(python="/no/such/python3"), job(retries=0)))
    assert isinstance(report.jobs["a"].outcome, Lost)
    assert "/no/such/python3" in report.jobs["a"].detail


def test_what_somebody_else_cancels_in_the_queue_is_cancelled(line: Line, root: Path) -> None:
    line.holds = True

    async def play() -> None:
        await until(lambda: len(line.batches) == 1)
        line.ended_by_request.add((line.batches[0].name, 1))

    report = with_play(root, line, play, job())
    assert report.jobs["a"].outcome == Cancelled()
    assert report.jobs["a"].attempts == 1


@pytest.mark.parametrize(
    ("waits", "outcome"), [(TaskState.HELD, Succeeded), (TaskState.NEVER, FailedToStart)]
)
def test_a_task_that_does_not_run_is_taken_out_of_the_line_with_the_reason(
    line: Line, root: Path, waits: TaskState, outcome: type
) -> None:
    """One that its machine has put back is tried anew; one that asks too much is not."""
    line.holds, line.waits, line.reason = True, waits, "PartitionTimeLimit"

    async def play() -> None:
        await until(lambda: len(line.batches) == 1)
        line.holds = False
        await until(lambda: (line.batches[0].name, 1) in line.ended_by_request)

    report = with_play(root, line, play, job(retries=0))
    assert isinstance(report.jobs["a"].outcome, outcome)
    assert "PartitionTimeLimit" in report.jobs["a"].history[0][0].detail


def test_a_refused_task_has_failed_to_start_with_the_schedulers_words(
    line: Line, root: Path
) -> None:
    line.refuses = "no such gres"
    report = asyncio.run(start(root, line.engine(), job(retries=0)))
    assert report.jobs["a"].outcome == FailedToStart("no such gres")


def test_a_batch_whose_taking_was_not_heard_of_is_not_handed_in_twice(
    line: Line, root: Path
) -> None:
    line.loses_answer = True

    async def play() -> None:
        await until(lambda: line.finds > 0 or len(line.batches) > 1)
        await asyncio.sleep(0.2)

    report = with_play(root, line, play, job("a"), job("b"))
    assert report.succeeded
    assert len(line.batches) == 1
    assert starts(root, "a") == starts(root, "b") == 1


@pytest.mark.parametrize("python", ["env/python", "./env/python", "~/env/python"])
def test_an_interpreter_is_found_from_whatever_folder_a_task_starts_in(
    line: Line, root: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    monkeypatch.setenv("HOME", str(root))
    (root / "env").mkdir()
    (root / "env/python").symlink_to(sys.executable)
    (root / "work.py").write_text("import sys; open(sys.argv[1], 'w').write(sys.executable)")
    probe = DiskProbe(wait_s=20, grace_s=0.2, say=print)
    engine = line.engine(python=python)
    engine._probe = probe
    report = asyncio.run(start(root, engine, job(script="work.py", retries=0)))
    assert report.jobs["a"].output.read_text() == str(root / "env/python")


def test_the_interpreter_of_a_user_whom_nobody_knows_is_refused(line: Line, root: Path) -> None:
    with pytest.raises(BadInputError, match=r"~no-such-user/python: "):
        asyncio.run(start(root, line.engine(python="~no-such-user/python"), job()))
    assert not (root / "out" / RUN).exists()


def test_pins_go_to_the_scheduler_but_for_those_that_none_can_keep(line: Line, root: Path) -> None:
    report = asyncio.run(start(root, line.engine(), job("a", node="moon"), job("b", gpus=0)))
    assert report.succeeded
    assert {batch.request.node for batch in line.batches} == {"moon", None}
    pinned = [job("c", gpu_id=1), job("d", gpu_memory_gib=8.0), job("e")]
    with pytest.raises(BadInputError, match="gpu_id 1") as refused:
        asyncio.run(start(root, line.engine(), *pinned))
    assert len(refused.value.problems) == 2, "every one is listed"


def test_a_later_head_takes_in_what_ended_without_one(line: Line, root: Path) -> None:
    async def leave() -> None:
        engine = line.engine()
        running = asyncio.ensure_future(start(root, engine, job("a"), job("b")))
        await until(lambda: starts(root, "a") == starts(root, "b") == 1)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        (root / "hold").unlink()
        await until(lambda: all(task.poll() is not None for task in line.tasks.values()))

    (root / "hold").touch()
    asyncio.run(leave())
    wanted = ResumeOptions(root=root, output_dir="out")
    report = asyncio.run(resume(RUN, wanted, engine=line.engine()))
    assert report.succeeded
    assert starts(root, "a") == starts(root, "b") == 1
    assert len(line.batches) == 1


def test_a_disk_that_is_not_shared_is_told_before_anything_starts(line: Line, root: Path) -> None:
    probe = DiskProbe(wait_s=20, grace_s=0.2, say=print)
    good = line.engine()
    good._probe = probe
    assert asyncio.run(start(root, good, job())).succeeded
    assert not list(root.rglob(".seedfleet-probe-*"))
    elsewhere = Line(elsewhere=True)
    blind = elsewhere.engine()
    blind._probe = probe
    options = RunOptions(root=root, output_dir="out")
    with pytest.raises(BadInputError, match=r"do not share .*root"):
        asyncio.run(run([job()], options, engine=blind, run_id=f"{RUN}-s"))
    assert not (root / "out" / f"{RUN}-s").exists()
    elsewhere.end_all()
