"""From what a task has left on the shared disk to the head's own copy of it."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedfleet.fleet.engines import _delivery
from seedfleet.fleet.engines._orders import output_paths, token_of
from seedfleet.fleet.engines.base import Attempt
from seedfleet.fleet.engines.queued.scheduler import TaskState
from seedfleet.fleet.node.copies import counting, discard_copies
from seedfleet.fleet.node.fetching import read_status
from seedfleet.fleet.node.locks import is_held
from seedfleet.fleet.node.orphan import settle
from seedfleet.fleet.node.outputs import forget_previous
from seedfleet.fleet.node.shared_lease import SharedLease, lease_lives, may_live
from seedfleet.fleet.outcome import Succeeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seedfleet.fleet.engines.base import Ended
    from seedfleet.fleet.engines.queued.folder import QueueFolder
    from seedfleet.fleet.paths import RunPaths

__all__ = ["Arrivals"]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takes attempts in; every method works on the disk and may be called from a thread.

    Parameters
    ----------
    paths
        Of the run.
    folder
        Where tasks leave their attempts.
    """

    paths: RunPaths
    folder: QueueFolder

    def take_in(self, attempt: Attempt) -> Ended | None:
        """Bring an attempt that has a status to the head; None if it has none.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        status = read_status(self.folder.attempt(attempt))
        return None if status is None else self.end(attempt, status)

    def judge(
        self, attempt: Attempt, state: TaskState | None, problem: str, *, cancelled: bool
    ) -> Ended | None:
        """Find out what has become of an attempt whose task is over for its scheduler.

        Parameters
        ----------
        attempt
            Which.
        state
            What the scheduler says; None if it knows nothing of the task.
        problem
            How to call it if the attempt has left nothing.
        cancelled
            True if the head has asked for its end.

        Returns
        -------
        Ended or None
            None while a copy of it may be alive, or yet to come.
        """
        ended = self.take_in(attempt)
        if ended is not None:
            return ended
        left = self.folder.attempt(attempt)
        status: dict[str, Any] = {"outcome": "lost", "problem": problem}
        if left.path.exists():
            token = token_of(self.paths, attempt.job.job_id, attempt.number)
            lease = self.folder.lease(attempt)
            if is_held(left.alive) or lease_lives(lease, token):
                return None
            settled = self._settle(attempt, lease, token)
            if settled is None:
                return None
            status = settled
            if status["outcome"] == "lost":
                status = {**status, "problem": f"{status['problem']}; {problem}"}
        elif state is TaskState.UNKNOWN and not cancelled:
            return None
        elif state is TaskState.NEVER:
            status["outcome"] = "failed_to_start"
        if status["outcome"] == "lost" and state is TaskState.OUT_OF_MEMORY and not cancelled:
            # The job's own doing: elsewhere it would meet the same end.
            status = {**status, "outcome": "failed", "exit_code": None, "signal": signal.SIGKILL}
        if status["outcome"] == "lost" and (cancelled or state is TaskState.CANCELLED):
            by = "" if cancelled else ", by somebody else"
            status = {**status, "outcome": "cancelled", "problem": f"cancelled in its queue{by}"}
        return self.end(attempt, status)

    def _settle(self, attempt: Attempt, lease: Path, token: str) -> dict[str, Any] | None:
        """Settle a dead copy, unless another one has come up meanwhile."""
        copy_may_live, ours = may_live(lease, token), SharedLease(lease, token)
        if not ours.acquire_nowait():
            return None
        try:
            dead = counting(self.folder.attempt(attempt))
            return settle(dead, copy_may_live=copy_may_live, has_job=True)
        finally:
            ours.remove()

    def end(self, attempt: Attempt, status: Mapping[str, Any]) -> Ended:
        """Bring an attempt to the head as it has ended by `status`.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        head = self.paths.attempt(attempt.job.job_id, attempt.number)
        name = self.folder.site.node.name
        known = _delivery.delivered(attempt, name, head)
        if known is not None:
            return known
        try:
            return self._arrival(attempt, status).finish(name)
        except (ValueError, TypeError, KeyError) as error:
            broken = {"outcome": "lost", "problem": f"its status makes no sense: {error}"}
            return self._arrival(attempt, broken).finish(name)

    def hosts_tried(self, attempt: Attempt) -> tuple[str, ...]:
        """Name the machines on which earlier attempts of a job have ended, each once.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        job = attempt.job
        hosts = {}
        for number in range(1, attempt.number):
            head = self.paths.attempt(job.job_id, number)
            ended = _delivery.delivered(Attempt(job, number), self.folder.site.node.name, head)
            if ended is not None and ended.host is not None:
                hosts[ended.host] = True
        return tuple(hosts)

    def hosts_at_work(self, attempts: Iterable[Attempt]) -> Iterator[str]:
        """Name the machines whose supervisors of these attempts show that they live."""
        for attempt in attempts:
            token = token_of(self.paths, attempt.job.job_id, attempt.number)
            if lease_lives(self.folder.lease(attempt), token):
                with suppress(OSError, ValueError, KeyError):  # a torn one says nothing
                    yield str(json.loads(self.folder.attempt(attempt).order.read_bytes())["host"])

    def settle(self, ended: Iterable[tuple[Attempt, Ended]]) -> None:
        """Make what has come durable, and clear what successes have left behind.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        pairs = list(ended)
        _delivery.make_durable(
            self.paths.attempt(attempt.job.job_id, attempt.number) for attempt, _ in pairs
        )
        for attempt, end in pairs:
            left = self.folder.attempt(attempt)
            if isinstance(end.outcome, Succeeded) and left.path.exists():
                forget_previous(left)
                discard_copies(left)

    def _arrival(self, attempt: Attempt, status: Mapping[str, Any]) -> _delivery.Arrival:
        left, site, paths = self.folder.attempt(attempt), self.folder.site, self.paths
        outputs = [Path(path) for path in output_paths(attempt.job, site, paths, left)]
        places = [paths.on_head(declared) for declared in attempt.job.all_outputs]
        return _delivery.Arrival(
            {"status": status, "files": []},
            attempt,
            head=paths.attempt(attempt.job.job_id, attempt.number),
            source=_delivery.Source(left, outputs, places if paths.preserve else None),
        )
