"""The survivors that trials are measured on: few enough that a trial is cheap."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.label_ranking import rank_shares
from seedfleet.pipeline.steps.score.scored_table import candidates_of
from seedfleet.pipeline.steps.survivor_files import read_survivors, write_survivors
from seedfleet.scoring.aligned import Aligned
from seedfleet.scoring.score import scores
from seedfleet.scoring.survivors import compare

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_table import SurvivorTable
    from seedfleet.scoring import ScoringSettings
    from seedfleet.scoring.survivors import Candidates

__all__ = ["SAMPLE_FILES", "Sample", "read_sample", "write_sample"]

FORMAT = "seedfleet.scorer-sample/1"
SAMPLE_FILES = ("sample.json", "sample.parquet")


@dataclass(frozen=True, eq=False)
class Sample:
    """Survivors, no two of one stream, with what later draws say of them.

    Attributes
    ----------
    table
        The survivors.
    draws
        int64, shape (n_draws,): the sieve slice, which features are made of.
    modulus
        Of the draws.
    worths
        float64, shape (n,), with the sum 1: what each counts, by its label on the tune slice.
    half
        bool, shape (n,): which half each is in.
    """

    table: SurvivorTable
    draws: NDArray[np.int64]
    modulus: int
    worths: NDArray[np.float64]
    half: NDArray[np.bool_]

    @property
    def sha256(self) -> str:
        """Digest of the survivors and of all that is said of them, 64 hexadecimal digits."""
        table = self.table
        told = (self.modulus, table.presets, table.sessions, sorted(table.states.items()))
        digest = hashlib.sha256(repr(told).encode())
        for array in (table.rows, self.draws, self.worths, self.half):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def shares(self, settings: ScoringSettings) -> NDArray[np.float64]:
        """Return the share of its own half that each survivor outranks by its score."""
        ranked = self.scores(settings)
        shares = np.empty(len(ranked))
        for part in (self.half, ~self.half):
            shares[part] = rank_shares(ranked[part])
        return shares

    def scores(self, settings: ScoringSettings) -> NDArray[np.float64]:
        """Return the score of each survivor under settings."""
        found = np.zeros(len(self.table))
        for rows, candidates, aligned in self._parts:
            compared = (
                compare(candidates, self.draws, self.modulus, settings)
                if aligned is None
                else aligned.compare(settings)
            )
            found[rows] = scores(
                compared, candidates, draws=self.draws, modulus=self.modulus, settings=settings
            )
        return found

    @cached_property
    def _parts(self) -> list[tuple[NDArray[np.int64], Candidates, Aligned | None]]:
        """Return rows of one preset; those of variable skips apart, aligned once for all trials."""
        rows, parts = self.table.rows, []
        varies = rows["skip_min"] < rows["skip_max"]
        for preset in np.unique(rows["preset"]):
            for kind in (False, True):
                places = np.flatnonzero((rows["preset"] == preset) & (varies == kind))
                if len(places):
                    candidates = candidates_of(self.table, places)
                    aligned = Aligned.of(candidates, self.draws, self.modulus) if kind else None
                    parts.append((places, candidates, aligned))
        return parts

    def values(self, settings: ScoringSettings) -> tuple[float, float]:
        """Return the measure on the first half and on the other one; 0.5 where nothing counts."""
        shares = self.shares(settings)
        first, other = (
            _average(shares[part], self.worths[part]) for part in (~self.half, self.half)
        )
        return first, other


def _average(shares: NDArray[np.float64], worths: NDArray[np.float64]) -> float:
    total = worths.sum()
    return float(shares @ worths / total) if total else 0.5


def write_sample(folder: Path, sample: Sample) -> None:
    """Write the files that jobs read a sample from."""
    write_survivors(folder / SAMPLE_FILES[1], sample.table, {})
    document = {
        "format": FORMAT,
        "modulus": sample.modulus,
        "draws": sample.draws.tolist(),
        "worths": sample.worths.tolist(),
        "half": sample.half.tolist(),
    }
    write_json(folder / SAMPLE_FILES[0], document)


def read_sample(folder: Path) -> Sample:
    """Read what `write_sample` wrote.

    Raises
    ------
    OSError, ValueError, KeyError, SurvivorFileError
        The files are not there, or hold something else.
    """
    document = json.loads((folder / SAMPLE_FILES[0]).read_text(encoding="utf-8"))
    if document.get("format") != FORMAT:
        raise ValueError(f"{folder / SAMPLE_FILES[0]}: format is not {FORMAT!r}")
    return Sample(
        table=read_survivors(folder / SAMPLE_FILES[1]),
        draws=np.array(document["draws"], dtype=np.int64),
        modulus=int(document["modulus"]),
        worths=np.array(document["worths"], dtype=np.float64),
        half=np.array(document["half"], dtype=np.bool_),
    )
