"""What a document says of the run that made it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RunContext"]


@dataclass(frozen=True)
class RunContext:
    """A run's name, and where its files stand.

    Attributes
    ----------
    run_id, command, started_utc
        Its name, its command line, and when it began (ISO 8601).
    folder
        Where it writes its files, as the user named it.
    evidence_pack
        The folder of its evidence pack; None without one.
    """

    run_id: str
    command: tuple[str, ...]
    started_utc: str
    folder: str
    evidence_pack: str | None = None

    def path(self, name: str) -> str:
        """Return where the run's file of this name stands."""
        return f"{self.folder}/{name}"
