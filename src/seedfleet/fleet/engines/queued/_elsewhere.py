"""Which machines a further attempt of a job keeps off."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from seedfleet.fleet._standing import script_ran

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from seedfleet.fleet.engines.base import Attempt, Ended
    from seedfleet.fleet.engines.queued.arrivals import Arrivals
    from seedfleet.fleet.engines.queued.folder import QueueFolder
    from seedfleet.fleet.engines.queued.scheduler import Request

__all__ = ["Elsewhere"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Elsewhere:
    """Sends a job that is tried again to a machine that it has not met.

    That there are others is believed once one of them has run a script of this run, or runs one: a
    machine of which nothing is known may be down, and the attempt would wait for it.

    Parameters
    ----------
    folder
        Says what a job asks.
    arrivals
        Knows where its earlier attempts were.
    """

    def __init__(self, folder: QueueFolder, arrivals: Arrivals) -> None:
        self._folder = folder
        self._arrivals = arrivals
        self._served: set[str] = set()

    def learn(self, ended: Ended) -> None:
        """Take note of where an attempt has run."""
        if ended.host is not None and script_ran(ended):
            self._served.add(ended.host)

    def request(self, attempt: Attempt, others: Iterable[Attempt]) -> Request:
        """Say what an attempt asks; reads the disk for one that is not its job's first.

        Parameters
        ----------
        attempt
            Which.
        others
            Those that are handed in, of any job.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        request = self._folder.request(attempt.job)
        if attempt.number == 1 or request.node is not None:
            return request
        tried = {host for host in self._arrivals.hosts_tried(attempt) if _NAME.fullmatch(host)}
        if not tried or not (self._served - tried or self._one_runs(others, tried)):
            return request
        return replace(request, exclude=tuple(sorted(tried)))

    def _one_runs(self, others: Iterable[Attempt], tried: Collection[str]) -> bool:
        # Where scripts take hours none may have ended when a broken machine has failed many jobs.
        return any(host not in tried for host in self._arrivals.hosts_at_work(others))
