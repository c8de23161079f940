"""What a queueing engine does between its opening and its end: hand in, watch, ask, tell."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines._orders import token_of
from seedfleet.fleet.engines.queued._contact import SchedulerContact
from seedfleet.fleet.engines.queued._elsewhere import Elsewhere
from seedfleet.fleet.engines.queued._held import Held, HeldAttempts
from seedfleet.fleet.engines.queued._spent import SpentTasks
from seedfleet.fleet.engines.queued._threads import in_thread
from seedfleet.fleet.engines.queued.arrivals import Arrivals
from seedfleet.fleet.engines.queued.ledger import BatchLedger, HandedIn
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
    RefusedForNowError,
    SchedulerDownError,
    TaskState,
)
from seedfleet.fleet.node.supervisor import tail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from seedfleet.fleet.engines.base import Attempt, Ended, EngineEvent
    from seedfleet.fleet.engines.queued.folder import QueueFolder
    from seedfleet.fleet.engines.queued.pace import QueuePace
    from seedfleet.fleet.engines.queued.scheduler import Request, Scheduler
    from seedfleet.fleet.paths import RunPaths

__all__ = ["Work"]

_MOST_AT_ONCE: Final = 64  # attempts that come to the head with one sync of its disk
_RETRY_S: Final = 2.0
_MOST_JUDGED: Final = 16
_LONGEST_PAUSE_S: Final = 60.0  # between two tries to hand in what is not taken now


class Work:
    """What is under way between `open` and `close`; made in the event loop.

    Parameters
    ----------
    scheduler
        Which starts the tasks.
    paths
        Of the run.
    folder
        Where head and tasks meet.
    pace
        Of everything.

    Attributes
    ----------
    events
        What is to be reported; an exception says that this head cannot go on.
    """

    def __init__(
        self, scheduler: Scheduler, paths: RunPaths, folder: QueueFolder, pace: QueuePace
    ) -> None:
        self.paths = paths
        self.events: asyncio.Queue[EngineEvent | BaseException] = asyncio.Queue()
        self._scheduler = scheduler
        self._folder = folder
        self._pace = pace
        self._arrivals = Arrivals(paths, folder)
        self._elsewhere = Elsewhere(folder, self._arrivals)
        self._spent = SpentTasks(scheduler)
        self._contact = SchedulerContact(scheduler, folder.site.node, self.events.put_nowait)
        self._ledger: BatchLedger | None = None
        self._held = HeldAttempts()
        self._to_submit: asyncio.Queue[str] = asyncio.Queue()
        self._to_cancel: asyncio.Queue[str] = asyncio.Queue()
        self._uncertain: set[str] = set()  # batches that an earlier head may have handed in
        self._ask_now = asyncio.Event()
        steps = (self._submit, self._watch_files, self._ask_scheduler, self._pass_cancels)
        self._tasks = [asyncio.create_task(self._guarded(step)) for step in steps]

    # --- from the head ---

    def start(self, attempt: Attempt) -> None:
        """Hold an attempt, and hand it in unless that was done."""
        token = token_of(self.paths, attempt.job.job_id, attempt.number)
        if token not in self._held:
            self._held[token] = Held(attempt)
            self._to_submit.put_nowait(token)

    def cancel(self, job_id: str, number: int) -> None:
        """Remember that a held attempt shall end, and pass it on."""
        held = self._held.get(token := token_of(self.paths, job_id, number))
        if held is not None:
            held.cancelled = True
            self._to_cancel.put_nowait(token)

    async def end(self) -> None:
        """Stop; what a thread is writing is written first."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
            await self._spent.last_look()
        self._tasks.clear()

    # --- tasks ---

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - whoever hears the events gets it
            self.events.put_nowait(error)

    async def _submit(self) -> None:
        """Hand in what has gathered, in batches that ask the same."""
        while True:
            tokens = [await self._to_submit.get()]
            await asyncio.sleep(self._pace.gather_s)
            while not self._to_submit.empty():
                tokens.append(self._to_submit.get_nowait())
            ledger = await self._opened_ledger()
            for token in tokens:
                self._take_up(ledger, token)
            for name in sorted(self._uncertain):
                await self._hand_in(ledger, ledger.batches[name], known=True)
            self._uncertain.clear()
            await self._drop_cancelled(token for token in tokens if token not in ledger.tasks)
            for request, group in (await self._grouped(ledger, tokens)).items():
                for start in range(0, len(group), self._scheduler.most_in_batch):
                    chunk = group[start : start + self._scheduler.most_in_batch]
                    await self._hand_in_new(ledger, request, chunk)

    async def _opened_ledger(self) -> BatchLedger:
        if self._ledger is None:
            await in_thread(self._folder.prepare)
            self._ledger = await in_thread(BatchLedger, self._folder.batches)
        return self._ledger

    def _take_up(self, ledger: BatchLedger, token: str) -> None:
        """Find out whether an earlier head has handed an attempt in."""
        held = self._held.get(token)
        if held is None or token not in ledger.tasks:
            return
        name, held.number = ledger.tasks[token]
        held.handle, held.fresh = ledger.batches[name].handle, True
        if held.handle is None:
            self._uncertain.add(name)
        if held.cancelled:
            self._to_cancel.put_nowait(token)

    async def _drop_cancelled(self, tokens: Iterable[str]) -> None:
        status = {"outcome": "cancelled", "problem": "cancelled before it was handed in"}
        dropped = [token for token in tokens if (held := self._held.get(token)) and held.cancelled]
        await self._end_all(dropped, status)

    async def _end_all(self, tokens: Iterable[str], status: Mapping[str, Any]) -> None:
        """End attempts by `status`, once nobody else is at work on them."""

        def ends(mine: Iterable[tuple[str, Held]]) -> list[tuple[str, Ended]]:
            return [(token, self._arrivals.end(held.attempt, status)) for token, held in mine]

        while left := [token for token in tokens if token in self._held]:
            with self._held.owned(left) as mine:
                await self._told(await in_thread(ends, mine))
            if len(mine) < len(left):
                await asyncio.sleep(self._pace.files_s)

    async def _grouped(
        self, ledger: BatchLedger, tokens: Iterable[str]
    ) -> dict[Request, list[tuple[str, Held]]]:
        fresh = [
            (token, held)
            for token in tokens
            if (held := self._held.get(token)) and token not in ledger.tasks
        ]
        others = [held.attempt for held in self._held.values() if held.handle is not None]
        requests = await in_thread(
            lambda: [self._elsewhere.request(held.attempt, others) for _, held in fresh]
        )
        groups: dict[Request, list[tuple[str, Held]]] = {}
        for request, each in zip(requests, fresh, strict=True):
            groups.setdefault(request, []).append(each)
        return groups

    async def _hand_in_new(
        self, ledger: BatchLedger, request: Request, group: Sequence[tuple[str, Held]]
    ) -> None:
        first = ledger.next_number
        for number, (_, held) in enumerate(group, first):
            held.number = number
        await in_thread(self._write_orders, [held for _, held in group])
        name = f"{self._scheduler.name}-{secrets.token_hex(6)}"
        batch = HandedIn(name, first, tuple(token for token, _ in group), request)
        await in_thread(ledger.add, batch)
        await self._hand_in(ledger, batch, known=False)

    def _write_orders(self, group: Iterable[Held]) -> None:
        for held in group:
            self._folder.write_order(held.number, held.attempt)

    async def _hand_in(self, ledger: BatchLedger, noted: HandedIn, *, known: bool) -> None:
        """Hand a batch in until its scheduler has taken or refused it.

        Parameters
        ----------
        ledger, noted
            Where it stands already.
        known
            True if the scheduler may have it.
        """
        log = self._folder.log(noted.name)
        batch = Batch(noted.name, self._folder.words(), noted.numbers, noted.request, log)
        pause_s = self._pace.poll_s
        handle: str | None = None
        while handle is None:
            try:
                handle = await self._scheduler.find(batch) if known else None
                handle = handle or await self._scheduler.submit(batch)
            except SchedulerDownError as error:
                known = True
                self._contact.silent(str(error))
                await asyncio.sleep(_RETRY_S)
            except RefusedForNowError as error:
                known = True
                self._contact.refused_for_now(str(error))
                if error.too_many and len(noted.tokens) > 1:
                    await self._hand_in_halves(ledger, noted)
                    return
                if not await self._is_wanted_after(noted, pause_s):
                    return
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except RefusedBatchError as error:
                if not batch.request.exclude:
                    status = {"outcome": "failed_to_start", "problem": str(error)}
                    await self._end_all(noted.tokens, status)
                    return
                # Where nothing else fits, the machine that failed is better than none.
                batch = replace(batch, request=replace(batch.request, exclude=()))
        await self._taken(ledger, noted, handle)

    async def _hand_in_halves(self, ledger: BatchLedger, batch: HandedIn) -> None:
        for half in await in_thread(ledger.split, batch):
            await self._hand_in(ledger, half, known=False)

    async def _taken(self, ledger: BatchLedger, noted: HandedIn, handle: str) -> None:
        self._contact.heard()
        await in_thread(ledger.taken, noted.name, handle)
        for token in noted.tokens:
            if (held := self._held.get(token)) is not None:
                held.handle = handle
                if held.cancelled:
                    self._to_cancel.put_nowait(token)

    async def _is_wanted_after(self, batch: HandedIn, pause_s: float) -> bool:
        """Wait, and end meanwhile what is cancelled of a batch that its scheduler does not have."""
        deadline = time.monotonic() + pause_s
        while True:
            await self._drop_cancelled(batch.tokens)
            if not any(token in self._held for token in batch.tokens):
                return False
            if (left_s := deadline - time.monotonic()) <= 0:
                return True
            await asyncio.sleep(min(left_s, self._pace.files_s))

    async def _watch_files(self) -> None:
        """Take in what tasks have marked as ended; a folder is listed, whatever is under way."""
        while True:
            await asyncio.sleep(self._pace.files_s)
            waiting = {held.number: t for t, held in self._held.items() if held.number}
            if not waiting:
                continue
            marked = await in_thread(self._folder.ended)
            due = [waiting[number] for number in marked if number in waiting]
            due += [token for token, held in self._held.items() if held.fresh]
            for start in range(0, len(due), _MOST_AT_ONCE):
                # Of those that were due at first, some have been judged meanwhile.
                with self._held.owned(due[start : start + _MOST_AT_ONCE]) as mine:
                    await self._told(await in_thread(self._take_in, mine))

    def _take_in(self, mine: Iterable[tuple[str, Held]]) -> list[tuple[str, Ended]]:
        found = []
        for token, held in mine:
            held.fresh = False
            ended = self._arrivals.take_in(held.attempt)
            if ended is not None:
                found.append((token, ended))
        return found

    async def _ask_scheduler(self) -> None:
        """Ask now and then which tasks are over, and look whether those have left anything."""
        while True:
            longest_s = _RETRY_S if self._contact.is_lost else inf
            with suppress(TimeoutError):
                async with asyncio.timeout(min(longest_s, self._pace.poll_s)):
                    await self._ask_now.wait()
            self._ask_now.clear()
            asked = self._spent.asked()
            for held in self._held.values():
                if held.handle is not None:
                    asked.setdefault(held.handle, []).append(held.number)
            if not asked:
                continue
            try:
                states = await self._scheduler.look(asked)
            except SchedulerDownError as error:
                self._contact.silent(str(error))
            else:
                self._contact.heard()
                self._contact.paused(states)
                await self._spent.clear(states)
                await self._judge(states)

    async def _judge(self, states: Mapping[tuple[str, int], TaskState]) -> None:
        now = time.monotonic()
        due = [
            (token, held, states.get((held.handle, held.number)))
            for token, held in self._held.items()
            if held.handle is not None
        ]
        due = [each for each in due if each[1].is_due(each[2], now, self._pace)]
        # To take over what a dead copy has left lasts seconds: many at once, and not too many.
        for start in range(0, len(due), _MOST_JUDGED):
            async with asyncio.TaskGroup() as judges:
                for token, _, state in due[start : start + _MOST_JUDGED]:
                    judges.create_task(self._judge_one(token, state))

    async def _judge_one(self, token: str, state: TaskState | None) -> None:
        with self._held.owned([token]) as mine:
            for _, held in mine:
                ended = await in_thread(self._judged, token, held, state)
                if ended is not None:
                    await self._told([(token, ended)])
                    if held.handle is not None and state in {TaskState.HELD, TaskState.NEVER}:
                        await self._spent.take_out(held.handle, [held.number])

    def _judged(self, token: str, held: Held, state: TaskState | None) -> Ended | None:
        why = "" if held.handle is None else self._scheduler.reason(held.handle, held.number)
        by = f" ({why})" if why else ""
        what = f"has ended its task{by}, which has left no status"
        if state is None:
            what = "does not know its task any more, which has left no status"
        elif state in {TaskState.HELD, TaskState.NEVER}:
            what = f"does not run its task: {why}"
        problem = f"{self._scheduler.name} {what}"
        if self._ledger is not None and not self._folder.attempt(held.attempt).path.exists():
            # Its supervisor never came up. All tasks of a batch share the log.
            said = tail(self._folder.log(self._ledger.tasks[token][0])).strip().splitlines()
            problem += f"; the last that was said: {said[-1][:300]}" if said else ""
        return self._arrivals.judge(held.attempt, state, problem, cancelled=held.cancelled)

    async def _pass_cancels(self) -> None:
        """Pass on what the head wants to end, once it has been handed in."""
        while True:
            tokens = [await self._to_cancel.get()]
            while not self._to_cancel.empty():
                tokens.append(self._to_cancel.get_nowait())
            wanted = [(t, held) for t in tokens if (held := self._held.get(t)) and held.number]
            await in_thread(self._folder.ask_to_end, [held.number for _, held in wanted])
            taken: dict[str, list[tuple[str, int]]] = {}
            for token, held in wanted:
                if held.handle is not None:
                    taken.setdefault(held.handle, []).append((token, held.number))
            for handle, group in taken.items():
                try:
                    await self._scheduler.cancel(handle, [number for _, number in group])
                except SchedulerDownError as error:
                    self._contact.silent(str(error))
                    await asyncio.sleep(_RETRY_S)
                    for token, _ in group:
                        self._to_cancel.put_nowait(token)
            self._ask_now.set()

    # --- to the head ---

    async def _told(self, ended: Sequence[tuple[str, Ended]]) -> None:
        """Tell ends, also while the scheduler is silent: files are the truth."""
        pairs = [(self._held[token], end) for token, end in ended if token in self._held]
        await in_thread(self._settle, pairs)
        for token, end in ended:
            if (held := self._held.pop(token, None)) is not None:
                self._elsewhere.learn(end)
                if held.handle is not None:
                    self._spent.add(held.handle, held.number)
                self.events.put_nowait(end)

    def _settle(self, pairs: Sequence[tuple[Held, Ended]]) -> None:
        if pairs:
            self._arrivals.settle([(held.attempt, end) for held, end in pairs])
            self._folder.forget(held.number for held, _ in pairs)
