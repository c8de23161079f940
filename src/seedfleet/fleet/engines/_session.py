"""One node of a run: it keeps the contact, hands out orders, and takes results in.

A session holds every attempt that the head has given to its node until the attempt's files have
come. Whatever breaks the connection, the next agent gets all held orders again: those that run are
watched, those that have ended are told, and none runs twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines import _delivery
from seedfleet.fleet.engines._orders import Site, make_order, token_of
from seedfleet.fleet.engines._pacing import Pace
from seedfleet.fleet.engines._staging import ScriptCopies, Staging
from seedfleet.fleet.engines.base import NodeDown, NodeUp, Remark
from seedfleet.fleet.engines.link import NodeContactError, NodeLink, Timeouts
from seedfleet.fleet.node_offer import offer
from seedfleet.fleet.outcome import Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seedfleet.fleet.cluster import NodeConfig
    from seedfleet.fleet.engines.base import (
        Allocation,
        Attempt,
        Ended,
        EngineEvent,
        Node,
        Rules,
    )
    from seedfleet.fleet.node.frames import Frame
    from seedfleet.fleet.paths import RunPaths

__all__ = ["NodeSession", "Reach"]

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_TIDY_S: Final = 2.0
_NOTHING_FOUND: Final = {"platform": "cpu", "gpus": (), "cores": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How an engine reaches its nodes.

    Parameters
    ----------
    ssh_command
        The OpenSSH client with the user's own options.
    timeouts
        Of every contact.
    shared_disks
        False: files always travel over the connection, also where a disk is shared.
    wishes
        Folders on the nodes other than their own choice; see `NodeLink.connect`.
    """

    ssh_command: Sequence[str] = ("ssh",)
    timeouts: Timeouts = field(default_factory=Timeouts)
    shared_disks: bool = True
    wishes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Held:
    """An attempt that the head has given to this node."""

    attempt: Attempt
    allocation: Allocation
    cancelled: bool = False
    arriving: _delivery.Arrival | None = None


class NodeSession:
    """The contact with one node, from `first_contact` until its task is cancelled.

    Parameters
    ----------
    config
        Of the node.
    reach
        How to get there.
    paths, rules
        Of the run.
    copies
        Of scripts, as all sessions of the run see them.
    tell
        Takes what the engine has to report.
    """

    def __init__(
        self,
        config: NodeConfig,
        reach: Reach,
        *,
        paths: RunPaths,
        rules: Rules,
        copies: ScriptCopies,
        tell: Callable[[EngineEvent], None],
    ) -> None:
        self._config = config
        self._reach = reach
        self._paths = paths
        self._rules = rules
        self._copies = copies
        self._tell = tell
        self._held: dict[str, _Held] = {}
        self._to_start: asyncio.Queue[str] = asyncio.Queue()
        self._link: NodeLink | None = None
        self._site: Site | None = None
        self._remarked: set[str] = set()
        self.lost_for_good = ""

    @property
    def name(self) -> str:
        """The node's name."""
        return self._config.name

    # --- the engine's side ---

    async def first_contact(self) -> Node:
        """Connect once, and say what the node offers, or what is configured for it."""
        try:
            return await self._connect()
        except NodeContactError as error:
            down = NodeDown(self.name, error.problem, error.for_good)
            self._tell(down)
            self.lost_for_good = error.problem if error.for_good else ""
            believed, _ = offer(self._config, _NOTHING_FOUND)
            return dataclasses.replace(believed, contact=False)

    async def run(self) -> None:
        """Keep the contact, for ever; a node that is lost for good is left alone."""
        pause_s = _FIRST_PAUSE_S
        while not self.lost_for_good:
            if self._link is None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                try:
                    node = await self._connect()
                except NodeContactError as error:
                    if error.for_good:
                        self.lost_for_good = error.problem
                        self._tell(NodeDown(self.name, error.problem, for_good=True))
                    continue
                self._tell(NodeUp(node))
            began_s = time.monotonic()
            problem = await self._serve()
            await self._hang_up()
            if (
                time.monotonic() - began_s > _LONGEST_PAUSE_S
            ):  # an agent that dies at once is no contact
                pause_s = _FIRST_PAUSE_S
            self._tell(NodeDown(self.name, problem))

    def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Hold an attempt and have it started, or taken up, as soon as the node can be reached."""
        token = token_of(self._paths, attempt.job.job_id, attempt.number)
        if token not in self._held:
            self._held[token] = _Held(attempt, allocation)
            self._to_start.put_nowait(token)

    async def cancel(self, token: str) -> None:
        """Have a held attempt ended, now or when the node is back."""
        held = self._held.get(token)
        if held is not None:
            held.cancelled = True
            if self._link is not None:
                await self._link.send({"op": "cancel", "token": token})

    async def close(self) -> None:
        """Leave the node; a run that left nothing there leaves no folder either."""
        if self._link is not None and self._site is not None and not self._held:
            with contextlib.suppress(NodeContactError, TimeoutError):
                async with asyncio.timeout(_TIDY_S):
                    await self._link.ask("tidy", run_id=self._paths.run_id)
        await self._hang_up()

    # --- contact ---

    async def _connect(self) -> Node:
        wishes = dict(self._reach.wishes)
        if self._config.is_local and self._config.script_path is None:
            wishes["root"] = str(self._paths.root)
        link = await NodeLink.connect(
            self._config,
            ssh_command=self._reach.ssh_command,
            timeouts=self._reach.timeouts,
            wishes=wishes,
        )
        try:
            self._site = self._make_site(link.hello)
        except NodeContactError:
            await link.close()
            raise
        self._link = link
        return self._site.node

    def _make_site(self, hello: Mapping[str, Any]) -> Site:
        problems = []
        if not (hello["root_exists"] or self._rules.stage):
            problems.append(f"its script_path {hello['root']} does not exist (--stage makes it)")
        if hello["python"] is None:
            problems.append(f"there is no interpreter {self._config.python_env} on it")
        if not hello["home_writable"]:
            problems.append(f"its {hello['home']} cannot be written (SEEDFLEET_HOME names another)")
        if problems:
            raise NodeContactError("; ".join(problems), for_good=True)
        node, remarks = offer(self._config, hello["found"])
        for remark in remarks:
            self._remark(remark)
        return Site(
            node=node,
            home=hello["home"],
            root=hello["root"],
            locks=hello["locks"],
            python=hello["python"],
            env=self._config.env,
            home_shared=hello["home_shared"],
        )

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _serve(self) -> str:
        """Work over one connection until it ends, and say why it ended."""
        link = self._link
        if link is None:
            raise RuntimeError("there is no link")
        for held in self._held.values():
            held.arriving = None  # what had come in part comes again
        self._to_start = asyncio.Queue()
        for token in self._held:
            self._to_start.put_nowait(token)
        problem = ""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hand_out(link))
                tasks.create_task(self._listen(link))
                tasks.create_task(self._knock(link))
        except* NodeContactError as group:
            problem = "; ".join(dict.fromkeys(map(str, group.exceptions)))
        return problem

    async def _knock(self, link: NodeLink) -> None:
        """Ask now and then whether the agent lives; `ssh` itself notices only a dead network."""
        silent_s = self._reach.timeouts.silent_s
        while True:
            await asyncio.sleep(silent_s / 3)
            try:
                async with asyncio.timeout(silent_s):
                    await link.ask("alive")
            except TimeoutError as error:
                raise NodeContactError(f"silent for {silent_s:g} s") from error

    # --- orders ---

    async def _hand_out(self, link: NodeLink) -> None:
        staging: Staging | None = None
        pace = Pace(self._config)
        while True:
            token = await self._to_start.get()
            held = self._held.get(token)
            if held is None:
                continue
            if staging is None:
                if self._reach.shared_disks:
                    await self._look_for_shared_disks(link)
                staging = Staging(
                    link,
                    self._opened(),
                    paths=self._paths,
                    rules=self._rules,
                    copies=self._copies,
                )
            problem = await staging.prepare(held.attempt.job)
            for remark in staging.remarks():
                self._remark(remark)
            if problem is None and not held.cancelled:
                await pace.wait(token, self._held)
            order = make_order(
                held.attempt, held.allocation, self._opened(), self._paths, self._rules
            )
            # The node decides: an attempt that runs there needs nothing any more.
            await link.send({"op": "start", "order": order, "unless_known": problem})
            if held.cancelled:
                await link.send({"op": "cancel", "token": token})

    def _opened(self) -> Site:
        if self._site is None:
            raise RuntimeError("there was no contact yet")
        return self._site

    async def _look_for_shared_disks(self, link: NodeLink) -> None:
        """Find out by nonces what head and node both see; nothing is assumed from names."""
        site = self._opened()
        shown = (await link.ask("show"))["answer"]
        home_seen = await asyncio.to_thread(_delivery.reads, shown["path"], shown["nonce"])
        sees_root = False
        nonce, probe = secrets.token_hex(16), self._paths.folder / f".probe-{secrets.token_hex(4)}"
        await asyncio.to_thread(_delivery.write_nonce, probe, nonce)
        try:
            relative = self._paths.in_root(probe) or ""  # elsewhere: then nothing is seen there
            reply = await link.ask("see", path=relative, forget=shown["path"])
            sees_root = reply["answer"] == nonce
        finally:
            await asyncio.to_thread(probe.unlink, missing_ok=True)
        in_place = sees_root and self._paths.preserve
        node = dataclasses.replace(site.node, in_place=in_place)
        self._site = dataclasses.replace(site, node=node, home_seen=home_seen, sees_root=sees_root)
        if in_place:
            self._tell(NodeUp(node))

    def _remark(self, text: str) -> None:
        if text not in self._remarked:  # once, however often the node comes back
            self._remarked.add(text)
            self._tell(Remark(text))

    # --- results ---

    async def _listen(self, link: NodeLink) -> None:
        async for frames in link.heard():
            for header, _ in frames:
                if header["op"] == "trouble":
                    raise NodeContactError(str(header["problem"]))
            taking = asyncio.ensure_future(asyncio.to_thread(self._take_in, frames))
            try:
                await asyncio.shield(taking)
            finally:  # also where the connection ends meanwhile: what is written here has ended
                complete = await taking
                for token, ended in complete:
                    del self._held[token]
                    self._tell(ended)
            # The folder of an attempt that has not succeeded stays, as evidence.
            kept = {token: not isinstance(ended.outcome, Succeeded) for token, ended in complete}
            if kept:
                await link.send({"op": "settled", "kept": kept})
        raise NodeContactError(link.last_words() or "the connection ended")

    def _take_in(self, frames: Sequence[Frame]) -> list[tuple[str, Ended]]:
        """Write down what has come, in a thread; return the attempts that are complete with it."""
        complete = []
        for header, body in frames:
            token = header.get("token", "")
            held = self._held.get(token)
            if held is None:  # told once more after a connection broke
                continue
            if header["op"] == "ended":
                job_id, number = held.attempt.job.job_id, held.attempt.number
                held.arriving = _delivery.Arrival(
                    header,
                    head=self._paths.attempt(job_id, number),
                    node=self._opened().attempt(self._paths, job_id, number),
                    places=self._places(held.attempt),
                )
            if held.arriving is not None and held.arriving.take(header, body):
                complete.append((token, held.arriving.finish(held.attempt, self.name)))
                held.arriving = None
        return complete

    def _places(self, attempt: Attempt) -> tuple[Path, ...] | None:
        """Name where outputs written in place stand on the head, or None if they are carried."""
        if not (self._paths.preserve and self._opened().sees_root):
            return None
        return tuple(self._paths.on_head(declared) for declared in attempt.job.all_outputs)
