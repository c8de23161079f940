"""When the next script of a node may start, so that not all of them load their models at once."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from seedfleet.fleet.cluster import NodeConfig

__all__ = ["Pace"]

_POLL_S: Final = 0.1


class Pace:
    """The starts on one node.

    Parameters
    ----------
    config
        Read are `start_stagger_s`, `max_starting` and `start_window_s`.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._starts: deque[tuple[float, str]] = deque()

    async def wait(self, token: str, running: Container[str]) -> None:
        """Wait until `token` may start.

        Parameters
        ----------
        token
            An attempt.
        running
            The attempts that have not ended; those that have are not starting any more.
        """
        loop, config = asyncio.get_running_loop(), self._config
        if self._starts:
            await asyncio.sleep(self._starts[-1][0] + config.start_stagger_s - loop.time())
        while config.max_starting is not None:
            young = [
                (start, other)
                for start, other in self._starts
                if start + config.start_window_s > loop.time() and other in running
            ]
            self._starts = deque(young)
            if len(young) < config.max_starting:
                break
            await asyncio.sleep(_POLL_S)
        self._starts.append((loop.time(), token))
        if config.max_starting is None:
            while len(self._starts) > 1:
                self._starts.popleft()
