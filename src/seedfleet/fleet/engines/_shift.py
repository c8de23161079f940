"""The work over one connection: orders go out, results come in, until the connection ends.

What has to outlive the connection is in the `Ledger`: the attempts that the head has given to the
node and whose end it has not heard, and those whose results it has and the node does not know it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines import _delivery
from seedfleet.fleet.engines._orders import make_order, output_paths
from seedfleet.fleet.engines._pacing import Pace
from seedfleet.fleet.engines._staging import Staging
from seedfleet.fleet.engines.base import NodeUp, Remark
from seedfleet.fleet.engines.link import NodeContactError, RefusedError
from seedfleet.fleet.node_offer import cards_named
from seedfleet.fleet.outcome import Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seedfleet.fleet.cluster import NodeConfig
    from seedfleet.fleet.engines._lending import Lender
    from seedfleet.fleet.engines._orders import Site
    from seedfleet.fleet.engines._staging import ScriptCopies
    from seedfleet.fleet.engines.base import Allocation, Attempt, Ended, EngineEvent, Rules
    from seedfleet.fleet.engines.link import NodeLink
    from seedfleet.fleet.node.frames import Frame
    from seedfleet.fleet.paths import RunPaths

__all__ = ["Held", "Ledger", "Shift", "Task", "settle"]

_GATHER_S: Final = 0.5  # so that many results share one sync of the head's disk
_CANCELLED: Final = {"outcome": "cancelled", "problem": "cancelled before it started"}


@dataclass
class Held:
    """An attempt that the head has given to a node."""

    attempt: Attempt
    allocation: Allocation
    cancelled: bool = False
    arriving: _delivery.Arrival | None = None


@dataclass
class Ledger:
    """What is open between head and node, by token.

    `held` are the attempts whose end has not been told; `unsettled` those that have been told and
    that the node still keeps, with whether their folders stay as evidence.
    """

    held: dict[str, Held] = field(default_factory=dict)
    unsettled: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What all connections to one node during one run have in common.

    Parameters
    ----------
    config
        Of the node.
    paths, rules
        Of the run.
    copies
        Of scripts, as all nodes of the run have them.
    silent_s
        Without a word for so long, the connection counts as dead.
    shared_disks
        False: files always travel over the connection.
    tell
        Takes what the engine has to report.
    lender
        Has to be asked before an attempt starts; None where the head decides alone.
    """

    config: NodeConfig
    paths: RunPaths
    rules: Rules
    copies: ScriptCopies
    silent_s: float
    shared_disks: bool
    tell: Callable[[EngineEvent], None]
    lender: Lender | None = None


async def settle(link: NodeLink, ledger: Ledger, paths: RunPaths) -> None:
    """Tell a node which results the head has, once they are on the head's disk for good.

    Raises
    ------
    NodeContactError
        If the connection ends first; then another one will tell.
    RefusedError
        If the node cannot clear up.
    OSError
        If the head's disk refuses.
    """
    kept = dict(ledger.unsettled)
    heads = [paths.attempt(job_id, int(n)) for _, job_id, n in (t.split("/") for t in kept)]
    await asyncio.to_thread(_delivery.make_durable, heads)
    try:
        await link.ask("settle", kept=kept)
    except RefusedError:
        _forget(ledger, kept)
        raise
    _forget(ledger, kept)


def _forget(ledger: Ledger, tokens: Iterable[str]) -> None:
    for token in tokens:
        ledger.unsettled.pop(token, None)


class Shift:
    """Works over one connection.

    Parameters
    ----------
    link
        The connection.
    site
        The node as its agent has found it.
    task, ledger
        What there is to do.
    """

    def __init__(self, link: NodeLink, site: Site, task: Task, ledger: Ledger) -> None:
        self._link = link
        self._site = site
        self._task = task
        self._ledger = ledger
        self._to_start: asyncio.Queue[str] = asyncio.Queue()
        self._to_borrow: asyncio.Queue[str] = asyncio.Queue()
        self._borrowing: dict[str, asyncio.Future[tuple[str, ...]]] = {}
        self._to_settle = asyncio.Event()
        for token, held in ledger.held.items():
            held.arriving = None  # what had come in part comes again
            self.start(token)
        if ledger.unsettled:
            self._to_settle.set()

    async def work(self) -> None:
        """Work until the connection ends.

        Raises
        ------
        ExceptionGroup
            Of `NodeContactError`, with why it ended, or of `OSError` if this head's disk refuses.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_out())
            tasks.create_task(self._borrow(tasks))
            tasks.create_task(self._listen())
            tasks.create_task(self._settle())
            tasks.create_task(self._knock())

    def start(self, token: str) -> None:
        """Hand out an attempt that the ledger holds."""
        (self._to_start if self._task.lender is None else self._to_borrow).put_nowait(token)

    def cancel(self, token: str) -> None:
        """Ask for an attempt's end."""
        borrowing = self._borrowing.get(token)
        if borrowing is not None:
            borrowing.cancel()  # what runs nowhere yet need not wait for its turn
        self._link.post({"op": "cancel", "token": token})

    # --- orders ---

    async def _borrow(self, tasks: asyncio.TaskGroup) -> None:
        """Ask for each attempt by itself: one that has to wait must not keep the others waiting."""
        while True:
            token = await self._to_borrow.get()
            held = self._ledger.held.get(token)
            if held is not None:
                tasks.create_task(self._borrow_for(token, held))

    async def _borrow_for(self, token: str, held: Held) -> None:
        job, number, gpus = held.attempt.job, held.attempt.number, held.allocation.gpu_ids
        folder = self._site.attempt(self._task.paths, job.job_id, number)
        if self._task.lender is not None and not held.cancelled:
            asked = self._task.lender.lend(
                self._task.config.name, token, gpus=len(gpus), alive=folder.alive
            )
            borrowing = self._borrowing[token] = asyncio.ensure_future(asked)
            try:
                await asyncio.wait({borrowing})
            finally:
                borrowing.cancel()
                del self._borrowing[token]
            if not borrowing.cancelled():
                cards, lent = cards_named(borrowing.result(), self._site.cards)
                self._site = dataclasses.replace(self._site, cards=cards)
                held.allocation = dataclasses.replace(held.allocation, gpu_ids=lent)
        self._to_start.put_nowait(token)

    async def _hand_out(self) -> None:
        token = await self._to_start.get()
        if self._task.shared_disks:
            await self._look_for_shared_disks()
        task = self._task
        staging = Staging(
            self._link, self._site, paths=task.paths, rules=task.rules, copies=task.copies
        )
        pace = Pace(task.config)
        while True:
            await self._hand_out_one(token, staging, pace)
            token = await self._to_start.get()

    async def _hand_out_one(self, token: str, staging: Staging, pace: Pace) -> None:
        held = self._ledger.held.get(token)
        if held is None:
            return
        job, new = held.attempt.job, None
        if pace.waits or staging.has_work(job):
            # What runs there already needs neither files nor patience.
            reply = await self._link.ask("known", tokens=[token])
            if token not in reply["answer"]:
                new = None if held.cancelled else await staging.prepare(job)
                for remark in staging.remarks():
                    self._task.tell(Remark(remark))
                if new is None and not held.cancelled:
                    await pace.wait(token, self._ledger.held)
        order = make_order(
            held.attempt, held.allocation, self._site, self._task.paths, self._task.rules
        )
        # The node decides: an attempt that is known there is taken up, whatever is missing now.
        self._link.post(
            {"op": "start", "order": order, "unless_known": _CANCELLED if held.cancelled else new}
        )
        if held.cancelled:
            self.cancel(token)

    async def _look_for_shared_disks(self) -> None:
        """Find out by nonces what head and node both see; nothing is assumed from names."""
        name, nonce = secrets.token_hex(8), secrets.token_hex(16)
        site, paths = self._site, self._task.paths
        home_seen = sees_root = False
        probe = (paths.folder if paths.in_root(paths.folder) else paths.root) / f".shown-{name}"
        try:
            await self._link.ask("show", name=name, nonce=nonce)
            shown = Path(site.home, f".shown-{name}")
            home_seen = await asyncio.to_thread(_delivery.reads, shown, nonce)
            await self._link.ask("hide", name=name)
            if await asyncio.to_thread(_delivery.write_nonce, probe, nonce):
                reply = await self._link.ask("see", path=paths.in_root(probe))
                sees_root = reply["answer"] == nonce
        except RefusedError:
            pass  # then nothing is shared, as far as we can tell
        finally:
            await asyncio.to_thread(probe.unlink, missing_ok=True)
        node = dataclasses.replace(site.node, in_place=sees_root and paths.preserve)
        self._site = dataclasses.replace(site, node=node, home_seen=home_seen, sees_root=sees_root)
        if node.in_place:
            self._task.tell(NodeUp(node))

    # --- results ---

    async def _listen(self) -> None:
        async for frames in self._link.heard():
            taking = asyncio.ensure_future(asyncio.to_thread(self._take_in, frames))
            try:
                await asyncio.shield(taking)
            finally:  # also where the connection ends meanwhile: what is written here has ended
                self._told(await taking)
        raise NodeContactError(self._link.last_words() or "the connection ended")

    def _told(self, complete: Sequence[tuple[str, Ended]]) -> None:
        for token, ended in complete:
            # The folder of an attempt that has not succeeded stays, as evidence.
            self._ledger.unsettled[token] = not isinstance(ended.outcome, Succeeded)
            self._ledger.held.pop(token, None)
            if self._task.lender is not None:
                self._task.lender.take_back(self._task.config.name, token)
            self._task.tell(ended)
        if complete:
            self._to_settle.set()

    def _take_in(self, frames: Sequence[Frame]) -> list[tuple[str, Ended]]:
        """Write down what has come, in a thread; return the attempts that are complete with it.

        Raises
        ------
        NodeContactError
            If it makes no sense.
        OSError
            If the head's disk refuses.
        """
        complete = []
        try:
            for header, body in frames:
                token = header.get("token")
                held = self._ledger.held.get(token) if isinstance(token, str) else None
                if isinstance(token, str) and held is not None:
                    ended = self._take(held, header, body)
                    if ended is not None:
                        complete.append((token, ended))
                elif header.get("op") == "trouble":
                    raise NodeContactError(str(header.get("problem"))[:500])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if not complete:  # else what is complete is told first, and the next frames are refused
                raise NodeContactError(f"its agent makes no sense: {error}") from error
        return complete

    def _take(self, held: Held, header: Mapping[str, Any], body: bytes) -> Ended | None:
        attempt, name = held.attempt, self._task.config.name
        head = self._task.paths.attempt(attempt.job.job_id, attempt.number)
        if header["op"] == "ended":
            known = _delivery.delivered(attempt, name, head)
            if known is not None:  # taken in before, by an earlier head or another engine
                return known
            held.arriving = _delivery.Arrival(
                header, attempt, head=head, source=self._source(attempt)
            )
        if held.arriving is None or not held.arriving.take(header, body):
            return None
        arrived, held.arriving = held.arriving, None
        return arrived.finish(name)

    def _source(self, attempt: Attempt) -> _delivery.Source:
        """Say where an attempt's files are, by what the head knows itself."""
        site, paths, job = self._site, self._task.paths, attempt.job
        folder = site.attempt(paths, job.job_id, attempt.number)
        in_place = paths.preserve and site.sees_root
        return _delivery.Source(
            folder if site.home_seen else None,
            [Path(path) for path in output_paths(job, site, paths, folder)],
            [paths.on_head(declared) for declared in job.all_outputs] if in_place else None,
        )

    async def _settle(self) -> None:
        """Tell the node what it may forget, and remember it until the node has understood."""
        while True:
            await self._to_settle.wait()
            await asyncio.sleep(_GATHER_S)
            self._to_settle.clear()
            try:
                await settle(self._link, self._ledger, self._task.paths)
            except RefusedError as error:
                self._task.tell(Remark(f"{self._task.config.name}: cannot clear up: {error}"))

    async def _knock(self) -> None:
        """Ask now and then whether the agent lives; `ssh` itself notices only a dead network."""
        silent_s = self._task.silent_s
        while True:
            await asyncio.sleep(silent_s / 3)
            if self._link.quiet_s() > silent_s / 3:
                await self._link.ask("alive", within_s=silent_s)
