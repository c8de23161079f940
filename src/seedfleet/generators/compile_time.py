"""How long kernels take to be compiled, which they are once on a machine."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CompileTime", "compile_timed"]

_KIND = "numba:compile"  # not told of what comes from the cache on disk


class CompileTime:
    """Seconds that were spent compiling, as numba tells them.

    Parameters
    ----------
    begun
        Called whenever a kernel is to be compiled, in the thread that needs it.

    """

    def __init__(self, begun: Callable[[], None]) -> None:
        self._ended_s = 0.0
        self._begun = begun
        # The compiler works for one thread at a time, so that its events are nested.
        self._depth = 0
        self._since = 0.0

    @property
    def spent_s(self) -> float:
        """Seconds so far; a kernel counts once, with all that it calls."""
        return self._ended_s + (time.perf_counter() - self._since if self._depth else 0.0)

    def notify(self, event: Any) -> None:
        """Hear that a kernel, or what it calls, is to be compiled, or that it was."""
        if self._depth == 0:
            self._since = time.perf_counter()
            self._begun()
        self._depth += 1 if event.is_start else -1
        if self._depth == 0:
            self._ended_s += time.perf_counter() - self._since


@contextmanager
def compile_timed(begun: Callable[[], None]) -> Iterator[CompileTime]:
    """Take the time of everything that this process compiles within the context."""
    from numba.core.event import Listener, install_listener  # noqa: PLC0415 - slow to start

    Listener.register(CompileTime)
    spent = CompileTime(begun)
    with install_listener(_KIND, spent):
        yield spent
