"""Whether the file of a run's draws is still what the run has read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedfleet.digests import file_digest

if TYPE_CHECKING:
    from seedfleet.cli.output import Output
    from seedfleet.draws import History

__all__ = ["refuse_changed_draws"]


def refuse_changed_draws(history: History, options: dict[str, Any], output: Output) -> None:
    """Refuse to go on with a run whose file of draws has changed, unless that is agreed to.

    A file that is no longer there says nothing.
    """
    path = Path(history.source)
    if options["accept_changes"] or not path.is_file() or file_digest(path) == history.sha256:
        return
    problem = (
        f"{path}: begin a new run with it, or give --accept-changes to go on with the "
        f"{len(history)} draws that the run has read"
    )
    output.refuse("the draws have changed since this run began", [problem])
