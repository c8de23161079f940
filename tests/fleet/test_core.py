"""`decide` against a small model that was written without looking at it.

The model keeps, for each job, what a person would note down, and checks the laws that make a run
trustworthy: slots are never shared, attempts count up, what is done stays done, the journal gives
the same state again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seedfleet.fleet import core
from seedfleet.fleet.engines.base import Allocation, Ended, Gpu, Node
from seedfleet.fleet.messages import (
    Cancel,
    CancelAsked,
    DrainAsked,
    Effect,
    Event,
    Opened,
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
    Outcome,
    OutputEmpty,
    OutputInvalid,
    OutputMissing,
    ProducedFile,
    Succeeded,
    TimedOut,
)
from seedfleet.fleet.spec import Job
from seedfleet.fleet.state import Done, Plan, Running, State, Stop, Waiting

if TYPE_CHECKING:
    import random

OWN_FAILURES: tuple[Outcome, ...] = (
    Failed(3, None),
    Failed(None, 9),
    OutputMissing(("x",)),
    OutputEmpty(("x",)),
    OutputInvalid(("x",), "bad"),
    FailedToStart("no"),
)
GOOD = Succeeded((ProducedFile("x", 1, "0" * 64),))
LOST = Lost("n", "gone")

GPU_NODE = Node("gpus", "cuda", (Gpu(0), Gpu(1), Gpu(2)), 1)
CPU_NODE = Node("cpus", "cpu", (), 2)


def job(job_id: str, **wishes: object) -> Job:
    return Job(job_id=job_id, script="s", args=(), expected_output=job_id, **wishes)  # type: ignore[arg-type]


JOBS: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    gpus=st.sampled_from([None, None, None, 0, 1, 2, 3]),
    retries=st.sampled_from([None, 0, 2]),
    rerun=st.sampled_from([True, True, False]),
    priority=st.integers(-1, 1),
)


class RunMachine(RuleBasedStateMachine):
    """A run under every order of events."""

    @initialize(
        wishes=st.lists(JOBS, min_size=1, max_size=7),
        nodes=st.sampled_from([(GPU_NODE,), (GPU_NODE, CPU_NODE)]),
        retries=st.integers(0, 2),
        retry_timed_out=st.booleans(),
        max_fails=st.sampled_from([None, None, 2]),
        order=st.randoms(use_true_random=False),
    )
    def begin(
        self,
        wishes: list[dict[str, object]],
        nodes: tuple[Node, ...],
        retries: int,
        retry_timed_out: bool,
        max_fails: int | None,
        order: random.Random,
    ) -> None:
        self.plan = Plan(
            tuple(job(f"j{n}", **each) for n, each in enumerate(wishes)),
            retries,
            retry_timed_out,
            max_fails,
        )
        self.nodes = nodes
        self.order = list(range(len(wishes)))
        order.shuffle(self.order)
        self.events: list[Event] = []
        self.state = core.initial(self.plan)
        # The model: what runs where, what is being published, how the jobs stand.
        self.running: dict[int, tuple[int, Allocation]] = {}
        self.publishing: dict[int, int] = {}
        self.attempts: Counter[int] = Counter()
        self.failures: Counter[int] = Counter()
        self.losses: Counter[int] = Counter()
        self.done: dict[int, str] = {}
        self.fails = 0
        self.stop = Stop.NO
        self.send(Opened(nodes, tuple(self.order)))

    def send(self, event: Event) -> list[Effect]:
        before = self.state
        self.state, effects = core.decide(before, event)
        assert core.decide(before, event) == (self.state, effects), "decide is a function"
        self.events.append(event)
        taken_up = isinstance(event, Opened)
        for effect in effects:
            match effect:
                case Start(index, number, allocation):
                    if not (taken_up and self.running.get(index) == (number, allocation)):
                        assert self.stop is Stop.NO, "nothing starts after a stop"
                        assert index not in self.running
                        assert index not in self.done
                        assert number == self.attempts[index] + 1
                        self.attempts[index] = number
                        self.running[index] = (number, allocation)
                case Publish(index, ended):
                    assert self.publishing[index] == ended.attempt
                case Cancel(index, number):
                    assert isinstance(event, CancelAsked)
                    assert self.running[index][0] == number
        return effects

    def finish(self, index: int, outcome: Outcome) -> None:
        """Take an unsuccessful end into the model."""
        spec = self.plan.jobs[index]
        allowed = self.plan.retries if spec.retries is None else spec.retries
        if isinstance(outcome, Lost):
            self.losses[index] += 1
            again = spec.rerun and self.losses[index] < 3
        else:
            self.failures[index] += 1
            self.losses[index] = 0
            again = spec.rerun and self.failures[index] <= allowed
            if isinstance(outcome, TimedOut):
                again = again and self.plan.retry_timed_out
            if isinstance(outcome, Cancelled):
                again = False
        if not again:
            self.done[index] = "not succeeded"
            self.fails += not isinstance(outcome, Cancelled)
            if self.plan.max_fails is not None and self.fails >= self.plan.max_fails:
                self.stop = max(self.stop, Stop.LIMIT)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from([*OWN_FAILURES, TimedOut(1), LOST, Cancelled()]))
    def an_attempt_ends_badly(self, data: st.DataObject, outcome: Outcome) -> None:
        index = data.draw(st.sampled_from(sorted(self.running)))
        number, _ = self.running.pop(index)
        self.finish(index, outcome)
        self.send(Ended(f"j{index}", number, outcome))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def an_attempt_ends_well(self, data: st.DataObject) -> None:
        index = data.draw(st.sampled_from(sorted(self.running)))
        number, _ = self.running.pop(index)
        self.publishing[index] = number
        effects = self.send(Ended(f"j{index}", number, GOOD))
        assert sum(isinstance(effect, Publish) for effect in effects) == 1

    @precondition(lambda self: self.publishing)
    @rule(data=st.data(), works=st.sampled_from([True, True, False]))
    def publishing_ends(self, data: st.DataObject, works: bool) -> None:
        index = data.draw(st.sampled_from(sorted(self.publishing)))
        number = self.publishing.pop(index)
        if works:
            self.done[index] = "succeeded"
            self.send(Published(f"j{index}", number))
        else:
            self.finish(index, OutputInvalid(("x",), "disk full"))
            self.send(PublishFailed(f"j{index}", number, "disk full"))

    @rule(data=st.data(), outcome=st.sampled_from([GOOD, LOST, *OWN_FAILURES]))
    def old_news_changes_nothing(self, data: st.DataObject, outcome: Outcome) -> None:
        index = data.draw(st.sampled_from(range(len(self.plan.jobs))))
        current = self.running.get(index, (None, None))[0]
        for number in {0, self.attempts[index] - 1, self.attempts[index]} - {current}:
            before = self.state
            assert self.send(Ended(f"j{index}", number, outcome)) == []
            if self.publishing.get(index) != number:
                self.send(Published(f"j{index}", number))
                self.send(PublishFailed(f"j{index}", number, "late"))
            assert self.state == before

    @rule()
    def the_user_drains(self) -> None:
        self.stop = max(self.stop, Stop.DRAIN)
        assert self.send(DrainAsked()) == []

    @precondition(lambda self: self.running)
    @rule()
    def the_user_cancels(self) -> None:
        self.stop = Stop.CANCEL
        effects = self.send(CancelAsked())
        assert {effect.job for effect in effects if isinstance(effect, Cancel)} == set(self.running)

    @rule(again=st.booleans())
    def the_head_is_replaced(self, again: bool) -> None:
        """Replay gives the same state; a new opening takes up exactly what was under way."""
        replayed = core.initial(self.plan)
        for event in self.events:
            replayed, _ = core.decide(replayed, event)
        assert replayed == self.state
        redo = [i for i, word in self.done.items() if again and word == "not succeeded"]
        for index in redo:
            outcome = self.state.jobs[index].phase
            assert isinstance(outcome, Done)
            self.fails -= not isinstance(outcome.outcome, Cancelled)
            del self.done[index]
            self.failures[index] = self.losses[index] = 0
        self.stop = Stop.NO
        expected = set(self.running), set(self.publishing)
        effects = self.send(Opened(self.nodes, tuple(self.order), tuple(redo)))
        taken_up = {e.job for e in effects if isinstance(e, Start)}
        assert expected[0] <= taken_up
        assert expected[1] == {e.job for e in effects if isinstance(e, Publish)}

    @invariant()
    def slots_are_never_shared(self) -> None:
        if not hasattr(self, "running"):
            return
        used: Counter[tuple[str, str, int]] = Counter()
        for index, (_, place) in self.running.items():
            wanted = self.plan.jobs[index].gpus
            node = next(node for node in self.nodes if node.name == place.node)
            on_gpu = wanted != 0 and bool(node.gpus)
            assert len(place.gpu_ids) == (wanted or 1 if on_gpu else 0)
            for gpu in place.gpu_ids:
                assert gpu in {each.index for each in node.gpus}
                used[place.node, "gpu", gpu] += 1
            if not on_gpu:
                assert place.cpu_slot in range(node.cpu_slots)
                used[place.node, "cpu", place.cpu_slot or 0] += 1
        assert all(count == 1 for count in used.values())

    @invariant()
    def the_state_agrees_with_the_model(self) -> None:
        if not hasattr(self, "running"):
            return
        for index, known in enumerate(self.state.jobs):
            assert known.attempts == self.attempts[index]
            assert isinstance(known.phase, Running) == (index in self.running)
            assert isinstance(known.phase, Done) == (index in self.done)
            if isinstance(known.phase, Done):
                succeeded = isinstance(known.phase.outcome, Succeeded)
                assert succeeded == (self.done[index] == "succeeded")
        assert self.state.finished == (not self.running and not self.publishing)
        assert self.state.done == len(self.done)
        assert self.state.stop == self.stop

    @invariant()
    def no_slot_is_idle_while_a_plain_job_waits(self) -> None:
        if not hasattr(self, "running") or self.stop is not Stop.NO:
            return
        waiting = [
            (self.plan.jobs[index], {place.node for _, place in known.history})
            for index, known in enumerate(self.state.jobs)
            if isinstance(known.phase, Waiting)
        ]
        if any((each.gpus or 0) > 1 for each, _ in waiting):
            return  # it may keep GPUs free for itself
        for each, tried in waiting:
            fitting = {node.name for node in self.nodes if node.gpus or not each.gpus}
            if tried and fitting - tried:
                continue  # it waits for a node that has not failed it
            node = next(node for node in self.nodes if node.gpus or each.gpus == 0)
            slots = node.cpu_slots if each.gpus == 0 else len(node.gpus)
            busy = sum(
                len(place.gpu_ids) if each.gpus != 0 else place.cpu_slot is not None
                for _, place in self.running.values()
                if place.node == node.name
            )
            assert busy == slots


TestRun = RunMachine.TestCase
TestRun.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestRun.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]


def opened(jobs: list[Job], *nodes: Node) -> tuple[State, list[Effect]]:
    return core.decide(core.initial(Plan(tuple(jobs))), Opened(nodes, tuple(range(len(jobs)))))


def test_a_job_for_several_gpus_is_not_starved_by_small_ones() -> None:
    jobs = [job("small-0"), job("big", gpus=3), job("small-1"), job("small-2", gpus=0)]
    state, effects = opened(jobs, GPU_NODE)
    assert [e.job for e in effects if isinstance(e, Start)] == [0, 3]
    state, effects = core.decide(state, Ended("small-0", 1, GOOD))
    started = [e for e in effects if isinstance(e, Start)]
    assert [(e.job, e.allocation.gpu_ids) for e in started] == [(1, (0, 1, 2))]


def test_a_pinned_job_waits_for_its_gpu_and_lets_others_pass() -> None:
    jobs = [job("first", gpu_id=1), job("second", gpu_id=1), job("third")]
    _, effects = opened(jobs, GPU_NODE)
    starts = [(e.job, e.allocation.gpu_ids) for e in effects if isinstance(e, Start)]
    assert starts == [(0, (1,)), (2, (0,))]


def test_a_failed_job_is_tried_on_another_node_first() -> None:
    other = Node("other", "cuda", (Gpu(0),), 1)
    state, _ = opened([job("a")], GPU_NODE, other)
    _, effects = core.decide(state, Ended("a", 1, Failed(1, None)))
    assert [e.allocation.node for e in effects if isinstance(e, Start)] == ["other"]


@pytest.mark.parametrize(
    ("large", "small"),
    [
        (GPU_NODE, Node("gpus", "cuda", (Gpu(0),), 1)),
        (Node("cpus", "cpu", (), 3), Node("cpus", "cpu", (), 1)),
    ],
    ids=["gpus", "cpus"],
)
def test_a_node_that_shrank_between_two_heads_is_not_overfilled(large: Node, small: Node) -> None:
    state, _ = opened([job(name) for name in "abcd"], large)
    state, effects = core.decide(state, Opened((small,), (0, 1, 2, 3)))
    assert len([e for e in effects if isinstance(e, Start)]) == 3, "only what was running"
    state, effects = core.decide(state, Ended("c", 1, GOOD))
    assert not [e for e in effects if isinstance(e, Start)]
    state, effects = core.decide(state, Ended("a", 1, GOOD))
    assert [e.job for e in effects if isinstance(e, Start)] == [3]


def test_a_job_lost_three_times_in_a_row_is_lost() -> None:
    state, _ = opened([job("a")], GPU_NODE)
    for number in (1, 2):
        state, effects = core.decide(state, Ended("a", number, LOST))
        assert [e.attempt for e in effects if isinstance(e, Start)] == [number + 1]
    state, effects = core.decide(state, Ended("a", 3, LOST))
    assert not effects
    assert state.jobs[0].phase == Done(LOST)


def test_losses_count_only_in_a_row_and_use_up_no_retry() -> None:
    state, _ = opened([job("a", retries=2)], GPU_NODE)
    ends: list[Outcome] = [LOST, LOST, Failed(1, None), LOST, LOST]
    for number, outcome in enumerate(ends, start=1):
        state, effects = core.decide(state, Ended("a", number, outcome))
        assert [e.attempt for e in effects if isinstance(e, Start)] == [number + 1]
    state, _ = core.decide(state, Ended("a", 6, Failed(1, None)))
    state, _ = core.decide(state, Ended("a", 7, Failed(1, None)))
    assert state.jobs[0].phase == Done(Failed(1, None)), "two retries of its own, whatever was lost"
