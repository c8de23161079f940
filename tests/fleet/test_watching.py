"""A run as somebody sees it, and ends it, who did not start it."""

from __future__ import annotations

import json
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from fleet_house import GOOD, House, living_attempts

from seedfleet.cli import main
from seedfleet.fleet import Job, JobDone, Progress, RunStarted
from seedfleet.fleet.cancelling import ask_to_cancel, take_requests
from seedfleet.fleet.errors import JournalDamagedError
from seedfleet.fleet.journal import JournalFollower
from seedfleet.fleet.lock import WriterLock, read_holder
from seedfleet.fleet.observing import RunObserver, list_runs
from seedfleet.fleet.resuming import find_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WAITS = "print('begun', flush=True); print('careful', file=sys.stderr, flush=True)\n"
WAITS += f"while not os.path.exists('go'): time.sleep(0.02)\n{GOOD}"


def seedfleet(*words: str) -> Result:
    return CliRunner().invoke(main, [*words], catch_exceptions=False)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def start(house: House, *jobs: Job) -> str:
    """Start a head and wait until its first job has printed."""
    (house.root / "jobs.json").write_text(json.dumps([job.to_document() for job in jobs]))
    house.start_head("jobs.json", "--retries", "0", "--kill-grace", "0.3")
    runs = house.home / "runs"
    wait_until(lambda: any(log.read_text() for log in runs.glob("*/attempts/a/1/stderr.log")))
    return next(runs.iterdir()).name


def counts(house: House, run_id: str) -> dict[str, int]:
    document = json.loads((house.root / "out" / run_id / "manifest.json").read_text())
    assert isinstance(document["counts"], dict)
    return document["counts"]


# --- reading ---


def test_a_follower_reads_only_complete_lines_and_each_once(house: House) -> None:
    report = house.run(house.job(GOOD, "a"))
    whole = (report.folder / "journal.jsonl").read_bytes()
    growing = house.root / "growing.jsonl"
    growing.write_bytes(b"")
    follower, seen = JournalFollower(growing), []
    for end in range(0, len(whole) + 1, 97):
        growing.write_bytes(whole[:end])
        seen += follower.read()
    growing.write_bytes(whole)
    seen += follower.read()
    assert seen == JournalFollower(report.folder / "journal.jsonl").read()
    assert len(seen) == whole.count(b"\n")
    assert follower.offset == len(whole)


def test_an_observer_hears_what_the_listener_of_the_run_heard(house: House) -> None:
    report = house.run(house.job(GOOD, "a"), house.job("sys.exit(3)", "b"))
    observer = RunObserver(find_run(report.run_id, "out"))
    told = [event for _, event in observer.poll()]

    def done(events: list[Progress]) -> dict[str, object]:
        return {e.job_id: (e.outcome, e.outputs) for e in events if isinstance(e, JobDone)}

    assert done(told) == done(house.events)
    assert len(done(told)) == 2
    assert isinstance(told[0], RunStarted)
    assert observer.standing == "finished"
    assert observer.poll() == []


def test_the_list_of_runs_says_what_the_journal_says(house: House) -> None:
    jobs = [house.job(WAITS, "a"), house.job(GOOD, "b"), house.job(WAITS, "c")]
    run_id = start(house, *jobs)
    (head,) = house.heads
    observer = RunObserver(find_run(run_id, "out"))
    wait_until(lambda: bool(observer.poll()) and observer.state.done == 1)
    head.kill()
    head.wait()
    (run,) = list_runs("out")
    assert run.counts == {"running": 2, "succeeded": 1}, "the manifest has no outcome yet"
    assert run.state == "left"
    assert "1 succeeded, 2 running" in seedfleet("status", "--output-dir", "out").stdout
    (house.root / "go").touch()


def test_status_counts_what_is_done_on_each_node(house: House) -> None:
    report = house.run(house.job(GOOD, "a"), house.job(GOOD, "b"), house.job("sys.exit(3)", "c"))
    words = ("status", report.run_id, "--output-dir", "out")
    assert "2 done, 1 failed" in seedfleet(*words).stdout
    document = json.loads(seedfleet(*words, "--output", "json").stdout)
    (node,) = document["nodes"].values()
    assert (node["succeeded"], node["failed"], node["busy"]) == (2, 1, 0)


def test_an_observer_begins_anew_where_a_head_took_lines_back(house: House) -> None:
    report = house.run(house.job(GOOD, "a"), house.job(GOOD, "b"))
    journal = report.folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    other = house.run(house.job(GOOD, "a"), house.job(GOOD, "b"))
    observer = RunObserver(find_run(report.run_id, "out"))
    observer.poll()
    journal.write_bytes((other.folder / "journal.jsonl").read_bytes() + b"torn")
    observer.poll()
    journal.write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]) + b" " * 9000 + b"\n")
    with pytest.raises(JournalDamagedError):
        observer.poll()


def test_a_lock_file_tells_who_is_at_work(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert read_holder(path) is None
    with WriterLock(path) as lock:
        holder = read_holder(path)
        assert holder is not None
        assert holder.at_work
        assert holder.name == lock.name
        left = path.read_bytes()
    assert read_holder(path) is None
    dead = json.loads(left) | {"pid": 2**22 + 1}  # larger than any process id
    path.write_text(json.dumps(dead))
    known = read_holder(path)
    assert known is not None
    assert not known.at_work


def test_a_request_reaches_only_the_head_that_it_names(house: House) -> None:
    report = house.run(house.job(GOOD, "a"))
    paths = find_run(report.run_id, "out").paths
    with WriterLock(paths.lock) as lock:
        head = read_holder(paths.lock)
        assert head is not None
        ask_to_cancel(paths, head, ["a"])
        ask_to_cancel(paths, head)
        assert sorted(take_requests(paths, lock.name)) == [(), ("a",)]
        assert take_requests(paths, lock.name) == []
        request = ask_to_cancel(paths, head)
    assert take_requests(paths, "the next head") == []
    assert not request.exists()
    (request.parent / "nonsense.json").write_text("{")
    assert take_requests(paths, "the next head") == []


# --- commands ---


@pytest.mark.slow
def test_status_logs_and_cancel_of_a_living_run(house: House) -> None:
    run_id = start(house, house.job(WAITS, "a"), house.job(WAITS, "b"), house.job(WAITS, "c"))
    shown = json.loads(
        seedfleet("status", run_id, "--output-dir", "out", "--output", "json").stdout
    )
    assert shown["state"] == "running"
    assert shown["head"]["pid"] == house.heads[0].pid
    assert set(shown["running"]) == {"a", "b"}
    assert shown["nodes"]["localhost"]["busy"] == 2
    listed = seedfleet("status", "--output-dir", "out")
    assert run_id in listed.stdout
    assert "running" in listed.stdout

    log = seedfleet("logs", run_id, "a", "--output-dir", "out")
    assert (log.stdout, log.stderr) == ("begun\n", "careful\n")
    one = seedfleet("logs", run_id, "a", "--output-dir", "out", "--stderr", "--output", "json")
    assert json.loads(one.stdout)["stderr"] == "careful\n"
    assert "stdout" not in json.loads(one.stdout)

    cancelled = seedfleet("cancel", run_id, "a", "--output-dir", "out")
    assert cancelled.exit_code == 0
    wait_until((house.home / "runs" / run_id / "attempts" / "c" / "1").exists)
    assert house.heads[0].poll() is None, "the others go on"
    everything = seedfleet("cancel", run_id, "--output-dir", "out", "--output", "json")
    assert json.loads(everything.stdout)["state"] == "interrupted"
    assert house.heads[0].wait(60) == 3
    assert counts(house, run_id) == {"cancelled": 3}
    assert living_attempts(run_id) == []
    watched = seedfleet("watch", run_id, "--output-dir", "out", "--output", "json")
    assert watched.exit_code == 3
    assert json.loads(watched.stdout)["counts"] == {"cancelled": 3}


@pytest.mark.slow
def test_a_run_whose_head_was_killed_is_seen_and_ended_without_one(house: House) -> None:
    run_id = start(house, house.job(WAITS, "a"), house.job(WAITS, "b"), house.job(WAITS, "c"))
    house.heads[0].send_signal(signal.SIGKILL)
    house.heads[0].wait()
    shown = seedfleet("status", run_id, "--output-dir", "out")
    assert "left; " in shown.stdout
    assert "no head is at work" in shown.stdout
    assert f"seedfleet run --resume {run_id} --output-dir out" in shown.stdout
    cancelled = seedfleet("cancel", run_id, "--output-dir", "out")
    assert cancelled.exit_code == 0
    assert living_attempts(run_id) == []
    assert counts(house, run_id) == {"cancelled": 2, "not_run": 1}
    assert not (house.root / "out" / run_id / "attempts" / "c").exists(), "nothing new was started"
    nothing = seedfleet("cancel", run_id, "--output-dir", "out")
    assert "nothing to cancel" in nothing.stdout
    (house.root / "go").touch()
    assert seedfleet("run", "--resume", run_id, "--output-dir", "out").exit_code == 0


@pytest.mark.slow
def test_cancelling_needs_no_script_any_more(house: House) -> None:
    run_id = start(house, house.job(WAITS, "a"))
    house.heads[0].send_signal(signal.SIGKILL)
    house.heads[0].wait()
    (house.root / "a.py").unlink()
    assert seedfleet("cancel", run_id, "--output-dir", "out").exit_code == 0
    assert living_attempts(run_id) == []


@pytest.mark.slow
def test_a_watcher_ends_with_the_run_and_says_its_exit_code(house: House) -> None:
    run_id = start(house, house.job(WAITS, "a"), house.job("sys.exit(4)", "b"))
    (house.root / "go").touch()
    watched = seedfleet("watch", run_id, "--output-dir", "out")
    assert watched.exit_code == 1
    assert "1 succeeded, 1 failed" in watched.stdout
    followed = seedfleet("logs", run_id, "a", "--output-dir", "out", "--follow")
    assert followed.stdout == "begun\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("status", "none"), "there is no run none"),
        (("watch", "none"), "there is no run none"),
        (("cancel", "none"), "there is no run none"),
        (("logs", "none", "a"), "there is no run none"),
    ],
)
def test_a_run_that_is_not_there_is_refused(
    house: House, words: tuple[str, ...], problem: str
) -> None:
    assert house.root.exists()
    refused = seedfleet(*words, "--output", "json")
    assert refused.exit_code == 2
    assert problem in json.loads(refused.stdout)["problems"][0]


def test_logs_and_cancel_refuse_what_the_run_does_not_have(house: House) -> None:
    run_id = house.run(house.job(GOOD, "a")).run_id
    for words in (("logs", run_id, "b"), ("logs", run_id, "a", "--attempt", "2")):
        assert seedfleet(*words, "--output-dir", "out").exit_code == 2
    refused = seedfleet("cancel", run_id, "a", "b", "--output-dir", "out")
    assert refused.exit_code == 2
    assert "no job 'b'" in refused.stderr


def test_runs_are_listed_newest_last_also_those_with_preserved_paths(house: House) -> None:
    first = house.run(house.job(GOOD, "a"))
    second = house.run(house.job(GOOD, "b"), preserve_paths=True)
    assert [run.run_id for run in list_runs("out")] == [first.run_id, second.run_id]
    assert {run.state for run in list_runs("out")} == {"finished"}
    shutil.rmtree(house.root / "out")
    assert seedfleet("status", "--output-dir", "out", "--output", "json").stdout.split() == [
        *("{", '"runs":', "[]", "}")
    ]
