"""Streams that are known to make draws, of step 0 or of a reseed, as rows of a survivor table."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seedfleet.errors import ProblemsError
from seedfleet.generators import AtState, find_preset, find_stream, presets_of
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.pipeline.steps.window.final import ALIGNMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.generators import Start
    from seedfleet.pipeline.steps.window.final import Passed

__all__ = ["KnownStream", "Recovered", "RecoveryError", "joined", "recovered_streams"]

_LIKELY = 0.5  # posterior from which on a candidate is one of the run's streams


class RecoveryError(ProblemsError):
    """An answer of step 0 that cannot be read."""


@dataclass(frozen=True)
class KnownStream:
    """A stream and the draws that it explains.

    Attributes
    ----------
    preset
        Its name.
    start
        Seed, or state right before the first output.
    offset, skip_min, skip_max
        Its alignment.
    sessions
        Whose draws it explains; none for all.
    origin, end
        Indexes among the draws of its sessions: the first that it explains, and the one after the
        last; `NO_END` where that is the last known draw.
    posterior
        That it made these draws.
    """

    preset: str
    start: Start
    offset: int
    skip_min: int
    skip_max: int
    sessions: tuple[str, ...]
    origin: int
    end: int
    posterior: float

    def row(self, code: int) -> np.void:
        """Return it as a row of a table in which its preset has this index."""
        rows = np.zeros(1, dtype=ROW)
        seed = 0 if isinstance(self.start, AtState) else self.start
        values = (code, seed, self.offset, self.skip_min, self.skip_max, self.origin, self.end)
        for name, value in zip(ROW.names or (), values, strict=False):
            rows[name] = value
        row: np.void = rows[0]
        return row


@dataclass(frozen=True)
class Recovered:
    """What a run goes on with of step 0.

    Attributes
    ----------
    streams
        Those that are more likely than not, likeliest first.
    remark
        Why the file is left out; empty where it is not.
    """

    streams: tuple[KnownStream, ...] = ()
    remark: str = ""

    @classmethod
    def read(cls, path: Path, history: History) -> Self:
        """Read step 0's answer about this history; nothing where there is no file.

        An answer about other draws is left out.

        Raises
        ------
        RecoveryError
            The file cannot be read.
        """
        if not path.exists():
            return cls()
        if not _is_of(history, _document(path), path):
            return cls(remark=f"{path.name} is of other draws than these, and is left out.")
        streams = recovered_streams(path, history)
        return cls(tuple(stream for stream in streams if stream.posterior > _LIKELY))


def recovered_streams(path: Path, history: History) -> tuple[KnownStream, ...]:
    """Read the candidates of a recovery; none where there is no file, or it explains nothing.

    Those of single machines are left out: a table is of sessions. Of an answer about other draws,
    those are left out that these draws have no place for.

    Raises
    ------
    RecoveryError
        The file cannot be read.
    """
    if not path.exists():
        return ()
    document = _document(path)
    is_of_these = _is_of(history, document, path)
    read: list[KnownStream] = []
    try:
        for candidate in document["candidates"]:
            try:
                read += _legs(candidate, history)
            except ValueError:
                if is_of_these:
                    raise
    except (KeyError, TypeError, ValueError) as error:
        raise RecoveryError([f"{path}: its candidates cannot be read: {error!r}"]) from error
    return tuple(read)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecoveryError([f"{path}: cannot be read: {error}"]) from error
    if not isinstance(document, dict):
        raise RecoveryError([f"{path}: an object is needed"])
    return document


def _is_of(history: History, document: Mapping[str, Any], path: Path) -> bool:
    """Tell whether an answer is about these draws, as they were read."""
    try:
        told = document["history"]
        known = (told["sha256"], told["draws"], told["modulus"])
    except (KeyError, TypeError) as error:
        raise RecoveryError([f"{path}: does not say of which draws it is: {error!r}"]) from error
    return known == (history.sha256, len(history), history.modulus)


def _legs(candidate: Mapping[str, Any], history: History) -> list[KnownStream]:
    """Read a candidate; where records are missing inside it, what is between as streams of its own.

    All of them start alike, the later ones at later offsets.
    """
    alignment = candidate["alignment"]
    if alignment["machine"] is not None:
        return []
    name, bounding = candidate["generator"], candidate["bounding"]
    try:
        stream = find_stream(name, bounding)
        preset = presets_of(stream)[0].slug
    except (IndexError, KeyError):  # of a catalogue that knew others
        return []
    session = alignment["session"]
    places = [
        index for index, name in enumerate(history.sessions) if session is None or name == session
    ]
    origin = places.index(alignment["origin"])
    end = origin + int(candidate["n"])
    jumps = [(places.index(each["after"]) + 1, int(each["outputs"])) for each in alignment["jumps"]]
    leg = KnownStream(
        preset,
        _start(candidate),
        int(alignment["offset"]),
        int(alignment["skip_min"]),
        int(alignment["skip_max"]),
        () if session is None else (session,),
        origin,
        NO_END if end >= len(places) else end,
        float(candidate["posterior"]),
    )
    legs = [leg]
    for draw, outputs in jumps:
        before = legs.pop()
        passed = (draw - before.origin) * (before.skip_max + 1) + outputs
        legs.append(replace(before, end=draw))
        legs.append(replace(before, origin=draw, offset=before.offset + passed))
    return legs


def _start(candidate: Mapping[str, Any]) -> Start:
    words = candidate["start_state"]
    if words is None:
        return int(candidate["seed"])
    return AtState(tuple(int(word, 16) for word in words))


def joined(passed: Passed, streams: Sequence[KnownStream], most: int) -> SurvivorTable:
    """Put streams in front of what passed a sieve, without doubles; at most so many rows in all.

    What passed under a stream's alignment is told of it as of every row, so that nothing a model
    learns from tells it apart.
    """
    table = passed.table
    names = {find_preset(preset).stream: preset for preset in table.presets}
    for stream in streams:
        names.setdefault(find_preset(stream.preset).stream, stream.preset)
    presets = list(names.values())
    twins = {_key(row): row for row in table.rows}
    rows: list[np.void] = []
    states: dict[int, tuple[int, ...]] = {}
    seen: set[object] = set()
    for stream in streams:
        row = stream.row(presets.index(names[find_preset(stream.preset).stream]))
        words = stream.start.words if isinstance(stream.start, AtState) else None
        _tell_counts(row, passed)
        key = _key(row) if words is None else (words, stream.origin)
        if key in seen:
            continue
        seen.add(key)
        if words is not None:
            states[len(rows)] = words
        elif key in twins:
            _take_matches(row, twins[key])
        rows.append(row)
    others = [row for row in table.rows if _key(row) not in seen]
    together = [np.array([row], dtype=ROW) for row in [*rows, *others][: max(most, len(rows))]]
    kept = np.concatenate([np.zeros(0, dtype=ROW), *together])
    return SurvivorTable(tuple(presets), table.sessions, kept, states)


def _key(row: np.void) -> object:
    names = ("preset", "seed", "offset", "skip_min", "skip_max", "origin")
    return tuple(int(row[name]) for name in names)


def _tell_counts(row: np.void, passed: Passed) -> None:
    alignment = tuple(int(row[name]) for name in ALIGNMENT)
    both, selectivity = passed.alignments.get(alignment, (0, 0.0))
    row["bidirectional_count"], row["bidirectional_selectivity"] = both, selectivity


def _take_matches(row: np.void, twin: np.void) -> None:
    """Give a row what the sieve said of the same stream."""
    for name in (ROW.names or ())[7:]:
        row[name] = twin[name]
