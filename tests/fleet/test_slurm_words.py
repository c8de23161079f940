"""What is made of Slurm's words: refusals that pass, holds, and whose tasks an array has."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from queue_house import SOON, Line, LineScheduler, own_run_id, until

from seedfleet.fleet import Job, Notice, RunControl, RunOptions, run
from seedfleet.fleet.engines._slurm_words import Refusal, refusal
from seedfleet.fleet.engines.queued.engine import QueueEngine
from seedfleet.fleet.engines.queued.folder import TaskRules
from seedfleet.fleet.engines.queued.ledger import BatchLedger, HandedIn
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
    RefusedForNowError,
    Request,
    SchedulerDownError,
    TaskState,
)
from seedfleet.fleet.engines.slurm import SlurmEngine, SlurmScheduler, SlurmWishes
from seedfleet.fleet.outcome import Cancelled
from seedfleet.fleet.submissions import FORMS, TaskList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from seedfleet.fleet import Progress, RunReport

RUN = own_run_id()
FAILED = "sbatch: error: Batch job submission failed: "
DRAINED = f"{FAILED}Required partition not available (inactive or drain)"
POLICY = f"{FAILED}Job violates accounting/QOS policy (job submit limit, user's size and/or time"
FULL = "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying."


class Tools:
    """Programs by Slurm's names, first on PATH; each writes down what it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def make(self, name: str, body: str = "") -> None:
        log = shlex.quote(str(self.folder / f"{name}.told"))
        program = self.folder / name
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" '' >> {log}\n{body}\n")
        program.chmod(0o755)

    def prints(self, name: str, text: str) -> None:
        self.make(name, f"cat <<'E'\n{text}\nE")

    def refuses(self, text: str, code: int = 1) -> None:
        self.make("sbatch", f"cat <<'E' >&2\n{text}\nE\nexit {code}")

    def told(self, name: str) -> list[list[str]]:
        """List the words of every call."""
        log = self.folder / f"{name}.told"
        calls = log.read_text().split("\n\n")[:-1] if log.exists() else []
        return [call.split("\n") for call in calls]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    return made


def scheduler(**wishes: Any) -> SlurmScheduler:
    return SlurmScheduler(SlurmWishes(**wishes), 500)


def batch(tmp_path: Path, *, count: int = 1, log: str = "log", **asked: Any) -> Batch:
    request = Request(**{"gpus": 0, "timeout_s": 60.0} | asked)
    return Batch("slurm-ab", ("true",), range(5, 5 + count), request, tmp_path / log)


def submitted(tools: Tools, handed_in: Batch, **wishes: Any) -> list[str]:
    """Return what sbatch was told."""
    tools.prints("sbatch", "7")
    asyncio.run(scheduler(**wishes).submit(handed_in))
    return tools.told("sbatch")[-1]


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (DRAINED, Refusal.NOT_NOW),
        (f"{FAILED}I/O error writing script/environment to file", Refusal.NOT_NOW),
        (f"{FAILED}Unspecified error", Refusal.NOT_NOW),
        (POLICY, Refusal.TOO_MANY),
        (f"sbatch: error: AssocMaxSubmitJobLimit; {POLICY}", Refusal.TOO_MANY),
        (f"sbatch: error: QOSMaxSubmitJobPerUserLimit; {POLICY}", Refusal.TOO_MANY),
        (f"sbatch: error: AssocGrpSubmitJobsLimit; {POLICY}", Refusal.TOO_MANY),
        (FULL, Refusal.TOO_MANY),
        (f"sbatch timed out: {FULL}", Refusal.TOO_MANY),
        ("sbatch: error: Slurm job queue full, sleeping and retrying.", Refusal.TOO_MANY),
        ("sbatch timed out", Refusal.SILENCE),
        (f"{FAILED}Unable to contact slurm controller (connect failure)", Refusal.SILENCE),
        (f"{FAILED}Socket timed out on send/recv operation", Refusal.SILENCE),
        (f"sbatch: error: QOSMaxWallDurationPerJobLimit; {POLICY}", Refusal.NEVER),
        (f"{FAILED}Invalid partition name specified", Refusal.NEVER),
        (f"{FAILED}Invalid account or account/partition combination specified", Refusal.NEVER),
        (f"{FAILED}Invalid qos specification", Refusal.NEVER),
        (f"{FAILED}Invalid feature specification", Refusal.NEVER),
        (f"{FAILED}Node count specification invalid", Refusal.NEVER),
        (f"{FAILED}Requested node configuration is not available", Refusal.NEVER),
        (f"{FAILED}User's group not permitted to use this partition", Refusal.NEVER),
        ("sbatch: error: Invalid generic resource (gres) specification", Refusal.NEVER),
        ("sbatch: unrecognized option '--bla'", Refusal.NEVER),
    ],
)
def test_only_a_refusal_that_can_never_pass_is_final(
    tools: Tools, tmp_path: Path, said: str, how: Refusal
) -> None:
    assert refusal(said) is how
    tools.refuses(said)
    kinds = {Refusal.SILENCE: SchedulerDownError, Refusal.NEVER: RefusedBatchError}
    with pytest.raises(kinds.get(how, RefusedForNowError)) as raised:
        asyncio.run(scheduler().submit(batch(tmp_path)))
    if isinstance(raised.value, RefusedForNowError):
        assert raised.value.too_many == (how is Refusal.TOO_MANY)
        assert ("partition=NAME" in str(raised.value)) == (said == DRAINED)
        assert ("slots=N" in str(raised.value)) == (how is Refusal.TOO_MANY)


@pytest.mark.parametrize(("said", "full"), [(FULL, True), ("", False)])
def test_an_sbatch_that_waits_for_a_full_line_is_not_taken_for_silence(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, full: bool
) -> None:
    monkeypatch.setattr("seedfleet.fleet.engines.slurm._PATIENCE_S", 0.1)
    tools.make("sbatch", f"echo {shlex.quote(said)} >&2; exec sleep 60")
    with pytest.raises(RefusedForNowError if full else SchedulerDownError):
        asyncio.run(scheduler().submit(batch(tmp_path)))


@pytest.mark.parametrize("printed", ["", "no number"])
def test_an_sbatch_that_names_no_job_is_refused_with_one_line(
    tools: Tools, tmp_path: Path, printed: str
) -> None:
    tools.make("sbatch", f"echo {shlex.quote(printed)}; echo 'Job 1 to start at noon' >&2")
    with pytest.raises(RefusedBatchError, match=r"Job 1 to start at noon.*--test-only") as raised:
        asyncio.run(scheduler(extra=("--test-only",)).submit(batch(tmp_path)))
    assert "\n" not in str(raised.value)


def test_what_sbatch_is_told_of_an_array(tools: Tools, tmp_path: Path) -> None:
    told = submitted(tools, batch(tmp_path, count=3, log="100%j.log", timeout_s=601.0))
    assert "--array=0-2" in told
    assert f"--output={tmp_path}/100%%j.log" in told, "no pattern of Slurm's"
    assert "--time=16" in told, "eleven minutes begun, and five for what surrounds the script"
    named = submitted(tools, batch(tmp_path), extra=("--job-name=mine",))
    assert [word for word in named if "job-name" in word][-1] == "--job-name=slurm-ab"


@pytest.mark.parametrize("requeue", [True, False])
def test_only_a_job_that_may_run_twice_is_queued_again(
    tools: Tools, tmp_path: Path, requeue: bool
) -> None:
    handed_in = batch(tmp_path, requeue=requeue)
    told = submitted(tools, handed_in)
    tasks = TaskList(
        run_id="r", words=("true",), folder="/f", logs="/l", requests=(handed_in.request,)
    )
    written = FORMS["slurm"].write(tasks)
    (script,) = written.files.values()
    assert ("--requeue" in told) == ("#SBATCH --requeue" in script) == requeue
    assert ("--no-requeue" in told) == ("#SBATCH --no-requeue" in script) == (not requeue)


def test_an_array_that_was_handed_in_is_found_by_its_name(tools: Tools, tmp_path: Path) -> None:
    tools.prints("squeue", "3|0|RUNNING|slurm-abc|None\n7|0|PENDING|slurm-ab|Priority")
    assert asyncio.run(scheduler().find(batch(tmp_path))) == "7+5+slurm-ab"
    tools.prints("squeue", "3|0|RUNNING|slurm-abc|None")
    assert asyncio.run(scheduler().find(batch(tmp_path))) is None


@pytest.mark.parametrize(
    ("reason", "restarts", "state"),
    [
        ("Priority", 0, TaskState.ALIVE),
        ("launch failed requeued held", 0, TaskState.HELD),
        ("launch_failed_requeued_held", 0, TaskState.HELD),
        ("JobHoldMaxRequeue", 0, TaskState.HELD),
        ("JobHeldAdmin", 1, TaskState.HELD),
        ("JobHeldAdmin", 0, TaskState.PAUSED),
        ("JobHeldUser", 0, TaskState.PAUSED),
        ("JobHeldUser", 1, TaskState.PAUSED),
        ("PartitionTimeLimit", 0, TaskState.NEVER),
        ("PartitionNodeLimit", 0, TaskState.NEVER),
        ("BadConstraints", 0, TaskState.NEVER),
    ],
)
def test_what_keeps_a_pending_task(
    tools: Tools, reason: str, restarts: int, state: TaskState
) -> None:
    rows = f"7|0|PENDING|x|{reason}\n7|1|RUNNING|x|{reason}"
    counts = f"7   0   {restarts}\n7   1   5\n8   0   5"
    answer = f"cat <<'E'\n{counts}\nE\n;; *) cat <<'E'\n{rows}\nE\n;; esac"
    tools.make("squeue", f'case "$*" in *RestartCnt*) {answer}')
    slurm = scheduler()
    told = asyncio.run(slurm.look({"7+1+x": [1, 2]}))
    assert told == {("7+1+x", 1): state, ("7+1+x", 2): TaskState.ALIVE}
    assert reason in slurm.reason("7+1+x", 1)
    assert ("scontrol release 7" in slurm.reason("7+1+x", 1)) == (state is TaskState.PAUSED)


def test_a_number_that_another_array_has_now_is_not_believed_and_not_ended(tools: Tools) -> None:
    tools.prints("squeue", "7|0|RUNNING|my-other-work|None\n8|0|RUNNING|x|None")
    tools.make("scancel")
    slurm = scheduler()
    assert asyncio.run(slurm.look({"7+1+x": [1]})) == {}
    asyncio.run(slurm.cancel("7+1+x", [1]))
    assert tools.told("scancel") == []
    asyncio.run(slurm.cancel("8+1+x", [1]))
    assert tools.told("scancel") == [["--quiet", "8_0"]]


@pytest.mark.parametrize(
    ("said", "silent"),
    [
        ("scancel: error: Kill job error on job id 7_0: Invalid job id specified", False),
        ("scancel: error: Unable to contact slurm controller (connect failure)", True),
    ],
    ids=["ended", "silent"],
)
def test_a_task_that_has_ended_meanwhile_is_no_silence(
    tools: Tools, said: str, silent: bool
) -> None:
    tools.prints("squeue", "7|0|COMPLETED|x|None")
    tools.make("scancel", f"echo {shlex.quote(said)} >&2; exit 1")
    work = scheduler().cancel("7+1+x", [1])
    with pytest.raises(SchedulerDownError) if silent else nullcontext():
        asyncio.run(work)


def test_each_of_many_tasks_is_cancelled_once(tools: Tools) -> None:
    tools.prints("squeue", "7|0|RUNNING|x|None")
    tools.make("scancel")
    asyncio.run(scheduler().cancel("7+1+x", range(1, 451)))
    told = [word for call in tools.told("scancel") for word in call if word != "--quiet"]
    assert told == [f"7_{place}" for place in range(450)]


def test_a_batch_is_noted_only_once_that_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was handed in and forgotten by a power cut would be handed in again."""
    ledger = BatchLedger(tmp_path / "batches")

    def full(descriptor: int) -> None:
        raise OSError(28, f"No space left for {descriptor}")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ledger.add(HandedIn("x", 1, ("a",), Request(0, 5.0)))
    assert not ledger.batches


def test_halves_of_a_batch_keep_the_numbers_of_its_tasks(tmp_path: Path) -> None:
    whole = HandedIn("x", 4, ("a", "b", "c"), Request(0, 5.0))
    ledger = BatchLedger(tmp_path / "batches")
    ledger.add(whole)
    ledger.split(whole)
    later = BatchLedger(tmp_path / "batches")
    assert later.tasks == {"a": ("x-1", 4), "b": ("x-2", 5), "c": ("x-2", 6)}
    assert later.next_number == 7


def test_a_crash_while_a_batch_is_halved_leaves_it_whole_or_in_two(tmp_path: Path) -> None:
    """One half beside the whole would have its tasks handed in twice."""
    path, whole = tmp_path / "batches", HandedIn("x", 4, ("a", "b", "c"), Request(0, 5.0))
    ledger = BatchLedger(path)
    ledger.add(whole)
    before = path.stat().st_size
    halves = ledger.split(whole)
    content = path.read_bytes()
    found = []
    for size in range(before, len(content) + 1):
        path.write_bytes(content[:size])
        found.append(set(BatchLedger(path).batches.values()) - {whole})
    assert found == [set()] * (len(content) - before) + [set(halves)]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    (tmp_path / "work.sh").write_text('#!/bin/sh\necho x > "$1"\n')
    (tmp_path / "work.sh").chmod(0o755)
    made = Line()
    yield made
    made.end_all()


class Full(LineScheduler):
    """Takes nothing until it is let, and then as few tasks at once as it is told."""

    def __init__(self, line: Line, most: int = 0) -> None:
        super().__init__(line)
        self.most = most
        self.refused: list[int] = []  # the sizes of batches
        self.too_many = True

    async def submit(self, batch: Batch) -> str:
        if len(batch.numbers) > self.most:
            self.refused.append(len(batch.numbers))
            raise RefusedForNowError("the line is full", too_many=self.too_many)
        return await super().submit(batch)


async def start(
    root: Path, scheduler: LineScheduler, hear: Callable[[Progress], None], *names: str, **more: Any
) -> RunReport:
    pace = replace(SOON, **more.pop("pace", {}))
    engine = QueueEngine(scheduler, task_rules=TaskRules(default_gpus=0), pace=pace)
    jobs = [
        Job(job_id=n, script="work.sh", args=("{output}",), expected_output=f"{n}.out", gpus=0)
        for n in names
    ]
    options = RunOptions(root=root, output_dir="out", kill_grace_s=0.5)
    return await run(jobs, options, engine=engine, run_id=RUN, on_event=hear, **more)


def notices(events: Sequence[Progress], word: str) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice) and word in event.text]


@pytest.mark.slow
@pytest.mark.parametrize("too_many", [True, False])
def test_what_is_not_taken_now_is_handed_in_later_and_told_once(
    tmp_path: Path, line: Line, too_many: bool
) -> None:
    full = Full(line)
    full.too_many = too_many
    events: list[Progress] = []

    async def both() -> RunReport:
        running = asyncio.ensure_future(start(tmp_path, full, events.append, *"abc"))
        await until(lambda: len(full.refused) >= 4)
        full.most = 1 if too_many else 3
        async with asyncio.timeout(60):
            return await running

    report = asyncio.run(both())
    assert report.succeeded
    assert [each.attempts for each in report.jobs.values()] == [1, 1, 1]
    assert (full.refused[:3] == [3, 1, 1]) == too_many, "a smaller batch may be taken"
    assert [len(each.numbers) for each in line.batches] == ([1, 1, 1] if too_many else [3])
    assert len(notices(events, "the line is full")) == 1


@pytest.mark.slow
def test_what_is_not_taken_now_can_be_cancelled(tmp_path: Path, line: Line) -> None:
    full, control = Full(line), RunControl()

    async def both() -> RunReport:
        going = start(
            tmp_path, full, lambda _: None, "a", "b", control=control, pace={"poll_s": 50.0}
        )
        running = asyncio.ensure_future(going)
        await until(lambda: len(full.refused) >= 2)
        control.cancel()
        async with asyncio.timeout(60):
            return await running

    report = asyncio.run(both())
    assert {type(each.outcome) for each in report.jobs.values()} == {Cancelled}
    assert not line.batches


@pytest.mark.slow
def test_a_task_that_is_held_on_purpose_waits_and_that_is_told(tmp_path: Path, line: Line) -> None:
    line.holds, line.waits, line.reason = True, TaskState.PAUSED, "an administrator"
    events: list[Progress] = []

    async def both() -> RunReport:
        running = asyncio.ensure_future(
            start(tmp_path, LineScheduler(line), events.append, "a", "b")
        )
        await until(lambda: bool(notices(events, "an administrator")))
        await asyncio.sleep(4 * SOON.grace_s)
        assert not line.ended_by_request
        for number in line.batches[0].numbers:
            line.run_task(line.batches[0], number)
        async with asyncio.timeout(60):
            return await running

    report = asyncio.run(both())
    assert report.succeeded
    assert {each.attempts for each in report.jobs.values()} == {1}
    (told,) = notices(events, "an administrator")
    assert "holds 2 tasks" in told


class Unhurried(LineScheduler):
    """Looks once the tasks are over: a supervisor exits a moment after its result is there."""

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        await until(lambda: all(task.poll() is not None for task in self._line.tasks.values()))
        return await super().look(batches)


@pytest.mark.slow
def test_what_is_held_back_at_the_end_is_taken_out_though_nobody_has_asked_before(
    tmp_path: Path, line: Line
) -> None:
    line.over = TaskState.HELD
    pace = {"poll_s": 60.0}
    report = asyncio.run(start(tmp_path, Unhurried(line), lambda _: None, "a", "b", pace=pace))
    assert report.succeeded
    assert {number for _, number in line.ended_by_request} == {1, 2}


@pytest.mark.slow
@pytest.mark.usefixtures("line")
def test_a_drained_partition_burns_no_job(tools: Tools, tmp_path: Path) -> None:
    """From the refusal to the end: the array is handed in once the partition takes it."""
    up = tmp_path / "up"
    refuses = f"cat <<'E' >&2\n{DRAINED}\nE\nexit 1"
    # Its own little Slurm: the script runs at once, as the array's only task.
    runs = 'cat > "$0.script"; SLURM_ARRAY_TASK_ID=0 sh "$0.script" >/dev/null 2>&1; echo 7'
    tools.make("sbatch", f"[ -e {shlex.quote(str(up))} ] || {{ {refuses}\n}}\n{runs}")
    tools.make("squeue")
    tools.make("scancel")
    engine = SlurmEngine(
        task_rules=TaskRules(default_gpus=0), pace=SOON, probe_wait_s=None, most_in_batch=1
    )
    events: list[Progress] = []

    async def both() -> RunReport:
        job = Job(job_id="a", script="work.sh", args=("{output}",), expected_output="a", gpus=0)
        options = RunOptions(root=tmp_path, output_dir="out")
        going = run([job], options, engine=engine, run_id=RUN, on_event=events.append)
        running = asyncio.ensure_future(going)
        await until(lambda: len(tools.told("sbatch")) >= 3)
        up.touch()
        async with asyncio.timeout(60):
            return await running

    report = asyncio.run(both())
    assert report.succeeded
    assert report.jobs["a"].attempts == 1
    (told,) = notices(events, "inactive or drain")
    assert "partition=NAME" in told


@pytest.mark.slow
def test_a_preempted_script_that_dies_before_its_supervisor_hears_of_it_runs_again(
    tmp_path: Path, line: Line
) -> None:
    """Slurm sends TERM to all processes of a task, one after the other."""
    (tmp_path / "work.sh").write_text(
        '#!/bin/sh\n[ -e pids ] || { echo $$ $PPID > new; mv new pids; sleep 50; }\necho x > "$1"\n'
    )
    pids = tmp_path / "pids"

    async def both() -> RunReport:
        running = asyncio.ensure_future(start(tmp_path, LineScheduler(line), lambda _: None, "a"))
        await until(pids.exists)
        script, supervisor = map(int, pids.read_text().split())
        first = line.started[0]
        line.over = TaskState.ALIVE  # it is queued again
        os.kill(script, signal.SIGTERM)
        await asyncio.sleep(0.1)
        os.kill(supervisor, signal.SIGTERM)
        await asyncio.to_thread(first.wait, 20)
        line.run_task(line.batches[0], 1)
        async with asyncio.timeout(60):
            return await running

    report = asyncio.run(both())
    assert report.succeeded
    assert report.jobs["a"].attempts == 1
