"""The contact with one node of a run: made, kept, and made again.

A session holds every attempt that the head has given to its node until the attempt's files have
come. Whatever breaks the connection, the next agent gets all held orders again: those that run are
watched, those that have ended are told, and none runs twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines._orders import Site, token_of
from seedfleet.fleet.engines._shift import Held, Ledger, Shift, Task, settle
from seedfleet.fleet.engines.base import NodeDown, NodeUp, Remark
from seedfleet.fleet.engines.link import NodeContactError, NodeLink, RefusedError, Timeouts
from seedfleet.fleet.node_offer import cards_of, lent_places, offer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from seedfleet.fleet.cluster import NodeConfig
    from seedfleet.fleet.engines._channel import Channel
    from seedfleet.fleet.engines._lending import Lender
    from seedfleet.fleet.engines.base import Allocation, Attempt, Node

__all__ = ["NodeSession", "Reach"]

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_TIDY_S: Final = 10.0
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
    dial
        Another way to the nodes than `ssh`; see `NodeLink.dialled`.
    lender
        Whoever has to be asked for the GPUs and cores of each attempt; None where the head decides.
    """

    ssh_command: Sequence[str] = ("ssh",)
    timeouts: Timeouts = field(default_factory=Timeouts)
    shared_disks: bool = True
    wishes: Mapping[str, Any] = field(default_factory=dict)
    dial: Callable[[NodeConfig, Sequence[str]], Awaitable[Channel]] | None = None
    lender: Lender | None = None


class NodeSession:
    """The contact with one node, as long as its task runs.

    Parameters
    ----------
    reach
        How to get to the node.
    task
        What is to be done there.
    """

    def __init__(self, reach: Reach, task: Task) -> None:
        self._reach = reach
        self._task = task
        self._ledger = Ledger()
        self._link: NodeLink | None = None
        self._shift: Shift | None = None
        self._last_offer: Node | None = None
        self._remarked: set[str] = set()
        self._first: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self.problem = "still connecting"  # why it is not in contact, where it is not

    @property
    def name(self) -> str:
        """The node's name."""
        return self._task.config.name

    @property
    def first(self) -> asyncio.Future[Node]:
        """What the first try to reach the node has come to."""
        return self._first

    def first_or_believed(self) -> Node:
        """Say what the node offers, or what is configured, if it has not been reached by now."""
        if not self._first.done():
            self._first.set_result(self._believed())
            self._task.tell(NodeDown(self.name, self.problem))
        return self._first.result()

    def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Hold an attempt and have it started, or taken up, as soon as the node can be reached."""
        token = token_of(self._task.paths, attempt.job.job_id, attempt.number)
        if token not in self._ledger.held:
            self._ledger.held[token] = Held(attempt, allocation)
            if self._shift is not None:
                self._shift.start(token)

    def cancel(self, token: str) -> None:
        """Have a held attempt ended, now or when the node is back."""
        held = self._ledger.held.get(token)
        if held is not None:
            held.cancelled = True
            if self._shift is not None:
                self._shift.cancel(token)

    async def run(self) -> None:
        """Keep the contact, for ever; a node that is lost for good is left alone.

        Raises
        ------
        OSError
            If the head's disk refuses.
        """
        try:
            await self._keep_contact()
        finally:
            if not self._first.done():
                self._first.set_result(self._believed())

    async def _keep_contact(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                site = await self._connect()
            except NodeContactError as error:
                if self._failed(error):
                    return
            else:
                self._reached(site.node)
                began_s = time.monotonic()
                problem = await self._serve(site)
                await self._hang_up()
                self._task.tell(NodeDown(self.name, problem))
                if time.monotonic() - began_s > _LONGEST_PAUSE_S:
                    pause_s = _FIRST_PAUSE_S  # an agent that dies at once is no contact
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def close(self) -> None:
        """Leave the node; a run that left nothing there leaves no folder either."""
        if self._link is not None and not self._ledger.held:
            with contextlib.suppress(NodeContactError, RefusedError, TimeoutError):
                async with asyncio.timeout(_TIDY_S):
                    await settle(self._link, self._ledger, self._task.paths)
                    await self._link.ask("tidy", run_id=self._task.paths.run_id)
        await self._hang_up()

    def _believed(self) -> Node:
        node, _ = offer(self._task.config, _NOTHING_FOUND)
        if self._reach.lender is not None:
            node = lent_places(node, self._task.config.gpu_count or 0)
        return dataclasses.replace(node, contact=False)

    def _reached(self, node: Node) -> None:
        if self._first.done():
            self._task.tell(NodeUp(node))
        else:
            self._first.set_result(node)

    def _failed(self, error: NodeContactError) -> bool:
        """Tell of a node that could not be reached, and whether it is not worth another try."""
        # A machine that was there before may be in the middle of a restart, without its disks.
        for_good = error.untrusted or (error.for_good and self._last_offer is None)
        self.problem = error.problem
        if for_good or not self._first.done():
            self._task.tell(NodeDown(self.name, error.problem, for_good))
        if not self._first.done():
            self._first.set_result(self._believed())
        return for_good

    async def _connect(self) -> Site:
        config = self._task.config
        wishes = dict(self._reach.wishes)
        if config.is_local and config.script_path is None:
            wishes["root"] = str(self._task.paths.root)
        link = await self._start_agent(wishes)
        try:
            site = self._make_site(link.hello)
        except NodeContactError:
            await link.close()
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            await link.close()
            raise NodeContactError(f"its agent makes no sense: {error!r}") from error
        self._link = link
        return site

    async def _start_agent(self, wishes: Mapping[str, Any]) -> NodeLink:
        config, reach = self._task.config, self._reach
        if reach.dial is not None:
            return await NodeLink.dialled(
                config, reach.dial, timeouts=reach.timeouts, wishes=wishes
            )
        return await NodeLink.connect(
            config, ssh_command=reach.ssh_command, timeouts=reach.timeouts, wishes=wishes
        )

    def _make_site(self, hello: Mapping[str, Any]) -> Site:
        config, problems = self._task.config, []
        if not (hello["root_exists"] or self._task.rules.stage):
            problems.append(f"its script_path {hello['root']} does not exist (--stage makes it)")
        if hello["python"] is None:
            problems.append(f"there is no interpreter {config.python_env} on it")
        if not hello["home_writable"]:
            problems.append(f"its {hello['home']} cannot be written (SEEDFLEET_HOME names another)")
        if problems:
            raise NodeContactError("; ".join(problems), for_good=True)
        node = self._offered(hello["found"])
        return Site(
            node=node,
            cards=cards_of(node, hello["found"]) if node.lent else (),
            home=str(hello["home"]),
            root=str(hello["root"]),
            locks=str(hello["locks"]),
            python=str(hello["python"]),
            env=config.env,
            home_shared=bool(hello["home_shared"]),
        )

    def _offered(self, found: Mapping[str, Any]) -> Node:
        node, remarks = offer(self._task.config, found)
        known = self._last_offer
        if self._reach.lender is not None:
            node = lent_places(node, self._task.config.gpu_count or 0)
        elif known is not None and known.gpus and found["platform"] == "cpu":
            # A driver that does not answer this time; cards and their locks are what they were.
            node, remarks = known, (f"{self.name}: its GPUs are not found any more: believed",)
        for remark in remarks:
            if remark not in self._remarked:  # once, however often the node comes back
                self._remarked.add(remark)
                self._task.tell(Remark(remark))
        self._last_offer = node
        return node

    async def _serve(self, site: Site) -> str:
        """Work over one connection until it ends, and say why it ended."""
        if self._link is None:
            raise RuntimeError("there is no link")
        problem = ""
        self._shift = Shift(self._link, site, self._task, self._ledger)
        try:
            await self._shift.work()
        except* NodeContactError as group:
            problem = "; ".join(dict.fromkeys(map(str, group.exceptions)))
        finally:
            self._shift = None
        return problem

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
