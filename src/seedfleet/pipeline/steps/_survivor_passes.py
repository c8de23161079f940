"""Passes of all survivors' streams over the draws, each with marks at which counts are kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from seedfleet.evidence.forward_sums import go_forward
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prediction import point_laws
from seedfleet.generators import AtState
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.steps._coming_draws import laws_after
from seedfleet.pipeline.steps._match_counts import Counted, Paces, count_of_seeds, count_of_state
from seedfleet.pipeline.steps._path_sums import sum_paths, values_before
from seedfleet.pipeline.steps.survivor_table import NO_END
from seedfleet.sieve.weighing import AHEAD, Alignment
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import DrawLaw
    from seedfleet.evidence.skip_paths import PathModel
    from seedfleet.generators import Start, Stream
    from seedfleet.pipeline.steps._path_sums import PathSums
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["Passes"]

_BLOCK = 2**12  # rows that are counted together
_SMALL = 2**16  # rows times draws that take less than handing them to threads does
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


@dataclass(frozen=True, eq=False)
class _Pass:
    """Counts at marks: matches (n, n_marks), and bits (n_variable, n_marks, n_rates)."""

    marks: list[int]
    matches: NDArray[np.int32]
    bits: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Passes:
    """The counts that were kept so far; a mark that was not thought of costs another pass.

    Attributes
    ----------
    table
        The survivors.
    draws
        int64 array: the draws that they explain.
    modulus
        The draws' modulus.
    progress
        Called with a label and the share of a pass that is done.
    """

    table: SurvivorTable
    draws: NDArray[np.int64]
    modulus: int
    progress: Callable[[str, float], None]
    _kept: list[_Pass] = field(default_factory=list)
    _observed: dict[bytes, NDArray[np.float64]] = field(default_factory=dict)

    def begin(self, marks: Iterable[int]) -> NDArray[np.uint64]:
        """Run a pass with these marks; return a digest of each row's stream."""
        at = sorted(set(marks))
        matches = np.zeros((len(self.table), len(at)), np.int32)
        digests = self._digests()
        where, done, blocks = np.array(at, np.int64), 0, list(self._blocks())
        counting = self._spread_out(lambda rows: self._count(rows, where), blocks)
        for rows, counted in zip(blocks, counting, strict=True):
            matches[rows] = counted.matches
            digests[rows] ^= counted.digests
            done += len(rows)
            self.progress("survivors", done / len(self.table))
        bits = np.zeros((len(self._variable), len(at), len(NOISE_RATES)))
        for place, (row, sums) in enumerate(self._sums(where)):
            matches[row], bits[place] = sums.matched, sums.bits
        self._kept.append(_Pass(at, matches, bits))
        return digests

    def followed_by(self, other: Passes) -> Passes:
        """Return what both keep of the marks that both have, of these rows and then of others."""
        table = self.table.followed_by(other.table)
        marks = sorted(set(self.marks) & set(other.marks))
        matches = [[each.matches(mark) for mark in marks] for each in (self, other)]
        bits = [[each.bits(mark) for mark in marks] for each in (self, other)]
        kept = _Pass(
            marks,
            np.concatenate([np.array(rows).T for rows in matches]).astype(np.int32),
            np.concatenate([np.stack(rows, axis=1) for rows in bits]),
        )
        return replace(self, table=table, _kept=[kept], _observed={})

    @property
    def marks(self) -> list[int]:
        """The marks at which counts are kept."""
        return [mark for kept in self._kept for mark in kept.marks]

    def matches(self, mark: int) -> NDArray[np.int64]:
        """Return each row's matches before a draw: int64 array, shape (n,)."""
        kept, column = self._find(mark)
        return kept.matches[:, column].astype(np.int64)

    def bits(self, mark: int) -> NDArray[np.float64]:
        """Return log2 ratios of all draws before one: (n_variable, n_rates), in the rows' order."""
        kept, column = self._find(mark)
        return kept.bits[:, column]

    def observed_bits(self, seen: NDArray[np.bool_], stop: int) -> NDArray[np.float64]:
        """Return those of some of the draws before one, the others being unknown."""
        key = seen[:stop].tobytes()
        if key not in self._observed:
            sums = [each.bits[0] for _, each in self._sums(np.array([stop]), seen)]
            self._observed[key] = np.stack(sums)
        return self._observed[key]

    def running(
        self, row: int, marks: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
        """Return one row's matches before each mark, and its ratios where its skip varies."""
        if self.table.rows["skip_min"][row] == self.table.rows["skip_max"][row]:
            counted = self._count(np.array([row]), marks)
            return counted.matches[0].astype(np.int64), None
        sums = self._sum(row, marks, None)
        return sums.matched.astype(np.int64), sums.bits

    def _find(self, mark: int) -> tuple[_Pass, int]:
        for kept in self._kept:
            if mark in kept.marks:
                return kept, kept.marks.index(mark)
        self.begin([mark])
        return self._kept[-1], 0

    @property
    def _variable(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.table.rows["skip_min"] < self.table.rows["skip_max"])

    @property
    def ends(self) -> NDArray[np.int64]:
        """The draw after the last that each row explains: int64 array, shape (n,)."""
        ends, count = self.table.rows["end"], len(self.draws)
        return np.where((ends == NO_END) | (ends > count), count, ends)

    def _blocks(self) -> Iterator[NDArray[np.int64]]:
        """Yield rows of one stream at constant skips; those that begin in a state one by one."""
        rows = self.table.rows
        constant = rows["skip_min"] == rows["skip_max"]
        seeded = constant.copy()
        seeded[list(self.table.states)] = False
        for preset in range(len(self.table.presets)):
            own = np.flatnonzero(seeded & (rows["preset"] == preset))
            yield from (own[at : at + _BLOCK] for at in range(0, len(own), _BLOCK))
        yield from (np.array([row]) for row in sorted(self.table.states) if constant[row])

    def coming_points(
        self, chosen: NDArray[np.int64], ahead: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield some of the rows, all at constant skips, and their next values (rows, ahead)."""
        wanted = np.zeros(len(self.table), bool)
        wanted[chosen] = True
        for block in self._blocks():
            rows = block[wanted[block]]
            if len(rows):
                yield rows, self._count(rows, np.zeros(0, np.int64), ahead).coming

    def coming_laws(
        self, row: int, posterior: NDArray[np.float64], ahead: int
    ) -> list[list[tuple[float, DrawLaw]]]:
        """Return what a row with a variable skip tells of each coming draw."""
        stream, start, model = self._path(row)
        forward = self._sum(row, np.array([len(self.draws)]), None).last
        return laws_after(stream, start, model, forward, (posterior.tolist(), ahead))

    def laws_along(
        self, row: int, posterior: NDArray[np.float64], draws: range
    ) -> list[list[tuple[float, DrawLaw]]]:
        """Return what a row tells of known draws that it explains, each from all before it."""
        stream, start, model = self._path(row)
        origin = int(self.table.rows["origin"][row])
        if model.gaps == 1:
            pace = np.arange(draws.start - origin, draws.stop - origin)
            positions = model.offset + model.least_gap - 1 + pace * model.least_gap
            values, _ = at_positions(stream, start, self.modulus, positions)
            laws = zip(values.tolist(), posterior.tolist(), strict=True)
            return [point_laws(value, weights, self.modulus) for value, weights in laws]
        forward = self._sum(row, np.array([draws.start]), None).last
        if forward.given_up:
            return [[] for _ in draws]
        reach = forward.high + len(draws) * model.most_gap + 1
        values, told = values_before(stream, start, self.modulus, reach), []
        for index, weights in zip(draws, posterior.tolist(), strict=True):
            told += laws_after(stream, start, model, forward, (weights, 1))
            forward = go_forward(values, self.draws[index : index + 1], model, forward)
        return told

    def _count(self, chosen: NDArray[np.int64], marks: NDArray[np.int64], kept: int = 0) -> Counted:
        rows = self.table.rows[chosen]
        offset, skip, origin = (
            np.ascontiguousarray(rows[name]) for name in ("offset", "skip_max", "origin")
        )
        paces = Paces(offset, skip, origin, self.ends[chosen])
        stream = self.table.stream(int(rows["preset"][0]))
        known, told = (self.draws, self.modulus), (marks, AHEAD)
        start = self.table.start(int(chosen[0]))
        if isinstance(start, AtState):
            return count_of_state(stream, start, paces, known, told, kept=kept)
        seeds = np.ascontiguousarray(rows["seed"])
        return count_of_seeds(stream, seeds, paces, known, told, kept=kept)

    def _digests(self) -> NDArray[np.uint64]:
        """Return what tells rows apart beside their values: uint64 array, shape (n,).

        The draws that they explain, and with variable skip all that the stream follows from.
        """
        rows = self.table.rows
        told = np.stack([rows["origin"], self.ends])
        distinct, places = np.unique(told, axis=1, return_inverse=True)
        parts = np.array([_digest(part) for part in distinct.T.tolist()], np.uint64)
        digests = parts[places.reshape(-1)] if len(rows) else np.zeros(0, np.uint64)
        for row in self._variable.tolist():
            entry = self.table.rows[row]
            skips = [int(entry[name]) for name in ("offset", "skip_min", "skip_max")]
            stream = self.table.stream(int(entry["preset"]))
            digests[row] ^= np.uint64(_digest([stream.name, self.table.start(row), *skips]))
        return digests

    def _sums(
        self, marks: NDArray[np.int64], seen: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[int, PathSums]]:
        """Yield the sums of each row with a variable skip."""
        chosen = self._variable.tolist()
        summing = self._spread_out(lambda row: self._sum(row, marks, seen), chosen)
        for done, (row, sums) in enumerate(zip(chosen, summing, strict=True)):
            self.progress("survivors with variable skip", (done + 1) / len(chosen))
            yield row, sums

    def _spread_out(self, work: Callable[[_Item], _Found], items: list[_Item]) -> Iterator[_Found]:
        """Yield what comes of each item, in order, from threads where there is enough to do."""
        if len(self.table) * len(self.draws) < _SMALL:
            yield from map(work, items)
            return
        with ThreadPool() as pool:
            yield from pool.map(work, items)

    def _sum(self, row: int, marks: NDArray[np.int64], seen: NDArray[np.bool_] | None) -> PathSums:
        origin, end = int(self.table.rows["origin"][row]), int(self.ends[row])
        known = self.draws[origin:end], None if seen is None else seen[origin:end]
        return sum_paths(*self._path(row), known, marks - origin)

    def _path(self, row: int) -> tuple[Stream, Start, PathModel]:
        entry = self.table.rows[row]
        offset, least, most = (int(entry[name]) for name in ("offset", "skip_min", "skip_max"))
        model = Alignment(offset, least, most).path_model(self.modulus)
        return self.table.stream(int(entry["preset"])), self.table.start(row), model


def _digest(parts: Iterable[object]) -> int:
    written = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(written, digest_size=8).digest())
