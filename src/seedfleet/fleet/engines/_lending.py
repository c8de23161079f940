"""Asking another scheduler for GPUs and cores, where nodes are not the head's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Lender"]


class Lender(Protocol):
    """Gives out what nodes have; all of it is called from one event loop."""

    async def lend(self, node: str, token: str, *, gpus: int, alive: Path) -> tuple[str, ...]:
        """Wait until an attempt has what it needs, and return its GPUs.

        Parameters
        ----------
        node
            Where.
        token
            Of the attempt. What has been lent for it already is told again.
        gpus
            How many, from 0; without any it needs a core.
        alive
            The file that its supervisor locks while it lives, so that a lender who outlives the
            head knows how long to wait.

        Returns
        -------
        tuple of str
            Physical indices or UUIDs, as the lender knows its cards.

        Raises
        ------
        NodeContactError
            If nobody can be asked any more.
        """

    def take_back(self, node: str, token: str) -> None:
        """Give back what an attempt has, or stop asking for it."""
