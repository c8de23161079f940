"""`decide` against a world of nodes that come and go, with news that is late, lost or repeated.

The world knows the truth: which copies of a job are alive, and where. The head hears of it only
through events, in any order that an engine may give them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seedfleet.fleet import core
from seedfleet.fleet.engines.base import Allocation, Ended, Gpu, Node, NodeDown, NodeUp
from seedfleet.fleet.messages import (
    Cancel,
    CancelAsked,
    DrainAsked,
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
    Outcome,
    ProducedFile,
    Succeeded,
)
from seedfleet.fleet.spec import Job
from seedfleet.fleet.state import Done, Plan, Running, Stop

if TYPE_CHECKING:
    from typing import Any

GOOD = Succeeded((ProducedFile("x", 1, "0" * 64),))
NODES = (
    Node("a", "cuda", (Gpu(0), Gpu(1)), 1, max_jobs=2),
    Node("b", "cpu", (), 2, in_place=True),
    Node("c", "cuda", (Gpu(0), Gpu(1)), 1, contact=False),
)
OUTCOMES: tuple[tuple[Outcome, bool], ...] = (
    *((GOOD, False), (GOOD, False), (Failed(1, None), False)),
    *((Lost("n", "killed"), False), (FailedToStart("no supervisor"), True)),
)
WISHES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.just({}),
    st.builds(
        dict,
        gpus=st.sampled_from([None, 0, 1, 2]),
        rerun=st.sampled_from([True, True, False]),
        node=st.sampled_from([None, "a", "b", "c"]),
        platform=st.sampled_from([None, None, "rocm"]),
    ),
)
_Key = tuple[int, int]
_PLENTY = 2000


class FlappingMachine(RuleBasedStateMachine):
    """A run whose nodes and whose head come and go."""

    @initialize(
        wishes=st.lists(WISHES, min_size=1, max_size=6),
        max_fails=st.sampled_from([None, None, 2]),
    )
    def begin(self, wishes: list[dict[str, Any]], max_fails: int | None) -> None:
        jobs = [
            Job(job_id=f"j{n}", script="s", args=(), expected_output=f"j{n}", **each)
            for n, each in enumerate(wishes)
        ]
        self.plan = Plan(tuple(jobs), max_fails=max_fails)
        self.state = core.initial(self.plan)
        self.events: list[Event] = []
        self.there = {node.name for node in NODES if node.contact}
        self.offered = {node.name for node in NODES}
        self.alive: dict[_Key, Allocation] = {}
        self.ended: dict[_Key, Ended] = {}
        self.places: dict[_Key, Allocation] = {}
        self.watched: set[_Key] = set()
        self.to_cancel: set[_Key] = set()
        self.publishing: dict[_Key, Ended] = {}
        self.accepted: dict[int, int] = {}
        self.alarms: list[Event] = []
        self.open_head((), self.offered)

    @property
    def up(self) -> set[str]:
        """Nodes that the present head can reach."""
        return self.there & self.offered

    def open_head(self, again: tuple[int, ...], offered: set[str]) -> None:
        """Let a new head open the run; what only the old one knew is gone.

        It asks no node whether attempts write in place there before it starts the first.
        """
        self.watched, self.publishing, self.alarms, self.offered = set(), {}, [], offered
        offer = tuple(
            replace(node, contact=node.name in self.up, in_place=False)
            for node in NODES
            if node.name in offered
        )
        self.send(Opened(offer, tuple(range(len(self.plan.jobs))), again))

    def send(self, event: Event) -> None:
        before = self.state
        self.state, effects = core.decide(before, event)
        self.events.append(event)
        answers: list[Event] = []
        for effect in effects:
            match effect:
                case Start(index, number, place):
                    self.start((index, number), place)
                    if place.node in self.up:
                        answers.append(NodeUp(next(n for n in NODES if n.name == place.node)))
                case Cancel(index, number):
                    self.to_cancel.add((index, number))
                case Publish(index, ended):
                    assert index not in self.accepted, "there is one result"
                    self.publishing[index, ended.attempt] = ended
                case Later(_, alarm):
                    self.alarms.append(alarm)
        for answer in answers:
            self.send(answer)

    def start(self, key: _Key, place: Allocation) -> None:
        self.watched.add(key)
        if key in self.places:
            assert self.places[key] == place, "no attempt number is used twice"
            return
        index, number = key
        earlier = [other for other in self.places if other[0] == index]
        assert number == len(earlier) + 1
        assert place.node in self.up, "nobody is sent to a node out of contact"
        assert self.plan.jobs[index].rerun or not earlier, "rerun: false is started once"
        for other in earlier:
            if other in self.alive:
                there = self.places[other].node
                assert there != place.node, "one live copy of a job on a node"
                assert there != "b", "nothing beside a copy that writes in place"
                orphans = {orphan.attempt for orphan in self.state.jobs[index].orphans}
                assert other[1] in orphans, "two copies only once the first was given up"
        for other, used in self.alive.items():
            shared = set(used.gpu_ids) & set(place.gpu_ids)
            same_cpu = used.cpu_slot is not None and used.cpu_slot == place.cpu_slot
            assert used.node != place.node or not (shared or same_cpu), (other, key)
        self.places[key] = self.alive[key] = place

    def reportable(self) -> list[_Key]:
        return sorted(k for k in self.watched if k in self.ended and self.places[k].node in self.up)

    def end(self, key: _Key, outcome: Outcome, *, node_fault: bool) -> None:
        del self.alive[key]
        self.ended[key] = Ended(f"j{key[0]}", key[1], outcome, node_fault=node_fault)

    def report(self, key: _Key) -> None:
        self.watched.discard(key)
        self.send(self.ended[key])

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), how=st.sampled_from(OUTCOMES), told=st.booleans())
    def an_attempt_ends(self, data: st.DataObject, how: tuple[Outcome, bool], told: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.alive)))
        self.end(key, how[0], node_fault=how[1])
        if told and key in self.reportable():
            self.report(key)

    @precondition(lambda self: self.reportable())
    @rule(data=st.data())
    def the_head_hears_of_an_end(self, data: st.DataObject) -> None:
        self.report(data.draw(st.sampled_from(self.reportable())))

    @precondition(lambda self: self.to_cancel & self.alive.keys())
    @rule(data=st.data())
    def a_cancelled_attempt_ends(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.to_cancel & self.alive.keys())))
        if self.places[key].node in self.up:
            self.end(key, Cancelled(), node_fault=False)

    @rule(data=st.data())
    def the_engine_repeats_itself(self, data: st.DataObject) -> None:
        known = [k for k in sorted(self.ended) if k not in self.watched]
        if not known:
            return
        key = data.draw(st.sampled_from(known))
        if self.state.jobs[key[0]].place_of(key[1]) is None:
            before = self.state
            self.send(self.ended[key])
            assert self.state == before

    @precondition(lambda self: self.publishing)
    @rule(data=st.data(), works=st.sampled_from([True, True, False]))
    def publishing_ends(self, data: st.DataObject, works: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.publishing)))
        self.publish(key, works=works)

    def publish(self, key: _Key, *, works: bool) -> None:
        index, number = key
        del self.publishing[key]
        if works:
            assert index not in self.accepted, "a job is accepted once"
            self.accepted[index] = number
            self.send(Published(f"j{index}", number))
        else:
            self.send(PublishFailed(f"j{index}", number, "disk full"))

    @precondition(lambda self: self.up)
    @rule(data=st.data(), for_good=st.sampled_from([False, False, False, True]))
    def a_node_goes(self, data: st.DataObject, for_good: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.up)))
        self.there.discard(name)
        self.send(NodeDown(name, "cut", for_good))

    @precondition(lambda self: self.offered - self.there)
    @rule(data=st.data())
    def a_node_comes(self, data: st.DataObject) -> None:
        away = [n for n in NODES if n.name in self.offered - self.there]
        node = data.draw(st.sampled_from(away))
        self.there.add(node.name)
        self.send(NodeUp(replace(node, in_place=False)))

    @rule(data=st.data())
    def a_node_is_spoken_of_again(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from([n for n in NODES if n.name in self.offered]))
        self.send(NodeUp(node) if node.name in self.up else NodeDown(node.name, "still"))

    @precondition(lambda self: self.alarms)
    @rule(data=st.data())
    def an_alarm_rings(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.alarms) - 1))
        self.send(self.alarms.pop(number))

    @rule(name=st.sampled_from("abc"), since=st.integers(-1, 3))
    def an_alarm_that_is_out_of_date_changes_nothing(self, name: str, since: int) -> None:
        known = self.state.nodes.get(name)
        before = self.state
        if known is None or since != known.contact_alarm:
            self.send(NodeLost(name, since))
        if known is None or since != known.trust_alarm:
            self.send(Probation(name, since))
        assert self.state == before

    @rule(
        again=st.booleans(),
        offered=st.sampled_from([*(["abc"] * 4), "ab", "bc", "ac", "a", "b"]),
    )
    def the_head_is_replaced(self, again: bool, offered: str) -> None:
        replayed = core.initial(self.plan)
        for event in self.events:
            replayed, _ = core.decide(replayed, event)
        assert replayed == self.state
        self.open_head(
            tuple(
                index
                for index, job in enumerate(self.state.jobs)
                if again
                and isinstance(job.phase, Done)
                and index not in self.accepted
                and self.plan.jobs[index].rerun
            ),
            set(offered),
        )

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def a_node_is_lost(self, data: st.DataObject) -> None:
        """Do in one step what would take two, so that a run of few steps gets further."""
        name = data.draw(st.sampled_from(sorted(self.up)))
        self.there.discard(name)
        self.send(NodeDown(name, "cut"))
        self.send(self.alarms.pop())

    @rule(data=st.data(), rarely=st.integers(0, 4))
    def somebody_cancels_a_job(self, data: st.DataObject, rarely: int) -> None:
        if rarely:
            return
        index = data.draw(st.integers(0, len(self.plan.jobs) - 1))
        self.send(CancelAsked((f"j{index}", "nobody")))

    @rule(cancel=st.booleans(), rarely=st.integers(0, 9))
    def the_user_stops(self, cancel: bool, rarely: int) -> None:
        if not rarely:  # else hardly a run would get anywhere
            self.send(CancelAsked() if cancel else DrainAsked())

    @invariant()
    def what_is_accepted_is_the_outcome(self) -> None:
        if not hasattr(self, "accepted"):
            return
        for index, job in enumerate(self.state.jobs):
            succeeded = isinstance(job.phase, Done) and isinstance(job.phase.outcome, Succeeded)
            assert succeeded == (index in self.accepted)
            if succeeded:
                assert job.history[-1][0].attempt == self.accepted[index]
            results = [e for e, _ in job.history if isinstance(e.outcome, Succeeded)]
            assert len(results) == succeeded
            tried = Counter(ended.attempt for ended, _ in job.history)
            assert not tried or max(tried.values()) == 1
        assert self.state.done == sum(isinstance(job.phase, Done) for job in self.state.jobs)

    @invariant()
    def whoever_is_not_wanted_is_told(self) -> None:
        if not hasattr(self, "alive"):
            return
        for index, job in enumerate(self.state.jobs):
            counts = {job.phase.attempt} if isinstance(job.phase, Running) else set()
            for number, place in job.living():
                unwanted = number not in counts or job.cancelled
                if unwanted and place.node in self.up:
                    assert (index, number) in self.to_cancel

    @invariant()
    def nodes_are_not_overfilled(self) -> None:
        if not hasattr(self, "alive"):
            return
        there = Counter(place.node for place in self.alive.values())
        assert there["a"] <= 2
        assert there["b"] <= 2

    def teardown(self) -> None:
        """Whatever happened, the run comes to its end, with the nodes as they are now."""
        if not hasattr(self, "alive"):
            return
        for _ in range(_PLENTY):
            if self.state.finished:
                break
            reachable = [k for k in sorted(self.alive) if self.places[k].node in self.up]
            if self.publishing:
                self.publish(min(self.publishing), works=True)
            elif self.reportable():
                self.report(self.reportable()[0])
            elif reachable:
                wished = reachable[0] in self.to_cancel
                self.end(reachable[0], Cancelled() if wished else GOOD, node_fault=False)
            else:
                assert self.alarms, "it waits for nothing"
                self.send(self.alarms.pop(0))
        assert self.state.finished
        if self.state.stop is Stop.NO:
            assert all(isinstance(job.phase, Done) for job in self.state.jobs)


TestFlapping = FlappingMachine.TestCase
TestFlapping.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
TestFlapping.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]
