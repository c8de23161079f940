"""The skips of a survivor: how many outputs were dropped before each draw, as far as can be told.

Every wrong draw costs the same, so that the likeliest paths are those with the fewest misses. They
form a lattice: of two such paths the pointwise least and the pointwise greatest are paths within
the gaps, and have as many misses between them as the two had. So there is an earliest and a latest
of all likeliest paths, and a draw's position is certain exactly where those two agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.skip_paths import PathModel
from seedfleet.generators import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.recover.search import Survivor

__all__ = ["SkipPath", "skips_of"]

_FAR = 2**30  # more misses than there are draws


@dataclass(frozen=True, eq=False)
class SkipPath:
    """How many outputs were dropped before each draw.

    Attributes
    ----------
    skips
        int64 array, shape (n,): those of the earliest likeliest path.
    certain
        bool array, shape (n,): whether every likeliest path has the skip, since they all have this
        draw and the one before at the same positions.
    matched
        bool array, shape (n,): the draws that the stream gives there.
    """

    skips: NDArray[np.int64]
    certain: NDArray[np.bool_]
    matched: NDArray[np.bool_]


def skips_of(survivor: Survivor, modulus: int) -> SkipPath:
    """Return the skips of a survivor over every known draw of its scope.

    O(n**2 * w**2) steps and O(n**2 * w) memory, for n draws and w skips.
    """
    draws, alignment = survivor.scope.values, survivor.alignment
    model = PathModel(alignment.skip_min + 1, alignment.skip_max + 1, modulus, alignment.offset)
    reach = np.arange(model.band(len(draws) - 1).stop, dtype=np.int64)
    values, _ = compiled.at_positions(survivor.stream, survivor.start, modulus, reach)
    rows = _fewest_misses(values, draws, model)
    earliest, latest = (_path(rows, model, late=late) for late in (False, True))
    agree = earliest == latest
    return SkipPath(
        skips=np.diff(earliest, prepend=alignment.offset - 1) - 1,
        certain=agree & np.concatenate([[True], agree[:-1]]),
        matched=values[earliest] == draws,
    )


def _fewest_misses(
    values: NDArray[np.int64], draws: NDArray[np.int64], model: PathModel
) -> list[NDArray[np.int32]]:
    """Return the fewest misses of a path up to each draw, for every position of its band."""
    rows: list[NDArray[np.int32]] = []
    row = np.zeros(1, np.int32)
    for index, draw in enumerate(draws):
        padded = np.pad(row, model.gaps - 1, constant_values=_FAR)
        least = np.lib.stride_tricks.sliding_window_view(padded, model.gaps).min(axis=1)
        row = least + (values[model.band(index)] != draw).astype(np.int32)
        rows.append(row)
    return rows


def _path(rows: list[NDArray[np.int32]], model: PathModel, *, late: bool) -> NDArray[np.int64]:
    """Return the positions of the latest or of the earliest path with the fewest misses."""
    path = np.empty(len(rows), np.int64)
    low, high = 0, len(rows[-1])
    for index in range(len(rows) - 1, -1, -1):
        start = model.band(index).start
        if index + 1 < len(rows):
            low = max(0, int(path[index + 1]) - model.most_gap - start)
            high = min(len(rows[index]), int(path[index + 1]) - model.least_gap - start + 1)
        reachable = rows[index][low:high]
        least = np.flatnonzero(reachable == reachable.min())
        path[index] = start + low + int(least[-1 if late else 0])
    return path
