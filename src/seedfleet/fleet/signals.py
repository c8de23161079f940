"""Signals to a program that waits for a run: Ctrl-C drains, then cancels; TERM and HUP leave."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, TypeVar

from seedfleet.fleet.progress import Notice
from seedfleet.fleet.state import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from seedfleet.fleet.driver import RunControl
    from seedfleet.fleet.progress import Progress

__all__ = ["run_blocking"]

_T = TypeVar("_T")


def run_blocking(
    work: Coroutine[None, None, _T], control: RunControl, tell: Callable[[Progress], None]
) -> _T:
    """Run `work` in an event loop of its own, in which signals become the caller's wishes.

    Parameters
    ----------
    work
        A run that hears of `control`.
    control
        Gets the wishes.
    tell
        Hears what a signal does.

    Raises
    ------
    KeyboardInterrupt
        If a signal came before the run had begun; nothing was started.
    """

    async def with_signals() -> _T:
        ears = _Ears(control, tell)
        try:
            return await work
        except asyncio.CancelledError:
            if ears.too_early:
                raise KeyboardInterrupt from None
            raise

    with _outer_ears():
        return asyncio.run(with_signals())


@contextlib.contextmanager
def _outer_ears() -> Iterator[None]:
    """Put back whoever hears signals now: a loop that ends leaves them to the system.

    That ends a program without a word.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


class _Ears:
    """Hears signals in the running loop, as long as it lasts."""

    def __init__(self, control: RunControl, tell: Callable[[Progress], None]) -> None:
        self._control = control
        self._tell = tell
        self._task = asyncio.current_task()
        self.too_early = False
        loop = asyncio.get_running_loop()
        # Only the main thread may handle signals; elsewhere the caller's own handling stands.
        with contextlib.suppress(ValueError, NotImplementedError, RuntimeError):
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._leave)

    def _interrupt(self) -> None:
        if self._ends_before_it_began():
            return
        draining = self._control.interrupt() is Stop.DRAIN
        goes_on = "no more jobs start"
        if self._control.hands_in:
            goes_on = "no more jobs are handed in, those handed to the queue go on"
        what = f"{goes_on}; again to cancel" if draining else "cancelling"
        self._tell(Notice(f"interrupted: {what}"))

    def _leave(self) -> None:
        if not self._ends_before_it_began():
            self._control.detach()

    def _ends_before_it_began(self) -> bool:
        if self._task is None or self._control.begun:
            return False
        self.too_early = True
        self._task.cancel()  # a node may be slow to answer, and there is nothing to save yet
        return True
