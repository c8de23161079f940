"""Attempts whose end has not been told, and who is at work on which."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines.queued.scheduler import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seedfleet.fleet.engines.base import Attempt
    from seedfleet.fleet.engines.queued.pace import QueuePace

__all__ = ["Held", "HeldAttempts"]

_CANCEL_GRACE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 120.0


@dataclass
class Held:
    """An attempt whose end has not been told."""

    attempt: Attempt
    number: int = 0
    handle: str | None = None  # of its batch, once the scheduler has taken it
    cancelled: bool = False
    over_since: float | None = None  # by the scheduler's word
    fresh: bool = False  # of an earlier head: its files may be there already
    pause_s: float = 0.0  # between two judgements of a task that nobody keeps
    not_before: float = 0.0

    def is_due(self, state: TaskState | None, now: float, pace: QueuePace) -> bool:
        """Tell whether its task has been over for so long that its files must have come."""
        if state in {TaskState.ALIVE, TaskState.PAUSED}:
            self.over_since = None
            return False
        if self.over_since is None:
            self.over_since = now
        if state is TaskState.UNKNOWN and not self._is_turn(now, pace.poll_s):
            return False
        grace_s = min(pace.grace_s, _CANCEL_GRACE_S) if self.cancelled else pace.grace_s
        return now - self.over_since >= grace_s

    def _is_turn(self, now: float, poll_s: float) -> bool:
        # What ends with a status is heard of at once; this is for those that nobody ends or starts.
        if not self.cancelled and now < self.not_before:
            return False
        self.pause_s = min(max(poll_s, 2 * self.pause_s), _LONGEST_PAUSE_S)
        self.not_before = now + self.pause_s
        return True


class HeldAttempts(dict[str, Held]):
    """By token; used in the event loop alone."""

    def __init__(self) -> None:
        super().__init__()
        self._owned: set[str] = set()

    @contextlib.contextmanager
    def owned(self, tokens: Iterable[str]) -> Iterator[list[tuple[str, Held]]]:
        """Give the attempts that nobody else is ending now, and keep others off them meanwhile.

        Two threads that bring one attempt to the head would write the same files.
        """
        mine = {
            token: self[token] for token in tokens if token in self and token not in self._owned
        }
        self._owned.update(mine)
        try:
            yield list(mine.items())
        finally:
            self._owned.difference_update(mine)
