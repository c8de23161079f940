"""Putting checked outputs at their places, each with its marker written last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedfleet.fleet.node.layout import marker_path, sync_file, sync_folder, write_atomically
from seedfleet.fleet.node.outputs import digest, forget_previous, move, restore_previous
from seedfleet.fleet.outcome import Succeeded

if TYPE_CHECKING:
    from seedfleet.fleet.engines.base import Ended
    from seedfleet.fleet.node.layout import AttemptFolder
    from seedfleet.fleet.outcome import ProducedFile
    from seedfleet.fleet.paths import RunPaths

__all__ = ["publish", "stands"]


def publish(paths: RunPaths, ended: Ended) -> str | None:
    """Put an attempt's outputs at their places; may be repeated after a crash at any point.

    Where that fails, what stood there before comes back.

    Parameters
    ----------
    ended
        An attempt that succeeded.

    Returns
    -------
    str or None
        Why it cannot be done, or None when every output stands at its place with its marker.
    """
    head = paths.attempt(ended.job_id, ended.attempt)
    problem = _place(paths, ended, head)
    if problem is None:
        forget_previous(head)
        return None
    try:
        restore_previous(head, unless_accepted_for=paths.run_id)
    except OSError as error:
        problem += f"; what stood there before is kept in {head.previous}, since {error}"
    return problem


def _place(paths: RunPaths, ended: Ended, head: AttemptFolder) -> str | None:
    if not isinstance(ended.outcome, Succeeded):
        raise TypeError(f"{ended.job_id} has nothing to publish: {ended.outcome}")
    try:
        for number, produced in enumerate(ended.outcome.outputs):
            place = paths.place(produced.declared)
            marker = marker_path(place)
            # Not delivered any more means that it was put there before a crash, or written there.
            delivered = head.outputs / str(number)
            source = delivered if delivered.exists() else place
            if digest(source) != produced.sha256:
                return f"{source} is not what the attempt wrote"
            place.parent.mkdir(parents=True, exist_ok=True)
            marker.unlink(missing_ok=True)  # an old one must never stand beside a new file
            if source != place:
                move(source, place)
            sync_file(place)
            sync_folder(place.parent)
            write_atomically(marker, _marker(paths, ended, produced))
        if head.outputs.exists() and not any(head.outputs.iterdir()):
            head.outputs.rmdir()
    except OSError as error:
        return f"cannot put an output at its place: {error}"
    return None


def stands(paths: RunPaths, ended: Ended) -> bool:
    """Tell whether every output of a succeeded attempt is still what it was; markers are renewed.

    Raises
    ------
    OSError
        If a marker that is gone cannot be written again.
    """
    if not isinstance(ended.outcome, Succeeded):
        return False
    for produced in ended.outcome.outputs:
        place = paths.place(produced.declared)
        marker = marker_path(place)
        try:
            if digest(place) != produced.sha256:
                return False
        except OSError:
            return False
        if not marker.exists():
            write_atomically(marker, _marker(paths, ended, produced))
    return True


def _marker(paths: RunPaths, ended: Ended, produced: ProducedFile) -> bytes:
    line = {
        "job_id": ended.job_id,
        "run_id": paths.run_id,
        "attempt": ended.attempt,
        "size_bytes": produced.size_bytes,
        "sha256": produced.sha256,
    }
    return json.dumps(line).encode() + b"\n"
