"""What a head is told of its scheduler: that it is silent, is back, or has it wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines.base import NodeDown, NodeUp, Remark
from seedfleet.fleet.engines.queued.scheduler import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedfleet.fleet.engines.base import EngineEvent, Node
    from seedfleet.fleet.engines.queued.scheduler import Scheduler

__all__ = ["SchedulerContact"]

_SILENT_AFTER: Final = 2  # questions in a row without an answer: one is a restart at most


class SchedulerContact:
    """Counts answers, and tells each thing once.

    Parameters
    ----------
    scheduler
        Whose they are.
    node
        What it is for the head.
    tell
        Hears of it.
    """

    def __init__(
        self, scheduler: Scheduler, node: Node, tell: Callable[[EngineEvent], None]
    ) -> None:
        self._scheduler = scheduler
        self._node = node
        self._tell = tell
        self._unheard = 0  # questions in a row
        self._remarked: set[str] = set()

    @property
    def is_lost(self) -> bool:
        """Tell whether the last question has had no answer."""
        return self._unheard > 0

    def silent(self, problem: str) -> None:
        """Note a question without an answer."""
        self._unheard += 1
        if self._unheard == _SILENT_AFTER:
            self._tell(NodeDown(self._node.name, problem))

    def heard(self) -> None:
        """Note an answer."""
        was_down, self._unheard = self._unheard >= _SILENT_AFTER, 0
        if was_down:
            self._tell(NodeUp(self._node))

    def refused_for_now(self, problem: str) -> None:
        """Note that tasks are not taken yet."""
        self.heard()
        text = f"takes no more tasks now: {problem}. They wait here and are handed in later"
        self._remark(problem, f"{text}; a second Ctrl-C cancels them")

    def paused(self, states: Mapping[tuple[str, int], TaskState]) -> None:
        """Note what somebody holds back on purpose; told once for each batch."""
        held = [key for key, state in states.items() if state is TaskState.PAUSED]
        for batch in sorted({batch for batch, _ in held}):
            numbers = [number for each, number in held if each == batch]
            count = f"{len(numbers)} task{'s' * (len(numbers) > 1)}"
            why = self._scheduler.reason(batch, numbers[0])
            self._remark(batch, f"holds {count} until somebody lets go: {why}")

    def _remark(self, key: str, text: str) -> None:
        if key not in self._remarked:
            self._remarked.add(key)
            self._tell(Remark(f"{self._scheduler.name} {text}"))
