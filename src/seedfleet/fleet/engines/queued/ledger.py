"""What was handed in to a scheduler, on disk before it is, so that a later head finds it again."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.fleet.engines.queued.scheduler import Request

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BatchLedger", "HandedIn"]


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A batch.

    Parameters
    ----------
    name
        The head's name of it.
    first
        The number of its first task; the others follow.
    tokens
        The attempts, one for each task.
    request
        What each task asks.
    handle
        The scheduler's name of it; None as long as it is not known to have been taken.
    """

    name: str
    first: int
    tokens: tuple[str, ...]
    request: Request
    handle: str | None = None

    @property
    def numbers(self) -> range:
        """Its tasks."""
        return range(self.first, self.first + len(self.tokens))


class BatchLedger:
    """The batches of a run; a line that a crash has torn at the end counts as not written.

    Parameters
    ----------
    path
        Need not exist.

    Attributes
    ----------
    batches
        By the head's name of it.
    tasks
        By token of the attempt: the name of its batch, and its number.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.batches: dict[str, HandedIn] = {}
        self.tasks: dict[str, tuple[str, int]] = {}
        self._length = 0
        for line in _whole_lines(path):
            self._take(json.loads(line))
            self._length += len(line) + 1

    @property
    def next_number(self) -> int:
        """The first number that no task has, from 1."""
        return max((batch.numbers.stop for batch in self.batches.values()), default=1)

    def add(self, batch: HandedIn) -> None:
        """Note what is about to be handed in.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        self._append(dataclasses.asdict(batch))

    def split(self, batch: HandedIn) -> tuple[HandedIn, HandedIn]:
        """Note both halves of a batch that was not taken, or none; its tasks keep their numbers.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        self._append({"name": batch.name, "split": len(batch.tokens) // 2})
        return self.batches[f"{batch.name}-1"], self.batches[f"{batch.name}-2"]

    def taken(self, name: str, handle: str) -> None:
        """Note that the scheduler has taken a batch.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        self._append({"name": name, "handle": handle})

    def _append(self, record: dict[str, Any]) -> None:
        line = json.dumps(record).encode() + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(descriptor, self._length)
            os.pwrite(descriptor, line, self._length)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._length += len(line)
        self._take(json.loads(line))

    def _take(self, record: dict[str, Any]) -> None:
        if "first" in record:
            asked = record.pop("request")
            request = Request(**asked | {"exclude": tuple(asked.get("exclude", ()))})
            tokens = tuple(record.pop("tokens"))
            self._keep(HandedIn(**record, tokens=tokens, request=request))
            return
        known = self.batches[record["name"]]
        if "split" in record:
            for half in _halves(known, record["split"]):
                self._keep(half)
        else:
            self.batches[known.name] = dataclasses.replace(known, handle=record["handle"])

    def _keep(self, batch: HandedIn) -> None:
        self.batches[batch.name] = batch
        for number, token in zip(batch.numbers, batch.tokens, strict=True):
            self.tasks[token] = (batch.name, number)


def _halves(whole: HandedIn, tasks: int) -> tuple[HandedIn, HandedIn]:
    """Divide a batch after so many of its tasks."""
    before, after = whole.tokens[:tasks], whole.tokens[tasks:]
    return (
        dataclasses.replace(whole, name=f"{whole.name}-1", tokens=before),
        dataclasses.replace(whole, name=f"{whole.name}-2", first=whole.first + tasks, tokens=after),
    )


def _whole_lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
