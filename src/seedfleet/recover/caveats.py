"""What has to be said of the searches that an answer rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.recover.answer import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.recover.answer import SearchRecord

__all__ = ["caveat"]


def caveat(tellers: Sequence[SearchRecord], *, controlled: bool) -> str:
    """Return the end of a sentence about what was found; empty where nothing speaks against it.

    Parameters
    ----------
    tellers
        The searches that told of streams which are likelier than not.
    controlled
        Whether controls were asked for.
    """
    search = "the search that found it" if len(tellers) == 1 else "a search that found them"
    told = []
    if any(each.status is not Status.COMPLETED for each in tellers):
        told.append(f"{search} was not finished")
    if controlled and tellers and not any(each.controls for each in tellers):
        told.append(f"no control of {'it' if told else search} was run")
    return "".join(f"; {each}" for each in told)
