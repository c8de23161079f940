"""What Slurm's tools say, and what it means: for how long a refusal holds, why a task waits."""

from __future__ import annotations

import enum
import re
from typing import Final

__all__ = ["Hold", "Refusal", "hold", "is_silence", "refusal", "remedy"]

# What tools say when nobody is there, or too busy to answer, in lower case.
_SILENCE: Final = (
    *("unable to contact", "connection refused", "connection reset", "timed out", "standby"),
    *("communication connection failure", "zero bytes were transmitted", "temporarily"),
    *("transport endpoint", "authentication", "unable to establish"),
)
# What sbatch says while it tries again by itself, for two minutes.
_FULL: Final = ("unable to accept job", "job queue full")
_FINAL: Final = (
    *("invalid", "denied", "not permitted", "than permitted", "can not be satisfied"),
    *("node configuration is not available", "partition configuration not available"),
    *("node count", "memory required by task", "not specified"),
)
_POLICY: Final = "accounting/qos policy"
_LIMIT: Final = re.compile(r"\b(?:assoc|qos)(?:max|min|grp)\w+")
_NO_SUCH_NODE: Final = "invalid node name"
# Why a task waits, without separators and in lower case.
_FAULTS: Final = ("requeuedheld", "holdmaxrequeue")
_HELD_BY_ADMIN: Final = "jobheldadmin"
_HELD_BY_USER: Final = "jobhelduser"
_NEVER: Final = ("partitiontimelimit", "partitionnodelimit", "badconstraints")


class Refusal(enum.Enum):
    """How long a refusal of `sbatch` holds."""

    SILENCE = enum.auto()  # nobody has answered
    NOT_NOW = enum.auto()
    TOO_MANY = enum.auto()  # fewer tasks may be taken, or the same ones later
    NEVER = enum.auto()


class Hold(enum.Enum):
    """Why a pending task does not start."""

    NONE = enum.auto()  # it waits for its turn
    FAULT = enum.auto()  # its launch has failed
    PURPOSE = enum.auto()  # a person has set it
    NEVER = enum.auto()  # what it asks for cannot come


def is_silence(said: str) -> bool:
    """Tell whether a tool has complained that nobody answers."""
    return any(words in said.casefold() for words in _SILENCE)


def refusal(said: str) -> Refusal:
    """Say how long a refusal holds: what is not known to be final passes.

    Parameters
    ----------
    said
        What `sbatch` has written to stderr.
    """
    folded = said.casefold()
    limits = _LIMIT.findall(folded)
    if any(words in folded for words in _FULL) or any("submit" in each for each in limits):
        return Refusal.TOO_MANY
    if is_silence(said):
        return Refusal.SILENCE
    # Other limits are of what one job asks. What sbatch itself does not understand never passes.
    if limits or "submission failed" not in folded or any(words in folded for words in _FINAL):
        return Refusal.NEVER
    return Refusal.TOO_MANY if _POLICY in folded else Refusal.NOT_NOW


def remedy(said: str, gpus: int) -> str:
    """Say what helps against a refusal, with a semicolon before it; "" where nothing is known.

    Parameters
    ----------
    said
        As for `refusal`.
    gpus
        How many each task asks for.
    """
    how = refusal(said)
    if how is Refusal.TOO_MANY:
        return "; --engine-option slots=N hands in fewer at once"
    if how is Refusal.NOT_NOW:
        other = "; --resume with --engine-option partition=NAME hands in to another one"
        return other if "partition" in said else ""
    if _NO_SUCH_NODE in said.casefold():
        return "; sinfo --Node lists the nodes that a job's pin may name"
    if not gpus:
        return ""
    asked = "1 GPU was" if gpus == 1 else f"{gpus} GPUs were"
    return (
        f"; {asked} asked for; where there are none: --engine-option default_gpus=0 for jobs that "
        'do not say, "gpus": 0 in those that do'
    )


def hold(reason: str, *, restarted: bool) -> Hold:
    """Say why a pending task waits, by Slurm's word for it.

    Parameters
    ----------
    reason
        As `squeue --format=%r` prints it.
    restarted
        True if Slurm has queued the task again: then its launch may have failed, after which
        Slurm's word is the same as for an administrator's own hold.
    """
    why = "".join(filter(str.isalnum, reason.casefold()))
    if any(each in why for each in _FAULTS):
        return Hold.FAULT
    if _HELD_BY_ADMIN in why:
        return Hold.FAULT if restarted else Hold.PURPOSE
    if _HELD_BY_USER in why:
        return Hold.PURPOSE
    return Hold.NEVER if any(each in why for each in _NEVER) else Hold.NONE
