"""How an attempt ended. There is one way to succeed, and every other way has its own type."""

from __future__ import annotations

from dataclasses import dataclass

# Ten outcomes, not six names: they are one closed set that is matched as a whole.
__all__ = [
    "Cancelled",
    "Failed",
    "FailedToStart",
    "Lost",
    "Outcome",
    "OutputEmpty",
    "OutputInvalid",
    "OutputMissing",
    "ProducedFile",
    "Succeeded",
    "Superseded",
    "TimedOut",
]


@dataclass(frozen=True, slots=True)
class ProducedFile:
    """One declared output, as it was when the attempt ended.

    Parameters
    ----------
    declared
        The path as the job names it.
    size_bytes
        Larger than 0.
    sha256
        64 hex digits over the content.
    """

    declared: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An accepted exit code and every declared output written, checked and digested."""

    outputs: tuple[ProducedFile, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The script ended with another exit code (`signal` None) or by a signal."""

    exit_code: int | None
    signal: int | None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The script ran longer than its limit and was ended with everything it had started."""

    limit_s: float


@dataclass(frozen=True, slots=True)
class OutputMissing:
    """The script said that all is well, and these declared outputs do not exist."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutputEmpty:
    """The script said that all is well, and these declared outputs hold 0 bytes."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutputInvalid:
    """A declared output is no regular file, fails its validation or changed after its digest."""

    paths: tuple[str, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class FailedToStart:
    """The script never ran: it cannot be executed, or its output path is in use."""

    problem: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt's supervisor or node went away, or no node that the job needs can be reached."""

    node: str
    problem: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """Another attempt of the same job counts in its stead, however this one ended."""

    by_attempt: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended on request."""


Outcome = (
    Succeeded
    | Failed
    | TimedOut
    | OutputMissing
    | OutputEmpty
    | OutputInvalid
    | FailedToStart
    | Lost
    | Superseded
    | Cancelled
)
