"""SIGTERM and SIGHUP as Ctrl-C: who ends a program in an orderly way on one of them does on all."""

from __future__ import annotations

import signal
from typing import NoReturn

__all__ = ["hear_termination"]

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def hear_termination() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt from now on; only in the main thread.

    What is ignored, as nohup has it, stays ignored.
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt
