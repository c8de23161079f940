"""Work on the disk beside the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_thread"]

_Made = TypeVar("_Made")


async def in_thread(work: Callable[..., _Made], *values: Any) -> _Made:
    """Work on the disk in a thread; who is cancelled meanwhile waits until that has ended."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *values))
    try:
        return await asyncio.shield(working)
    finally:
        if not working.done():
            await asyncio.wait([working])
