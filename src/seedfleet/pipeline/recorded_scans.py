"""Answers of a back end kept in files, so that a search that was interrupted does not repeat them.

Each long answer has a file of its own, named by the digest of what was asked. Whatever interrupts a
search, one that asks the same again reads them; what was being tested at that moment is lost.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.pipeline.seed_block import BlockResult, ResultError, write_result
from seedfleet.pipeline.seed_request import SeedRequest, digest_of
from seedfleet.sieve import DEFAULT_ROOM, Hits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seedfleet.generators import Stream
    from seedfleet.sieve import Backend, Rows, Walk

__all__ = ["RecordedBackend"]

_LONG_S = 0.25  # what is answered sooner may as well be asked again


class RecordedBackend:
    """A `seedfleet.sieve.Backend` that remembers what it answered, also after its process.

    Parameters
    ----------
    backend
        Answers what is not remembered.
    folder
        Where answers are kept; made for the first long one.
    before_first
        Called then, before anything else is written.
    long_s
        Seconds from which on an answer is kept.
    """

    def __init__(
        self,
        backend: Backend,
        folder: Path,
        *,
        before_first: Callable[[], None] = lambda: None,
        long_s: float = _LONG_S,
    ) -> None:
        self._backend = backend
        self._folder = folder
        self._before_first = before_first
        self._long_s = long_s
        self._begun = False

    def scan(
        self,
        stream: Stream,
        rows: Rows,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Do what `Backend.scan` says."""
        return self._answer(SeedRequest(stream, rows, seeds, room), progress)

    def walk(
        self,
        stream: Stream,
        walk: Walk,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Do what `Backend.walk` says."""
        return self._answer(SeedRequest(stream, walk, seeds, room), progress)

    def scan_together(
        self,
        questions: Sequence[tuple[Stream, Rows]],
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Hits, ...]:
        """Do what `Backend.scan_together` says: together, unless every answer is remembered."""
        requests = [SeedRequest(stream, rows, seeds, room) for stream, rows in questions]
        remembered = [self._remembered(request) for request in requests]
        known = [hits for hits in remembered if hits is not None]
        if len(known) == len(requests):
            if progress is not None:
                progress(sum(hits.tested for hits in known))
            return tuple(known)
        began_s = time.perf_counter()
        found = self._backend.scan_together(questions, seeds, room=room, progress=progress)
        for request, hits in zip(requests, found, strict=True):
            self._keep(request, hits, time.perf_counter() - began_s)
        return found

    def _answer(self, request: SeedRequest, progress: Callable[[int], None] | None) -> Hits:
        remembered = self._remembered(request)
        if remembered is not None:
            if progress is not None:
                progress(remembered.tested)
            return remembered
        began_s = time.perf_counter()
        hits = request.ask(self._backend, request.seeds, progress)
        self._keep(request, hits, time.perf_counter() - began_s)
        return hits

    def _remembered(self, request: SeedRequest) -> Hits | None:
        if not request.can_travel:
            return None
        digest = digest_of(request.to_document())
        return _read(self._path(digest), digest, request)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest[:32]}.hits"

    def _keep(self, request: SeedRequest, hits: Hits, took_s: float) -> None:
        """Write an answer that took long, whole or not at all."""
        if took_s < self._long_s or not request.can_travel:
            return
        if not self._begun:
            self._before_first()
            self._begun = True
        digest = digest_of(request.to_document())
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        legs = len(request.asked.legs)
        result = BlockResult(digest, request.seeds.start, hits.tested, len(hits.seeds), legs)
        draft = path.with_suffix(".part")
        with draft.open("wb") as stream:
            write_result(stream, result, hits)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)


def _read(path: Path, digest: str, request: SeedRequest) -> Hits | None:
    """Return the answer that was kept, None where there is none for this very question."""
    try:
        result = BlockResult.of_file(path)
    except ResultError:
        return None
    if (result.request, result.start) != (digest, request.seeds.start) or result.hits is None:
        return None
    hits = Hits(
        np.empty(result.hits, np.uint64),
        np.empty(result.hits, np.int64),
        np.empty((result.hits, result.legs), np.int32),
        result.tested,
    )
    result.read_into(path, hits, 0)
    return hits
