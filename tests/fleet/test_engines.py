"""The shipped contract over both engines, and that it notices engines which break it."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fleet_house import GOOD, House, living_attempts

from seedfleet.fleet import run_sync
from seedfleet.fleet.engines._orders import Site, make_order
from seedfleet.fleet.engines._shift import Ledger, settle
from seedfleet.fleet.engines.base import (
    Allocation,
    Attempt,
    Ended,
    Engine,
    EngineEvent,
    Node,
    NodeDown,
    Rules,
)
from seedfleet.fleet.node.supervisor import supervise
from seedfleet.fleet.outcome import Lost, OutputInvalid, Succeeded
from seedfleet.fleet.testing import FakeEngine, FakeWorld, Outage, check_engine
from seedfleet.fleet.testing import fake as fake_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from seedfleet.fleet.paths import RunPaths


@pytest.mark.slow
def test_the_local_engine_keeps_the_contract(house: House) -> None:
    asyncio.run(check_engine(house.engine, house.root))


def test_the_fake_engine_keeps_the_contract(tmp_path: Path) -> None:
    world = FakeWorld()
    asyncio.run(check_engine(lambda: FakeEngine(world), tmp_path, outage_of(world)))


def outage_of(world: FakeWorld) -> Outage:
    (node,) = world.nodes
    return Outage(cut=lambda: world.cut(node.name), mend=lambda: world.mend(node.name))


class Forgetful(FakeEngine):
    """Starts a delivered attempt anew."""

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        key = (self._opened().run_id, attempt.job.job_id, attempt.number)
        self.world.ended.pop(key, None)
        self._head(key).status.unlink(missing_ok=True)
        await super().start(attempt, allocation)


class Hasty(FakeEngine):
    """Reports a success before the files have come."""

    async def events(self) -> AsyncIterator[EngineEvent]:
        async for event in super().events():
            if isinstance(event, Ended):
                folder = self._opened().attempt(event.job_id, event.attempt)
                for path in folder.outputs.glob("*"):
                    path.write_text("something else")
            yield event


class Deaf(FakeEngine):
    """Treats a cancelled attempt as a success."""

    async def cancel(self, job_id: str, attempt: int) -> None:
        self.end(job_id, attempt, {"outcome": "succeeded"})


class Swapping(FakeEngine):
    """Brings the outputs of a job in another order than it tells."""

    async def events(self) -> AsyncIterator[EngineEvent]:
        async for event in super().events():
            told = event
            if isinstance(event, Ended) and isinstance(event.outcome, Succeeded):
                told = replace(event, outcome=Succeeded(event.outcome.outputs[::-1]))
            yield told


class Mixing(FakeEngine):
    """Brings the content of one output as that of all."""

    async def events(self) -> AsyncIterator[EngineEvent]:
        async for event in super().events():
            told = event
            if isinstance(event, Ended) and isinstance(event.outcome, Succeeded):
                folder = self._opened().attempt(event.job_id, event.attempt)
                first, *others = event.outcome.outputs
                for number in range(1, len(others) + 1):
                    (folder.outputs / str(number)).write_bytes((folder.outputs / "0").read_bytes())
                same = [replace(first, declared=other.declared) for other in others]
                told = replace(event, outcome=Succeeded((first, *same)))
            yield told


class Overwriting(FakeEngine):
    """Leaves what a failed attempt wrote in place where it is."""

    def _deliver(self, key: tuple[str, str, int], attempt: Attempt) -> None:
        paths = self._opened()
        if paths.preserve and self.world.ended[key]["outcome"] == "failed":
            paths.on_head(attempt.job.expected_output).write_text("half")
        super()._deliver(key, attempt)


class Trusting(FakeEngine):
    """Takes half a status for a whole one."""

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        key = (self._opened().run_id, attempt.job.job_id, attempt.number)
        status = self._head(key).status
        if status.exists() and not status.read_text().endswith("}"):
            self.say(Ended(attempt.job.job_id, attempt.number, Lost("fake", "cannot read it")))
        else:
            await super().start(attempt, allocation)


class Everywhere(FakeEngine):
    """Runs on the first node what belongs to a node that it does not have."""

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        await super().start(attempt, replace(allocation, node=self.world.nodes[0].name))


class Eager(FakeEngine):
    """Ends what runs on a node that goes out of contact."""

    def say(self, event: EngineEvent) -> None:
        if isinstance(event, NodeDown):
            super().say(Ended("wait", 1, Lost(event.node, event.problem)))
        super().say(event)


@pytest.mark.parametrize(
    ("engine", "obligation"),
    [
        (Forgetful, "left alone"),
        (Hasty, "unchanged"),
        (Deaf, "is Cancelled, not"),
        (Swapping, "in the order declared"),
        (Mixing, "another output's content"),
        (Overwriting, "is put back"),
        (Trusting, "torn status"),
        (Everywhere, "wherever it ran"),
        (Eager, "reported when it is back"),
    ],
)
def test_the_contract_notices_a_broken_engine(
    tmp_path: Path, engine: Callable[[FakeWorld], Engine], obligation: str
) -> None:
    world = FakeWorld()
    with pytest.raises(AssertionError, match=obligation):
        asyncio.run(check_engine(lambda: engine(world), tmp_path, outage_of(world)))


def test_what_changed_between_engine_and_place_is_not_published(house: House) -> None:
    report = run_sync([house.job(GOOD)], house.options(), engine=Hasty())
    outcome = report.jobs["a"].outcome
    assert isinstance(outcome, OutputInvalid)
    assert "is not what the attempt wrote" in outcome.problem
    assert not (report.folder / "results").exists()


def attempt_of(house: House, body: str) -> Attempt:
    return Attempt(house.job(body), 1)


def paths_of(house: House) -> RunPaths:
    return house.options().paths("some-run")


async def next_end(engine: Engine) -> Ended:
    async for event in engine.events():
        if isinstance(event, Ended):
            return event
    raise AssertionError("events never end by themselves")


@pytest.mark.slow
def test_two_engines_that_start_one_attempt_run_it_once(house: House) -> None:
    async def both() -> tuple[Ended, Ended]:
        engines = house.engine(), house.engine()
        attempt = attempt_of(house, f"open('ran', 'a').write('x'); time.sleep(0.3); {GOOD}")
        for engine in engines:
            await engine.open(paths_of(house), Rules())
        for engine in engines:  # neither supervisor is up when the second is sent off
            await engine.start(attempt, Allocation("localhost", (), 0))
        ends = await next_end(engines[1]), await next_end(engines[0])
        for engine in engines:
            await engine.close()
        return ends

    first, second = asyncio.run(both())
    assert (house.root / "ran").read_text() == "x"
    assert isinstance(first.outcome, Succeeded)
    assert first == second


@pytest.mark.slow
def test_a_supervisor_that_comes_up_after_delivery_runs_nothing(house: House) -> None:
    paths, attempt = paths_of(house), attempt_of(house, f"open('ran', 'a').write('x'); {GOOD}")
    place = Allocation("localhost", (), 0)

    async def run_it() -> Node:
        engine = house.engine()
        (node,) = await engine.open(paths, Rules())
        await engine.start(attempt, place)
        await next_end(engine)
        await engine.close()
        return node

    node = asyncio.run(run_it())
    site = Site(node=node, home=str(house.home), root=str(house.root), locks="", python="")
    order = make_order(attempt, place, site, paths, Rules())
    process = multiprocessing.get_context("spawn").Process(target=be_supervisor, args=(order,))
    process.start()
    process.join()
    assert process.exitcode == 4
    assert (house.root / "ran").read_text() == "x"
    assert not (house.home / "runs/some-run/attempts/a/1").exists()


def be_supervisor(order: dict[str, Any]) -> None:
    sys.exit(supervise(order))


@pytest.mark.slow
def test_a_killed_supervisor_leaves_no_process_and_the_next_attempt_may_run(house: House) -> None:
    body = f"""
if os.environ['SEEDFLEET_ATTEMPT'] == '1':
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
{GOOD}"""
    report = house.run(house.job(body))
    assert report.succeeded
    assert report.jobs["a"].attempts == 2
    assert living_attempts(report.run_id) == []


@pytest.mark.slow
def test_a_run_that_kept_nothing_leaves_no_folder_even_after_kills(house: House) -> None:
    job_folder = house.home / "runs/kept/attempts/a"
    (job_folder / ".1.cut-short").mkdir(parents=True)
    (job_folder / ".1.cut-short/stdout.log").touch()
    engine = house.engine()
    assert run_sync([house.job(GOOD)], house.options(), engine=engine, run_id="kept").succeeded
    assert not list((house.home / "runs").iterdir())
    failed = house.run(house.job("sys.exit(1)"))
    assert [path.name for path in (house.home / "runs").iterdir()] == [failed.run_id]


def test_fake_plays_are_public_and_follow_the_script_name(house: House) -> None:
    names = {"fail.sh": "failed", "go.sh": "succeeded", "sub/fail-2.py": "failed"}
    for script, outcome in names.items():
        status = fake_module.play_by_name(Attempt(house.job(script=script), 1))
        assert status is not None
        assert status["outcome"] == outcome
    assert fake_module.play_by_name(Attempt(house.job(script="wait.py"), 1)) is None


@pytest.mark.parametrize("full", [False, True])
def test_a_node_forgets_only_what_is_on_the_heads_disk_for_good(
    house: House, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    told: list[object] = []

    def make_durable(heads: object) -> None:
        told.append("durable")
        if full:
            raise OSError(28, "No space left on device", str(heads))

    class Link:
        """A connection to a node that does whatever it is asked."""

        async def ask(self, question: str, *, kept: dict[str, bool]) -> None:
            told.append((question, kept))

    monkeypatch.setattr("seedfleet.fleet.engines._delivery.make_durable", make_durable)
    link: Any = Link()
    ledger = Ledger(unsettled={"r/a/1": True})
    with pytest.raises(OSError, match="No space left") if full else nullcontext():
        asyncio.run(settle(link, ledger, house.options().paths("r")))
    assert told == ["durable", *([] if full else [("settle", {"r/a/1": True})])]
    assert bool(ledger.unsettled) == full
