"""Kernels on every core that release the interpreter lock, and Ctrl-C in the midst of them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ThreadPool"]


class ThreadPool(ThreadPoolExecutor):
    """A pool of threads, one for each core unless told otherwise, to be used by `with`.

    Leaving it drops what has not begun and waits for what has. Whatever Ctrl-C breaks off in the
    block leaves it as `KeyboardInterrupt`: a wait on a condition that is broken off while it takes
    its lock back ends as ``RuntimeError`` instead (CPython 3.11, ``threading.Condition.wait``).
    """

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(workers or os.cpu_count() or 1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown(wait=True, cancel_futures=True)
        if isinstance(error, RuntimeError) and isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
