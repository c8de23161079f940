"""How one process asks the head of a run, another process, to cancel jobs: through a small file.

The head may be on another host, so signals do not reach it; the run's folder does, also when it is
on a network disk. A request is `cancel/<12 hex>.json` in there, `{"version", "head", "jobs"}`,
renamed to its name when it is complete. It is for one head alone, by the name in the run's lock
file: one that outlives its head would otherwise cancel the next resume. The head looks once a
second and removes what it has seen.

Where no head is at work, whoever wants to cancel opens the run itself; `CancelWatch` tells it when
there is nothing more to wait for.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import TYPE_CHECKING, Final

from seedfleet.fleet import progress
from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.observing import RunObserver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedfleet.fleet.lock import Holder
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.resuming import Recorded

__all__ = ["POLL_S", "CancelWatch", "ask_to_cancel", "take_requests"]

POLL_S: Final = 1.0


def ask_to_cancel(paths: RunPaths, head: Holder, jobs: Sequence[str] = ()) -> Path:
    """Ask the head of a run to cancel jobs, all of them without any.

    Returns
    -------
    Path
        The request; the head has seen it when this file is gone. It is void when another head has
        the run.

    Raises
    ------
    OSError
        If the run's folder cannot be written.
    """
    folder = _folder(paths)
    folder.mkdir(exist_ok=True)
    request = folder / f"{secrets.token_hex(6)}.json"
    document = {"version": 1, "head": head.name, "jobs": list(jobs)}
    write_atomically(request, json.dumps(document).encode())
    return request


def take_requests(paths: RunPaths, head: str) -> list[tuple[str, ...]]:
    """Remove every request and return those to this head, each as the jobs that it names.

    What does not parse was not written by `ask_to_cancel`, and is removed as well.
    """
    taken = []
    for request in sorted(_folder(paths).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            document = json.loads(request.read_bytes())
            if document["version"] == 1 and document["head"] == head:
                taken.append(tuple(map(str, document["jobs"])))
        # A request that cannot be removed is taken again, which changes nothing.
        with contextlib.suppress(OSError):
            request.unlink()
    return taken


class CancelWatch:
    """Tells when all that can be reached of some jobs has ended.

    Parameters
    ----------
    recorded
        The run.
    jobs
        Ids of the jobs that are to end.
    """

    def __init__(self, recorded: Recorded, jobs: Sequence[str]) -> None:
        self._observer = RunObserver(recorded)
        self._jobs = jobs
        self._gone: set[str] = set()  # nodes out of contact

    def is_over_after(self, event: progress.Progress) -> bool:
        """Take an event of the run in; True when none of the jobs can be waited for any more."""
        match event:
            case progress.RunStarted():
                self._gone = {node.name for node in event.nodes if not node.contact}
            case progress.NodeContact():
                self._gone.add(event.node.name)
                if event.node.contact:
                    self._gone.remove(event.node.name)
            case progress.JobDone() | progress.AttemptEnded():
                pass
            case _:
                return False
        self._observer.poll()
        return not any(map(self._is_awaited, self._jobs))

    def _is_awaited(self, job_id: str) -> bool:
        state = self._observer.state
        job = state.jobs[state.indices[job_id]]
        if job.is_over:
            return False
        living = [place.node for _, place in job.living()]
        return not living or not self._gone.issuperset(living)


def _folder(paths: RunPaths) -> Path:
    return paths.folder / "cancel"
