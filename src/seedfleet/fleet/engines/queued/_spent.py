"""Tasks whose attempts have ended, as long as their scheduler may keep them in its line."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines.queued.scheduler import SchedulerDownError, TaskState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.fleet.engines.queued.scheduler import Scheduler

__all__ = ["SpentTasks"]

_LAST_LOOK_S: Final = 5.0  # nobody waits longer for what costs only somebody's tidiness


class SpentTasks:
    """Takes out of the line what would stay there until a person lets it go.

    A scheduler that was killed may hold a task back that it has started itself, and forgotten. A
    task that runs or is about to is left alone: it finds nothing to do.

    Parameters
    ----------
    scheduler
        Which keeps the line.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._spent: set[tuple[str, int]] = set()

    def add(self, handle: str, number: int) -> None:
        """Note a task of a batch whose attempt has ended."""
        self._spent.add((handle, number))

    def asked(self) -> dict[str, list[int]]:
        """List the numbers of the tasks by batch, as a scheduler is asked for them."""
        asked: dict[str, list[int]] = {}
        for handle, number in sorted(self._spent):
            asked.setdefault(handle, []).append(number)
        return asked

    async def clear(self, states: Mapping[tuple[str, int], TaskState]) -> None:
        """Take out what its scheduler has just said that it holds, and forget what is over."""
        stuck: dict[str, list[int]] = {}
        for key in sorted(self._spent):
            state = states.get(key)
            if state in {TaskState.HELD, TaskState.PAUSED, TaskState.NEVER}:
                stuck.setdefault(key[0], []).append(key[1])
            elif state is not TaskState.ALIVE:
                self._spent.discard(key)
        for handle, numbers in stuck.items():
            await self.take_out(handle, numbers)

    async def take_out(self, handle: str, numbers: Sequence[int]) -> None:
        """Take tasks of a batch out; if nobody answers, the next look does it."""
        with contextlib.suppress(SchedulerDownError):
            await self._scheduler.cancel(handle, numbers)
            self._spent.difference_update((handle, number) for number in numbers)

    async def last_look(self) -> None:
        """Clear the line once more, unless nobody answers."""
        with contextlib.suppress(SchedulerDownError, TimeoutError):
            async with asyncio.timeout(_LAST_LOOK_S):
                if self._spent:
                    await self.clear(await self._scheduler.look(self.asked()))
