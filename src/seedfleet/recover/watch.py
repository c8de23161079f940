"""How a search tells how far it is, and hears that its time is up."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Unwatched", "Watch"]


class Watch(Protocol):
    """What a running search tells, and is told."""

    def progress(self, share: float) -> None:
        """Take the share that is done, in [0, 1]; it may raise, and the search then ends."""

    def expired(self) -> bool:
        """Tell whether time is up: return soon with what was decided."""


class Unwatched:
    """A watch that nobody reads and that never expires."""

    def progress(self, share: float) -> None:
        """Take it and say nothing."""

    def expired(self) -> bool:
        """Tell that there is time."""
        return False
