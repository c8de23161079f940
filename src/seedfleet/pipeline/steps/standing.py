"""What a step's record on disk is worth now: nothing, unless its files are as it left them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from seedfleet.digests import file_digest
from seedfleet.errors import unreadable_text
from seedfleet.fleet import FleetError
from seedfleet.pipeline.run_folder import write_json, write_text
from seedfleet.pipeline.steps.context_record import ContextRecord, Decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.pipeline.steps.run_files import RunFiles

__all__ = ["DECLINED", "Standing", "changed_files", "note", "noted", "standing", "without_word"]

DECLINED = "declined"  # parameter of a record that the workflow wrote for a step that did not run
_FORMAT = "seedfleet.workflow-notes/1"


@dataclass(frozen=True)
class Standing:
    """Whether a step has a word that counts.

    Attributes
    ----------
    decision
        Proceed or stop; None where there is no word that counts.
    record
        The record, also where it does not count any more; None where there is none.
    reason
        Why there is no word that counts; empty where there is one.
    """

    decision: Decision | None
    record: ContextRecord | None = None
    reason: str = ""

    @property
    def declined(self) -> bool:
        """Whether the step never ran, so that it has to when it is asked for again."""
        return self.record is not None and DECLINED in self.record.parameters


def standing(files: RunFiles, step: str) -> Standing:
    """Weigh a step's record against the files that are there now.

    Notes
    -----
    O(bytes of the files that the record names).
    """
    path = files.context(step)
    try:
        record = ContextRecord.from_document(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Standing(None, reason="it has not been run to its end")
    except (OSError, KeyError, TypeError, ValueError) as error:
        return Standing(None, reason=f"its record cannot be read: {unreadable_text(error)}")
    changed = next(changed_files(files, record), None)
    if changed is not None:
        return Standing(None, record, f"{changed} since it ran")
    match record.decision:
        case Decision.PROCEED | Decision.STOP:
            return Standing(record.decision, record)
        case Decision.RETRY:
            return Standing(None, record, "it asks to be tried again")
        case _ as never:
            assert_never(never)


def changed_files(files: RunFiles, record: ContextRecord) -> Iterator[str]:
    """Say which inputs and outputs of a record are not what they were."""
    for kind, digests in (("input", record.inputs), ("output", record.outputs)):
        for name, digest in digests.items():
            try:
                if file_digest(files.folder / name) != digest:
                    yield f"the {kind} {name} has changed"
            except OSError:
                yield f"the {kind} {name} has gone"


@contextmanager
def without_word(files: RunFiles, step: str) -> Iterator[None]:
    """Take away the word of an earlier attempt while a step runs: one that dies leaves none.

    A step that is refused for what it was asked has not replaced it, so that it is put back: it
    counts as far as the files that it names are as they were.
    """
    path = files.context(step)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.unlink(missing_ok=True)
    try:
        yield
    except FleetError:
        raise
    except Exception as error:
        if before is not None and getattr(error, "problems", None) is not None:
            write_text(path, before)
        raise


def noted(files: RunFiles) -> dict[str, dict[str, Any]]:
    """Return what the workflow noted of each step when it last ran it; nothing if unreadable."""
    try:
        document = json.loads(files.notes.read_text(encoding="utf-8"))
        steps: dict[str, dict[str, Any]] = document["steps"]
    except (OSError, KeyError, TypeError, ValueError):
        return {}
    return steps


def note(files: RunFiles, step: str, told: Mapping[str, Any]) -> None:
    """Note how a step was asked, and which runs of the fleet it took."""
    write_json(files.notes, {"format": _FORMAT, "steps": noted(files) | {step: dict(told)}})
