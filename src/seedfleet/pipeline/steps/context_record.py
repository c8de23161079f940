"""What a step leaves behind beside its files: what went in, what came out, and whether to go on.

A step's decision follows from its checks alone: all hold, and the run proceeds; one does not, and
it retries with the change that the check declares, at most `MOST_RETRIES` times, or stops. A check
whose value is missing does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from seedfleet.pipeline.run_folder import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["MOST_RETRIES", "Check", "ContextRecord", "Decision", "Metric"]

FORMAT = "seedfleet.context/1"
MOST_RETRIES = 2


class Decision(Enum):
    """What the workflow does after a step."""

    PROCEED = "proceed"
    RETRY = "retry"
    STOP = "stop"


@dataclass(frozen=True)
class Check:
    """A value held against a limit.

    Attributes
    ----------
    name
        What is checked, in words.
    value
        None where it could not be found out: then the check does not hold.
    limit
        What the value is held against.
    at_least
        Whether the value has to be at least the limit; else at most.
    change
        Parameters with which the step may be tried again where the check does not hold; empty
        where trying again is no use.
    """

    name: str
    value: float | None
    limit: float
    at_least: bool = True
    change: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the value is known and on the right side of the limit; NaN never is."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def to_document(self) -> dict[str, Any]:
        """Return it as a record's file holds it."""
        return {**vars(self), "change": dict(self.change), "holds": self.holds}


@dataclass(frozen=True)
class Metric:
    """A figure beside what chance gives; None where chance has no say."""

    name: str
    value: float | None
    chance: float | None


@dataclass(frozen=True)
class ContextRecord:
    """One step of one run.

    Attributes
    ----------
    step
        Its command's name.
    run_id, parent_run_id
        The run, and the run whose outputs it took in; None for the first.
    inputs, outputs
        SHA-256 by path, relative to the run's folder where it lies inside.
    parameters
        What the step was told, as JSON values.
    metrics, checks
        What came of it.
    attempt
        0 for the first, then the number of the retry.
    elapsed_s
        How long it took.
    remarks
        Sentences for a person.
    """

    step: str
    run_id: str
    parent_run_id: str | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    metrics: Sequence[Metric] = ()
    checks: Sequence[Check] = ()
    attempt: int = 0
    elapsed_s: float = 0.0
    remarks: Sequence[str] = ()

    @property
    def decision(self) -> Decision:
        """Return what follows; a step without a check has no evidence, and stops."""
        if self.checks and all(check.holds for check in self.checks):
            return Decision.PROCEED
        return Decision.RETRY if self.change else Decision.STOP

    @property
    def change(self) -> dict[str, Any]:
        """Return the parameters to be changed for a retry; empty where there is none."""
        failed = [check for check in self.checks if not check.holds]
        if self.attempt >= MOST_RETRIES or any(not check.change for check in failed):
            return {}
        return {key: value for check in failed for key, value in check.change.items()}

    def to_document(self) -> dict[str, Any]:
        """Return the record as its file holds it."""
        return {
            "format": FORMAT,
            "step": self.step,
            "run_id": self.run_id,
            "parent_run_id": self.parent_run_id,
            "attempt": self.attempt,
            "elapsed_s": self.elapsed_s,
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "parameters": dict(self.parameters),
            "metrics": [vars(metric) for metric in self.metrics],
            "checks": [check.to_document() for check in self.checks],
            "decision": self.decision.value,
            "change": self.change,
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a record; what `decision` says there is worked out anew."""
        return cls(
            **{
                name: document[name]
                for name in (
                    "step",
                    "run_id",
                    "parent_run_id",
                    "inputs",
                    "outputs",
                    "parameters",
                    "attempt",
                    "elapsed_s",
                    "remarks",
                )
            },
            metrics=tuple(Metric(**metric) for metric in document["metrics"]),
            checks=tuple(
                Check(**{key: value for key, value in check.items() if key != "holds"})
                for check in document["checks"]
            ),
        )

    def write(self, path: Path) -> None:
        """Write the record whole or not at all."""
        write_json(path, self.to_document())
