"""Whole runs on fake nodes that are cut off, come back, and say things twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from seedfleet.fleet import NodeContact, Notice, ResumeOptions, RunControl, resume, run
from seedfleet.fleet.engines.base import Ended, Node, NodeDown, Remark
from seedfleet.fleet.lock import read_holder
from seedfleet.fleet.outcome import Failed, Lost, Succeeded
from seedfleet.fleet.progress import AttemptEnded, AttemptStarted, JobDone
from seedfleet.fleet.testing import FakeEngine, FakeWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet_house import House

    from seedfleet.fleet import Job, Progress, RunReport

A, B = Node("a", "cpu", (), 1), Node("b", "cpu", (), 1)
GOOD = {"outcome": "succeeded", "exit_code": 0}


def jobs_of(house: House, *names: str, **wishes: str) -> list[Job]:
    return [house.job(job_id=name, script=house.script("", "wait.py"), **wishes) for name in names]


class Story:
    """Does something in the world when the run has come so far."""

    def __init__(self, world: FakeWorld) -> None:
        self.world = world
        self.heard: list[Progress] = []
        self.control = RunControl()
        self._when: list[tuple[Callable[[Progress], bool], Callable[[], object]]] = []

    def when(self, test: Callable[[Progress], bool], do: Callable[[], object]) -> None:
        self._when.append((test, do))

    def hear(self, event: Progress) -> None:
        self.heard.append(event)
        if self._when and self._when[0][0](event):
            asyncio.get_running_loop().call_soon(self._when.pop(0)[1])

    def run(self, house: House, jobs: list[Job], **limits: object) -> RunReport:
        return asyncio.run(
            run(
                jobs,
                house.options(**limits),
                engine=FakeEngine(self.world),
                on_event=self.hear,
                run_id="r",
                control=self.control,
            )
        )

    def resume(self, house: House) -> RunReport:
        wanted = ResumeOptions(output_dir=house.root / "out")
        return asyncio.run(
            resume(
                "r",
                wanted,
                engine=FakeEngine(self.world),
                on_event=self.hear,
                control=self.control,
            )
        )


def started(job_id: str, attempt: int) -> Callable[[Progress], bool]:
    return lambda event: (
        isinstance(event, AttemptStarted) and (event.job_id, event.attempt) == (job_id, attempt)
    )


def test_a_job_moves_from_a_lost_node_and_its_first_copy_is_superseded(house: House) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)
    story.when(started("p", 1), lambda: world.cut("a"))

    def back() -> None:
        world.mend("a")
        world.end(("r", "p", 2), GOOD)

    story.when(started("p", 2), back)
    report = story.run(house, jobs_of(house, "p"), node_lost_after_s=0.0)
    assert isinstance(report.jobs["p"].outcome, Succeeded)
    document = json.loads((report.folder / "manifest.json").read_text())
    told = {each["attempt"]: each["outcome"] for each in document["jobs"]["p"]["history"]}
    assert told == {1: "superseded", 2: "succeeded"}
    assert document["nodes"]["a"]["contact"] is True
    assert document["nodes"]["a"]["cpu_slots"] == 1
    contacts = [event.node.contact for event in story.heard if isinstance(event, NodeContact)]
    assert contacts == [False, True]
    placed = json.loads(report.jobs["p"].output.read_text())
    assert (placed["job_id"], placed["attempt"]) == ("p", 2)


def test_a_job_that_was_told_as_lost_is_told_to_be_back(house: House) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)
    once, other = jobs_of(house, "once", "other", node="a")
    jobs = [replace(once, rerun=False), replace(other, node="b")]
    story.when(started("other", 1), lambda: world.cut("a"))
    story.when(lambda event: isinstance(event, JobDone), lambda: world.mend("a"))

    def end() -> None:
        world.end(("r", "once", 1), GOOD)
        world.end(("r", "other", 1), GOOD)

    story.when(lambda event: isinstance(event, Notice) and "come back" in event.text, end)
    report = story.run(house, jobs, node_lost_after_s=0.0)
    assert report.succeeded
    told = [type(e.outcome) for e in story.heard if isinstance(e, JobDone) and e.job_id == "once"]
    assert told == [Lost, Succeeded]
    (text,) = [e.text for e in story.heard if isinstance(e, Notice) and "come back" in e.text]
    assert text == "once: lost no more, its attempt has come back"


def test_a_result_from_a_silent_node_counts_if_it_comes_before_the_node_is_lost(
    house: House,
) -> None:
    world = FakeWorld((A,), play=lambda _: None)
    story = Story(world)

    def away() -> None:
        world.cut("a")
        world.end(("r", "p", 1), GOOD)

    story.when(started("p", 1), away)
    story.when(lambda event: isinstance(event, NodeContact), lambda: world.mend("a"))
    report = story.run(house, jobs_of(house, "p"))
    assert report.succeeded
    assert report.jobs["p"].attempts == 1


def test_what_goes_on_out_of_reach_is_running_in_the_manifest_and_taken_up_later(
    house: House,
) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)

    def away() -> None:
        world.cut("a")
        story.control.interrupt()
        story.control.interrupt()

    story.when(started("q", 1), away)
    report = story.run(house, jobs_of(house, "p", "q"))
    assert report.interrupted
    assert {name: job.word for name, job in report.jobs.items()} == {
        "p": "running",
        "q": "cancelled",
    }
    assert report.jobs["p"].unreachable == {1: "a"}
    world.mend("a")
    world.end(("r", "p", 1), GOOD)
    world.play = lambda _: dict(GOOD)
    later = asyncio.run(resume("r", ResumeOptions(output_dir="out"), engine=FakeEngine(world)))
    assert later.succeeded
    assert [key[1:] for key, _ in world.ran] == [("p", 1), ("q", 1), ("q", 2)]


def test_repeated_and_late_news_and_remarks_change_nothing(house: House) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)

    def chatter() -> None:
        world.end(("r", "p", 1), {"outcome": "failed", "exit_code": 3, "signal": None})
        for _ in range(2):
            world.repeat(Ended("q", 7, Failed(1, None)))
            world.repeat(NodeDown("nowhere", "never heard of"))
            world.repeat(Remark("two copies of a script differ"))
        world.end(("r", "q", 1), GOOD)

    story.when(started("q", 1), chatter)
    again = Ended("p", 1, Succeeded(()))
    story.when(lambda event: isinstance(event, AttemptEnded), lambda: world.repeat(again))
    report = story.run(house, jobs_of(house, "p", "q"))
    assert report.counts == {"failed": 1, "succeeded": 1}
    assert [e.text for e in story.heard if isinstance(e, Notice)].count(
        "two copies of a script differ"
    ) == 2
    done = [event.job_id for event in story.heard if isinstance(event, JobDone)]
    assert sorted(done) == ["p", "q"]


def test_a_node_that_never_comes_loses_only_what_is_pinned_to_it(house: House) -> None:
    world = FakeWorld((A, replace(B, contact=False)))
    world.cut("b", "no route")
    story = Story(world)
    (pinned,) = jobs_of(house, "p", node="b")
    free = house.job(job_id="q", script=house.script("", "go.py"))
    report = story.run(house, [pinned, free], node_lost_after_s=0.0)
    assert report.counts == {"lost": 1, "succeeded": 1}
    outcome = report.jobs["p"].outcome
    assert isinstance(outcome, Lost)
    assert outcome.node == "b"
    assert not report.interrupted
    assert {event.job_id for event in story.heard if isinstance(event, JobDone)} == {"p", "q"}


def test_a_named_job_is_cancelled_while_the_run_goes_on(house: House) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)

    def wish() -> None:
        story.control.cancel("p", "z")
        world.end(("r", "q", 1), GOOD)

    story.when(started("q", 1), wish)
    report = story.run(house, jobs_of(house, "p", "q", "z"))
    assert report.counts == {"cancelled": 2, "succeeded": 1}
    assert [key[1] for key, _ in world.ran] == ["p", "q"]


def test_a_later_head_goes_on_without_a_node_that_it_does_not_have(house: House) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)
    story.when(started("p", 1), story.control.detach)
    story.run(house, jobs_of(house, "p"), node_lost_after_s=0.0)
    world.nodes = (B,)
    later = Story(world)
    later.when(started("p", 2), lambda: world.end(("r", "p", 2), GOOD))
    report = later.resume(house)
    assert isinstance(report.jobs["p"].outcome, Succeeded)
    assert report.jobs["p"].unreachable == {1: "a"}
    gone = [event for event in later.heard if isinstance(event, NodeContact)]
    assert [(event.node.name, event.for_good) for event in gone] == [("a", True)]
    starts = [event.attempt for event in later.heard if isinstance(event, AttemptStarted)]
    assert starts == [1, 2]
    last = Story(world)
    assert last.resume(house).succeeded
    assert not any(isinstance(event, AttemptStarted) for event in last.heard), "only an orphan"


def test_a_second_interrupt_leaves_what_runs_on_a_node_that_this_head_does_not_have(
    house: House,
) -> None:
    world = FakeWorld((A, B), play=lambda _: None)
    story = Story(world)
    story.when(started("p", 1), story.control.detach)
    story.run(house, jobs_of(house, "p"))
    world.nodes = (B,)
    later = Story(world)

    def interrupt_twice() -> None:
        later.control.interrupt()
        later.control.interrupt()

    later.when(lambda event: isinstance(event, NodeContact), interrupt_twice)
    report = later.resume(house)
    assert report.interrupted
    assert report.jobs["p"].word == "running"


def test_the_engine_is_closed_before_another_head_can_have_the_run(house: House) -> None:
    held = []

    class Watchful(FakeEngine):
        async def close(self) -> None:
            if self._paths is not None:
                holder = read_holder(self._paths.lock)
                held.append(holder is not None and holder.at_work)
            await super().close()

    world = FakeWorld((A,))
    job = house.job(script=house.script("", "fail.py"))
    for work in (
        run([job], house.options(), engine=Watchful(world), run_id="r"),
        resume("r", ResumeOptions(output_dir=house.root / "out"), engine=Watchful(world)),
    ):
        held.clear()
        asyncio.run(work)
        assert held[0], "what its sessions still hold may be written until it is closed"


def test_a_hushed_node_says_nothing_until_it_may(house: House) -> None:
    world = FakeWorld((A, B))
    world.hush("a")
    story = Story(world)

    def done_on_b(event: Progress) -> bool:
        return isinstance(event, JobDone) and event.job_id == "q"

    story.when(done_on_b, lambda: world.hush("a", hushed=False))
    script = house.script("", "go.py")
    jobs = [house.job(job_id=name, script=script, node=node) for name, node in ("pa", "qb")]
    assert story.run(house, jobs).succeeded
    assert [event.job_id for event in story.heard if isinstance(event, JobDone)] == ["q", "p"]
