"""Generators of the user's own may fail in any way while they are used."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from seedfleet.generators.faults import own_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.cli.output import Output

__all__ = ["refusing_own_faults"]


@contextmanager
def refusing_own_faults(output: Output) -> Iterator[None]:
    """Tell the line at fault where it is one of the user's, and exit; raise all else again."""
    try:
        yield
    except Exception as error:
        fault = own_fault(error)
        if fault is None:
            raise
        output.refuse("a generator of your own fails", [fault])
