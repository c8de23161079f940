"""Each rule about nodes by itself: contact, orphans, quarantine, limits and what nobody has."""

from __future__ import annotations

import pytest

from seedfleet.fleet import core
from seedfleet.fleet.engines.base import Ended, Gpu, Node, NodeDown, NodeUp
from seedfleet.fleet.messages import (
    Cancel,
    CancelAsked,
    DrainAsked,
    Effect,
    Event,
    Later,
    NodeLost,
    Opened,
    Probation,
    Publish,
    Published,
    PublishFailed,
    Start,
)
from seedfleet.fleet.outcome import (
    Cancelled,
    Failed,
    FailedToStart,
    Lost,
    ProducedFile,
    Succeeded,
    Superseded,
)
from seedfleet.fleet.spec import Job
from seedfleet.fleet.state import Done, Plan, Running, State, Stop, Waiting

GOOD = Succeeded((ProducedFile("x", 1, "0" * 64),))
A = Node("a", "cuda", (Gpu(0), Gpu(1)), 1)
B = Node("b", "cuda", (Gpu(0), Gpu(1)), 1)
NO_SUPERVISOR = FailedToStart("no supervisor came up")


def job(job_id: str, **wishes: object) -> Job:
    return Job(job_id=job_id, script="s", args=(), expected_output=job_id, **wishes)  # type: ignore[arg-type]


class Head:
    """The core and what it asked for last."""

    def __init__(self, jobs: list[Job], *nodes: Node, **limits: float) -> None:
        self.state: State = core.initial(Plan(tuple(jobs), **limits))  # type: ignore[arg-type]
        self.effects: list[Effect] = []
        self.order = tuple(range(len(jobs)))
        self.hear(Opened(nodes, self.order))

    def hear(self, *events: Event) -> list[Effect]:
        for event in events:
            self.state, self.effects = core.decide(self.state, event)
        return self.effects

    def starts(self) -> list[tuple[int, int, str]]:
        found = [effect for effect in self.effects if isinstance(effect, Start)]
        return [(each.job, each.attempt, each.allocation.node) for each in found]

    def alarm(self) -> NodeLost | Probation:
        (later,) = [effect for effect in self.effects if isinstance(effect, Later)]
        return later.event

    def lose(self, node: Node) -> list[Effect]:
        self.hear(NodeDown(node.name, "cable"))
        return self.hear(self.alarm())

    def outcomes(self, index: int) -> list[object]:
        return [ended.outcome for ended, _ in self.state.jobs[index].history]


def test_a_node_out_of_contact_gets_nothing_and_its_attempts_count_as_running() -> None:
    head = Head([job(name) for name in "pqrstu"], A, B, node_lost_after_s=7.0)
    assert head.hear(NodeDown("a", "cable")) == [Later(7.0, NodeLost("a", 1))]
    assert isinstance(head.state.jobs[0].phase, Running)
    head.hear(Ended("p", 1, Failed(1, None)))
    assert head.starts() == [], "its slot is free, and offered to nobody"
    head.hear(Ended("r", 1, GOOD))
    assert head.starts() == [(0, 2, "b")]


def test_a_repeated_complaint_does_not_postpone_the_loss() -> None:
    head = Head([job("p")], A)
    head.hear(NodeDown("a", "cable"))
    alarm = head.alarm()
    assert head.hear(NodeDown("a", "still")) == []
    head.hear(alarm)
    assert head.state.nodes["a"].lost


def test_a_lost_node_gives_its_jobs_away_without_using_up_retries() -> None:
    head = Head([job("p", retries=0)], A, B)
    head.lose(A)
    assert head.starts() == [(0, 2, "b")]
    head.hear(Ended("p", 2, GOOD), Published("p", 2))
    assert head.state.jobs[0].phase == Done(GOOD)
    assert head.state.finished, "nobody waits for what is left on the lost node"


def test_an_orphan_that_comes_back_while_its_job_waits_is_adopted() -> None:
    head = Head([job("p", node="a"), job("q", node="b")], A, B, retries=0)
    head.hear(NodeDown("a", "cable"))
    lost = head.alarm()
    head.hear(DrainAsked(), lost)
    assert isinstance(head.state.jobs[0].phase, Waiting)
    assert head.hear(NodeUp(A)) == []
    phase = head.state.jobs[0].phase
    assert isinstance(phase, Running)
    assert phase.attempt == 1
    head.hear(Ended("p", 1, GOOD))
    assert isinstance(head.effects[0], Publish)


def test_an_orphan_is_cancelled_when_its_job_runs_elsewhere_and_its_end_is_superseded() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    assert head.hear(NodeUp(A)) == [Cancel(0, 1)]
    head.hear(Ended("p", 2, GOOD), Published("p", 2))
    assert not head.state.finished, "the other copy is in reach, and soon gone"
    head.hear(Ended("p", 1, Cancelled()))
    assert head.outcomes(0) == [Superseded(2), GOOD]
    assert head.state.finished


def test_no_copy_starts_on_a_node_where_an_earlier_one_may_still_live() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    assert head.hear(NodeUp(A)) == [Cancel(0, 1)]
    head.hear(Ended("p", 2, Failed(1, None)))
    assert head.starts() == [(0, 3, "b")], "though it has failed there"


def test_an_orphan_that_succeeded_first_is_accepted_and_the_other_is_superseded() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    head.hear(NodeUp(A))
    assert [type(e) for e in head.hear(Ended("p", 1, GOOD))] == [Cancel, Publish]
    head.hear(Ended("p", 2, GOOD), Published("p", 1))
    assert sorted(map(str, head.outcomes(0))) == sorted(map(str, [GOOD, Superseded(1)]))
    assert head.state.jobs[0].history[-1][0].attempt == 1


@pytest.mark.parametrize("in_place", [False, True])
def test_what_must_not_be_started_twice_is_lost_until_its_node_comes_back(in_place: bool) -> None:
    node = Node("a", "cuda", A.gpus, 1, in_place=in_place)
    head = Head([job("p", rerun=in_place)], node, B)
    head.lose(node)
    assert head.starts() == []
    assert head.state.jobs[0].phase == Done(Lost("a", "a was lost: cable"))
    assert head.state.finished
    assert (head.state.done, head.state.not_succeeded) == (1, 1)
    # A later head must not start it again either, and takes its result in.
    gone = Node("a", "cuda", A.gpus, 1, contact=False)
    head.hear(Opened((gone, B), (0,), again=(0,)))
    assert [(e.attempt, e.allocation.node) for e in head.effects if isinstance(e, Start)] == [
        (1, "a")
    ]
    head.hear(NodeUp(node))
    assert (head.state.done, head.state.not_succeeded) == (0, 0)
    head.hear(Ended("p", 1, GOOD), Published("p", 1))
    assert head.state.jobs[0].phase == Done(GOOD)


def test_a_job_waits_for_the_node_that_it_is_pinned_to_until_that_is_lost() -> None:
    absent = Node("c", "cpu", (), 1, contact=False)
    head = Head([job("p", node="c")], A, absent, max_fails=1)
    assert isinstance(head.state.jobs[0].phase, Waiting)
    assert not head.state.finished
    head.hear(head.alarm())
    phase = head.state.jobs[0].phase
    assert isinstance(phase, Done)
    assert isinstance(phase.outcome, Lost)
    assert phase.outcome.node == "c"


def test_a_job_ends_at_once_when_its_only_node_is_given_up() -> None:
    absent = Node("c", "cpu", (), 1, contact=False)
    head = Head([job("p", node="c"), job("q")], A, absent)
    head.hear(NodeDown("c", "the host key changed", for_good=True))
    assert head.state.jobs[0].phase == Done(Lost("c", "c was given up: the host key changed"))
    assert isinstance(head.state.jobs[1].phase, Running)


def test_a_node_that_turns_out_not_to_have_what_a_job_asks_ends_that_job() -> None:
    absent = Node("c", "cuda", (), 1, contact=False)
    head = Head([job("p", platform="rocm")], A, absent)
    head.hear(NodeUp(Node("c", "cuda", (Gpu(0),), 1)))
    phase = head.state.jobs[0].phase
    assert isinstance(phase, Done)
    assert isinstance(phase.outcome, FailedToStart)
    assert phase.outcome.problem.startswith("no node has platform rocm; there is a (cuda)")


def test_draining_waits_for_a_node_out_of_contact_no_longer_than_its_alarm() -> None:
    head = Head([job("p")], A)
    head.hear(NodeDown("a", "cable"))
    alarm = head.alarm()
    head.hear(DrainAsked())
    assert not head.state.finished
    head.hear(alarm)
    assert head.state.finished
    assert isinstance(head.state.jobs[0].phase, Waiting)


def test_cancelling_does_not_wait_for_a_node_out_of_contact() -> None:
    head = Head([job("p", node="a"), job("q", node="b")], A, B)
    head.hear(NodeDown("a", "cable"))
    assert {e.job for e in head.hear(CancelAsked()) if isinstance(e, Cancel)} == {0, 1}
    assert not head.state.finished
    head.hear(Ended("q", 1, Cancelled()))
    assert head.state.finished
    assert isinstance(head.state.jobs[0].phase, Running)


def faulty(head: Head, *names: str, attempt: int = 1) -> None:
    for name in names:
        head.hear(Ended(name, attempt, NO_SUPERVISOR, node_fault=True))


def test_faults_of_three_jobs_in_a_row_put_a_node_into_quarantine() -> None:
    wide = Node("a", "cpu", (), 3)
    head = Head([job(name, node="a") for name in "pqr"], wide)
    faulty(head, "p", "q")
    assert head.starts() == [(1, 2, "a")]
    faulty(head, "r")
    assert head.effects == [Later(15.0, Probation("a", 1))]
    assert head.state.jobs[0].failures == 0, "the node's fault is no failure of the job"
    assert not head.state.finished


def test_one_job_three_times_or_a_proper_end_between_is_no_quarantine() -> None:
    wide = Node("a", "cpu", (), 4)
    head = Head([job(name, node="a") for name in "pqrs"], wide)
    faulty(head, "p")
    faulty(head, "p", attempt=2)
    faulty(head, "q")
    assert head.starts() == [(1, 2, "a")], "of two jobs, however often"
    head.hear(Ended("s", 1, Failed(1, None)))
    faulty(head, "r")
    assert not any(isinstance(effect, Later) for effect in head.effects)


def test_probation_lets_one_job_try_and_a_script_that_ran_clears_the_node() -> None:
    wide = Node("a", "cpu", (), 3)
    head = Head([job(name, node="a") for name in "pqr"], wide)
    faulty(head, "p", "q")  # attempts 2 of p and q run by now
    faulty(head, "r")
    head.hear(Ended("p", 2, Lost("a", "killed")), Ended("q", 2, Lost("a", "killed")))
    assert head.starts() == []
    head.hear(Probation("a", 99))
    assert head.starts() == [], "not this quarantine's alarm"
    head.hear(Probation("a", 1))
    assert head.starts() == [(0, 3, "a")], "one only"
    faulty(head, "p", attempt=3)
    assert [e.delay_s for e in head.effects if isinstance(e, Later)] == [30.0]
    head.hear(Probation("a", 2))
    assert head.starts() == [(1, 3, "a")]
    head.hear(Ended("q", 3, Failed(1, None)))
    assert len(head.starts()) == 2, "trusted again: the others start, q's own retry among them"


def test_quarantines_double_up_to_ten_minutes() -> None:
    head = Head([job(name, node="a") for name in "pqrstuvwxyz"], Node("a", "cpu", (), 3))
    faulty(head, "p", "q", "r")
    delays = []
    for _ in range(8):
        later = next(effect for effect in head.effects if isinstance(effect, Later))
        delays.append(later.delay_s)
        head.hear(later.event)
        trial = head.state.nodes["a"].trial
        if trial is None:  # attempts from before the quarantine are still under way
            break
        index, number = trial
        name = head.state.plan.jobs[index].job_id
        head.hear(Ended(name, number, Lost("a", "killed")))
    assert delays == [15, 30, 60, 120, 240, 480, 600, 600]


@pytest.mark.parametrize("last", [NO_SUPERVISOR, Lost("a", "killed")])
def test_a_job_that_meets_three_faults_in_a_row_ends_as_its_last_attempt_did(
    last: FailedToStart | Lost,
) -> None:
    head = Head([job("p")], A, B)
    faulty(head, "p")
    head.hear(Ended("p", 2, Lost("b", "killed")))
    head.hear(Ended("p", 3, last, node_fault=True))
    assert head.state.jobs[0].phase == Done(last)
    assert head.state.finished


def test_an_orphan_is_taken_back_where_nothing_else_could_be_started() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    for attempt in (2, 3):
        faulty(head, "p", attempt=attempt)
    assert head.state.jobs[0].phase == Done(NO_SUPERVISOR)
    assert head.hear(NodeUp(A)) == []
    head.hear(Ended("p", 1, GOOD), Published("p", 1))
    assert head.state.jobs[0].phase == Done(GOOD)


def test_the_end_that_an_orphan_was_asked_for_is_not_that_of_its_job() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    assert head.hear(NodeUp(A)) == [Cancel(0, 1)]
    for attempt in (2, 3):
        faulty(head, "p", attempt=attempt)
    head.hear(Ended("p", 1, Cancelled()))
    assert head.state.jobs[0].phase == Done(NO_SUPERVISOR), "nobody asked for the end of the job"
    assert (head.state.done, head.state.not_succeeded) == (1, 1)


def test_a_job_that_waits_takes_a_result_that_came_before_the_end_that_was_asked_for() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    assert head.hear(NodeUp(A)) == [Cancel(0, 1)]
    head.hear(DrainAsked(), Ended("p", 2, Failed(1, None)))
    assert isinstance(head.state.jobs[0].phase, Waiting)
    assert [type(each) for each in head.hear(Ended("p", 1, GOOD))] == [Publish]


def test_an_orphan_of_a_job_that_failed_by_itself_is_not_taken_back() -> None:
    head = Head([job("p", retries=0)], A, B)
    head.lose(A)
    head.hear(Ended("p", 2, FailedToStart("its output path is in use")))
    assert head.hear(NodeUp(A)) == [Cancel(0, 1)]


def test_max_jobs_limits_a_node_beside_its_slots() -> None:
    narrow = Node("a", "cuda", (Gpu(0), Gpu(1), Gpu(2)), 2, max_jobs=2)
    head = Head([job("p"), job("q", gpus=0), job("r"), job("s", gpus=0)], narrow)
    assert [index for index, _, _ in head.starts()] == [0, 1]
    head.hear(Ended("q", 1, GOOD))
    assert [index for index, _, _ in head.starts()] == [2]


def test_a_job_for_several_gpus_keeps_one_node_and_leaves_the_others_busy() -> None:
    jobs = [job("s0"), job("s1"), job("s2"), job("s3"), job("big", gpus=2)]
    head = Head([*jobs, *(job(f"t{n}") for n in range(9))], A, B)
    head.hear(Ended("s0", 1, GOOD))
    assert head.starts() == [], "kept for the big one"
    head.hear(Ended("s2", 1, GOOD))
    assert head.starts() == [(5, 1, "b")], "the other node goes on"
    head.hear(Ended("s1", 1, GOOD))
    assert head.starts() == [(4, 1, "a")]


def test_named_jobs_are_cancelled_and_the_run_goes_on() -> None:
    head = Head([job("p"), job("q"), job("r"), job("s")], A)
    assert head.hear(CancelAsked(("q", "s", "nobody"))) == [Cancel(1, 1)]
    assert head.state.jobs[3].phase == Done(Cancelled())
    head.hear(Ended("q", 1, Failed(None, 15)))
    assert head.starts() == [(2, 1, "a")]
    assert head.state.jobs[1].phase == Done(Failed(None, 15)), "not tried again"
    assert not head.state.finished


def test_a_named_job_on_a_node_out_of_contact_is_cancelled_when_that_is_back() -> None:
    head = Head([job("p")], A, B)
    head.hear(NodeDown("a", "cable"), CancelAsked(("p",)))
    assert head.hear(NodeUp(A)) == [Cancel(0, 1)]


def test_a_node_offers_what_it_has_when_it_is_back() -> None:
    head = Head([job(name) for name in "pqrs"], A)
    head.hear(NodeDown("a", "cable"))
    head.hear(NodeUp(Node("a", "cuda", (Gpu(0), Gpu(1), Gpu(2)), 1)))
    assert head.starts() == [(2, 1, "a")]
    head.hear(NodeDown("a", "cable"), NodeUp(Node("a", "cuda", (Gpu(0),), 1)))
    head.hear(Ended("q", 1, GOOD))
    assert head.starts() == [], "two run on what is one GPU now"
    head.hear(Ended("r", 1, GOOD), Ended("p", 1, GOOD))
    assert head.starts() == [(3, 1, "a")]


def test_a_later_head_takes_up_orphans_too() -> None:
    head = Head([job("p")], A, B)
    head.lose(A)
    effects = head.hear(Opened((A, B), (0,)))
    assert [type(effect) for effect in effects] == [Start, Start, Cancel]
    assert effects[-1] == Cancel(0, 1)


def test_a_job_that_failed_waits_for_another_node_while_others_take_its_slot() -> None:
    one = Node("a", "cpu", (), 1)
    head = Head([job("x"), job("y"), job("z")], one, Node("b", "cpu", (), 1))
    assert head.starts() == [(0, 1, "a"), (1, 1, "b")]
    head.hear(Ended("x", 1, Failed(1, None)))
    assert head.starts() == [(2, 1, "a")], "x does not go back to a, which has room for z"
    head.hear(Ended("z", 1, Failed(1, None)))
    assert head.starts() == [], "both wait for b"
    head.hear(Ended("y", 1, Failed(1, None)))
    # y was nowhere but on b, so it goes to a; of x and z the first takes b.
    assert sorted(head.starts()) == [(0, 2, "b"), (1, 2, "a")]


def test_a_job_that_failed_everywhere_goes_anywhere() -> None:
    head = Head([job("x", retries=2)], Node("a", "cpu", (), 1), Node("b", "cpu", (), 1))
    head.hear(Ended("x", 1, Failed(1, None)))
    assert head.starts() == [(0, 2, "b")]
    head.hear(Ended("x", 2, Failed(1, None)))
    assert head.starts() == [(0, 3, "a")]


def test_a_job_that_failed_does_not_wait_for_a_node_out_of_contact() -> None:
    head = Head([job("x")], Node("a", "cpu", (), 1), Node("b", "cpu", (), 1, contact=False))
    head.hear(Ended("x", 1, Failed(1, None)))
    assert head.starts() == [(0, 2, "a")]


def test_attempts_on_nodes_that_a_later_head_does_not_have_are_lost_in_time() -> None:
    head = Head([job("p"), job("q", rerun=False)], A, B, node_lost_after_s=7.0)
    effects = head.hear(Opened((B,), (0, 1)))
    assert Later(7.0, head.alarm()) in effects
    assert head.starts() == [(0, 1, "a"), (1, 1, "a")], "its files may have come before"
    assert not head.state.finished
    head.hear(head.alarm())
    assert head.starts() == [(0, 2, "b")]
    phase = head.state.jobs[1].phase
    assert isinstance(phase, Done)
    assert isinstance(phase.outcome, Lost)
    assert phase.outcome.node == "a"
    head.hear(Ended("p", 2, GOOD), Published("p", 2))
    assert head.state.finished


def test_cancelling_does_not_wait_for_a_node_that_this_head_does_not_have() -> None:
    head = Head([job("p")], A, B)
    head.hear(Opened((B,), (0,)), DrainAsked())
    assert not head.state.finished
    head.hear(CancelAsked())
    assert head.state.finished
    assert isinstance(head.state.jobs[0].phase, Running), "a resume with its node takes it up"
    head.hear(Opened((A, B), (0,)))
    assert head.starts() == [(0, 1, "a")]
    assert head.state.nodes["a"].node.contact


def test_a_node_without_attempts_is_forgotten_by_a_head_that_does_not_have_it() -> None:
    head = Head([job("p")], A, B)
    head.hear(Ended("p", 1, GOOD), Published("p", 1), Opened((B,), (0,)))
    assert head.state.nodes.keys() == {"b"}


@pytest.mark.parametrize(
    "later",
    [
        [NodeUp(A)],
        [NodeDown("a", "cable"), NodeUp(A)],
        [Opened((A, B), (0,))],
        [Opened((Node("a", "cuda", A.gpus, 1, contact=False), B), (0,))],
        [Opened((B,), (0,)), Opened((A, B), (0,))],
    ],
    ids=["said", "back", "resumed", "resumed without it", "resumed without it and with it"],
)
def test_that_a_node_writes_in_place_is_not_forgotten(later: list[Event]) -> None:
    head = Head([job("p")], A, B)
    head.hear(NodeUp(Node("a", "cuda", A.gpus, 1, in_place=True)), *later)
    alarms = [effect.event for effect in head.effects if isinstance(effect, Later)]
    if not alarms:
        head.hear(NodeDown("a", "cable"))
        alarms = [head.alarm()]
    head.hear(*alarms)
    assert head.starts() == [], "a second copy would write the same file"
    assert isinstance(head.state.jobs[0].phase, Done)


def test_nothing_starts_beside_a_superseded_copy_that_writes_in_place() -> None:
    there = Node("b", "cuda", B.gpus, 1, in_place=True)
    head = Head([job("p", retries=3)], A, there)
    head.lose(A)
    assert head.starts() == [(0, 2, "b")]
    head.hear(NodeDown("b", "cable"), NodeUp(A), Ended("p", 1, GOOD))
    head.hear(PublishFailed("p", 1, "disk full"))
    assert head.starts() == []


QUEUE = Node("q", "any", (), 3, queue=True)


def test_nothing_ends_by_an_outage_of_a_queue_however_long() -> None:
    head = Head([job(name) for name in "pqrs"], QUEUE, node_lost_after_s=0.0)
    assert head.hear(NodeDown("q", "no answer")) == [], "no alarm is set"
    head.hear(*(NodeLost("q", since) for since in (1, 2)))
    assert [isinstance(each.phase, Running) for each in head.state.jobs] == [True] * 3 + [False]
    assert isinstance(head.state.jobs[3].phase, Waiting)
    head.hear(Ended("p", 1, GOOD), Published("p", 1))
    assert head.starts() == [], "what ends is taken in, and nothing is handed in"
    head.hear(NodeUp(QUEUE))
    assert head.starts() == [(3, 1, "q")]


def test_a_queue_that_a_later_head_does_not_have_is_waited_for_no_longer_than_a_node() -> None:
    head = Head([job(name) for name in "pq"], QUEUE, node_lost_after_s=7.0)
    (later,) = [e for e in head.hear(Opened((A,), head.order)) if isinstance(e, Later)]
    assert later == Later(7.0, NodeLost("q", 1))
    head.hear(later.event)
    assert head.starts() == [(0, 2, "a"), (1, 2, "a")]


def test_a_queue_goes_on_whatever_faults_its_machines_have() -> None:
    names = "pqrstuvwxyz"
    head = Head([job(name) for name in names], QUEUE, max_fails=4)
    for attempt in (1, 2, 3):
        faulty(head, *"pqr", attempt=attempt)
        assert len(head.starts()) == 1, "another one is handed in at once"
    faulty(head, *"stu")
    assert len(head.starts()) == 1
    faulty(head, *"stu", attempt=2)
    assert head.state.not_succeeded == 3
    faulty(head, *"stu", attempt=3)
    assert head.state.stop is Stop.LIMIT, "but no further than its limit"
    assert head.starts() == []
