"""Draws of a known stream under a known alignment, for trying the other commands on."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators import reference
from seedfleet.generators.canonical import canonical_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Preset

__all__ = ["FORMATS", "MAX_POSITION", "Sample", "records_of", "written"]

MAX_POSITION = 10**10  # about 20 s of the quicker generators
_REFERENCE_REACH = 40_000  # up to here it is quicker than starting numba, measured


@dataclass(frozen=True)
class Sample:
    """What is drawn.

    Attributes
    ----------
    preset, seed, count, modulus
        `count` draws in ``[0, modulus)``.
    skips
        Least and most outputs dropped before each draw; equal for a constant skip.
    offset
        Outputs dropped before all of that; down to minus the least skip, so much less before the
        first draw.
    noise
        Share of draws that are replaced by another number, in [0, 1].
    path_seed
        Seeds the choice of skips and of wrong draws.
    """

    preset: Preset
    seed: int
    count: int
    modulus: int
    skips: tuple[int, int]
    offset: int
    noise: float
    path_seed: int

    @property
    def farthest(self) -> int:
        """The last position, if every skip is the largest."""
        return self.offset + self.count * (self.skips[1] + 1) - 1

    @property
    def notes(self) -> list[str]:
        """What the seed says otherwise than one might think: its stream is another seed's."""
        generator = self.preset.stream.generator
        twin = canonical_seed(generator, self.seed)
        if twin == self.seed:
            return []
        seeds = f"{generator.seeds.start}..{generator.seeds.stop - 1}"
        if twin is not None:
            return [f"seed {self.seed} gives the stream of seed {twin}; distinct seeds are {seeds}"]
        return [f"seed {self.seed} is none of the distinct seeds {seeds} of {self.preset.slug}"]

    def positions(self) -> NDArray[np.int64]:
        """Return the stream position of each draw, int64 array, shape (count,)."""
        low, high = self.skips
        chosen = np.random.default_rng([self.path_seed, 0])
        skips = chosen.integers(low, high, size=self.count, endpoint=True)
        return self.offset - 1 + np.cumsum(skips + 1)

    def draws(self) -> list[int]:
        """Return the draws. O(last position)."""
        stream, positions = self.preset.stream, self.positions()
        if positions[-1] < _REFERENCE_REACH:
            reached = reference.at_positions(stream, self.seed, self.modulus, positions.tolist())
            values = np.array(reached, dtype=np.int64)
        else:
            from seedfleet.generators import compiled  # noqa: PLC0415 - numba is slow to start

            values, _ = compiled.at_positions(stream, self.seed, self.modulus, positions)
        return [int(value) for value in self._with_noise(values)]

    def _with_noise(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        chosen = np.random.default_rng([self.path_seed, 1])
        wrong = chosen.random(self.count) < self.noise
        others = (values + chosen.integers(1, self.modulus, size=self.count)) % self.modulus
        return np.where(wrong, others, values)


def records_of(
    draws: Sequence[int], sessions: Sequence[str], start: date
) -> list[dict[str, str | int]]:
    """Date the draws, one a day or one for each of `sessions` a day.

    Raises
    ------
    OverflowError
        The calendar ends before the draws do.
    """
    per_day = max(1, len(sessions))
    records: list[dict[str, str | int]] = []
    for index, draw in enumerate(draws):
        day = start + timedelta(days=index // per_day)
        session = {"session": sessions[index % per_day]} if sessions else {}
        records.append({"date": day.isoformat(), **session, "draw": draw})
    return records


def _as_lines(records: Sequence[dict[str, Any]]) -> str:
    return "\n".join(str(record["draw"]) for record in records)


def _as_json(records: Sequence[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join("  " + json.dumps(each) for each in records) + "\n]"


def _as_csv(records: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, records[0], lineterminator="\n")
    table.writeheader()
    table.writerows(records)
    return text.getvalue().rstrip("\n")


FORMATS = {"lines": _as_lines, "json": _as_json, "csv": _as_csv}


def written(records: Sequence[dict[str, Any]], form: str) -> str:
    """Write the records in one of `FORMATS`, as `seedfleet.draws.load` reads them."""
    return FORMATS[form](records)
